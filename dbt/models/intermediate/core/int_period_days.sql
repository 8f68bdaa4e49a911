{#-
    One row per day and fiscal month or quarter that it lies in, with the working days that were
    over then. Two periods are compared on the same share of their working days, since a month has
    20 to 23: `is_to_date` marks the days up to the share that is over in the current period.
-#}
with

dates as (
    select * from {{ ref('dim_dates') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

days_of_periods as (
    select
        'month' as period_type,
        dates.month_label as period_label,
        dates.fiscal_year * 12 + dates.fiscal_month as period_number,
        dates.is_working_day,
        dates.date_day,
        dates.month_start as period_start
    from dates
    union all
    select
        'quarter' as period_type,
        dates.fiscal_quarter_label as period_label,
        dates.fiscal_year * 4 + dates.fiscal_quarter as period_number,
        dates.is_working_day,
        dates.date_day,
        dates.quarter_start as period_start
    from dates
),

days_numbered as (
    select
        days_of_periods.*,
        count(*) filter (where days_of_periods.is_working_day) over (
            partition by days_of_periods.period_type, days_of_periods.period_start
            order by days_of_periods.date_day
        ) as elapsed_working_days,
        count(*) filter (where days_of_periods.is_working_day) over (
            partition by days_of_periods.period_type, days_of_periods.period_start
        ) as working_days,
        max(days_of_periods.date_day) over (
            partition by days_of_periods.period_type, days_of_periods.period_start
        ) as period_end
    from days_of_periods
),

current_days as (
    select days_numbered.*
    from days_numbered
    inner join run_context on days_numbered.date_day = run_context.as_of
),

final as (
    select
        days_numbered.period_type,
        days_numbered.period_label,
        days_numbered.period_number,
        days_numbered.elapsed_working_days,
        days_numbered.working_days,
        days_numbered.period_start = current_days.period_start as is_current,
        days_numbered.elapsed_working_days * current_days.working_days
        <= current_days.elapsed_working_days * days_numbered.working_days as is_to_date,
        days_numbered.date_day,
        days_numbered.period_start,
        days_numbered.period_end,
        current_days.period_start as current_period_start
    from days_numbered
    inner join current_days on days_numbered.period_type = current_days.period_type
)

select * from final
