"""The three stores: history (kept), work and candidate (fresh each build), and what is new for each staging model.

What belongs here: opening and checking the stores, views over raw files, the one-row run context. What does not:
any rule about the data itself (dbt/) and reading vendors (ingestion/).

history.raw.loads           one row per load up to the watermark
history.raw.load_entities   one row per load and entity, with its rows and files
history.raw.<source>__<entity>   view over the files that some staging model has not read yet
history.meta.processed_loads     one row per staging model and load it has read
history.meta.table_sizes         one row per history table: its rows after its last build
history.meta.model_code          one row per history table: the hash of the code that made it
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from configuration.errors import BuildError
from configuration.paths import Home
from ingestion import ledger
from warehouse import baselines

if TYPE_CHECKING:
    import duckdb


# The form that releases have as well; the older one, which is the default, takes a third longer to write.
_STORAGE: dict[str, bool | int | float | str | list[str]] = {"storage_compatibility_version": "v1.4.0"}


@dataclass(frozen=True)
class RunContext:
    """What changes from run to run and is read by models as work.main.run_context."""

    run_id: str
    as_of: date
    known_at: int
    reporting_timezone: str
    reporting_currency: str
    fiscal_year_start_month: int
    first_weekday: int
    close_day_rule: str
    headline_amount: str
    start_date: date
    baseline_release: str | None
    code_version: str
    # How far the company's own lists are known, where that is not `known_at`: when the past is read with today's.
    mappings_known_at: int | None = None
    # What decides how rows become figures; see baselines.definitions.
    definitions: str = ""

    @property
    def as_of_end(self) -> datetime:
        """The UTC instant (naive) at which day `as_of` ends in the reporting zone, exclusive."""
        local = datetime.combine(self.as_of + timedelta(days=1), time(), ZoneInfo(self.reporting_timezone))
        return local.astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class HistoryTable:
    """A table of the history store: its schema, and a hash of the code that makes it."""

    schema: str
    code: str


@dataclass(frozen=True)
class Rule:
    """A list from saleshouse.yml as a table of texts."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Prepared:
    """What preparing has done: a line per repair, and the staging models that stand and have nothing new to read."""

    repairs: list[str]
    settled: list[str]


def prepare(
    home: Home,
    context: RunContext,
    consumers: Mapping[str, Iterable[str]],
    history_tables: Mapping[str, HistoryTable],
    rules: Mapping[str, Rule],
    baseline: baselines.Baseline | None = None,
    rebuilt: Path | None = None,
) -> Prepared:
    """Opens history, repairs what a crash left uneven, offers new files, and makes fresh work and candidate files.

    `consumers`: staging models by raw table name (`hubspot__deals`). `history_tables`: all tables of the history
    store by model name. `rules`: configured lists by the name of their table in the work store. `baseline`,
    `rebuilt`: the release to compare with, and its figures built again where their meaning has changed. Raises
    LandingError when a file that is to be read is missing or damaged.
    """
    import duckdb

    home.db.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(home.next, ignore_errors=True)
    home.next.mkdir(parents=True)
    repairs: list[str] = []
    try:
        connection = duckdb.connect(str(home.history), config=_STORAGE)
    except duckdb.Error as error:
        for path in (home.history, home.history.with_suffix(".duckdb.wal")):
            path.unlink(missing_ok=True)
        repairs.append(f"history: could not be opened ({type(error).__name__}) - rebuilt from raw")
        connection = duckdb.connect(str(home.history), config=_STORAGE)
    with connection:
        _create_bookkeeping(connection)
        repairs += _drop_what_no_longer_holds(connection, history_tables, context.known_at)
        settled = _offer_new_files(home, connection, context, consumers)
    with duckdb.connect(str(home.work), config=_STORAGE) as work:
        _write_context(work, context, is_past_day=_is_past_day(home, context))
        for name, rule in rules.items():
            _write_rule(work, name, rule)
        baselines.offer(work, baseline, rebuilt)
    return Prepared(repairs, settled)


