"""The company's history as temporary tables and arrays: deals, spans of states, bookings, snapshots of past days.

What belongs here: reading the given relations, naming what is wrong with them, coding texts as numbers, and rebuilding
what was open on past days. What does not: any judgement of chances. Every row carries from when until when it was
known, so whoever asks for a past day is told what was known on it and nothing else.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from configuration.errors import SaleshouseError
from forecasting.interface import LEVELS, Inputs, Settings
from forecasting.months import Days, Months, day_number, day_of

Floats = npt.NDArray[np.float64]
FOREVER = day_number(date(9999, 12, 31))

COLUMNS = {
    "deals": (
        "deal_key", "created_day", "status", "won_day", "amount", "part", "owner", "team", "segment", "pipeline",
        "source", "stage", "close_date",
    ),
    "states": (
        "deal_key", "valid_from", "valid_until", "status", "stage", "amount", "close_date", "won_day", "owner", "team",
        "pipeline", "win_probability",
    ),
    "stages": ("stage", "stage_order", "win_probability"),
    "months": ("month_start", "month_end", "quarter_start", "quarter_end", "frozen_day"),
    "targets": ("level", "member", "month_start", "amount"),
    "activities": ("deal_key", "activity_day"),
}  # fmt: skip


class ForecastError(SaleshouseError):
    """The relations given to the forecast are not what they have to be."""


@dataclass(frozen=True)
class Bookings:
    """What is booked, one entry per won deal and span in which its booking stood unchanged."""

    cell: Days
    month: Days
    day: Days
    cents: Days
    known_from: Days
    known_until: Days

    def known(self, day: int) -> npt.NDArray[np.bool_]:
        """Which of them hold at the end of a day."""
        return (self.known_from <= day) & (day < self.known_until)


@dataclass(frozen=True)
class Creations:
    """Each deal's creation and, if it was won, its first win. `won_month` is -1 without one."""

    cell: Days
    day: Days
    month: Days
    won_month: Days
    won_day: Days
    amount: Floats
    known_from: Days
    known_until: Days


@dataclass(frozen=True)
class Facts:
    """Everything that is known at the end of `as_of`, by cell: a part x owner x team x segment x pipeline."""

    connection: duckdb.DuckDBPyConnection
    months: Months
    as_of: int
    month: int
    days_left: int
    labels: pd.DataFrame
    members: dict[str, list[str]]
    codes: dict[str, Days]
    is_renewal: npt.NDArray[np.bool_]
    group: Days
    bookings: Bookings
    creations: Creations
    stages: pd.DataFrame
    counts: dict[str, int]

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.labels)


def read(connection: duckdb.DuckDBPyConnection, as_of: date, inputs: Inputs, settings: Settings) -> Facts:
    """Reads the relations up to the end of `as_of`. Raises ForecastError naming the relation and what is wrong."""
    for name, relation in (("deals", inputs.deals), ("states", inputs.states), ("stages", inputs.stages),
                           ("months", inputs.months), ("targets", inputs.targets),
                           ("activities", inputs.activities)):  # fmt: skip
        if relation is not None:
            _require(connection, name, relation)
    months = _months(connection, inputs.months, settings)
    today = day_number(as_of)
    month = int(months.month_of(np.array([today]))[0])
    if not 0 <= month < len(months) or len(months) < months.quarter_of(month)[1] + 4:
        raise ForecastError(
            f"the months do not reach from the day of the forecast, {as_of}, to the end of the quarter after it",
            where=inputs.months, effect="no forecast is made", fix="give fiscal months without a gap up to that end",
        )  # fmt: skip
    _make_deals(connection, inputs, as_of)
    _make_states(connection, inputs, as_of)
    labels = connection.execute("select part, owner, team, segment, pipeline from forecast_cells order by cell").df()
    members: dict[str, list[str]] = {}
    codes: dict[str, Days] = {}
    for level in LEVELS[1:]:
        values = sorted(labels[level].unique().tolist())
        members[level] = values
        places = {value: place for place, value in enumerate(values)}
        codes[level] = np.array([places[value] for value in labels[level]], dtype=np.int64)
    members["total"] = ["total"]
    codes["total"] = np.zeros(len(labels), dtype=np.int64)
    is_renewal = (labels["part"] == "renewals").to_numpy(dtype=bool)
    return Facts(
        connection=connection,
        months=months,
        as_of=today,
        month=month,
        days_left=int(months.ends[month] - today),
        labels=labels,
        members=members,
        codes=codes,
        is_renewal=is_renewal,
        group=codes["segment"] + is_renewal * len(members["segment"]),
        bookings=_bookings(connection, months),
        creations=_creations(connection, months),
        stages=connection.execute("select stage_no, stage, stage_order from forecast_stages order by stage_no").df(),
        counts=_counts(connection, today),
    )


