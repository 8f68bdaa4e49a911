{#- Which method can say something about which month: without at least three origins, or without the same month a
    year ago, there is no figure rather than a wrong one. -#}
with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

periods as (
    select distinct
        month_offset,
        month_start
    from {{ ref('int_forecast_periods') }}
),

deals as (
    select * from {{ ref('int_forecast_deals') }}
),

origins as (
    select * from {{ ref('int_forecast_origins') }}
),

deals_known as (
    select
        min(created_at) as first_created_at,
        count(*) filter (where status = 'open') as open_deals,
        count(*) filter (where status = 'open' and win_probability is not null) as weighted_deals
    from deals
    having count(*) > 0
),

origins_counted as (
    select
        periods.month_offset,
        count(origins.months_ago) as origins
    from periods
    left join origins
        on
            origins.months_ago
            between greatest(periods.month_offset, 0) + 1 and greatest(periods.month_offset, 0) + 12
    group by periods.month_offset
),

final as (
    select
        'crm_view' as method,
        periods.month_offset,
        cast(null as bigint) as origins,
        periods.month_start
    from periods
    cross join deals_known
    where deals_known.open_deals = 0 or deals_known.weighted_deals > 0
    union all
    select
        'stage_yield' as method,
        periods.month_offset,
        origins_counted.origins,
        periods.month_start
    from periods
    cross join deals_known
    inner join origins_counted on periods.month_offset = origins_counted.month_offset
    where origins_counted.origins >= 3
    union all
    select
        'seasonal_naive' as method,
        periods.month_offset,
        cast(null as bigint) as origins,
        periods.month_start
    from periods
    cross join deals_known
    cross join run_context
    -- Months that are over need no year ago: what is booked in them is known.
    where
        periods.month_start < date_trunc('month', run_context.as_of)
        or deals_known.first_created_at < periods.month_start - interval 12 month
)

select * from final
