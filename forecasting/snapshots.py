"""What was open on the past days that stand in their months where the forecast's day stands in its own.

What belongs here: the rows of those days with the attributes of that time and what became of them, and the win table's
counts, both in SQL. What does not: rates. A row knows from which origin on its outcome was known and until when it
stood (a reopened deal was won only in between), so an origin sees what it could have seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.facts import Facts, Floats
from forecasting.months import Days, day_of

# The attributes of a deal by which it is compared, in the order in which the win table nests them.
ATTRIBUTES = ("part", "stage_no", "days_in_stage", "close", "segment", "age", "pushed")
# Upper bounds in days, inclusive; the last band is open.
DAYS_IN_STAGE = (3, 7, 14, 30, 60, 90, 180)
AGES = (14, 30, 60, 90, 180, 365)
IDLE = (5, 10, 15, 22, 30, 60)
CLOSE = ("none", "long overdue", "overdue", "this month", "next month", "in 2 months", "in 3 months", "later")
NEVER = 32_000


@dataclass(frozen=True)
class Snapshots:
    """Open deals by month, the rows sorted by month and deal; `first` gives each month's first row.

    `won_month` is the month of the next win, -1 without one; it was known at origins `known_from` <= month <
    `known_until`, counted in months of this phase.
    """

    days_left: int
    origin_days: Days
    first: Days
    month: Days
    deal: Days
    cell: Days
    attributes: dict[str, Days]
    source: Days
    idle: Days
    lot: Days
    amount: Floats
    probability: Floats
    close_month: Days
    won_month: Days
    won_amount: Floats
    known_from: Days
    known_until: Days

    def rows(self, month: int) -> slice:
        """The rows of one month's day."""
        return slice(int(self.first[month]), int(self.first[month + 1]))


@dataclass(frozen=True)
class WinCounts:
    """The win table's counts: deals by month of the snapshot, attributes and outcome, sorted by month."""

    first: Days
    month: Days
    attributes: dict[str, Days]
    won_month: Days
    known_from: Days
    known_until: Days
    deals: Floats


def take(facts: Facts, days_left: int) -> tuple[Snapshots, WinCounts]:
    """The snapshots of all months' days with so many days left, up to as_of, and their counts."""
    months = facts.months
    origin_days = months.origins(days_left)
    last = facts.month if origin_days[facts.month] <= facts.as_of else facts.month - 1
    connection = facts.connection
    connection.execute("create or replace temp table forecast_days (month integer, day date)")
    listed = [(month, day_of(int(origin_days[month]))) for month in range(last + 1)]
    if listed:
        connection.executemany("insert into forecast_days values (?, ?)", listed)
    connection.execute("create or replace temp table forecast_month_starts (month integer, month_start date)")
    connection.executemany(
        "insert into forecast_month_starts values (?, ?)",
        [(month, day_of(int(start))) for month, start in enumerate(months.starts)],
    )
    _make_rows(facts, last)
    rows = connection.execute("select * from forecast_rows order by month, deal_no").fetchnumpy()
    counts = connection.execute(
        f"""
        select month, {", ".join(ATTRIBUTES)}, won_month, known_from, known_until, count(*) as deals
        from forecast_rows group by all order by all
        """
    ).fetchnumpy()
    connection.execute("drop table forecast_rows")
    return _snapshots(rows, days_left, origin_days, last), _win_counts(counts, last)


def _band(expression: str, bounds: tuple[int, ...]) -> str:
    cases = " ".join(f"when {expression} <= {bound} then {place}" for place, bound in enumerate(bounds))
    return f"cast(case {cases} else {len(bounds)} end as tinyint)"