def _require(connection: duckdb.DuckDBPyConnection, name: str, relation: str) -> None:
    try:
        found = {row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()}
    except duckdb.Error as exc:
        raise ForecastError(
            f"the relation {name} cannot be read ({str(exc).splitlines()[0]})",
            where=relation, effect="no forecast is made", fix="give a table or view with the columns of forecasting",
        ) from exc  # fmt: skip
    missing = [column for column in COLUMNS[name] if column not in found]
    if missing:
        raise ForecastError(
            f"{name} lacks {', '.join(missing)}",
            where=relation, effect="no forecast is made", fix="give the column, NULL where it is not known",
        )  # fmt: skip


def _months(connection: duckdb.DuckDBPyConnection, relation: str, settings: Settings) -> Months:
    rows = connection.execute(
        f"""
        select
            {_number("month_start")} as starts, {_number("month_end")} as ends,
            {_number("quarter_start")} as quarter_starts, {_number("quarter_end")} as quarter_ends,
            coalesce({_number("frozen_day")}, {_number("month_end")} + {settings.freeze_days}) as frozen
        from {relation} order by month_start
        """
    ).fetchnumpy()
    months = Months(**{key: np.asarray(value, dtype=np.int64) for key, value in rows.items()})
    if len(months) == 0 or (months.starts[1:] != months.ends[:-1] + 1).any():
        raise ForecastError(
            "the months leave a gap or overlap" if len(months) else "there are no months",
            where=relation, effect="no forecast is made", fix="give each fiscal month once, the next one a day later",
        )  # fmt: skip
    return months


def _number(column: str) -> str:
    return f"cast(cast({column} as date) - date '1970-01-01' as bigint)"


def _make_deals(connection: duckdb.DuckDBPyConnection, inputs: Inputs, as_of: date) -> None:
    connection.execute(
        f"""
        create or replace temp table forecast_deals as
        select
            cast(row_number() over (order by deal_key) - 1 as integer) as deal_no, deal_key,
            -- A fixed lot between 0 and 999,999: which deals are a sample does not depend on the others.
            cast(('0x' || substr(md5(deal_key), 1, 8))::ubigint % 1000000 as integer) as lot,
            cast(created_day as date) as created_day, status, cast(won_day as date) as won_day,
            cast(amount as double) as amount,
            case when part = 'renewals' then 'renewals' else 'open' end as part,
            coalesce(owner, 'unassigned') as owner, coalesce(team, 'unknown') as team,
            coalesce(segment, 'unknown') as segment, coalesce(pipeline, 'unknown') as pipeline,
            coalesce(source, 'unknown') as source, stage, cast(close_date as date) as close_date
        from {inputs.deals}
        where created_day <= date '{as_of}'
        """
    )
    repeated = connection.execute(
        "select deal_key from forecast_deals group by deal_key having count(*) > 1 order by 1 limit 1"
    ).fetchone()
    if repeated:
        raise ForecastError(
            f"the deal {repeated[0]} is there more than once",
            where=inputs.deals, effect="no forecast is made", fix="give one row per deal",
        )  # fmt: skip


