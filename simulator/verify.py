"""Compares a release with the truth, mart by mart and measure by measure.

What belongs here: the list of what is compared, how exactly, and the printed table. What does not: what is true
(truth.py). Money is exact to the cent, counts are exact, times agree to the millisecond, decimals to a millionth.

The list leaves out forecasts, which are no facts about the past, and what is a report's own selection of these marts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.company import SCALE, SEED, generate
from simulator.truth import Moment, World, absent

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


@dataclass(frozen=True)
class Comparison:
    """A mart, the columns that name its rows, the measures by kind, and a condition on the release's rows."""

    mart: str
    key: tuple[str, ...]
    measures: dict[str, str]
    where: str = "true"


def _measures(**kinds: str) -> dict[str, str]:
    return {name: kind for kind, names in kinds.items() for name in names.split()}


COMPARISONS = [
    Comparison(
        "dim_owners", ("owner_key",),
        _measures(text="owner_id owner_name email team kind rollup_owner_name", flag="is_active"),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "dim_accounts", ("account_key",),
        _measures(
            text="owner_key parent_account_key account_id account_name domain industry country segment "
            "exclusion_reason",
            count="employee_count", flag="is_deleted is_excluded", time="created_at deleted_at",
        ),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "dim_contacts", ("contact_key",),
        _measures(
            text="person_key account_key owner_key contact_id visitor_id full_name email country job_title "
            "exclusion_reason",
            flag="is_deleted is_excluded", time="created_at deleted_at",
        ),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "dim_campaigns", ("campaign_key",),
        _measures(
            text="platform ad_account_id campaign_id campaign_name channel_type channel status currency",
            day="first_day last_day",
        ),
    ),
    Comparison(
        "dim_stages", ("stage_key",),
        _measures(
            text="pipeline_id pipeline_label pipeline_purpose stage_id stage_label stage", count="stage_order",
            number="win_probability", flag="is_won is_lost is_mapped",
        ),
        "object = 'deal' and source_system = 'hubspot'",
    ),
    Comparison(
        "fct_leads", ("lead_key",),
        _measures(
            text="person_key contact_key account_key owner_key campaign_key first_deal_key lead_id channel "
            "source_label source_detail lifecycle_stage temperature exit_reason exclusion_reason history_basis",
            money="won_amount_reporting", count="deals_count won_deals_count",
            flag="is_mql is_sql_lead is_opportunity is_customer is_excluded is_deleted", day="created_date",
            time="created_at mql_at sql_lead_at opportunity_at customer_at exited_at",
        ),
    ),
    Comparison(
        "fct_lead_stages", ("lead_key", "visit_no"),
        _measures(
            text="stage direction", count="stage_order", number="days_in_stage", flag="is_open",
            time="entered_at exited_at",
        ),
    ),
    Comparison(
        "fct_deals", ("deal_key",),
        _measures(
            text="account_key contact_key lead_key owner_key campaign_key stage_key deal_id deal_name pipeline_id "
            "pipeline_label pipeline_purpose stage_label stage status deal_type segment channel currency "
            "forecast_category next_step lost_reason exclusion_reason history_basis",
            money="amount amount_reporting amount_plan_rate", number="win_probability cycle_days age_days",
            count="pushes pushed_days reopens", flag="is_excluded is_deleted is_zero_day_win is_qualified",
            day="created_date close_date stage_close_date close_day", time="created_at closed_at deleted_at",
        ),
    ),
    Comparison(
        "fct_deal_stage_visits", ("deal_key", "visit_no"),
        _measures(
            text="owner_key stage_key pipeline_id stage_label stage history_basis direction", count="stage_order",
            number="days_in_stage", flag="is_open is_completed is_bulk_update", time="entered_at exited_at",
        ),
    ),
    Comparison(
        "fct_funnel_stages", ("funnel", "stage", "entry_month", "channel"),
        _measures(
            count="entities_entered entities_progressed entities_exited entities_open completed_visits",
            number="conversion_rate wilson_low wilson_high median_days_completed",
        ),
    ),
    Comparison(
        "fct_conversions_cohort", ("funnel", "cohort_month", "channel", "milestone"),
        _measures(
            count="cohort_size reached", number="conversion_rate wilson_low wilson_high p90_days_to_outcome",
            flag="is_mature",
        ),
    ),
    Comparison(
        "fct_sessions", ("session_key",),
        _measures(
            text="contact_key person_key visitor_id channel source medium campaign landing_page device country "
            "currency",
            count="events page_views purchases", money="revenue revenue_reporting", number="engagement_seconds",
            flag="is_engaged is_bot has_add_to_cart has_purchase", day="session_date", time="started_at ended_at",
        ),
    ),
    Comparison(
        "fct_ad_performance_daily", ("platform", "ad_account_id", "campaign_id", "ad_group_id", "date_day"),
        _measures(
            text="campaign_key ad_group_name channel currency", count="impressions clicks",
            number="spend spend_reporting conversions_claimed conversion_value_claimed",
        ),
    ),
    Comparison(
        "fct_campaign_roi_monthly", ("campaign_key", "channel", "month_start"),
        _measures(
            count="leads mqls sql_leads opportunities won_deals", money="won_amount_reporting",
            number="spend_reporting cost_per_lead cost_per_mql cost_per_sql_lead media_cac roas",
        ),
    ),
    Comparison("fct_targets", ("level", "member", "measure", "period_start"), _measures(money="amount_reporting")),
]  # fmt: skip
FLOOR = 20_000  # values that the smallest company that is worth comparing yields
SEPARATOR = " | "


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
        kind = "day" if name in ("entry_month", "cohort_month", "month_start", "date_day", "period_start") else "text"
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


