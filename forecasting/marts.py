"""A company's deals as its release tells them, read for a backtest.

What belongs here: which columns of the published marts say what a folder of CSV files would. What does not: building
marts (whoever has a raw lake builds them first), the forecast. From here on both ways are one (history.py).

How a deal stood at the end of a day is its last row of `fct_deal_changes` up to that day. Deals of which no stages are
kept stand in an unknown stage from their creation until they were decided. A value that was cleared counts as not
changed, as in a folder.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from configuration.errors import MalformedData
from forecasting.folder import EFFECT, Given
from forecasting.history import prepare

NEEDED = ("release_context", "dim_dates", "dim_owners", "dim_stages", "dim_accounts", "dim_contacts", "fct_deals",
          "fct_deal_changes", "fct_activities")  # fmt: skip
SOLD = "('new_business', 'renewal', 'upsell')"
# Of deals without stages only the outcome is known.
ENDS = {"(deleted)": "lost", "(won)": "won", "(lost)": "lost"}


def read(connection: duckdb.DuckDBPyConnection, marts: Path, as_of: date | None = None) -> Given:
    """Reads one release's marts into temporary tables. Raises MalformedData when a mart is missing or no deal is."""
    connection.execute(f"attach '{str(marts).replace(chr(39), chr(39) * 2)}' as told (read_only)")
    found = connection.execute("select table_name from duckdb_tables() where database_name = 'told'").fetchall()
    missing = [name for name in NEEDED if (name,) not in found]
    if missing:
        raise MalformedData(
            f"the release has no {missing[0]}", where=str(marts), effect=EFFECT, fix="run `saleshouse run` once more"
        )
    row = connection.execute("select as_of, close_day_rule from told.marts.release_context").fetchone()
    reported, rule = row if row else (date.min, "crm_close_date")
    day = as_of or reported
    if day > reported:
        raise MalformedData(
            f"the release ends on {reported}, before {day}", where=str(marts), effect=EFFECT, fix="name an earlier day"
        )
    _make(connection, rule)
    deals, changes = connection.execute(
        "select (select count(*) from company_deals), (select count(*) from company_history)"
    ).fetchall()[0]
    if not deals:
        raise MalformedData("the release has no deals", where=str(marts), effect=EFFECT, fix="land a source of deals")
    inputs = prepare(connection, day, with_activities=True)
    # The company's own months.
    connection.execute(
        """
        create or replace temp table company_fiscal_months as
        select month_start, month_end, quarter_start, quarter_end, cast(null as date) as frozen_day
        from told.marts.dim_dates group by all order by month_start
        """
    )
    connection.execute("detach told")
    return Given(inputs=replace(inputs, months="company_fiscal_months"), as_of=day, deals=deals, changes=changes)


def _make(connection: duckdb.DuckDBPyConnection, rule: str) -> None:
    ends = ", ".join(f"('{stage}', 99, '{outcome}', null)" for stage, outcome in ENDS.items())
    connection.execute(
        f"""
        create or replace temp table company_deals as
        select
            deals.deal_key as deal_id, deals.created_date as created, coalesce(deals.owner_key, 'unassigned') as owner,
            owners.team, deals.segment, coalesce(deals.pipeline_label, 'Unknown') as pipeline, deals.channel as source,
            case when deals.pipeline_purpose = 'renewal' then 'renewal' else 'new' end as kind
        from told.marts.fct_deals as deals
        left join told.marts.dim_owners as owners on deals.owner_key = owners.owner_key
        left join told.marts.dim_accounts as accounts on deals.account_key = accounts.account_key
        left join told.marts.dim_contacts as contacts on deals.contact_key = contacts.contact_key
        where
            deals.pipeline_purpose in {SOLD} and deals.created_date is not null
            and 'test' not in (
                coalesce(deals.exclusion_reason, ''), coalesce(accounts.exclusion_reason, ''),
                coalesce(contacts.exclusion_reason, '')
            );
        create or replace temp table company_stages as
        select stage, min(stage_order) as stage_order,
            case when bool_or(is_won) then 'won' when bool_or(is_lost) then 'lost' else 'open' end as outcome,
            cast(min(win_probability) as double) as probability
        from told.marts.dim_stages where object = 'deal' group by stage
        union all select * from (values {ends}) as ends;
        create or replace temp table company_activity_days as
        select distinct deal_key, occurred_date as activity_day from told.marts.fct_activities
        where deal_key is not null and is_past and is_completed and not is_excluded
        """
    )
    booked = "closed_on" if rule == "stage_event" else "coalesce(close_date, closed_on)"
    connection.execute(
        f"""
        create or replace temp table company_history as
        with born as (select deal_key from told.marts.fct_deal_changes where change = 'created'),
        changes as (
            select
                changes.*, max(case when changes.change = 'won' then changes.date_day end) over deal_by_day as closed_on
            from told.marts.fct_deal_changes as changes
            inner join born on changes.deal_key = born.deal_key
            window deal_by_day as (partition by changes.deal_key order by changes.date_day)
        ),
        standings as (
            select
                changes.deal_key, changes.date_day, changes.close_date,
                any_value(changes.owner_key) as owner_key, any_value(changes.stage_key) as stage_key,
                case when any_value(changes.status) = 'deleted' then '(deleted)' else any_value(changes.stage) end
                    as stage,
                any_value(changes.status) as status, any_value(changes.amount_reporting) as amount,
                -- A deal that began as won was never moved there.
                coalesce(max(changes.closed_on), min(changes.date_day)) as closed_on
            from changes group by all
        ),
        without_stages as (
            select deals.deal_key, deals.created_date, deals.status, deals.amount_reporting, deals.close_date,
                greatest(deals.close_day, deals.created_date) as decided
            from told.marts.fct_deals as deals
            anti join born on deals.deal_key = born.deal_key
        ),
        told_of as (
            select
                standings.deal_key, date_day, 1 as order_no, standings.stage, amount, close_date,
                coalesce(standings.owner_key, 'unassigned') as owner, owners.team,
                cast(stages.win_probability as double) as win_probability,
                case when status = 'won' then {booked} end as won_day
            from standings
            left join told.marts.dim_owners as owners on standings.owner_key = owners.owner_key
            left join told.marts.dim_stages as stages on standings.stage_key = stages.stage_key
            union all
            select deal_key, created_date, 1, null, null, null, null, null, null, null from without_stages
            union all
            select deal_key, decided, 2, '(' || status || ')', case when status = 'won' then amount_reporting end,
                close_date, null, null, null, case when status = 'won' then decided end
            from without_stages where status in ('won', 'lost') and decided is not null
        )
        select
            told_of.deal_key as deal_id, date_day as day, order_no, stage, amount, close_date, told_of.owner,
            told_of.team, cast(null as varchar) as pipeline, win_probability, won_day
        from told_of inner join company_deals on told_of.deal_key = company_deals.deal_id
        """
    )
