"""The company's history as temporary tables and arrays: deals, spans of states, bookings, snapshots of past days.

What belongs here: reading the given relations, naming what is wrong with them, coding texts as numbers, and rebuilding
what was open on past days. What does not: any judgement of chances. Every row carries from when until when it was
known, so whoever asks for a past day is told what was known on it and nothing else.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from configuration.errors import SaleshouseError
from forecasting.interface import LEVELS, Inputs, Settings
from forecasting.months import Days, Months, day_number

Floats = npt.NDArray[np.float64]
FOREVER = day_number(date(9999, 12, 31))
NONE = -(2**20)
OPEN, WON, LOST = 0, 1, 2

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
    "flows": ("pipeline", "stage", "stage_order", "conversion", "won_share", "is_timed"),
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
    team: Days
    known_from: Days
    known_until: Days

    def known(self, day: int) -> npt.NDArray[np.bool_]:
        """Which of them hold at the end of a day."""
        return (self.known_from <= day) & (day < self.known_until)


@dataclass(frozen=True)
class Wins:
    """Runs in which a deal was won, by deal and day; amounts as they were known at first."""

    deal: Days
    known_from: Days
    known_until: Days
    day: Days
    amount: Floats

    def known(self, day: int) -> npt.NDArray[np.bool_]:
        """Which of them hold at the end of a day."""
        return (self.known_from <= day) & (day < self.known_until)


@dataclass(frozen=True)
class Creations:
    """Each deal's creation and, if it was won, its first win. `won_month` is -1 without one.

    `shared_span` is the first span in which the deal is shared, -1 without one, and `shared_from` its day.
    """

    cell: Days
    day: Days
    month: Days
    won_month: Days
    won_day: Days
    amount: Floats
    known_from: Days
    known_until: Days
    shared_span: Days
    shared_from: Days


@dataclass(frozen=True)
class Spans:
    """Every span of every deal in order: by deal, then by day. `NONE` stands for a day that is not known."""

    deal: Days
    cell: Days
    status: Days
    begins: Days
    ends: Days
    stage: Days
    close: Days
    won_day: Days
    amount: Floats
    probability: Floats
    booked_team: Days
    stage_entered: Days
    pushes: Days
    turned: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Credits:
    """Who shares what a deal brings, of the spans in which it is shared, in order: cell, booked team, share, cents."""

    span: Days
    cell: Days
    team: Days
    share: Floats
    cents: Floats

    def of(self, span: Days, own: Days) -> "Credited":
        """The parts of each of the given spans; one with its own cell where nobody shares."""
        low = np.searchsorted(self.span, span)
        count = np.searchsorted(self.span, span, side="right") - low
        parts = np.maximum(count, 1)
        place = np.repeat(np.arange(len(span)), parts)
        first = np.cumsum(parts) - parts
        shared = (count > 0)[place]
        which = low[place[shared]] + (np.arange(len(place)) - first[place])[shared]
        cell, share = own.astype(np.int64)[place], np.ones(len(place))
        cell[shared], share[shared] = self.cell[which], self.share[which]
        return Credited(place=place, cell=cell, share=share)


@dataclass(frozen=True)
class Credited:
    """Parts of deals in order: the deal's place among those asked for, the part's cell and share."""

    place: Days
    cell: Days
    share: Floats

    def cents(self, whole: Days) -> Days:
        """Each part's whole cents: rounded down, what is left over to a deal's first part."""
        given = whole[self.place]
        found = np.floor(given * self.share + 1e-6).astype(np.int64)
        first = np.ones(len(found), dtype=bool)
        first[1:] = self.place[1:] != self.place[:-1]
        left = whole - np.bincount(self.place, found, len(whole)).astype(np.int64)
        found[first] += left[self.place[first]]
        return found


@dataclass(frozen=True)
class Deals:
    """What is said of deals once, by number of the deal."""

    created: Days
    lot: Days
    source: Days
    stage: Days
    close: Days
    amount: Floats
    probability: Floats
    sources: list[str]


@dataclass(frozen=True)
class InOrder:
    """Cells in the order of a level's members, of those that have any; `first`: where each member's begin."""

    members: Days
    cells: Days
    first: Days


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
    spans: Spans
    credits: Credits
    deals: Deals
    wins: Wins
    bookings: Bookings
    creations: Creations
    activities: Days
    stages: pd.DataFrame
    counts: dict[str, int]

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.labels)

    @cached_property
    def kinds(self) -> Days:
        """Each cell's part, segment and pipeline as one number: all but who stands in it."""
        return self.group * len(self.members["pipeline"]) + self.codes["pipeline"]

    @cached_property
    def in_order(self) -> dict[str, InOrder]:
        """Of each level its cells member by member."""
        found = {}
        for level, codes in self.codes.items():
            cells = np.argsort(codes, kind="stable")
            members, first = np.unique(codes[cells], return_index=True)
            found[level] = InOrder(members, cells, first)
        return found

    def by_member(self, values: npt.NDArray[Any], level: str) -> npt.NDArray[Any]:
        """Sums of cells (rows, whole numbers) by member of a level."""
        found = np.zeros((len(self.members[level]), *values.shape[1:]), dtype=values.dtype)
        if self.cells:
            order = self.in_order[level]
            found[order.members] = np.add.reduceat(values[order.cells], order.first, axis=0)
        return found


