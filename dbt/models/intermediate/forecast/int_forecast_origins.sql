{#- Days in the past that stand in their month where as_of stands in its own: what was open then and what became of
    it says what becomes of what is open now. Of the end of a month, ends of months. -#}
with

run_context as (
    select
        as_of,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

deals as (
    select * from {{ ref('int_forecast_deals') }}
),

first_deal as (
    select min(created_at) as created_at
    from deals
),

months_back as (
    select cast(months_back.months_ago as integer) as months_ago
    from range(1, 25) as months_back (months_ago)
),

origin_days as (
    select
        months_back.months_ago,
        case
            when run_context.as_of = last_day(run_context.as_of)
                then last_day(cast(run_context.as_of - to_months(months_back.months_ago) as date))
            else cast(run_context.as_of - to_months(months_back.months_ago) as date)
        end as origin_day,
        run_context.reporting_timezone
    from months_back
    cross join run_context
),

origins_dated as (
    select
        months_ago,
        cast(date_trunc('month', origin_day) as date) as origin_month,
        origin_day,
        cast(origin_day + 1 as timestamp) at time zone reporting_timezone at time zone 'UTC'
            as origin_end
    from origin_days
),

final as (
    select origins_dated.*
    from origins_dated
    inner join first_deal on origins_dated.origin_end > first_deal.created_at
)

select * from final