def _make_rows(facts: Facts, last: int) -> None:
    """One row per month's day and deal that was open at its end."""
    connection = facts.connection
    activity = connection.execute(
        "select count(*) from duckdb_tables() where table_name = 'forecast_activities'"
    ).fetchone()
    has_activities = bool(activity and activity[0])
    last_activity = (
        """left join (
            select days.month, activities.deal_no, max(activities.day) as day
            from forecast_days as days
            inner join forecast_activities as activities
                on activities.day <= days.day and activities.day > days.day - 90
            group by all
        ) as activities on spread.month = activities.month and spread.deal_no = activities.deal_no"""
        if has_activities
        else "cross join (select cast(null as date) as day) as activities"
    )
    # Which day of the list is the first at or after a given one: a join by equality instead of by range.
    connection.execute(
        f"""
        create or replace temp table forecast_rows as
        with bounds as (
            select day, lead(day, 1, date '9999-12-31') over (order by day) as next_day, month from forecast_days
        ),
        spread as (
            select days.month, days.day, states.*, deals.amount as amount_today, deals.close_date as close_date_today,
                deals.lot, deals.segment, deals.part, deals.source, deals.created_day, deals.stage as stage_today
            from forecast_states as states
            inner join forecast_deals as deals on states.deal_no = deals.deal_no
            inner join forecast_days as days on states.valid_from <= days.day and days.day < states.valid_until
            where states.status = 'open'
        ),
        filled as (
            select spread.month, spread.day, spread.deal_no, spread.lot, spread.cell, spread.segment, spread.part,
                spread.source, spread.valid_from, spread.pushes, spread.stage_entered, spread.created_day,
                -- What is only known of today may be used today.
                case when spread.stage_no = 0 and spread.day = date '{day_of(facts.as_of)}'
                    then coalesce(stages.stage_no, 0) else spread.stage_no end as stage_no,
                coalesce(spread.win_probability, case when spread.stage_no = 0 then stages.win_probability end)
                    as win_probability,
                coalesce(spread.amount,
                    case when spread.day = date '{day_of(facts.as_of)}' then spread.amount_today end) as amount,
                coalesce(spread.close_date,
                    case when spread.day = date '{day_of(facts.as_of)}' then spread.close_date_today end) as close_date,
                activities.day as activity_day
            from spread
            left join forecast_stages as stages
                on spread.stage_today = stages.stage and spread.day = date '{day_of(facts.as_of)}'
            {last_activity}
        ),
        dated as (
            select filled.*, closes.month as close_month
            from filled
            asof left join forecast_month_starts as closes on filled.close_date >= closes.month_start
        ),
        joined as (
            select dated.*, wins.won_day, wins.amount as won_amount, wins.known_from as win_known_from,
                wins.known_until as win_known_until
            from dated
            asof left join forecast_wins as wins
                on dated.deal_no = wins.deal_no and dated.day < wins.known_from
        )
        select
            cast(joined.month as smallint) as month, joined.deal_no, joined.lot, joined.cell,
            cast(case when joined.part = 'renewals' then 1 else 0 end as tinyint) as part,
            cast(joined.stage_no as smallint) as stage_no,
            {_band("(joined.day - joined.stage_entered)", DAYS_IN_STAGE)} as days_in_stage,
            cast(case
                when joined.close_date is null then 0
                when joined.close_date <= joined.day - 30 then 1
                when joined.close_date <= joined.day then 2
                else 3 + least(greatest(joined.close_month - joined.month, 0), 4)
            end as tinyint) as close,
            cast(segments.segment_no as smallint) as segment,
            {_band("(joined.day - joined.created_day)", AGES)} as age,
            cast(least(joined.pushes, 3) as tinyint) as pushed,
            cast(sources.source_no as smallint) as source,
            {_band("(joined.day - greatest(joined.valid_from, joined.activity_day))", IDLE)}
                as idle,
            coalesce(joined.amount, cast('nan' as double)) as amount,
            coalesce(joined.win_probability, cast('nan' as double)) as probability,
            cast(case
                when joined.close_date is null then -1
                when joined.close_date <= joined.day then joined.month
                else coalesce(joined.close_month, joined.month)
            end as smallint) as close_month,
            cast(coalesce(won_months.month, -1) as smallint) as won_month,
            coalesce(joined.won_amount, 0.0) as won_amount,
            cast(coalesce(known.month, {NEVER}) as smallint) as known_from,
            cast(coalesce(undone.month, {NEVER}) as smallint) as known_until
        from joined
        inner join (
            select segment, row_number() over (order by segment) - 1 as segment_no
            from (select distinct segment from forecast_cells)
        ) as segments on joined.segment = segments.segment
        inner join (
            select source, row_number() over (order by source) - 1 as source_no
            from (select distinct source from forecast_deals)
        ) as sources on joined.source = sources.source
        asof left join forecast_month_starts as won_months on joined.won_day >= won_months.month_start
        asof left join forecast_days as known on joined.win_known_from <= known.day
        asof left join forecast_days as undone on joined.win_known_until <= undone.day
        """
    )


def _snapshots(rows: dict[str, Any], days_left: int, origin_days: Days, last: int) -> Snapshots:
    def whole(name: str) -> Days:
        return np.asarray(rows[name]).astype(np.int64)

    month = whole("month")
    return Snapshots(
        days_left=days_left,
        origin_days=origin_days[: last + 1],
        first=np.searchsorted(month, np.arange(last + 2)),
        month=month,
        deal=whole("deal_no"),
        cell=whole("cell"),
        attributes={name: np.asarray(rows[name]) for name in ATTRIBUTES},
        source=np.asarray(rows["source"]),
        idle=np.asarray(rows["idle"]),
        lot=np.asarray(rows["lot"]),
        amount=np.asarray(rows["amount"], dtype=np.float64),
        probability=np.asarray(rows["probability"], dtype=np.float64),
        close_month=np.asarray(rows["close_month"]),
        won_month=np.asarray(rows["won_month"]),
        won_amount=np.asarray(rows["won_amount"], dtype=np.float64),
        known_from=np.asarray(rows["known_from"]),
        known_until=np.asarray(rows["known_until"]),
    )


def _win_counts(rows: dict[str, Any], last: int) -> WinCounts:
    month = np.asarray(rows["month"]).astype(np.int64)
    return WinCounts(
        first=np.searchsorted(month, np.arange(last + 2)),
        month=month,
        attributes={name: np.asarray(rows[name]).astype(np.int64) for name in ATTRIBUTES},
        won_month=np.asarray(rows["won_month"]).astype(np.int64),
        known_from=np.asarray(rows["known_from"]).astype(np.int64),
        known_until=np.asarray(rows["known_until"]).astype(np.int64),
        deals=np.asarray(rows["deals"], dtype=np.float64),
    )
