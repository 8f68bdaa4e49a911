"""Any company's deals as a folder of CSV files, read for a backtest.

What belongs here: the files' columns, and one line for whatever is wrong with them. What does not: the forecast. The
columns are told to users in docs/forecast.md.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from configuration.errors import MalformedData
from forecasting.history import FIELDS, prepare
from forecasting.interface import Inputs

NEEDED = {
    "deals": ("deal_id", "created"),
    "history": ("deal_id", "day", "field", "value"),
    "stages": ("stage", "stage_order", "outcome"),
}
OPTIONAL = {
    "deals": ("owner", "team", "segment", "pipeline", "source", "kind"),
    "history": (),
    "stages": ("probability",),
    "activities": (),
}
NEEDED_WHERE_GIVEN = {"activities": ("deal_id", "day")}
OUTCOMES = ("open", "won", "lost")
EFFECT = "nothing is tested"


@dataclass(frozen=True)
class Given:
    """A folder that was read: its inputs up to `as_of`."""

    inputs: Inputs
    as_of: date
    deals: int
    changes: int


def read(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: date | None = None) -> Given:
    """Reads the folder's files into temporary tables. Raises MalformedData naming file, row and cure."""
    if not folder.is_dir():
        raise MalformedData(
            "there is no such folder", where=str(folder), effect=EFFECT,
            fix="name a folder with deals.csv, history.csv and stages.csv (see docs/forecast.md)",
        )  # fmt: skip
    for name in NEEDED:
        _read_file(connection, folder / f"{name}.csv", name, NEEDED[name])
    with_activities = (folder / "activities.csv").is_file()
    if with_activities:
        _read_file(connection, folder / "activities.csv", "activities", NEEDED_WHERE_GIVEN["activities"])
    _check(connection, folder, with_activities)
    _type(connection, with_activities)
    found = connection.execute("select count(*), max(day) from company_history").fetchone()
    changes, last = found or (0, None)
    if last is None:
        raise MalformedData(
            "there is no change in it", where=str(folder / "history.csv"), effect=EFFECT,
            fix="give at least the stages that deals have entered",
        )  # fmt: skip
    day = as_of or last
    inputs = prepare(connection, day, with_activities=with_activities)
    deals = connection.execute("select count(*) from company_bookings").fetchone()
    return Given(inputs=inputs, as_of=day, deals=int(deals[0]) if deals else 0, changes=int(changes))


def _read_file(connection: duckdb.DuckDBPyConnection, path: Path, name: str, needed: tuple[str, ...]) -> None:
    if not path.is_file():
        raise MalformedData(
            "the file is missing", where=str(path), effect=EFFECT, fix=f"give it with the columns {', '.join(needed)}"
        )
    try:
        connection.execute(
            f"""
            create or replace temp table given_{name} as
            select row_number() over () + 1 as row_no, file.*
            from read_csv($path, all_varchar = true, header = true, delim = ',', quote = '"', nullstr = '') as file
            """,
            {"path": str(path)},
        )
    except duckdb.Error as exc:
        raise MalformedData(
            f"it is not CSV with commas and one header line in UTF-8 ({str(exc).splitlines()[0]})",
            where=str(path), effect=EFFECT, fix="export it again",
        ) from exc  # fmt: skip
    columns = {row[0] for row in connection.execute(f"describe given_{name}").fetchall()}
    missing = [column for column in needed if column not in columns]
    if missing:
        raise MalformedData(
            f"the column {missing[0]} is missing", where=str(path), effect=EFFECT,
            fix=f"give {', '.join(needed)}; optional: {', '.join(OPTIONAL[name]) or 'none'}",
        )  # fmt: skip
    for column in OPTIONAL[name]:
        if column not in columns:
            connection.execute(f"alter table given_{name} add column {column} varchar")


