{#-
    One row per owner, month in which the owner was there or has a target, months to come included, and measure of a
    target: the days at work by the owner's own calendar, and the target prorated to them and ramped. Of bookings there is
    one in every month.
-#}
with

owners as (
    select * from {{ ref('dim_owners') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

owner_calendars as (
    select * from {{ ref('int_owner_calendars') }}
),

business_days as (
    select * from {{ ref('int_business_days') }}
),

targets as (
    select * from {{ ref('fct_targets') }}
    where level = 'owner' and measure <> 'pipeline_created'
),

quota_ramp as (
    select
        cast(quota_ramp.months_after_start as integer) as months_after_start,
        cast(quota_ramp.share as decimal(9, 6)) as share
    from {{ source('run', 'quota_ramp') }} as quota_ramp
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

owners_dated as (
    select
        owners.owner_key,
        owners.kind,
        {{ day_in_zone('owners.created_at', 'run_context.reporting_timezone') }} as first_day,
        {{ day_in_zone('owners.deactivated_at', 'run_context.reporting_timezone') }} as last_day
    from owners
    cross join run_context
),

dates_of_calendars as (
    select
        dates.date_day,
        dates.month_start,
        business_days.calendar_no,
        business_days.is_working_day,
        dates.date_day <= run_context.as_of as is_over
    from dates
    cross join run_context
    inner join business_days on dates.date_day = business_days.date_day
    where run_context.start_date <= dates.month_end
),

-- From the day of the start to the day of the leaving; where neither is known a whole month.
days_of_owners as (
    select
        owners_dated.owner_key,
        owners_dated.kind,
        dates.month_start,
        dates.is_working_day,
        dates.is_over,
        dates.date_day >= coalesce(owners_dated.first_day, dates.date_day)
        and dates.date_day <= coalesce(owners_dated.last_day, dates.date_day) as is_employed
    from owners_dated
    inner join owner_calendars on owners_dated.owner_key = owner_calendars.owner_key
    inner join dates_of_calendars as dates
        on
            owner_calendars.calendar_no = dates.calendar_no
            and owner_calendars.valid_from_date <= dates.date_day
            and owner_calendars.valid_to_date > dates.date_day
),

days_employed as (
    select
        days_of_owners.owner_key,
        days_of_owners.month_start,
        any_value(days_of_owners.kind) as kind,
        count(*) filter (where days_of_owners.is_working_day and days_of_owners.is_employed) as working_days_employed,
        count(*) filter (where days_of_owners.is_working_day and days_of_owners.is_employed and days_of_owners.is_over)
            as working_days,
        count(*) filter (where days_of_owners.is_working_day) as working_days_in_month
    from days_of_owners
    group by days_of_owners.owner_key, days_of_owners.month_start
    having count(*) filter (where days_of_owners.is_employed) > 0
),

-- Where nobody knows when an owner began there is nothing to count the ramp from.
ramps as (
    select
        owners_dated.owner_key,
        dates.month_start,
        quota_ramp.share as ramp_share
    from owners_dated
    inner join dates as first_dates on owners_dated.first_day = first_dates.date_day
    cross join quota_ramp
    inner join dates on dates.date_day = dates.month_start
    where
        dates.fiscal_year * 12 + dates.fiscal_month
        = first_dates.fiscal_year * 12 + first_dates.fiscal_month + quota_ramp.months_after_start
),

owner_months as (
    select
        days_employed.owner_key,
        'bookings' as measure,
        days_employed.month_start
    from days_employed
    union
    select
        targets.member as owner_key,
        targets.measure,
        targets.period_start as month_start
    from targets
),

final as (
    select
        owner_months.owner_key,
        owner_months.measure,
        days_employed.kind,
        days_employed.working_days,
        targets.amount_reporting as quota_stated,
        case when targets.member is not null then cast(coalesce(ramps.ramp_share, 1) as decimal(9, 6)) end
            as ramp_share,
        -- A double just below half a cent would be rounded down.
        cast(cast(
            case
                -- Nothing is asked of who has left, whatever a list still says.
                when leavers.last_day < targets.period_start then 0
                when days_employed.working_days_employed < days_employed.working_days_in_month
                    then
                        cast(targets.amount_reporting as double)
                        * coalesce(ramps.ramp_share, 1)
                        * days_employed.working_days_employed
                        / days_employed.working_days_in_month
                else targets.amount_reporting * coalesce(ramps.ramp_share, 1)
            end as decimal(24, 6)
        ) as decimal(18, 2)) as quota,
        owner_months.month_start
    from owner_months
    left join days_employed
        on owner_months.owner_key = days_employed.owner_key and owner_months.month_start = days_employed.month_start
    left join targets
        on
            owner_months.owner_key = targets.member
            and owner_months.measure = targets.measure
            and owner_months.month_start = targets.period_start
    left join owners_dated as leavers on targets.member = leavers.owner_key
    left join ramps
        on targets.member = ramps.owner_key and targets.period_start = ramps.month_start
)

select * from final
