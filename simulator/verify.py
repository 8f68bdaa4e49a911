"""Compares a release with the truth, mart by mart and measure by measure.

What belongs here: how exactly values are compared, and the printed table. What does not: what is true and what of it
is compared (truth/). Money is exact to the cent, counts are exact, times agree to the millisecond, decimals to a
millionth.

The list leaves out forecasts, which are no facts about the past, and what is a report's own selection of these marts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.company import SCALE, SEED, generate
from simulator.truth import COMPARISONS, Moment, World, absent
from simulator.truth.comparison import Comparison
from simulator.truth.log import SOURCE
from simulator.truth.restatements import RESTATEMENTS, restated

KIND_HELP = {
    "text": "equal",
    "count": "equal",
    "flag": "equal",
    "day": "equal",
    "time": "to 1 ms",
    "money": "to 0.005",
    "number": "to 1e-6",
}
TOLERANCE = {"money": 0.005, "number": 1.000001e-6}


FLOOR = 20_000  # values that the smallest company that is worth comparing yields
SEPARATOR = " | "
_DAYS = ("entry_month", "cohort_month", "month_start", "date_day", "period_start", "submitted_on")


@dataclass(frozen=True)
class Result:
    """What came of one measure: how many values were compared, how many differ, and the first three differences."""

    mart: str
    measure: str
    compared: int
    differing: int
    examples: list[str]


def canonical(values: pd.Series[Any], kind: str) -> np.ndarray[Any, Any]:
    """A column in the one form in which both sides are compared; missing values are None (numbers: NaN)."""
    if kind in ("money", "number"):
        return np.asarray([float("nan") if absent(value) else float(value) for value in values], dtype=np.float64)
    converted: list[object] = []
    for value in values:
        if absent(value):
            converted.append(None)
        elif kind == "text":
            converted.append(str(value))
        elif kind == "count":
            converted.append(int(value))
        elif kind == "flag":
            converted.append(bool(value))
        elif kind == "day":
            converted.append(_day(value))
        else:
            converted.append(int(pd.Timestamp(value).as_unit("us").value // 1000))
    found = np.empty(len(converted), dtype=object)
    found[:] = converted
    return found


def _day(value: object) -> str:
    return value.isoformat()[:10] if isinstance(value, date | datetime) else str(value)[:10]


def named(frame: pd.DataFrame, key: tuple[str, ...]) -> list[str]:
    """One name per row from its key columns."""
    columns = []
    for name in key:
        kind = "day" if name in _DAYS else "text"
        columns.append(canonical(frame[name], kind))
    return [SEPARATOR.join(str(part) for part in parts) for parts in zip(*columns, strict=True)]


def compare(comparison: Comparison, expected: pd.DataFrame, actual: pd.DataFrame) -> Iterator[Result]:
    """One result for the rows themselves (measure 'rows'), then one per measure over the rows that both sides have."""
    if expected.empty:
        expected = expected.reindex(columns=[*comparison.key, *comparison.measures])
    wanted, given = named(expected, comparison.key), named(actual, comparison.key)
    place = {name: row for row, name in enumerate(given)}
    examples = [f"{name}: missing in the release" for name in wanted if name not in place][:3]
    known = set(wanted)
    surplus = [name for name in given if name not in known]
    examples += [f"{name}: only in the release" for name in surplus][: 3 - len(examples)]
    repeated = len(given) - len(place)
    if repeated:
        examples = [f"{repeated} rows of the release repeat a key", *examples][:3]
    absent = sum(name not in place for name in wanted)
    yield Result(comparison.mart, "rows", max(len(wanted), len(given)), absent + len(surplus) + repeated, examples)
    rows = [(row, place[name]) for row, name in enumerate(wanted) if name in place]
    left = np.array([pair[0] for pair in rows], dtype=np.int64)
    right = np.array([pair[1] for pair in rows], dtype=np.int64)
    for measure, kind in comparison.measures.items():
        if measure not in actual.columns:
            yield Result(comparison.mart, measure, len(rows), len(rows) or 1, ["the release has no such column"])
            continue
        one = canonical(expected[measure], kind)[left]
        other = canonical(actual[measure], kind)[right]
        if kind in TOLERANCE:
            empty_one, empty_other = np.isnan(one), np.isnan(other)
            with np.errstate(invalid="ignore"):
                differs = (empty_one != empty_other) | (np.abs(one - other) > TOLERANCE[kind])
        else:
            differs = np.array([a != b for a, b in zip(one, other, strict=True)], dtype=bool)
        wrong = np.flatnonzero(differs)
        shown = [f"{wanted[left[n]]}: true {one[n]}, release {other[n]}" for n in wrong[:3]]
        yield Result(comparison.mart, measure, len(rows), len(wrong), shown)


def marts_of(home: Path, release: str | None) -> Path:
    """The file of one release, of the live one when none is named."""
    return (home / "releases" / release if release else home / "current") / "marts.duckdb"


def context_of(
    path: Path, comparisons: Iterable[Comparison] = (*COMPARISONS, RESTATEMENTS)
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """The release's context and the marts that are compared, read-only."""
    import duckdb

    connection = duckdb.connect()
    try:
        # Attached by a name of our own: the file's is that of the schema in it.
        quoted = str(path).replace("'", "''")
        connection.execute(f"attach '{quoted}' as release (read_only)")
        row = connection.execute("select * from release.marts.release_context").df().iloc[0]
        context = {str(name): value for name, value in row.items()}
        tables = {}
        for comparison in comparisons:
            query = f"select * from release.marts.{comparison.mart} where {comparison.where}"
            tables[comparison.mart] = connection.execute(query).df()
    finally:
        connection.close()
    return context, tables


