{#-
    One row per mistake in a list that the company itself keeps in files: what is wrong, in which file and row, and what
    mends it. The test `assert_lists_are_sound` lets none through, so a release never rests on half a list; rows of other
    exports that cannot be read are set aside and counted instead.

    Where two files tell the same, the later one counts (`union_staged`), so only one file can contradict itself.
-#}
{%- set lists = ['targets', 'budgets', 'rates', 'holidays', 'fiscal_periods'] -%}
with

owners as (
    {{ union_staged('owners', every_landing=true) }}
),

owner_keys as (
    select * from {{ ref('int_owner_keys') }}
),

plan_rates as (
    select * from {{ ref('int_rates_plan') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

-- Each region once, and the company that names none.
holiday_regions as (
    select
        min(cast(work_calendars.calendar_no as integer)) as calendar_no,
        any_value(regions.region) as region,
        lower(trim(regions.region)) as region_read
    from {{ source('run', 'work_calendars') }} as work_calendars
    left join {{ source('run', 'holiday_regions') }} as regions on work_calendars.calendar_no = regions.calendar_no
    group by lower(trim(regions.region))
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),
{% for list in lists %}
{{ list }} as (
    select
        staged.*,
        'files.' || staged.mapping_name || ': ' || staged.file_name as file_place,
        'files.' || staged.mapping_name || ': ' || staged.file_name || ' row ' || staged.row_number as place
    from {{ ref('stg_files__' ~ list) }} as staged
    cross join run_context
    where staged.load_number <= run_context.known_at
    qualify
        staged.load_number = max(staged.load_number) over (partition by staged.mapping_name, staged.file_name)
),
{% endfor %}
targets_read as (
    select
        targets.*,
        lower(coalesce({{ given('targets.member') }}, '')) as member_read,
        coalesce(
            dates.fiscal_year * 12 + dates.fiscal_month,
            year(targets.period_start) * 12 + month(targets.period_start)
        ) as month_number,
        coalesce(dates.month_end, last_day(targets.period_start)) as month_end
    from targets
    left join dates on targets.period_start = dates.date_day
    where targets.reject_reason is null
),

-- By any name that a source has ever given them: who left or has not started by the day is an owner too.
owner_names as (
    select
        lower(unnest([owners.owner_id, owners.email, owners.owner_name])) as name,
        owners.source_system || ':' || owners.owner_id as owner_key
    from owners
    union
    select
        lower(owners.source_system || ':' || owners.owner_id) as name,
        owners.source_system || ':' || owners.owner_id as owner_key
    from owners
    union
    select
        lower(unnest([owner_keys.owner_id, owner_keys.owner_key])) as name,
        owner_keys.owner_key
    from owner_keys
),

-- A list may call one owner by two names; what two owners have been called says neither.
owners_named as (
    select
        owner_names.name,
        min(owner_names.owner_key) as owner_key
    from owner_names
    group by owner_names.name
    having count(distinct owner_names.owner_key) = 1
),

targets_named as (
    select
        targets_read.*,
        coalesce(owners_named.owner_key, targets_read.member_read) as member_named
    from targets_read
    left join owners_named
        on
            targets_read.level = 'owner'
            and targets_read.member_read = owners_named.name
),

team_names as (
    select distinct lower(owners.team) as name
    from owners
    where owners.team is not null
),

unreadable_rows as (
    {%- for list in lists %}
    select
        '{{ list }}' as list,
        {{ list }}.place,
        {{ list }}.row_number,
        {{ list }}.reject_reason as what,
        'correct the row' as fix
    from {{ list }}
    where {{ list }}.reject_reason is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

targets_overlapping as (
    select
        'targets' as list,
        later.place,
        later.row_number,
        'says the same ' || later.period_type || ' of the same ' || later.level || ' as row '
        || min(earlier.row_number) as what,
        'keep one of them' as fix
    from targets_named as later
    inner join targets_named as earlier
        on
            later.mapping_name = earlier.mapping_name
            and later.file_name = earlier.file_name
            and later.row_number > earlier.row_number
            and later.level = earlier.level
            and later.member_named = earlier.member_named
            and later.measure = earlier.measure
            and later.period_type = earlier.period_type
            and abs(later.month_number - earlier.month_number)
            < case later.period_type when 'quarter' then 3 else 1 end
    group by later.place, later.row_number, later.period_type, later.level
),

targets_of_nobody as (
    select
        'targets' as list,
        targets_read.place,
        targets_read.row_number,
        case
            when targets_read.member_read = '' then 'the ' || targets_read.level || ' is not named'
            else 'no ' || targets_read.level || ' that a source lists goes by the name of this row'
        end as what,
        'write member as the source does (of an owner the id, e-mail or name), or take the row out' as fix
    from targets_read
    cross join run_context
    where
        targets_read.level in ('team', 'owner')
        and (
            targets_read.member_read = ''
            -- Who is hired for a month is listed by its end; until then the target may be ahead of the source.
            or (
                targets_read.month_end <= run_context.as_of
                and case targets_read.level
                    when 'owner'
                        then
                            exists (select 1 from owner_names)
                            and not exists (
                                select 1 from owner_names
                                where owner_names.name = targets_read.member_read
                            )
                    else
                        exists (select 1 from team_names)
                        and not exists (
                            select 1 from team_names
                            where team_names.name = targets_read.member_read
                        )
                end
            )
        )
),

targets_without_rate as (
    select
        'targets' as list,
        targets_read.place,
        targets_read.row_number,
        'there is no plan rate of ' || targets_read.currency || ' for ' || targets_read.period_start as what,
        'add it to the list of rates (kind plan)' as fix
    from targets_read
    left join plan_rates
        on
            targets_read.currency = plan_rates.currency
            and targets_read.period_start >= plan_rates.valid_from
            and targets_read.period_start < plan_rates.valid_to
    where plan_rates.currency is null
),

rates_overlapping as (
    select
        'rates' as list,
        rates.place,
        rates.row_number,
        'says the ' || rates.kind || ' rate of ' || rates.currency || ' of ' || rates.rate_date || ' again, which row '
        || min(rates.row_number) over same_rate || ' says' as what,
        'keep one of them' as fix
    from rates
    where rates.reject_reason is null
    window
        same_rate as (
            partition by rates.mapping_name, rates.file_name, rates.kind, rates.currency, rates.rate_date
        )
    qualify rates.row_number > min(rates.row_number) over same_rate
),

rates_impossible as (
    select
        'rates' as list,
        rates.place,
        rates.row_number,
        'the rate ' || rates.rate_to_reporting || ' is not above 0' as what,
        'write what one ' || rates.currency || ' is worth' as fix
    from rates
    where rates.reject_reason is null and rates.rate_to_reporting <= 0
),

rates_with_before as (
    select
        rates.currency,
        rates.rate_date,
        rates.place,
        rates.row_number,
        lag(rates.rate_date) over currency_by_day as date_before,
        row_number() over currency_by_day as rate_no
    from rates
    where rates.reject_reason is null and rates.kind = 'daily'
    window currency_by_day as (partition by rates.currency order by rates.rate_date)
),

rates_usual as (
    select
        rates_with_before.currency,
        median(rates_with_before.rate_date - rates_with_before.date_before) as usual_days
    from rates_with_before
    where rates_with_before.rate_date > rates_with_before.date_before
    group by rates_with_before.currency
),

-- The rate of the day before holds over a holiday, and over a month where a list is monthly. Over a season it is
-- another rate, which nobody has written down.
rates_missing as (
    select
        'rates' as list,
        rates_with_before.place,
        rates_with_before.row_number,
        'there is no daily rate of ' || rates_with_before.currency || ' between ' || rates_with_before.date_before
        || ' and ' || rates_with_before.rate_date as what,
        'add the rates of these days' as fix
    from rates_with_before
    inner join rates_usual on rates_with_before.currency = rates_usual.currency
    where
        -- A first rate that stands alone is one that was known to hold until the list begins.
        rates_with_before.rate_no > 10
        and rates_with_before.rate_date - rates_with_before.date_before > 45
        and rates_with_before.rate_date - rates_with_before.date_before > 10 * rates_usual.usual_days
),

holidays_observed as (
    select
        holidays.*,
        holiday_regions.calendar_no,
        case when holiday_regions.calendar_no > 0 then ' of the region ' || holiday_regions.region else '' end
            as of_region,
        year(holidays.holiday_date) as holiday_year
    from holidays
    inner join holiday_regions
        on
            holidays.region is null
            or lower(trim(holidays.region)) = holiday_regions.region_read
    where holidays.reject_reason is null
),

holiday_years as (
    select
        holidays_observed.calendar_no,
        holidays_observed.of_region,
        holidays_observed.holiday_year,
        max_by(holidays_observed.file_place, holidays_observed.holiday_date) as file_place,
        lead(holidays_observed.holiday_year) over (
            partition by holidays_observed.calendar_no order by holidays_observed.holiday_year
        ) as next_year
    from holidays_observed
    group by holidays_observed.calendar_no, holidays_observed.of_region, holidays_observed.holiday_year
),

holidays_missing as (
    select
        'holidays' as list,
        holiday_years.file_place as place,
        cast(null as bigint) as row_number,
        'no holiday' || holiday_years.of_region || ' is listed between ' || holiday_years.holiday_year || ' and '
        || holiday_years.next_year as what,
        'add those of ' || (holiday_years.holiday_year + 1) as fix
    from holiday_years
    where holiday_years.next_year > holiday_years.holiday_year + 1
    union all
    select
        'holidays' as list,
        case holiday_regions.calendar_no
            when 0 then 'saleshouse.yml company.business_hours.holiday_region'
            else 'saleshouse.yml company.business_hours.calendars[' || holiday_regions.calendar_no || '].holiday_region'
        end as place,
        cast(null as bigint) as row_number,
        'the list has no holiday of the region ' || holiday_regions.region as what,
        'write the region as the list does' as fix
    from holiday_regions
    where
        holiday_regions.region is not null
        and exists (select 1 from holidays)
        and not exists (
            select 1 from holidays
            where lower(trim(holidays.region)) = holiday_regions.region_read
        )
),

periods_told as (
    select
        fiscal_periods.*,
        fiscal_periods.fiscal_year * 12 + fiscal_periods.fiscal_month as month_number
    from fiscal_periods
    where fiscal_periods.reject_reason is null
),

periods_twice as (
    select
        'fiscal_periods' as list,
        periods_told.place,
        periods_told.row_number,
        'says month ' || periods_told.fiscal_month || ' of ' || periods_told.fiscal_year || ' again, which row '
        || min(periods_told.row_number) over same_month || ' says' as what,
        'keep one of them' as fix
    from periods_told
    window
        same_month as (
            partition by periods_told.mapping_name, periods_told.file_name, periods_told.month_number
        )
    qualify periods_told.row_number > min(periods_told.row_number) over same_month
),

periods_once as (
    select *
    from periods_told
    qualify row_number() over (partition by month_number order by version_order desc) = 1
),

periods_ordered as (
    select
        periods_once.*,
        lag(periods_once.period_end) over in_order as end_before,
        lag(periods_once.month_number) over in_order as number_before,
        lead(periods_once.month_number) over in_order is null as is_last
    from periods_once
    window in_order as (order by periods_once.period_start, periods_once.version_order)
),

periods_broken as (
    select
        'fiscal_periods' as list,
        periods_ordered.place,
        periods_ordered.row_number,
        'the period begins on ' || periods_ordered.period_start || ', the one before it ends on '
        || periods_ordered.end_before as what,
        'let each begin on the day after the one before it' as fix
    from periods_ordered
    where periods_ordered.period_start <> periods_ordered.end_before + 1
    union all
    select
        'fiscal_periods' as list,
        periods_ordered.place,
        periods_ordered.row_number,
        'month ' || periods_ordered.fiscal_month || ' of ' || periods_ordered.fiscal_year
        || ' does not follow the period before it' as what,
        'number the periods of each year from 1 to 12' as fix
    from periods_ordered
    where periods_ordered.month_number <> periods_ordered.number_before + 1
    union all
    select
        'fiscal_periods' as list,
        periods_ordered.place,
        periods_ordered.row_number,
        'the last period ends on ' || periods_ordered.period_end || ', before the reported day' as what,
        'add the periods up to it, and some ahead' as fix
    from periods_ordered
    cross join run_context
    where periods_ordered.is_last and periods_ordered.period_end < run_context.as_of
),

final as (
    select * from unreadable_rows
    union all
    select * from targets_overlapping
    union all
    select * from targets_of_nobody
    union all
    select * from targets_without_rate
    union all
    select * from rates_overlapping
    union all
    select * from rates_impossible
    union all
    select * from rates_missing
    union all
    select * from holidays_missing
    union all
    select * from periods_twice
    union all
    select * from periods_broken
)

select * from final