def _make_states(connection: duckdb.DuckDBPyConnection, inputs: Inputs, as_of: date) -> None:
    """Spans of states with what the engine reads off them: entry of the stage, pushes, cell; and runs of won."""
    connection.execute(
        f"""
        create or replace temp table forecast_spans as
        with given as (
            select
                deals.deal_no, cast(states.valid_from as date) as valid_from,
                coalesce(cast(states.valid_until as date), date '9999-12-31') as valid_until,
                states.status, states.stage, cast(states.amount as double) as amount,
                cast(states.close_date as date) as close_date, cast(states.won_day as date) as won_day,
                coalesce(states.owner, 'unassigned') as owner, coalesce(states.team, 'unknown') as team,
                coalesce(states.pipeline, 'unknown') as pipeline,
                cast(states.win_probability as double) as win_probability
            from {inputs.states} as states
            inner join forecast_deals as deals on states.deal_key = deals.deal_key
            where states.valid_from <= date '{as_of}'
                and (states.valid_until is null or states.valid_until > states.valid_from)
        ),
        without_history as (
            select deals.*, case deals.status
                when 'won' then greatest(coalesce(deals.won_day, deals.created_day), deals.created_day)
                when 'lost' then deals.close_date
                when 'open' then date '9999-12-31' end as decided
            from forecast_deals as deals
            anti join given on deals.deal_no = given.deal_no
        ),
        made_up as (
            select deal_no, created_day, decided, 'open', null, null, null, null, owner, team, pipeline, null
            from without_history
            where decided > created_day
            union all
            select deal_no, decided, date '9999-12-31', 'won', null, amount, close_date, won_day, owner, team,
                pipeline, null
            from without_history where status = 'won'
        )
        select * from given union all select * from made_up
        """
    )
    connection.execute(
        """
        create or replace temp table forecast_cells as
        select cast(row_number() over (order by part, owner, team, segment, pipeline) - 1 as integer) as cell, *
        from (
            select distinct deals.part, spans.owner, spans.team, deals.segment, spans.pipeline
            from forecast_spans as spans inner join forecast_deals as deals on spans.deal_no = deals.deal_no
        )
        """
    )
    connection.execute(
        f"""
        create or replace temp table forecast_stages as
        with named as (
            select distinct stage from forecast_spans where stage is not null
            union select stage from forecast_deals where stage is not null
        )
        select
            cast(row_number() over (order by coalesce(stages.stage_order, 0), named.stage) as integer) as stage_no,
            named.stage, coalesce(stages.stage_order, 0) as stage_order, stages.win_probability
        from named
        left join (
            select stage, min(stage_order) as stage_order, cast(min(win_probability) as double) as win_probability
            from {inputs.stages} group by stage
        ) as stages on named.stage = stages.stage
        """
    )
    connection.execute(
        """
        create or replace temp table forecast_states as
        with compared as (
            select spans.*,
                lag(spans.stage) over deal is distinct from spans.stage as is_entry,
                spans.close_date > lag(spans.close_date) over deal and spans.status = 'open' as is_push,
                lag(spans.status) over deal is distinct from spans.status as is_turn
            from forecast_spans as spans
            window deal as (partition by spans.deal_no order by spans.valid_from)
        )
        select
            compared.deal_no, cells.cell, compared.status, compared.valid_from, compared.valid_until,
            max(case when compared.is_entry then compared.valid_from end) over past as stage_entered,
            max(case when compared.is_turn then compared.valid_from end) over past as turned,
            cast(count(*) filter (where compared.is_push) over past as integer) as pushes,
            coalesce(stages.stage_no, 0) as stage_no,
            compared.amount, compared.close_date,
            coalesce(compared.won_day, compared.valid_from) as won_day,
            coalesce(compared.win_probability, stages.win_probability) as win_probability
        from compared
        inner join forecast_deals as deals on compared.deal_no = deals.deal_no
        inner join forecast_cells as cells
            on deals.part = cells.part and compared.owner = cells.owner and compared.team = cells.team
                and deals.segment = cells.segment and compared.pipeline = cells.pipeline
        left join forecast_stages as stages on compared.stage = stages.stage and compared.status = 'open'
        window past as (
            partition by compared.deal_no order by compared.valid_from rows between unbounded preceding and current row
        )
        """
    )
    connection.execute("drop table forecast_spans")
    # A win is the first span of a run of won: the day and amount that were known when it became known.
    connection.execute(
        """
        create or replace temp table forecast_wins as
        select
            states.deal_no, states.turned as known_from, max(states.valid_until) as known_until,
            min_by(states.won_day, states.valid_from) as won_day,
            coalesce(min_by(states.amount, states.valid_from), any_value(deals.amount)) as amount
        from forecast_states as states inner join forecast_deals as deals on states.deal_no = deals.deal_no
        where states.status = 'won'
        group by states.deal_no, states.turned
        """
    )


