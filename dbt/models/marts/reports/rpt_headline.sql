with

run_context as (
    select
        as_of,
        reporting_currency,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

period_days as (
    select
        period_type,
        period_number,
        is_to_date,
        date_day,
        period_start,
        period_end
    from {{ ref('int_period_days') }}
),

coverage_pacing as (
    select *
    from {{ ref('fct_coverage_pacing') }}
    where level = 'total'
),

deals as (
    select deal_key
    from {{ ref('fct_deals') }}
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

leads as (
    select
        created_date,
        mql_at
    from {{ ref('fct_leads') }}
    where not is_excluded
),

ad_performance as (
    select
        date_day,
        spend_reporting
    from {{ ref('fct_ad_performance_daily') }}
),

forecast as (
    select
        period_type,
        period_start,
        expected,
        p10,
        p90,
        chance_of_target
    from {{ ref('fct_forecast') }}
    where level = 'total' and measure = 'bookings' and method = 'saleshouse'
),

leads_by_day as (
    select
        created_date as date_day,
        count(*) as leads
    from leads
    where created_date is not null
    group by created_date
),

mqls_by_day as (
    select
        {{ day_in_zone('leads.mql_at', 'run_context.reporting_timezone') }} as date_day,
        count(*) as mqls
    from leads
    cross join run_context
    where leads.mql_at is not null
    group by all
),

spend_by_day as (
    select
        date_day,
        sum(spend_reporting) as spend_reporting
    from ad_performance
    group by date_day
),

first_days as (
    select
        (select min(leads_by_day.date_day) from leads_by_day) as first_lead_day,
        (select min(spend_by_day.date_day) from spend_by_day) as first_spend_day
),

days_filled as (
    select
        period_days.*,
        coalesce(leads_by_day.leads, 0) as leads,
        coalesce(mqls_by_day.mqls, 0) as mqls,
        coalesce(spend_by_day.spend_reporting, 0) as spend_reporting
    from period_days
    left join leads_by_day on period_days.date_day = leads_by_day.date_day
    left join mqls_by_day on period_days.date_day = mqls_by_day.date_day
    left join spend_by_day on period_days.date_day = spend_by_day.date_day
),

periods_summed as (
    select
        period_type,
        period_number,
        period_start,
        period_end,
        sum(leads) as leads,
        sum(mqls) as mqls,
        sum(spend_reporting) as spend_reporting,
        coalesce(sum(leads) filter (where is_to_date), 0) as leads_to_date,
        coalesce(sum(spend_reporting) filter (where is_to_date), 0) as spend_to_date
    from days_filled
    group by all
),

-- A period that was over before a company's first record is unknown, not zero.
periods_known as (
    select
        periods_summed.period_type,
        periods_summed.period_number,
        periods_summed.period_start,
        periods_summed.mqls,
        case
            when periods_summed.period_end >= first_days.first_lead_day
                then periods_summed.leads
        end as leads,
        case
            when periods_summed.period_end >= first_days.first_lead_day
                then periods_summed.leads_to_date
        end as leads_to_date,
        case
            when periods_summed.period_end >= first_days.first_spend_day
                then periods_summed.spend_reporting
        end as spend_reporting,
        case
            when periods_summed.period_end >= first_days.first_spend_day
                then periods_summed.spend_to_date
        end as spend_to_date
    from periods_summed
    cross join first_days
),

forecast_of_periods as (
    select
        period_type,
        period_start,
        sum(expected) as expected,
        max(p10) as p10,
        max(p90) as p90,
        max(chance_of_target) as chance_of_target
    from forecast
    group by all
),

data_present as (
    select
        exists(select 1 from deals) as has_deals,
        exists(select 1 from leads) as has_leads,
        exists(select 1 from leads_by_day) as has_dated_leads,
        exists(select 1 from ad_performance) as has_ads
),

periods_joined as (
    select
        now_covered.period_type,
        now_covered.period_label,
        run_context.reporting_currency as currency,
        now_covered.elapsed_working_days,
        now_covered.working_days,
        now_covered.elapsed_share,
        now_covered.won_reporting,
        now_covered.won_plan_rate,
        now_covered.won_deals,
        now_known.mqls,
        now_known.leads,
        now_known.spend_reporting,
        previous_covered.won_reporting as won_previous_to_date,
        previous_covered.won_final as won_previous,
        year_ago_covered.won_reporting as won_year_ago_to_date,
        year_ago_covered.won_final as won_year_ago,
        previous.leads_to_date as leads_previous_to_date,
        year_ago.leads_to_date as leads_year_ago_to_date,
        previous.spend_to_date as spend_previous_to_date,
        now_covered.target_reporting,
        now_covered.pacing_periods,
        now_covered.pacing_share,
        now_covered.pacing_expected,
        now_covered.pacing_ratio,
        now_covered.due_open_deals
        + now_covered.overdue_open_deals
        + now_covered.dateless_open_deals
        + now_covered.later_open_deals as open_deals,
        now_covered.due_open_deals,
        now_covered.overdue_open_deals,
        now_covered.dateless_open_deals,
        now_covered.amountless_open_deals,
        now_covered.open_due
        + now_covered.overdue_open
        + now_covered.dateless_open
        + now_covered.later_open as open_pipeline,
        now_covered.open_due,
        now_covered.overdue_open,
        now_covered.dateless_open,
        now_covered.later_open,
        now_covered.coverage,
        now_covered.coverage_previous,
        forecast_of_periods.expected as forecast_expected,
        forecast_of_periods.p10 as forecast_p10,
        forecast_of_periods.p90 as forecast_p90,
        forecast_of_periods.chance_of_target,
        now_covered.is_target_met,
        data_present.has_deals,
        data_present.has_leads,
        data_present.has_dated_leads,
        data_present.has_ads,
        run_context.as_of,
        now_covered.period_start,
        now_covered.period_end
    from coverage_pacing as now_covered
    cross join run_context
    cross join data_present
    inner join periods_known as now_known
        on
            now_covered.period_type = now_known.period_type
            and now_covered.period_start = now_known.period_start
    left join periods_known as previous
        on
            now_covered.period_type = previous.period_type
            and previous.period_number = now_known.period_number - 1
    left join periods_known as year_ago
        on
            now_covered.period_type = year_ago.period_type
            and year_ago.period_number
            = now_known.period_number - case now_covered.period_type when 'month' then 12 else 4 end
    left join coverage_pacing as previous_covered
        on
            previous.period_type = previous_covered.period_type
            and previous.period_start = previous_covered.period_start
    left join coverage_pacing as year_ago_covered
        on
            year_ago.period_type = year_ago_covered.period_type
            and year_ago.period_start = year_ago_covered.period_start
    left join forecast_of_periods
        on
            now_covered.period_type = forecast_of_periods.period_type
            and now_covered.period_start = forecast_of_periods.period_start
    where now_covered.is_current
),

final as (
    select
        period_type,
        period_label,
        currency,
        cast(won_reporting as decimal(18, 2)) as won_reporting,
        cast(won_plan_rate as decimal(18, 2)) as won_plan_rate,
        cast(won_deals as bigint) as won_deals,
        cast(target_reporting as decimal(18, 2)) as target_reporting,
        cast(greatest(target_reporting - won_plan_rate, 0) as decimal(18, 2)) as target_gap,
        {{ ratio('won_plan_rate', 'target_reporting') }} as attainment,
        cast(elapsed_working_days as bigint) as elapsed_working_days,
        cast(working_days as bigint) as working_days,
        elapsed_share,
        pacing_periods,
        pacing_share,
        pacing_expected,
        pacing_ratio,
        cast(won_previous_to_date as decimal(18, 2)) as won_previous_to_date,
        cast(won_previous as decimal(18, 2)) as won_previous,
        {{ ratio(
            'won_reporting - won_previous_to_date', 'won_previous_to_date'
        ) }} as won_change_previous,
        cast(won_year_ago_to_date as decimal(18, 2)) as won_year_ago_to_date,
        cast(won_year_ago as decimal(18, 2)) as won_year_ago,
        {{ ratio(
            'won_reporting - won_year_ago_to_date', 'won_year_ago_to_date'
        ) }} as won_change_year_ago,
        cast(open_pipeline as decimal(18, 2)) as open_pipeline,
        cast(open_due as decimal(18, 2)) as open_due,
        cast(overdue_open as decimal(18, 2)) as overdue_open,
        cast(dateless_open as decimal(18, 2)) as dateless_open,
        cast(later_open as decimal(18, 2)) as later_open,
        cast(open_deals as bigint) as open_deals,
        cast(due_open_deals as bigint) as due_open_deals,
        cast(overdue_open_deals as bigint) as overdue_open_deals,
        cast(dateless_open_deals as bigint) as dateless_open_deals,
        cast(amountless_open_deals as bigint) as amountless_open_deals,
        coverage,
        coverage_previous,
        cast(forecast_expected as decimal(18, 2)) as forecast_expected,
        forecast_p10,
        forecast_p90,
        {{ ratio('forecast_expected', 'target_reporting') }} as forecast_of_target,
        chance_of_target,
        cast(leads as bigint) as leads,
        cast(mqls as bigint) as mqls,
        cast(leads_previous_to_date as bigint) as leads_previous_to_date,
        {{ ratio(
            'leads - leads_previous_to_date', 'leads_previous_to_date'
        ) }} as leads_change_previous,
        cast(leads_year_ago_to_date as bigint) as leads_year_ago_to_date,
        {{ ratio(
            'leads - leads_year_ago_to_date', 'leads_year_ago_to_date'
        ) }} as leads_change_year_ago,
        cast(spend_reporting as decimal(18, 2)) as spend_reporting,
        cast(spend_previous_to_date as decimal(18, 2)) as spend_previous_to_date,
        {{ ratio(
            'spend_reporting - spend_previous_to_date', 'spend_previous_to_date'
        ) }} as spend_change_previous,
        coalesce(is_target_met, false) as is_target_met,
        has_deals,
        has_leads,
        has_dated_leads,
        has_ads,
        as_of,
        period_start,
        period_end
    from periods_joined
)

select * from final