def _check(connection: duckdb.DuckDBPyConnection, folder: Path, with_activities: bool) -> None:
    """Each rule is a query for the first row that breaks it."""
    listed = ", ".join(f"'{field}'" for field in FIELDS)
    outcomes = ", ".join(f"'{outcome}'" for outcome in OUTCOMES)
    rules = [
        ("deals", "deal_id is null", "deal_id", "there is no deal_id", "name the deal"),
        ("deals", "try_cast(created as date) is null", "created", "is no day", "write days as 2026-01-31"),
        ("deals", "kind is not null and kind not in ('new', 'renewal')", "kind", "is no kind", "write new or renewal"),
        ("deals", "deal_id in (select deal_id from given_deals group by all having count(*) > 1)", "deal_id",
         "is there more than once", "give one row per deal"),
        ("stages", "stage is null or try_cast(stage_order as integer) is null", "stage_order", "is no number",
         "number the stages from the first to the last"),
        ("stages", f"outcome is null or outcome not in ({outcomes})", "outcome", "is no outcome",
         "write open, won or lost"),
        ("stages", "probability is not null and coalesce(try_cast(probability as double), -1) not between 0 and 1",
         "probability", "is no chance between 0 and 1", "write 0.4 for 40 %"),
        ("stages", "stage in (select stage from given_stages group by all having count(*) > 1)", "stage",
         "is there more than once", "give one row per stage"),
        ("history", "try_cast(day as date) is null", "day", "is no day", "write days as 2026-01-31"),
        ("history", f"field is null or field not in ({listed})", "field", "is no field", f"use {', '.join(FIELDS)}"),
        ("history", "deal_id is null or deal_id not in (select deal_id from given_deals)", "deal_id",
         "is not in deals.csv", "give the deal a row there or leave its changes out"),
        ("history", "field = 'amount' and value is not null and (abs(try_cast(value as double)) < 1e15) is not true",
         "value", "is no amount", "write 1234.50"),
        ("history", "field = 'close_date' and value is not null and try_cast(value as date) is null", "value",
         "is no day", "write days as 2026-01-31"),
        ("history", "field = 'stage' and value is not null and value not in (select stage from given_stages)", "value",
         "is a stage that stages.csv does not have", "give it a row there"),
    ]  # fmt: skip
    if with_activities:
        rules += [("activities", "try_cast(day as date) is null", "day", "is no day", "write days as 2026-01-31")]
    for name, broken, column, what, fix in rules:
        found = connection.execute(
            f"select row_no, {column}, count(*) over () from given_{name} where {broken} order by row_no limit 1"
        ).fetchone()
        if found:
            row_no, value, count = found
            shown = f"'{value}' {what}" if value is not None else what if "there is" in what else f"'' {what}"
            more = f" (and {count - 1} more)" if count > 1 else ""
            raise MalformedData(
                f"{column}: {shown}{more}", where=f"{folder / name}.csv row {row_no}", effect=EFFECT, fix=fix
            )
    if not connection.execute("select 1 from given_stages where outcome = 'won'").fetchone():
        raise MalformedData(
            "no stage is won", where=str(folder / "stages.csv"), effect=EFFECT,
            fix="give the stage of won deals the outcome won",
        )  # fmt: skip


def _type(connection: duckdb.DuckDBPyConnection, with_activities: bool) -> None:
    casts = {"amount": "decimal(18, 2)", "close_date": "date"}
    # The order of rows decides between two changes of one field on one day.
    fields = ", ".join(
        f"cast(case when field = '{field}' then value end as {casts.get(field, 'varchar')}) as {field}"
        for field in FIELDS
    )
    connection.execute(
        f"""
        create or replace temp table company_history as
        select deal_id, cast(day as date) as day, row_no as order_no, {fields} from given_history;
        create or replace temp table company_deals as
        select deal_id, cast(created as date) as created, owner, team, segment, pipeline, source,
            coalesce(kind, 'new') as kind
        from given_deals;
        create or replace temp table company_stages as
        select stage, cast(stage_order as integer) as stage_order, outcome, cast(probability as double) as probability
        from given_stages;
        """
    )
    if with_activities:
        connection.execute(
            "create or replace temp table company_activity_days as "
            "select deal_id as deal_key, cast(day as date) as activity_day from given_activities"
        )