def read(connection: duckdb.DuckDBPyConnection, as_of: date, inputs: Inputs, settings: Settings) -> Facts:
    """Reads the relations up to the end of `as_of`. Raises ForecastError naming the relation and what is wrong."""
    for name, relation in (("deals", inputs.deals), ("states", inputs.states), ("stages", inputs.stages),
                           ("months", inputs.months), ("targets", inputs.targets),
                           ("activities", inputs.activities), ("flows", inputs.flows)):  # fmt: skip
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
    teams = [team for (team,) in connection.execute("select team from forecast_teams order by team_no").fetchall()]
    for level in LEVELS[1:]:
        values = teams if level == "team" else sorted(labels[level].unique().tolist())
        members[level] = values
        places = {value: place for place, value in enumerate(values)}
        codes[level] = np.array([places[value] for value in labels[level]], dtype=np.int64)
    members["total"] = ["total"]
    codes["total"] = np.zeros(len(labels), dtype=np.int64)
    spans, deals = _spans(connection), _deals(connection)
    shared = _credits(connection, spans)
    wins = _wins(spans, deals)
    for name in ("forecast_spans", "forecast_credits", "forecast_cells", "forecast_teams"):
        connection.execute(f"drop table {name}")
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
        spans=spans,
        credits=shared,
        deals=deals,
        wins=wins,
        bookings=_bookings(spans, shared, deals, months),
        creations=_creations(spans, shared, deals, wins, months),
        activities=_activities(connection, inputs, as_of),
        stages=connection.execute("select stage_no, stage, stage_order from forecast_stages order by stage_no").df(),
        counts=_counts(len(deals.created), spans, deals, labels, today),
    )


