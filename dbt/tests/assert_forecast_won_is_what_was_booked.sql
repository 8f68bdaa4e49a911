-- What: the forecast's part `won` equals the won deals of the period up to as_of.
-- Why: the booked part is a fact; a forecast that books differently from the deals starts from a
-- wrong place.
-- A returned row: a period and method whose booked part differs from the deals.
with

forecast as (
    select
        period_type,
        method,
        sum(expected) as expected,
        period_start,
        period_end
    from {{ ref('fct_forecast') }}
    where level = 'total' and part = 'won'
    group by all
),

deals as (
    select
        deals.amount_reporting,
        deals.close_day
    from {{ ref('fct_deals') }} as deals
    inner join {{ source('run', 'run_context') }} as run_context on deals.close_day <= run_context.as_of
    where
        not deals.is_excluded
        and deals.status = 'won'
        and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

periods_compared as (
    select
        forecast.*,
        coalesce(sum(deals.amount_reporting), 0) as booked
    from forecast
    left join deals on deals.close_day between forecast.period_start and forecast.period_end
    group by all
)

select *
from periods_compared
where expected <> booked
