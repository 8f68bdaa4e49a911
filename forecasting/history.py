"""From what was changed on which day to what held over which days: the engine's relations of a company's own records.

What belongs here: deals and a log of their changes as `deals`, `states`, `stages`, `months`, for whoever has no
warehouse. What does not: reading files (folder.py), the forecast.
"""

from datetime import date, timedelta

import duckdb

from forecasting.interface import Inputs

FIELDS = ("stage", "amount", "close_date", "owner", "team", "pipeline")
TOLD = ("win_probability", "won_day")


def prepare(
    connection: duckdb.DuckDBPyConnection, as_of: date, *, with_activities: bool, prefix: str = "company"
) -> Inputs:
    """Makes the inputs at the end of `as_of` from the relations `<prefix>_deals`, `_history`, `_stages`.

    deals: deal_id, created, owner, team, segment, pipeline, source, kind. history: deal_id, day, order_no, stage,
    amount, close_date, owner, team, pipeline (NULL: unchanged); win_probability and won_day where whoever calls knows
    them. stages: stage, stage_order, outcome, probability. Nothing after `as_of` is read. A deal is booked on its
    `won_day`, else on its stated close date unless that is after the day of the win.
    """
    known = {row[0] for row in connection.execute(f"describe {prefix}_history").fetchall()}
    fields = (*FIELDS, *(field for field in TOLD if field in known))
    newest = ", ".join(f"arg_max({field}, order_no) filter (where {field} is not null) as {field}" for field in fields)
    booked = "least(cast(carried.close_date as date), carried.in_stage_since)"
    booked = f"coalesce(carried.won_day, {booked})" if "won_day" in known else booked
    chance = "carried.win_probability" if "win_probability" in known else "cast(null as double)"
    connection.execute(
        f"""
        create or replace temp table {prefix}_states as
        with changes as (
            select deal_id, cast(day as date) as day,
                max(cast(day as date)) filter (where stage is not null) as in_stage_since,
                {newest}
            from {prefix}_history where day <= date '{as_of}' group by deal_id, cast(day as date)
        ),
        carried as (
            select deal_id, day as valid_from, lead(day) over (partition by deal_id order by day) as valid_until,
                last_value(in_stage_since ignore nulls) over past as in_stage_since,
                {", ".join(f"last_value({field} ignore nulls) over past as {field}" for field in fields)}
            from changes
            window past as (partition by deal_id order by day rows between unbounded preceding and current row)
        )
        select
            carried.deal_id as deal_key, carried.valid_from, carried.valid_until,
            coalesce(stages.outcome, 'open') as status, carried.stage, cast(carried.amount as decimal(18, 2)) as amount,
            cast(carried.close_date as date) as close_date,
            case when stages.outcome = 'won' then {booked} end as won_day,
            coalesce(carried.owner, deals.owner) as owner, coalesce(carried.team, deals.team) as team,
            coalesce(carried.pipeline, deals.pipeline) as pipeline, {chance} as win_probability
        from carried
        inner join {prefix}_deals as deals on carried.deal_id = deals.deal_id
        left join {prefix}_stages as stages on carried.stage = stages.stage
        """
    )
    connection.execute(
        f"""
        create or replace temp table {prefix}_bookings as
        select
            deals.deal_id as deal_key, cast(deals.created as date) as created_day,
            coalesce(states.status, 'open') as status,
            states.won_day, states.amount, case when deals.kind = 'renewal' then 'renewals' else 'open' end as part,
            coalesce(states.owner, deals.owner) as owner, coalesce(states.team, deals.team) as team, deals.segment,
            coalesce(states.pipeline, deals.pipeline) as pipeline, deals.source, states.stage, states.close_date
        from {prefix}_deals as deals
        left join {prefix}_states as states on deals.deal_id = states.deal_key and states.valid_until is null
        where cast(deals.created as date) <= date '{as_of}'
        """
    )
    connection.execute(
        f"""
        create or replace temp view {prefix}_stage_list as
        select stage, cast(stage_order as integer) as stage_order, cast(probability as double) as win_probability
        from {prefix}_stages where outcome = 'open'
        """
    )
    found = connection.execute(f"select min(cast(created as date)) from {prefix}_deals").fetchone()
    first = found[0] if found and found[0] else as_of
    calendar_months(connection, f"{prefix}_months", first, as_of)
    return Inputs(
        deals=f"{prefix}_bookings",
        states=f"{prefix}_states",
        stages=f"{prefix}_stage_list",
        months=f"{prefix}_months",
        activities=f"{prefix}_activity_days" if with_activities else None,
    )


def calendar_months(connection: duckdb.DuckDBPyConnection, name: str, first: date, as_of: date) -> None:
    """Calendar months and quarters from a year before the first day to a year after the last."""
    begin, end = first.replace(day=1) - timedelta(days=1), as_of + timedelta(days=366)
    connection.execute(
        f"""
        create or replace temp table {name} as
        select
            cast(day as date) as month_start, last_day(day) as month_end,
            cast(date_trunc('quarter', day) as date) as quarter_start,
            cast(date_trunc('quarter', day) + interval 3 month - interval 1 day as date) as quarter_end,
            cast(null as date) as frozen_day
        from generate_series(date '{begin.year}-01-01', date_trunc('month', date '{end}'), interval 1 month) as t (day)
        order by day
        """
    )