def context_of(home: Path) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """The release's context and the marts that are compared, from `<home>/current/marts.duckdb`, read-only."""
    import duckdb

    path = home / "current" / "marts.duckdb"
    connection = duckdb.connect()
    try:
        # Attached by a name of our own: the file's is that of the schema in it.
        quoted = str(path).replace("'", "''")
        connection.execute(f"attach '{quoted}' as release (read_only)")
        row = connection.execute("select * from release.marts.release_context").df().iloc[0]
        context = {str(name): value for name, value in row.items()}
        tables = {}
        for comparison in COMPARISONS:
            query = f"select * from release.marts.{comparison.mart} where {comparison.where}"
            tables[comparison.mart] = connection.execute(query).df()
    finally:
        connection.close()
    return context, tables


def verify(home: Path, seed: int, scale: float, now: datetime | None = None) -> list[Result]:
    """All results for the live release below `home`, against the company of `seed` and `scale` as known at `now`.

    Without `now` the vendors were asked at 06:00 UTC on the morning after the release's day, as the demo does.
    """
    context, tables = context_of(home)
    as_of = pd.Timestamp(context["as_of"])
    moment = Moment(
        as_of=as_of.date(),
        now=_naive(now) if now is not None else as_of.normalize() + pd.Timedelta(days=1, hours=6),
        zone=str(context["reporting_timezone"]),
        close_day=str(context["close_day_rule"]),
    )
    world = World(generate(seed=seed, scale=scale), moment)
    results: list[Result] = []
    for comparison in COMPARISONS:
        results += compare(comparison, getattr(world, comparison.mart), tables[comparison.mart])
    return results


def _naive(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp


def printed(results: list[Result], floor: int = FLOOR) -> tuple[list[str], int]:
    """The table as lines, and the exit code: 0 only if nothing differs and enough was compared."""
    lines = [f"{'mart':<26}{'measure':<26}{'compared':>10}{'differing':>11}"]
    for result in results:
        lines.append(f"{result.mart:<26}{result.measure:<26}{result.compared:>10,}{result.differing:>11,}")
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
        lines += [f"    {name:<28}{kind:<8}{KIND_HELP[kind]}" for name, kind in comparison.measures.items()]
    return lines


def main(home: Path, seed: int = SEED, scale: float = SCALE, now: datetime | None = None, show: bool = False) -> int:
    """Prints the comparison (or, with `show`, the list of what would be compared); the process's exit code."""
    if show:
        print("\n".join(listing()))
        return 0
    if not (home / "current" / "marts.duckdb").exists():
        print(
            f"verify: no live release below {home} - nothing was compared; name its home with --home, or run the demo"
        )
        return 2
    lines, code = printed(verify(home, seed, scale, now))
    print("\n".join(lines))
    return code
