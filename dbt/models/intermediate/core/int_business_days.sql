{#-
    One row per calendar and day with its business hours as UTC instants, and the business time of all days before
    it: the business time between two instants is then one subtraction (macro `business_position`).
    Hours are those of the clock on the wall, so a day on which clocks change is as long as it is. Calendar 0 is the
    company's, by which it is told what is no single owner's.
-#}
with

holidays as (
    {{ union_staged('holidays') }}
),

calendars as (
    select
        cast(work_calendars.calendar_no as integer) as calendar_no,
        coalesce(nullif(work_calendars.timezone, ''), run_context.reporting_timezone) as timezone
    from {{ source('run', 'work_calendars') }} as work_calendars
    cross join {{ source('run', 'run_context') }} as run_context
),

business_hours as (
    select
        cast(business_hours.calendar_no as integer) as calendar_no,
        cast(business_hours.day_of_week as integer) as day_of_week,
        cast(business_hours.opens_minute as integer) as opens_minute,
        cast(business_hours.closes_minute as integer) as closes_minute
    from {{ source('run', 'business_hours') }} as business_hours
),

holiday_regions as (
    select
        cast(holiday_regions.calendar_no as integer) as calendar_no,
        holiday_regions.region
    from {{ source('run', 'holiday_regions') }} as holiday_regions
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

days as (
    select
        cast(unnest(generate_series(
            date '1970-01-01',
            make_date(cast(year(run_context.as_of) as integer) + 2, 12, 31),
            interval 1 day
        )) as date) as date_day,
        calendars.calendar_no,
        calendars.timezone
    from run_context
    cross join calendars
),

holidays_observed as (
    select
        calendars.calendar_no,
        holidays.holiday_date,
        min(holidays.name) as holiday_name
    from holidays
    cross join calendars
    left join holiday_regions
        on
            calendars.calendar_no = holiday_regions.calendar_no
            and lower(trim(holidays.region)) = lower(trim(holiday_regions.region))
    where holidays.region is null or holiday_regions.region is not null
    group by all
),

days_joined as (
    select
        days.calendar_no,
        days.date_day,
        holidays_observed.holiday_name,
        business_hours.day_of_week is not null and holidays_observed.holiday_date is null
            as is_working_day,
        holidays_observed.holiday_date is not null as is_holiday,
        (days.date_day + to_minutes(coalesce(business_hours.opens_minute, 0)))
        at time zone days.timezone at time zone 'UTC' as opens_at,
        (days.date_day + to_minutes(coalesce(business_hours.closes_minute, 0)))
        at time zone days.timezone at time zone 'UTC' as closes_at
    from days
    left join business_hours
        on
            days.calendar_no = business_hours.calendar_no
            and isodow(days.date_day) = business_hours.day_of_week
    left join holidays_observed
        on
            days.calendar_no = holidays_observed.calendar_no
            and days.date_day = holidays_observed.holiday_date
),

days_measured as (
    select
        days_joined.*,
        case
            when days_joined.is_working_day
                then date_diff('microsecond', days_joined.opens_at, days_joined.closes_at)
            else 0
        end as business_microseconds
    from days_joined
),

final as (
    select
        days_measured.holiday_name,
        days_measured.calendar_no,
        days_measured.business_microseconds,
        cast(
            sum(days_measured.business_microseconds) over days_of_calendar - days_measured.business_microseconds
            as bigint
        ) as business_microseconds_before,
        days_measured.is_working_day,
        days_measured.is_holiday,
        days_measured.date_day,
        days_measured.opens_at,
        days_measured.closes_at
    from days_measured
    window days_of_calendar as (partition by days_measured.calendar_no order by days_measured.date_day)
)

select * from final
