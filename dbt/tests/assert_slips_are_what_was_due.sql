-- What: the deals of fct_deal_slips are those that stood open the day before their period with a
-- date in it, and those that are still open are those that stood open on its last day, read from
-- the days of the deals and not from the ledger.
-- Why: a slip rate over other deals than those that were due flatters or accuses somebody.
-- A returned row: a period and deal that only one of the two tells, or tells otherwise.
with

slips as (
    select * from {{ ref('fct_deal_slips') }}
),

days as (
    select days.*
    from {{ ref('fct_deal_days') }} as days
    inner join {{ ref('int_pipeline_deals') }} as deals on days.deal_key = deals.deal_key
    where days.status = 'open'
),

due as (
    select
        periods.period_type,
        periods.period_start,
        periods.closing_date,
        days.deal_key,
        days.amount_reporting
    from {{ ref('int_pipeline_periods') }} as periods
    inner join days
        on
            periods.period_start - 1 = days.date_day
            and days.close_date between periods.period_start and periods.period_end
),

ended as (
    select
        due.*,
        days.deal_key is not null as is_still_open
    from due
    left join days on due.deal_key = days.deal_key and due.closing_date = days.date_day
),

compared as (
    select
        coalesce(slips.period_type, ended.period_type) as period_type,
        coalesce(slips.period_start, ended.period_start) as period_start,
        coalesce(slips.deal_key, ended.deal_key) as deal_key,
        slips.outcome,
        slips.amount_reporting,
        ended.is_still_open,
        ended.amount_reporting as amount_that_day
    from slips
    full outer join ended
        on
            slips.period_type = ended.period_type
            and slips.period_start = ended.period_start
            and slips.deal_key = ended.deal_key
)

select *
from compared
where
    outcome is null
    or is_still_open is null
    or is_still_open <> (outcome = 'still_open')
    or amount_reporting is distinct from amount_that_day
