with

run_context as (
    select
        as_of,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

dates as (
    select
        date_day,
        month_label,
        fiscal_year * 12 + fiscal_month as month_number,
        month_start
    from {{ ref('dim_dates') }}
),

deals as (
    select
        amount_reporting,
        amount_plan_rate,
        close_day
    from {{ ref('fct_deals') }}
    where
        not is_excluded
        and status = 'won'
        and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

leads as (
    select
        leads.created_date,
        {{ day_in_zone('leads.mql_at', 'run_context.reporting_timezone') }} as mql_date
    from {{ ref('fct_leads') }} as leads
    cross join run_context
    where not leads.is_excluded
),

ad_performance as (
    select
        date_day,
        spend_reporting
    from {{ ref('fct_ad_performance_daily') }}
),

targets as (
    select
        period_start,
        amount_reporting
    from {{ ref('fct_targets') }}
    where level = 'company' and measure = 'bookings'
),

months as (
    select distinct
        dates.month_label,
        dates.month_start,
        run_context.as_of,
        dates.month_start = today.month_start as is_current
    from dates
    cross join run_context
    inner join dates as today on run_context.as_of = today.date_day
    where
        dates.date_day <= run_context.as_of
        and dates.month_number > today.month_number - 24
),

won_by_month as (
    select
        dates.month_start,
        sum(deals.amount_reporting) as won_reporting,
        sum(deals.amount_plan_rate) as won_plan_rate,
        count(*) as won_deals
    from deals
    inner join run_context on deals.close_day <= run_context.as_of
    inner join dates on deals.close_day = dates.date_day
    group by all
),

leads_by_month as (
    select
        dates.month_start,
        count(*) as leads
    from leads
    inner join dates on leads.created_date = dates.date_day
    group by all
),

mqls_by_month as (
    select
        dates.month_start,
        count(*) as mqls
    from leads
    inner join dates on leads.mql_date = dates.date_day
    group by all
),

spend_by_month as (
    select
        dates.month_start,
        sum(ad_performance.spend_reporting) as spend_reporting
    from ad_performance
    inner join dates on ad_performance.date_day = dates.date_day
    group by all
),

targets_by_month as (
    select
        period_start as month_start,
        sum(amount_reporting) as target_reporting
    from targets
    group by all
),

first_months as (
    select
        (select min(won_by_month.month_start) from won_by_month) as won_from,
        (select min(leads_by_month.month_start) from leads_by_month) as leads_from,
        (select min(mqls_by_month.month_start) from mqls_by_month) as mqls_from,
        (select min(spend_by_month.month_start) from spend_by_month) as spend_from
),

-- From the first record on a month without rows is a zero; before it, unknown.
final as (
    select
        months.month_label,
        cast(
            case
                when months.month_start >= first_months.won_from
                    then coalesce(won_by_month.won_reporting, 0)
            end as decimal(18, 2)
        ) as won_reporting,
        cast(
            case
                when months.month_start >= first_months.won_from
                    then coalesce(won_by_month.won_deals, 0)
            end as bigint
        ) as won_deals,
        cast(targets_by_month.target_reporting as decimal(18, 2)) as target_reporting,
        {{ ratio('won_by_month.won_plan_rate', 'targets_by_month.target_reporting') }}
            as attainment,
        cast(
            case
                when months.month_start >= first_months.leads_from
                    then coalesce(leads_by_month.leads, 0)
            end as bigint
        ) as leads,
        cast(
            case
                when months.month_start >= first_months.mqls_from
                    then coalesce(mqls_by_month.mqls, 0)
            end as bigint
        ) as mqls,
        cast(
            case
                when months.month_start >= first_months.spend_from
                    then coalesce(spend_by_month.spend_reporting, 0)
            end as decimal(18, 2)
        ) as spend_reporting,
        months.is_current,
        cast(months.month_start as date) as month_start
    from months
    cross join first_months
    left join won_by_month on months.month_start = won_by_month.month_start
    left join leads_by_month on months.month_start = leads_by_month.month_start
    left join mqls_by_month on months.month_start = mqls_by_month.month_start
    left join spend_by_month on months.month_start = spend_by_month.month_start
    left join targets_by_month on months.month_start = targets_by_month.month_start
)

select * from final