def _create_bookkeeping(connection: "duckdb.DuckDBPyConnection") -> None:
    connection.execute("create schema if not exists raw; create schema if not exists meta")
    connection.execute(
        "create table if not exists meta.processed_loads ("
        "model text, load_number bigint, primary key (model, load_number))"
    )
    connection.execute("create table if not exists meta.table_sizes (model text primary key, row_count bigint)")
    connection.execute("create table if not exists meta.model_code (model text primary key, code text)")


def _drop_what_no_longer_holds(
    connection: "duckdb.DuckDBPyConnection", history_tables: Mapping[str, HistoryTable], known_at: int
) -> list[str]:
    """Drops tables that are damaged, were made by other code, or know more than this run may; raw has all of it.

    Rows and their bookkeeping share a transaction, so where they disagree the file was damaged. Derived tables of
    the history layer read staged ones, so they go with any of those.
    """
    sizes = dict(connection.execute("select model, row_count from meta.table_sizes").fetchall())
    codes = dict(connection.execute("select model, code from meta.model_code").fetchall())
    existing = {
        (schema, name)
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        ).fetchall()
    }
    reasons: dict[str, str] = {}
    newest = connection.execute("select max(load_number) from meta.processed_loads").fetchone()
    knows_too_much = newest is not None and (newest[0] or 0) > known_at
    for model, table in history_tables.items():
        present = (table.schema, model) in existing
        if not present and model not in sizes:
            continue
        found = (
            connection.execute(f'select count(*) from history."{table.schema}"."{model}"').fetchone()
            if present
            else None
        )
        if found is None or found[0] != sizes.get(model):
            reasons[model] = "rows do not match their record"
        elif codes.get(model) != table.code:
            reasons[model] = "its code has changed"
        elif knows_too_much:
            reasons[model] = f"it has read loads after {known_at}"
    doomed = set(reasons)
    if doomed:
        doomed |= {model for model, table in history_tables.items() if table.schema == "history"}
    for model in doomed:
        connection.execute(f'drop table if exists history."{history_tables[model].schema}"."{model}" cascade')
        connection.execute("delete from meta.processed_loads where model = ?", [model])
        connection.execute("delete from meta.table_sizes where model = ?", [model])
    for model, table in history_tables.items():
        connection.execute("insert or replace into meta.model_code values (?, ?)", [model, table.code])
    return [f"history.{model}: {reason} - rebuilt from raw" for model, reason in sorted(reasons.items())]


def _offer_new_files(
    home: Home,
    connection: "duckdb.DuckDBPyConnection",
    context: RunContext,
    consumers: Mapping[str, Iterable[str]],
) -> list[str]:
    """Makes the views of what is still to be read; returns the staging models for which that is nothing."""
    known_at, lists_known_at = context.known_at, context.mappings_known_at or 0
    loads = [
        load
        for load in ledger.read(home)
        if load.load_number <= known_at or (load.source == baselines.MAPPINGS and load.load_number <= lists_known_at)
    ]
    connection.execute(
        "create or replace table raw.loads ("
        "load_number bigint, dlt_load_id text, source text, landed_at timestamp, told_day date)"
    )
    connection.execute(
        "create or replace table raw.load_entities ("
        "load_number bigint, source text, entity text, row_count bigint, file_count bigint)"
    )
    if loads:
        connection.executemany(
            "insert into raw.loads values (?, ?, ?, ?, ?)",
            [
                [load.load_number, load.dlt_load_id, load.source, load.landed_at, told_day]
                for load, told_day in zip(loads, _told_days(loads, context), strict=True)
            ],
        )
        entity_rows = [
            [load.load_number, load.source, name, entity.rows, len(entity.files)]
            for load in loads
            for name, entity in load.entities.items()
        ]
        if entity_rows:
            connection.executemany("insert into raw.load_entities values (?, ?, ?, ?, ?)", entity_rows)
    processed: dict[str, set[int]] = {}
    for model, load_number in connection.execute("select model, load_number from meta.processed_loads").fetchall():
        processed.setdefault(model, set()).add(load_number)
    unread: set[str] = set()
    for raw_table, models in consumers.items():
        source, entity = raw_table.split("__", 1)
        read_by_all = set.intersection(*(processed.get(model, set()) for model in models))
        wanted = [load for load in loads if load.source == source and load.load_number not in read_by_all]
        wanted = [load for load in wanted if entity in load.entities and load.entities[entity].files]
        unread |= {model for load in wanted for model in models if load.load_number not in processed.get(model, set())}
        files = [file for load in wanted for file in load.entities[entity].files]
        ledger.check_files(home, files)
        paths = [home.raw / source / entity / "_declared.parquet", *(home.raw / file.path for file in files)]
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
        connection.execute(
            f'create or replace view raw."{raw_table}" as select * from read_parquet([{listed}], union_by_name = true)'
        )
    standing = {model for (model,) in connection.execute("select model from meta.table_sizes").fetchall()}
    return sorted({model for models in consumers.values() for model in models} & standing - unread)


