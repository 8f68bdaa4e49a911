{#-
    One row per month of the calendar up to the end of the second quarter after the current one (an
    open deal may be won up to five months ahead), with the day at whose end what was booked in it is what forecasts are scored against: so many working
    days after its end as the company has chosen. A quarter is frozen with its last month.
-#}
with

dates as (
    select * from {{ ref('dim_dates') }}
),

forecast_rules as (
    select * from {{ source('run', 'forecast_rules') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

days_counted as (
    select
        dates.*,
        count(*) filter (where dates.is_working_day) over (order by dates.date_day) as working_days
    from dates
),

last_quarter as (
    select max(second.quarter_end) as quarter_end
    from dates
    inner join run_context on dates.date_day = run_context.as_of
    inner join dates as following on dates.quarter_end + 1 = following.date_day
    inner join dates as second on following.quarter_end + 1 = second.date_day
),

months as (
    select
        days_counted.month_start,
        days_counted.month_end,
        days_counted.quarter_start,
        days_counted.quarter_end,
        max(days_counted.working_days) as working_days
    from days_counted
    group by all
),

final as (
    select
        months.month_start,
        months.month_end,
        months.quarter_start,
        months.quarter_end,
        min(days_counted.date_day) as frozen_day
    from months
    cross join forecast_rules
    inner join last_quarter on months.month_start <= last_quarter.quarter_end
    left join days_counted
        on
            days_counted.is_working_day
            and days_counted.working_days
            = months.working_days + cast(forecast_rules.frozen_after_days as integer)
    group by all
)

select * from final
