{#-
    Months are those of the calendar, the fiscal year beginning with the configured one, unless the company lists its
    own (4-4-5, 53 weeks; files entity `fiscal_periods`). Before and after the listed ones months are the calendar's
    again, numbered on, the first of them beginning where the list ends. The fiscal year is named after the calendar year
    in which it ends, or as the list names it. Working days are days with business hours that are no holiday.

    A month is named after its fifteenth day, so a month of weeks has the name of the one that it mostly lies in.
-#}
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

business_days as (
    select * from {{ ref('int_business_days') }}
    where calendar_no = 0
),

fiscal_periods as (
    {{ union_staged('fiscal_periods') }}
),

-- A year more than is told on both sides, so that quarters and years at the edges are whole.
calendar_months as (
    select
        run_context.first_weekday,
        make_date(cast(year(run_context.start_date) as integer), 1, 1) as first_day,
        make_date(cast(year(run_context.as_of) as integer) + 2, 12, 31) as last_day,
        (13 - run_context.fiscal_year_start_month) % 12 as months_shifted,
        cast(unnest(generate_series(
            make_date(cast(year(run_context.start_date) as integer) - 1, 1, 1),
            make_date(cast(year(run_context.as_of) as integer) + 3, 12, 31),
            interval 1 month
        )) as date) as month_start
    from run_context
),

-- Months are counted through, twelve to the fiscal year. Of two files that tell the same one the later counts.
months_listed as (
    select
        fiscal_periods.fiscal_year * 12 + fiscal_periods.fiscal_month - 1 as month_number,
        max_by(
            {
                'period_start': fiscal_periods.period_start,
                'period_end': fiscal_periods.period_end,
                'year_label': fiscal_periods.fiscal_year_label
            },
            fiscal_periods.version_order
        ) as listed
    from fiscal_periods
    group by all
),

-- The calendar's months that the list stands for: those whose first day is the nearest.
edges as (
    select
        min_by(months_listed.month_number, months_listed.listed.period_start) as first_number,
        max_by(months_listed.month_number, months_listed.listed.period_end) as last_number,
        max(months_listed.listed.period_end) + 1 as next_start,
        cast(date_trunc('month', min(months_listed.listed.period_start) + 15) as date) as first_calendar_month,
        cast(date_trunc('month', max(months_listed.listed.period_end) + 16) as date) as next_calendar_month
    from months_listed
),

months_numbered as (
    select
        months_listed.month_number,
        months_listed.listed.year_label,
        'calendar_file' as fiscal_basis,
        months_listed.listed.period_start as month_start
    from months_listed
    union all
    select
        case
            when edges.first_number is null
                then
                    year(calendar_months.month_start) * 12
                    + month(calendar_months.month_start)
                    - 1
                    + calendar_months.months_shifted
            when calendar_months.month_start < edges.first_calendar_month
                then
                    edges.first_number
                    - date_diff('month', calendar_months.month_start, edges.first_calendar_month)
            else
                edges.last_number
                + 1
                + date_diff('month', edges.next_calendar_month, calendar_months.month_start)
        end as month_number,
        cast(null as text) as year_label,
        'configuration' as fiscal_basis,
        case
            when calendar_months.month_start = edges.next_calendar_month then edges.next_start
            else calendar_months.month_start
        end as month_start
    from calendar_months
    cross join edges
    where
        edges.first_number is null
        or calendar_months.month_start < edges.first_calendar_month
        or calendar_months.month_start >= edges.next_calendar_month
),

months_named as (
    select
        months_numbered.fiscal_basis,
        months_numbered.year_label,
        cast(months_numbered.month_number // 12 as integer) as fiscal_year,
        cast(months_numbered.month_number % 12 // 3 + 1 as integer) as fiscal_quarter,
        cast(months_numbered.month_number % 12 + 1 as integer) as fiscal_month,
        months_numbered.month_start,
        lead(months_numbered.month_start) over (order by months_numbered.month_start) - 1 as month_end
    from months_numbered
),

months_described as (
    select
        months_named.*,
        coalesce(
            max(months_named.year_label) over (partition by months_named.fiscal_year),
            'FY' || right(cast(months_named.fiscal_year as text), 2)
        ) as fiscal_year_label,
        min(months_named.month_start) over fiscal_quarter_of_year as quarter_start,
        max(months_named.month_end) over fiscal_quarter_of_year as quarter_end,
        min(months_named.month_start) over (partition by months_named.fiscal_year) as fiscal_year_start
    from months_named
    window
        fiscal_quarter_of_year as (
            partition by months_named.fiscal_year, months_named.fiscal_quarter
        )
),

days as (
    select
        months_described.*,
        cast(unnest(generate_series(
            months_described.month_start, months_described.month_end, interval 1 day
        )) as date) as date_day
    from months_described
    where months_described.month_end >= months_described.month_start
),

calendar_told as (
    select distinct
        calendar_months.first_weekday,
        calendar_months.first_day,
        calendar_months.last_day
    from calendar_months
),

days_described as (
    select
        days.*,
        calendar.first_weekday,
        cast(isodow(days.date_day) as integer) as day_of_week,
        business_days.holiday_name,
        business_days.is_holiday,
        business_days.is_working_day
    from days
    inner join calendar_told as calendar
        on days.date_day between calendar.first_day and calendar.last_day
    inner join business_days on days.date_day = business_days.date_day
),

-- A month that reaches over the first or last day is counted as far as it is told.
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
        days_counted.fiscal_year_label,
        days_counted.fiscal_year_label || ' Q' || days_counted.fiscal_quarter as fiscal_quarter_label,
        strftime(days_counted.month_start + 14, '%Y-%m') as month_label,
        days_counted.fiscal_basis,
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
        days_counted.quarter_start,
        days_counted.fiscal_year_start,
        days_counted.month_end,
        days_counted.quarter_end
    from days_counted
)

select * from final
