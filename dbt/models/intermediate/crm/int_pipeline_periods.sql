{#-
    One row per week, fiscal month and fiscal quarter up to `as_of`. The current one is told up to
    the end of `as_of`.
-#}
with

dates as (
    select * from {{ ref('dim_dates') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

periods as (
    select
        'week' as period_type,
        dates.week_start as period_start,
        dates.week_start + 6 as period_end
    from dates
    union
    select
        'month' as period_type,
        dates.month_start as period_start,
        dates.month_end as period_end
    from dates
    union
    select
        'quarter' as period_type,
        dates.quarter_start as period_start,
        dates.quarter_end as period_end
    from dates
),

-- What was due before the first period of all is asked of the calendar.
periods_ordered as (
    select
        periods.*,
        coalesce(
            lag(periods.period_start) over (
                partition by periods.period_type order by periods.period_start
            ),
            periods.period_start - case periods.period_type
                when 'week' then interval 7 day
                when 'month' then interval 1 month
                else interval 3 month
            end
        ) as previous_start
    from periods
),

final as (
    select
        periods.period_type,
        periods.period_end <= run_context.as_of as is_complete,
        periods.period_start,
        periods.period_end,
        cast(periods.previous_start as date) as previous_start,
        least(periods.period_end, run_context.as_of) as closing_date,
        cast(periods.period_start as timestamp) at time zone run_context.reporting_timezone
        at time zone 'UTC' as starts_at,
        cast(least(periods.period_end, run_context.as_of) + 1 as timestamp)
        at time zone run_context.reporting_timezone at time zone 'UTC' as ends_at
    from periods_ordered as periods
    cross join run_context
    where periods.period_start <= run_context.as_of
)

select * from final
