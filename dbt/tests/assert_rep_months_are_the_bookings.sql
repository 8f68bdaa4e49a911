-- What: the owners' months hold every deal that was won or lost, with its amount, and every held meeting, once.
-- Why: what is credited to people, and what stands in bookings, must never be two numbers.
-- A returned row: the two sides, if they differ.
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

first_month as (
    select dates.month_start
    from {{ ref('dim_dates') }} as dates
    inner join run_context on dates.date_day = run_context.start_date
),

rep_months as (
    select
        coalesce(sum(rep_months.won_deals), 0) as won_deals,
        coalesce(sum(rep_months.lost_deals), 0) as lost_deals,
        coalesce(sum(rep_months.won_plan_rate), 0) as won_plan_rate,
        coalesce(sum(rep_months.meetings_held), 0) as meetings_held
    from {{ ref('fct_rep_months') }} as rep_months
),

deals as (
    select
        count(*) filter (where deals.status = 'won') as won_deals,
        count(*) filter (where deals.status = 'lost') as lost_deals,
        coalesce(sum(deals.amount_plan_rate) filter (where deals.status = 'won'), 0) as won_plan_rate
    from {{ ref('fct_deals') }} as deals
    cross join run_context
    cross join first_month
    where
        not deals.is_excluded
        and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell')
        and deals.close_day between first_month.month_start and run_context.as_of
),

activities as (
    select count(*) as meetings_held
    from {{ ref('fct_activities') }} as activities
    cross join run_context
    cross join first_month
    where
        not activities.is_excluded
        and activities.outcome = 'held'
        and activities.occurred_date between first_month.month_start and run_context.as_of
)

select
    rep_months.won_deals,
    deals.won_deals as won_deals_of_deals,
    rep_months.lost_deals,
    deals.lost_deals as lost_deals_of_deals,
    rep_months.won_plan_rate,
    deals.won_plan_rate as won_plan_rate_of_deals,
    rep_months.meetings_held,
    activities.meetings_held as meetings_held_of_activities
from rep_months
cross join deals
cross join activities
where
    rep_months.won_deals <> deals.won_deals
    or rep_months.lost_deals <> deals.lost_deals
    or rep_months.won_plan_rate <> deals.won_plan_rate
    or rep_months.meetings_held <> activities.meetings_held