def _told_days(loads: Sequence[ledger.LoadEntry], context: RunContext) -> list[date]:
    """The day whose end each load tells of: the one that its source was asked for.

    A later load that asks for an earlier day still shows what the source says by then, so days never go back.
    """
    zone = ZoneInfo(context.reporting_timezone)
    latest: dict[str, date] = {}
    found = []
    for load in loads:
        asked = datetime.fromisoformat(load.arguments.get("now") or load.landed_at)
        asked = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
        # A run asks for a day as the instant at which it ends.
        day = (asked - timedelta(microseconds=1)).astimezone(zone).date()
        latest[load.source] = max(latest.get(load.source, day), day)
        found.append(latest[load.source])
    return found


def _is_past_day(home: Home, context: RunContext) -> bool:
    """Whether any source has been asked for a later day than the run's by its watermark.

    What a source keeps no history of is known of the day that it was asked for, and of no earlier one.
    """
    asked = [load.arguments.get("now") for load in ledger.read(home) if load.load_number <= context.known_at]
    end = context.as_of_end.replace(tzinfo=UTC)
    # A run in the morning asks for the day before, a simulated vendor for the hours until then as well.
    return any(datetime.fromisoformat(now) >= end + timedelta(days=1) for now in asked if now)


def _write_context(work: "duckdb.DuckDBPyConnection", context: RunContext, *, is_past_day: bool) -> None:
    work.execute(
        """
        create table run_context (
            run_id text, as_of date, as_of_end timestamp, known_at bigint, reporting_timezone text,
            reporting_currency text, fiscal_year_start_month integer, first_weekday integer, close_day_rule text,
            headline_amount text, start_date date, baseline_release text, code_version text, mappings_known_at bigint,
            definitions text, is_past_day boolean
        )
        """
    )
    work.execute(
        "insert into run_context values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            context.run_id, context.as_of, context.as_of_end, context.known_at, context.reporting_timezone,
            context.reporting_currency, context.fiscal_year_start_month, context.first_weekday,
            context.close_day_rule, context.headline_amount, context.start_date, context.baseline_release,
            context.code_version,
            context.mappings_known_at, context.definitions, is_past_day,
        ],
    )  # fmt: skip


def read_context(home: Home) -> RunContext:
    """The context of the candidate that stands in the home. Raises BuildError when there is none."""
    import duckdb

    if not home.work.exists():
        raise BuildError(
            "there is no candidate",
            where=str(home.next),
            effect="nothing was judged or published, the live release stays",
            fix="build one: `saleshouse run`",
        )
    names = [field.name for field in fields(RunContext)]
    with duckdb.connect(str(home.work), read_only=True) as work:
        row = work.execute(f"select {', '.join(names)} from run_context").fetchone()
    return RunContext(*(row or ()))


def _write_rule(work: "duckdb.DuckDBPyConnection", name: str, rule: Rule) -> None:
    work.execute(f'create table "{name}" (' + ", ".join(f'"{column}" text' for column in rule.columns) + ")")
    if rule.rows:
        work.executemany(f'insert into "{name}" values (' + ", ".join("?" for _ in rule.columns) + ")", rule.rows)


def watermark(home: Home) -> int:
    """The highest load number in the ledger, 0 for an empty lake."""
    return max((load.load_number for load in ledger.read(home)), default=0)