def verify(
    home: Path, seed: int, scale: float, now: datetime | None = None, release: str | None = None
) -> list[Result]:
    """All results for a release below `home`, against the company of `seed` and `scale` as known at `now`.

    `release`: its id; the live one by default. Without `now` the vendors were asked at 06:00 UTC on the morning after
    the release's day, as the demo does.
    """
    context, tables = context_of(marts_of(home, release))
    as_of = pd.Timestamp(context["as_of"])
    moment = Moment(
        as_of=as_of.date(),
        now=_naive(now) if now is not None else as_of.normalize() + pd.Timedelta(days=1, hours=6),
        zone=str(context["reporting_timezone"]),
        close_day=str(context["close_day_rule"]),
        headline=str(context["headline_amount"]),
    )
    moment = replace(moment, landed=landings(home, context.get("known_at")), by_weeks=by_weeks(home, release))
    company = generate(seed=seed, scale=scale)
    world = World(company, moment)
    results: list[Result] = []
    for comparison in COMPARISONS:
        results += compare(comparison, getattr(world, comparison.mart), tables[comparison.mart])
    baseline = _baseline(home, context, moment)
    if baseline is not None:
        # A baseline that said what this release says leaves nothing to compare, which is no fault.
        told = tables[RESTATEMENTS.mart]
        expected = restated(World(company, baseline), world)
        if len(expected) or len(told):
            results += compare(RESTATEMENTS, expected, told)
    return results


def by_weeks(home: Path, release: str | None) -> bool:
    """Whether a release follows finance's calendar of weeks."""
    import duckdb

    with duckdb.connect(str(marts_of(home, release)), read_only=True) as connection:
        named = "select 1 from information_schema.tables where table_name = 'dim_dates'"
        if connection.execute(named).fetchone() is None:
            return False
        listed = "select 1 from marts.marts.dim_dates where fiscal_basis = 'calendar_file' limit 1"
        return connection.execute(listed).fetchone() is not None


def landings(home: Path, known_at: int | None) -> tuple[pd.Timestamp, ...]:
    """The instants for which the CRM was asked up to a release's watermark, by the ledger of the lake."""
    if known_at is None:
        return ()
    entries = [json.loads(path.read_text()) for path in sorted((home / "raw" / "_loads").glob("[0-9]*.json"))]
    return tuple(
        _naive(datetime.fromisoformat(entry["arguments"]["now"]))
        for entry in entries
        if entry["source"] == SOURCE and entry["load_number"] <= known_at
    )


def _baseline(home: Path, context: dict[str, Any], moment: Moment) -> Moment | None:
    """The moment of the release that this one is compared with; None without one, or where it is at hand no more.

    The vendors are taken to have been asked on the morning after its day, or by both at the same time.
    """
    name = context.get("baseline_release")
    if absent(name) or not (marts := marts_of(home, str(name))).exists():
        return None
    earlier, _ = context_of(marts, ())
    as_of = pd.Timestamp(earlier["as_of"])
    asked = moment.now
    if earlier["known_at"] < context["known_at"]:
        asked = as_of.normalize() + pd.Timedelta(days=1, hours=6)
    return replace(moment, as_of=as_of.date(), now=asked)


def _naive(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp


def printed(results: list[Result], floor: int = FLOOR) -> tuple[list[str], int]:
    """The table as lines, and the exit code: 0 only if nothing differs and enough was compared."""
    lines = [f"{'mart':<26}{'measure':<32}{'compared':>10}{'differing':>11}"]
    for result in results:
        lines.append(f"{result.mart:<26}{result.measure:<32}{result.compared:>10,}{result.differing:>11,}")
        lines += [f"    {example}" for example in result.examples]
    compared, differing = sum(r.compared for r in results), sum(r.differing for r in results)
    empty = sorted({r.mart for r in results if r.measure == "rows" and r.compared == 0})
    lines.append(f"{compared:,} values compared, {differing:,} differ")
    if empty:
        lines.append(f"nothing to compare in {', '.join(empty)}")
    if compared < floor:
        lines.append(f"fewer than {floor:,} values were compared: the release is too small to be judged")
    return lines, 0 if differing == 0 and compared >= floor and not empty else 1


def listing() -> list[str]:
    """What is compared, as lines."""
    lines = []
    for comparison in COMPARISONS:
        lines.append(f"{comparison.mart} by {', '.join(comparison.key)}")
        lines += [f"    {name:<32}{kind:<8}{KIND_HELP[kind]}" for name, kind in comparison.measures.items()]
    return lines


def main(
    home: Path,
    seed: int = SEED,
    scale: float = SCALE,
    now: datetime | None = None,
    release: str | None = None,
    show: bool = False,
) -> int:
    """Prints the comparison (or, with `show`, the list of what would be compared); the process's exit code."""
    if show:
        print("\n".join(listing()))
        return 0
    path = marts_of(home, release)
    if not path.exists():
        print(f"verify: no release at {path} - nothing was compared; name its home with --home, or run the demo")
        return 2
    lines, code = printed(verify(home, seed, scale, now, release))
    print("\n".join(lines))
    return code
