-- What: the days of each target sum to it, to the cent.
-- Why: coverage and pacing of any range of days are sums of days, and must agree with the month's target.
-- A returned row: a target, and what its days sum to. Targets outside the calendar have no days.
with

targets as (
    select * from {{ ref('fct_targets') }}
),

days as (
    select * from {{ ref('fct_targets_daily') }}
),

calendar as (
    select
        min(dates.month_start) as first_month,
        max(dates.month_start) as last_month
    from {{ ref('dim_dates') }} as dates
)

select
    targets.target_key,
    targets.amount_reporting,
    sum(days.amount_reporting) as days_sum
from targets
cross join calendar
left join days on targets.target_key = days.target_key
where targets.period_start between calendar.first_month and calendar.last_month
group by targets.target_key, targets.amount_reporting
having targets.amount_reporting is distinct from sum(days.amount_reporting)
