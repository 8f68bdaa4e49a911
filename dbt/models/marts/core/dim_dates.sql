{#-
    The fiscal year is named after the calendar year in which it ends. Working days are days with
    business hours that are no holiday.
-#}
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

business_days as (
    select * from {{ ref('int_business_days') }}
),

days as (
    select
        cast(unnest(generate_series(
            make_date(cast(year(run_context.start_date) as integer), 1, 1),
            make_date(cast(year(run_context.as_of) as integer) + 2, 12, 31),
            interval 1 day
        )) as date) as date_day
    from run_context
),

-- Shifted so that the fiscal year becomes a calendar year, fiscal parts can be read off directly.
days_shifted as (
    select
        days.date_day,
        run_context.first_weekday,
        cast(
            date_trunc('month', days.date_day)
            + to_months(cast((13 - run_context.fiscal_year_start_month) % 12 as integer))
            as date
        ) as fiscal_month_shifted
    from days
    cross join run_context
),

days_described as (
    select
        days_shifted.date_day,
        days_shifted.first_weekday,
        cast(year(days_shifted.fiscal_month_shifted) as integer) as fiscal_year,
        cast(quarter(days_shifted.fiscal_month_shifted) as integer) as fiscal_quarter,
        cast(month(days_shifted.fiscal_month_shifted) as integer) as fiscal_month,
        cast(isodow(days_shifted.date_day) as integer) as day_of_week,
        business_days.holiday_name,
        business_days.is_holiday,
        business_days.is_working_day,
        cast(date_trunc('month', days_shifted.date_day) as date) as month_start
    from days_shifted
    inner join business_days on days_shifted.date_day = business_days.date_day
),

days_counted as (
    select
        days_described.*,
        cast(count(*) filter (where days_described.is_working_day) over (
            partition by days_described.month_start
            order by days_described.date_day
        ) as integer) as working_day_of_month,
        cast(count(*) filter (where days_described.is_working_day) over (
            partition by days_described.month_start
        ) as integer) as working_days_in_month
    from days_described
),

final as (
    select
        days_counted.fiscal_year,
        days_counted.fiscal_quarter,
        days_counted.fiscal_month,
        cast(year(days_counted.date_day) as integer) as calendar_year,
        cast(quarter(days_counted.date_day) as integer) as calendar_quarter,
        cast(month(days_counted.date_day) as integer) as calendar_month,
        days_counted.day_of_week,
        days_counted.working_day_of_month,
        days_counted.working_days_in_month,
        'FY' || right(cast(days_counted.fiscal_year as text), 2) as fiscal_year_label,
        'FY'
        || right(cast(days_counted.fiscal_year as text), 2)
        || ' Q'
        || days_counted.fiscal_quarter
            as fiscal_quarter_label,
        strftime(days_counted.month_start, '%Y-%m') as month_label,
        days_counted.holiday_name,
        days_counted.day_of_week > 5 as is_weekend,
        days_counted.is_holiday,
        days_counted.is_working_day,
        days_counted.date_day,
        cast(
            days_counted.date_day
            - to_days(
                cast((days_counted.day_of_week - days_counted.first_weekday + 7) % 7 as integer)
            )
            as date
        ) as week_start,
        days_counted.month_start,
        cast(
            days_counted.month_start
            - to_months(cast((days_counted.fiscal_month - 1) % 3 as integer)) as date
        ) as quarter_start,
        cast(days_counted.month_start - to_months(days_counted.fiscal_month - 1) as date)
            as fiscal_year_start,
        last_day(days_counted.date_day) as month_end,
        cast(
            days_counted.month_start
            + to_months(cast(3 - (days_counted.fiscal_month - 1) % 3 as integer))
            - interval 1 day
            as date
        ) as quarter_end
    from days_counted
)

select * from final