def _booked_team(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> str:
    """The team that a win is booked with: that of the close where the relation tells it, else the only one there is."""
    found = {row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()}
    told = f"{name}booked_team, " if "booked_team" in found else ""
    return f"coalesce({told}{name}team, 'unknown')"


def _told_credits(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> str:
    """The column of who shares a deal, NULL where the relation has none."""
    found = {row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()}
    parts = "struct(owner varchar, team varchar, booked_team varchar, share double, amount double)[]"
    return f"cast({name}credits as {parts})" if "credits" in found else f"cast(null as {parts})"


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
            {_day("month_start")} as starts, {_day("month_end")} as ends,
            {_day("quarter_start")} as quarter_starts, {_day("quarter_end")} as quarter_ends,
            coalesce({_day("frozen_day")}, {_day("month_end")} + {settings.freeze_days}) as frozen
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


def _day(column: str) -> str:
    return f"cast(cast({column} as date) - date '1970-01-01' as integer)"


def _activities(connection: duckdb.DuckDBPyConnection, inputs: Inputs, as_of: date) -> Days:
    """Days with an activity as sorted keys: deal x 2^20 + day."""
    if inputs.activities is None:
        return np.zeros(0, dtype=np.int64)
    rows = connection.execute(
        f"""
        select distinct deals.deal_no * cast({2**20} as bigint) + {_day("activities.activity_day")} as place
        from {inputs.activities} as activities
        inner join forecast_deals as deals on activities.deal_key = deals.deal_key
        where activities.activity_day <= date '{as_of}'
        """
    ).fetchnumpy()
    return np.sort(np.asarray(rows["place"], dtype=np.int64))


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
            {_booked_team(connection, inputs.deals, "")} as booked_team,
            {_told_credits(connection, inputs.deals, "")} as credits,
            coalesce(segment, 'unknown') as segment, coalesce(pipeline, 'unknown') as pipeline,
            coalesce(source, 'unknown') as source, stage, cast(close_date as date) as close_date,
            cast(dense_rank() over (order by coalesce(source, 'unknown')) - 1 as integer) as source_no
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
    """Spans of states, cells and stages as temporary tables."""
    connection.execute(
        f"""
        create or replace temp table forecast_spans as
        select
            deals.deal_no, cast(states.valid_from as date) as valid_from,
            coalesce(cast(states.valid_until as date), date '9999-12-31') as valid_until,
            states.status, states.stage, cast(states.amount as double) as amount,
            cast(states.close_date as date) as close_date, cast(states.won_day as date) as won_day,
            coalesce(states.owner, 'unassigned') as owner, coalesce(states.team, 'unknown') as team,
            coalesce(states.pipeline, 'unknown') as pipeline,
            cast(states.win_probability as double) as win_probability,
            {_booked_team(connection, inputs.states, "states.")} as booked_team,
            {_told_credits(connection, inputs.states, "states.")} as credits
        from {inputs.states} as states
        inner join forecast_deals as deals on states.deal_key = deals.deal_key
        where states.valid_from <= date '{as_of}'
            and (states.valid_until is null or states.valid_until > states.valid_from)
        """
    )
    # Of deals without a history, after the others: both at once would hold all spans twice.
    connection.execute(
        """
        insert into forecast_spans
        with without_history as (
            select deals.*, case deals.status
                when 'won' then greatest(coalesce(deals.won_day, deals.created_day), deals.created_day)
                when 'lost' then deals.close_date
                when 'open' then date '9999-12-31' end as decided
            from forecast_deals as deals
            anti join forecast_spans as spans on deals.deal_no = spans.deal_no
        )
        select deal_no, created_day, decided, 'open', null, null, null, null, owner, team, pipeline, null,
            team, credits
        from without_history
        where decided > created_day
        union all
        select deal_no, decided, date '9999-12-31', 'won', null, amount, close_date, won_day, owner, team,
            pipeline, null, booked_team, credits
        from without_history where status = 'won'
        """
    )
    connection.execute(
        """
        create or replace temp table forecast_credits as
        select
            deal_no, valid_from, part_no, pipeline, coalesce(credit.owner, 'unassigned') as owner,
            coalesce(credit.team, 'unknown') as team,
            coalesce(credit.booked_team, credit.team, 'unknown') as booked_team, credit.share, credit.amount
        from (
            select deal_no, valid_from, pipeline, unnest(credits) as credit, generate_subscripts(credits, 1) as part_no
            from forecast_spans where credits is not null
        )
        """
    )
    connection.execute(
        """
        create or replace temp table forecast_cells as
        select cast(row_number() over (order by part, owner, team, segment, pipeline) - 1 as integer) as cell, *
        from (
            select deals.part, spans.owner, spans.team, deals.segment, spans.pipeline
            from forecast_spans as spans inner join forecast_deals as deals on spans.deal_no = deals.deal_no
            union
            select deals.part, credits.owner, credits.team, deals.segment, credits.pipeline
            from forecast_credits as credits inner join forecast_deals as deals on credits.deal_no = deals.deal_no
        )
        """
    )
    connection.execute(
        """
        create or replace temp table forecast_teams as
        select cast(row_number() over (order by team) - 1 as integer) as team_no, team
        from (
            select team from forecast_cells
            union select booked_team from forecast_spans
            union select booked_team from forecast_credits
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


def _spans(connection: duckdb.DuckDBPyConnection) -> Spans:
    rows = connection.execute(
        f"""
        select
            spans.deal_no as deal, cells.cell,
            cast(case spans.status when 'open' then {OPEN} when 'won' then {WON} else {LOST} end as tinyint) as status,
            {_day("spans.valid_from")} as begins, {_day("spans.valid_until")} as ends,
            cast(coalesce(case when spans.status = 'open' then stages.stage_no end, 0) as smallint) as stage,
            coalesce({_day("spans.close_date")}, {NONE}) as close,
            {_day("coalesce(spans.won_day, spans.valid_from)")} as won_day,
            coalesce(spans.amount, cast('nan' as double)) as amount,
            coalesce(spans.win_probability, stages.win_probability, cast('nan' as double)) as probability,
            cast(teams.team_no as smallint) as booked_team
        from forecast_spans as spans
        inner join forecast_teams as teams on spans.booked_team = teams.team
        inner join forecast_deals as deals on spans.deal_no = deals.deal_no
        inner join forecast_cells as cells
            on deals.part = cells.part and spans.owner = cells.owner and spans.team = cells.team
                and deals.segment = cells.segment and spans.pipeline = cells.pipeline
        left join forecast_stages as stages on spans.stage = stages.stage
        """
    ).fetchnumpy()
    order = np.argsort(np.asarray(rows["deal"]).astype(np.int64) * 2**20 + rows["begins"], kind="stable")
    arrays = {name: np.asarray(values)[order] for name, values in rows.items()}
    deal, begins, stage, close = arrays["deal"], arrays["begins"], arrays["stage"], arrays["close"]
    first = np.ones(len(deal), dtype=bool)
    first[1:] = deal[1:] != deal[:-1]

    def changes(values: Days) -> npt.NDArray[np.bool_]:
        found = first.copy()
        found[1:] |= values[1:] != values[:-1]
        return found

    place = np.arange(len(deal))
    entered = np.maximum.accumulate(np.where(changes(stage), place, 0)) if len(deal) else place
    pushed = np.zeros(len(deal), dtype=np.int64)
    pushed[1:] = (close[1:] > close[:-1]) & (close[:-1] != NONE) & (arrays["status"][1:] == OPEN) & ~first[1:]
    so_far = np.cumsum(pushed)
    begin_of_deal = np.maximum.accumulate(np.where(first, place, 0)) if len(deal) else place
    return Spans(
        stage_entered=begins[entered],
        pushes=so_far - so_far[begin_of_deal],
        turned=changes(arrays["status"]),
        **arrays,
    )


def _credits(connection: duckdb.DuckDBPyConnection, spans: Spans) -> Credits:
    rows = connection.execute(
        f"""
        select
            credits.deal_no * cast({2**20} as bigint) + {_day("credits.valid_from")} as place, cells.cell,
            teams.team_no as team, credits.share, round(credits.amount * 100) as cents
        from forecast_credits as credits
        inner join forecast_teams as teams on credits.booked_team = teams.team
        inner join forecast_deals as deals on credits.deal_no = deals.deal_no
        inner join forecast_cells as cells
            on deals.part = cells.part and credits.owner = cells.owner and credits.team = cells.team
                and deals.segment = cells.segment and credits.pipeline = cells.pipeline
        order by place, credits.part_no
        """
    ).fetchnumpy()
    places = spans.deal.astype(np.int64) * 2**20 + spans.begins
    return Credits(
        span=np.searchsorted(places, np.asarray(rows["place"], dtype=np.int64)),
        cell=np.asarray(rows["cell"], dtype=np.int64),
        team=np.asarray(rows["team"], dtype=np.int64),
        share=np.asarray(rows["share"], dtype=np.float64),
        cents=np.ma.filled(np.ma.asarray(rows["cents"], dtype=np.float64), np.nan),
    )


def _deals(connection: duckdb.DuckDBPyConnection) -> Deals:
    rows = connection.execute(
        f"""
        select
            {_day("deals.created_day")} as created, deals.lot, deals.source_no as source,
            cast(coalesce(stages.stage_no, 0) as smallint) as stage,
            coalesce({_day("deals.close_date")}, {NONE}) as close,
            coalesce(deals.amount, cast('nan' as double)) as amount,
            coalesce(stages.win_probability, cast('nan' as double)) as probability
        from forecast_deals as deals left join forecast_stages as stages on deals.stage = stages.stage
        order by deals.deal_no
        """
    ).fetchnumpy()
    sources = connection.execute("select distinct source from forecast_deals order by source").fetchall()
    return Deals(
        **{name: np.asarray(values) for name, values in rows.items()}, sources=[source for (source,) in sources]
    )


def _wins(spans: Spans, deals: Deals) -> Wins:
    """Runs of won: the day and amount that were known when the win became known."""
    start = np.flatnonzero(spans.turned & (spans.status == WON))
    # A run ends where the deal's status turns again, or with its last span.
    turns = np.append(np.flatnonzero(spans.turned), len(spans.deal))
    last = turns[np.searchsorted(turns, start, side="right")] - 1
    amount = spans.amount[start]
    return Wins(
        deal=spans.deal[start].astype(np.int64),
        known_from=spans.begins[start].astype(np.int64),
        known_until=spans.ends[last].astype(np.int64),
        day=spans.won_day[start].astype(np.int64),
        amount=np.nan_to_num(np.where(np.isnan(amount), deals.amount[spans.deal[start]], amount)),
    )


def _bookings(spans: Spans, shared: Credits, deals: Deals, months: Months) -> Bookings:
    won = np.flatnonzero(spans.status == WON)
    amount = spans.amount[won]
    amount = np.where(np.isnan(amount), deals.amount[spans.deal[won]], amount)
    credited = shared.of(won, spans.cell[won])
    cents = credited.cents(np.rint(np.nan_to_num(amount) * 100).astype(np.int64))
    rows = won[credited.place]
    team = spans.booked_team[rows].astype(np.int64)
    # Parts stand in the same order here and there.
    is_part = np.isin(rows, shared.span)
    given = spans.status[shared.span] == WON
    team[is_part] = shared.team[given]
    cents[is_part] = np.where(np.isnan(shared.cents[given]), cents[is_part], np.nan_to_num(shared.cents[given]))
    day = spans.won_day[rows].astype(np.int64)
    return Bookings(
        cell=credited.cell,
        month=months.month_of(day),
        day=day,
        cents=cents,
        team=team,
        known_from=spans.begins[rows].astype(np.int64),
        known_until=spans.ends[rows].astype(np.int64),
    )


def _creations(spans: Spans, shared: Credits, deals: Deals, wins: Wins, months: Months) -> Creations:
    """Deals with any span, in order; deals of which nothing is known but that they exist are left out."""
    deal, first_span = np.unique(spans.deal, return_index=True)
    won, first_win = np.unique(wins.deal, return_index=True)
    place = np.searchsorted(deal, won)
    found = {name: np.full(len(deal), value) for name, value in
             (("won_month", -1), ("won_day", -1), ("known_from", FOREVER), ("known_until", FOREVER),
              ("shared_span", -1), ("shared_from", FOREVER))}  # fmt: skip
    found["won_day"][place] = wins.day[first_win]
    found["won_month"][place] = months.month_of(wins.day[first_win])
    found["known_from"][place] = wins.known_from[first_win]
    found["known_until"][place] = wins.known_until[first_win]
    deals_shared, first_part = np.unique(spans.deal[shared.span], return_index=True)
    place_shared = np.searchsorted(deal, deals_shared)
    found["shared_span"][place_shared] = shared.span[first_part]
    found["shared_from"][place_shared] = spans.begins[shared.span[first_part]]
    amount = np.zeros(len(deal))
    amount[place] = wins.amount[first_win]
    day = deals.created[deal].astype(np.int64)
    return Creations(
        cell=spans.cell[first_span].astype(np.int64), day=day, month=months.month_of(day), amount=amount, **found
    )


def _counts(facts_deals: int, spans: Spans, deals: Deals, cells: pd.DataFrame, today: int) -> dict[str, int]:
    """What there is to learn from, to say honestly what there is not."""
    is_open = spans.status == OPEN
    return {
        "deals": facts_deals,
        "losses": int((spans.status == LOST).sum()),
        "with_stage": int((is_open & (spans.stage > 0)).sum()),
        "with_close_date": int((is_open & (spans.close != NONE)).sum()),
        "with_amount": int((is_open & ~np.isnan(spans.amount) & (spans.ends <= today)).sum()),
        "owners": int(cells["owner"].nunique()),
        "first_day": int(deals.created.min(initial=today)),
    }
