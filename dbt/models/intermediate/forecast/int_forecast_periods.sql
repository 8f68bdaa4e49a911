{#- The months that the forecast speaks of, and the months and quarters that they add up to. Month 0 is the one of
    as_of; months before it in the current quarter count for what is booked in them. -#}
with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

offsets as (
    select cast(offsets.month_offset as integer) as month_offset
    from range(-2, 6) as offsets (month_offset)
),

months as (
    select
        offsets.month_offset,
        dates.quarter_start,
        dates.quarter_end,
        dates.month_start,
        dates.month_end,
        current_day.quarter_start as current_quarter_start
    from offsets
    cross join run_context
    inner join dates
        on
            dates.date_day
            = cast(date_trunc('month', run_context.as_of) + to_months(offsets.month_offset) as date)
    inner join dates as current_day on run_context.as_of = current_day.date_day
),

final as (
    select
        'month' as period_type,
        month_offset,
        month_start,
        month_start as period_start,
        month_end as period_end
    from months
    where month_offset between 0 and 3
    union all
    select
        'quarter' as period_type,
        month_offset,
        month_start,
        quarter_start as period_start,
        quarter_end as period_end
    from months
    where
        quarter_start >= current_quarter_start
        and quarter_start <= current_quarter_start + interval 3 month
)

select * from final
