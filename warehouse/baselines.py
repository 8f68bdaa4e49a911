"""The earlier release that a run's closed figures are set against, and what of it is built again.

What belongs here: which columns such figures have, how those of a sealed release are read, by what two builds are known
to mean the same, and the old pair of day and watermark built with today's meaning. What does not: comparing figures
(dbt/models/marts/quality/fct_restatements.sql) and choosing the release (publishing/).
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configuration.paths import Home
from ingestion import ledger

if TYPE_CHECKING:
    import duckdb

    from warehouse.stores import RunContext

FIGURES = "fct_closed_figures"
# The narrow table that releases of all times share. An older release may lack columns: they are NULL then.
COLUMNS = {
    "figure_key": "text",
    "record_key": "text",
    "survivor_key": "text",
    "family": "text",
    "status": "text",
    "left_out_reason": "text",
    "currency": "text",
    "amount": "decimal(18, 6)",
    "rate_to_reporting": "decimal(18, 9)",
    "amount_reporting": "decimal(18, 6)",
    "is_counted": "boolean",
    "is_closed": "boolean",
    "period_start": "date",
    "figure_day": "date",
}
# Without these no figure can be added up.
NEEDED = ("figure_key", "record_key", "family", "status", "amount_reporting", "is_counted", "period_start")

# A company's own lists, of which a rebuilt past takes the newest.
MAPPINGS = "mappings"


@dataclass(frozen=True)
class Baseline:
    """A sealed release: its id, its pair of day and watermark, what its figures meant, and where they stand."""

    release: str
    as_of: date
    known_at: int
    definitions: str
    figures: Path


def comparable(columns: Mapping[str, Any] | list[str]) -> bool:
    """Whether figures with these columns can be set against today's."""
    return set(NEEDED) <= set(columns)


def definitions(context: "RunContext", code: str, rules: Mapping[str, Any], loads: list[ledger.LoadEntry]) -> str:
    """What decides how rows become figures, as JSON: equal for two builds whose figures mean the same.

    `code`: a hash of the models; `rules`: configured lists. Mappings are named by the landings that count.
    """
    settings = [
        context.reporting_timezone, context.reporting_currency, context.fiscal_year_start_month, context.first_weekday,
        context.close_day_rule, context.headline_amount, context.start_date.isoformat(),
        sorted((name, repr(rule)) for name, rule in rules.items()),
    ]  # fmt: skip
    known_at = context.known_at if context.mappings_known_at is None else context.mappings_known_at
    newest: dict[str, int] = {}
    for load in loads:
        if load.source == MAPPINGS and load.load_number <= known_at:
            newest |= {name: load.load_number for name, entity in load.entities.items() if entity.rows}
    told = {"code": code, "settings": hashlib.sha256(json.dumps(settings).encode()).hexdigest(), "mappings": newest}
    return json.dumps(told, sort_keys=True)


@contextmanager
def rebuilt(
    home: Home,
    root: Path,
    baseline: Baseline,
    context: "RunContext",
    build: Callable[[Home, "RunContext"], None],
) -> Iterator[Path]:
    """The baseline's day and watermark built below `root` as rows are understood by `context`; gone afterwards.

    `build` makes the candidate of the home that it is given, which shares nothing but the raw lake. Raises what it
    raises.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    try:
        (root / "raw").symlink_to(home.raw, target_is_directory=True)
        build(
            Home(root),
            replace(
                context,
                as_of=baseline.as_of,
                known_at=baseline.known_at,
                mappings_known_at=context.known_at,
                baseline_release=None,
            ),
        )
        yield _exported(Home(root).candidate, root / "figures.parquet")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _exported(marts: Path, path: Path) -> Path:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(marts)}' as built (read_only)")
        connection.execute(f"copy (from built.marts.{FIGURES}) to '{_quoted(path)}' (format parquet)")
    return path


def offer(work: "duckdb.DuckDBPyConnection", baseline: Baseline | None, again: Path | None) -> None:
    """Writes what models read of the baseline into the work store.

    baseline          one row, or none: the release, its day, and whether its pair was built again
    baseline_figures  the figures as that release has sealed them
    rebuilt_figures   its pair built again as rows are understood now; empty where nothing about that has changed
    """
    work.execute("create table baseline (release text, as_of date, is_rebuilt boolean)")
    if baseline is not None:
        work.execute("insert into baseline values (?, ?, ?)", [baseline.release, baseline.as_of, again is not None])
    _offer_figures(work, "baseline_figures", baseline.figures if baseline else None)
    _offer_figures(work, "rebuilt_figures", again)


def _offer_figures(work: "duckdb.DuckDBPyConnection", name: str, path: Path | None) -> None:
    if path is None:
        work.execute(f"create table {name} (" + ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items()) + ")")
        return
    file = f"read_parquet('{_quoted(path)}')"
    found = {row[0] for row in work.execute(f"describe from {file}").fetchall()}
    # A column that another version wrote as another type is read as far as it can be.
    columns = [
        f"try_cast({column if column in found else 'null'} as {kind}) as {column}" for column, kind in COLUMNS.items()
    ]
    work.execute(f"create view {name} as select {', '.join(columns)} from {file}")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