def _bookings(connection: duckdb.DuckDBPyConnection, months: Months) -> Bookings:
    rows = connection.execute(
        f"""
        select
            states.cell, {_number("states.won_day")} as day,
            cast(round(coalesce(states.amount, deals.amount, 0) * 100) as bigint) as cents,
            {_number("states.valid_from")} as known_from, {_number("states.valid_until")} as known_until
        from forecast_states as states
        inner join forecast_deals as deals on states.deal_no = deals.deal_no
        where states.status = 'won'
        order by states.deal_no, states.valid_from
        """
    ).fetchnumpy()
    arrays = {key: np.asarray(value, dtype=np.int64) for key, value in rows.items()}
    return Bookings(month=months.month_of(arrays["day"]), **arrays)


def _creations(connection: duckdb.DuckDBPyConnection, months: Months) -> Creations:
    rows = connection.execute(
        f"""
        with first_states as (
            select deal_no, min_by(cell, valid_from) as cell from forecast_states group by deal_no
        ),
        first_wins as (
            select
                deal_no, min(won_day) as won_day, min_by(amount, known_from) as amount,
                min(known_from) as known_from, min_by(known_until, known_from) as known_until
            from forecast_wins group by deal_no
        )
        select
            first_states.cell, {_number("deals.created_day")} as day,
            coalesce({_number("wins.won_day")}, -1) as won_day, coalesce(wins.amount, 0.0) as amount,
            coalesce({_number("wins.known_from")}, {FOREVER}) as known_from,
            coalesce({_number("wins.known_until")}, {FOREVER}) as known_until
        from forecast_deals as deals
        inner join first_states on deals.deal_no = first_states.deal_no
        left join first_wins as wins on deals.deal_no = wins.deal_no
        order by deals.deal_no
        """
    ).fetchnumpy()
    whole = {key: np.asarray(value, dtype=np.int64) for key, value in rows.items() if key != "amount"}
    won = whole["won_day"] >= 0
    return Creations(
        month=months.month_of(whole["day"]),
        won_month=np.where(won, months.month_of(whole["won_day"]), -1),
        amount=np.asarray(rows["amount"], dtype=np.float64),
        **whole,
    )


def _counts(connection: duckdb.DuckDBPyConnection, today: int) -> dict[str, int]:
    """What there is to learn from, to say honestly what there is not."""
    row = connection.execute(
        f"""
        select
            (select count(*) from forecast_deals) as deals,
            (select count(*) from forecast_deals where status = 'open') as open_deals,
            (select count(*) from forecast_wins) as wins,
            (select count(*) from forecast_states where status = 'lost') as losses,
            (select count(distinct deal_no) from forecast_states where status = 'open' and stage_no > 0) as with_stage,
            (select count(distinct deal_no) from forecast_states where status = 'open' and close_date is not null)
                as with_close_date,
            (select count(distinct deal_no) from forecast_states
                where status = 'open' and amount is not null and {_number("valid_until")} <= {today}) as with_amount,
            (select count(distinct owner) from forecast_cells) as owners,
            (select coalesce(min({_number("created_day")}), {today}) from forecast_deals) as first_day
        """
    )
    names = [item[0] for item in row.description or []]
    return dict(zip(names, (int(value) for value in row.fetchone() or ()), strict=True))


def describe_day(number: int) -> str:
    """A day number as ISO date, for messages."""
    return day_of(number).isoformat()
