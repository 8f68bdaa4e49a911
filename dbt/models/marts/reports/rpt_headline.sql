with

run_context as (
    select
        as_of,
        reporting_currency,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

dates as (
    select
        date_day,
        month_label,
        fiscal_quarter_label,
        is_working_day,
        month_start,
        quarter_start
    from {{ ref('dim_dates') }}
),

deals as (
    select
        status,
        amount_reporting,
        close_date,
        close_day
    from {{ ref('fct_deals') }}
    -- Bookings and what may become one: an onboarding deal repeats a sale already counted.
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

targets as (
    select
        period_start,
        amount_reporting
    from {{ ref('fct_targets') }}
    where level = 'company' and measure = 'bookings'
),

forecast as (
    select
        period_type,
        period_start,
        method,
        expected
    from {{ ref('fct_forecast') }}
    where level = 'total' and measure = 'bookings'
),

past_coverage as (
    select
        period_type,
        {{ ratio('sum(open_due)', 'sum(missing)') }} as coverage_previous
    from {{ ref('rpt_coverage') }}
    where not is_current and coverage is not null
    group by period_type
),

days_of_periods as (
    select
        'month' as period_type,
        month_label as period_label,
        is_working_day,
        date_day,
        month_start as period_start
    from dates
    union all
    select
        'quarter' as period_type,
        fiscal_quarter_label as period_label,
        is_working_day,
        date_day,
        quarter_start as period_start
    from dates
),

-- Two periods are compared on the same share of their working days: a month has 20 to 23.
days_numbered as (
    select
        period_type,
        period_label,
        date_day,
        period_start,
        count(*) filter (where is_working_day) over (
            partition by period_type, period_start
            order by date_day
        ) as elapsed_working_days,
        count(*) filter (where is_working_day) over (
            partition by period_type, period_start
        ) as working_days,
        max(date_day) over (partition by period_type, period_start) as period_end
    from days_of_periods
),

current_days as (
    select days_numbered.*
    from days_numbered
    inner join run_context on days_numbered.date_day = run_context.as_of
),

won_by_day as (
    select
        deals.close_day as date_day,
        sum(deals.amount_reporting) as won_reporting,
        count(*) as won_deals
    from deals
    cross join run_context
    -- A win dated in the future is no booking yet; the quality table counts it.
    where deals.status = 'won' and deals.close_day <= run_context.as_of
    group by deals.close_day
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
        (select min(won_by_day.date_day) from won_by_day) as first_won_day,
        (select min(leads_by_day.date_day) from leads_by_day) as first_lead_day,
        (select min(spend_by_day.date_day) from spend_by_day) as first_spend_day
),

days_filled as (
    select
        days_numbered.*,
        coalesce(won_by_day.won_reporting, 0) as won_reporting,
        coalesce(won_by_day.won_deals, 0) as won_deals,
        coalesce(leads_by_day.leads, 0) as leads,
        coalesce(mqls_by_day.mqls, 0) as mqls,
        coalesce(spend_by_day.spend_reporting, 0) as spend_reporting,
        days_numbered.elapsed_working_days * current_days.working_days
        <= current_days.elapsed_working_days * days_numbered.working_days as is_to_date
    from days_numbered
    inner join current_days on days_numbered.period_type = current_days.period_type
    left join won_by_day on days_numbered.date_day = won_by_day.date_day
    left join leads_by_day on days_numbered.date_day = leads_by_day.date_day
    left join mqls_by_day on days_numbered.date_day = mqls_by_day.date_day
    left join spend_by_day on days_numbered.date_day = spend_by_day.date_day
),

periods_summed as (
    select
        period_type,
        period_start,
        sum(won_reporting) as won_reporting,
        sum(won_deals) as won_deals,
        sum(leads) as leads,
        sum(mqls) as mqls,
        sum(spend_reporting) as spend_reporting,
        coalesce(sum(won_reporting) filter (where is_to_date), 0) as won_to_date,
        coalesce(sum(leads) filter (where is_to_date), 0) as leads_to_date,
        coalesce(sum(spend_reporting) filter (where is_to_date), 0) as spend_to_date
    from days_filled
    group by period_type, period_start
),

-- A period before a company's first record is unknown, not zero.
periods_known as (
    select
        periods_summed.period_type,
        periods_summed.period_start,
        periods_summed.won_deals,
        periods_summed.mqls,
        case
            when periods_summed.period_start >= date_trunc('month', first_days.first_won_day)
                then periods_summed.won_reporting
        end as won_reporting,
        case
            when periods_summed.period_start >= date_trunc('month', first_days.first_won_day)
                then periods_summed.won_to_date
        end as won_to_date,
        case
            when periods_summed.period_start >= date_trunc('month', first_days.first_lead_day)
                then periods_summed.leads
        end as leads,
        case
            when periods_summed.period_start >= date_trunc('month', first_days.first_lead_day)
                then periods_summed.leads_to_date
        end as leads_to_date,
        case
            when periods_summed.period_start >= date_trunc('month', first_days.first_spend_day)
                then periods_summed.spend_reporting
        end as spend_reporting,
        case
            when periods_summed.period_start >= date_trunc('month', first_days.first_spend_day)
                then periods_summed.spend_to_date
        end as spend_to_date
    from periods_summed
    cross join first_days
),

past_periods_ranked as (
    select
        periods_known.period_type,
        periods_known.won_reporting,
        periods_known.won_to_date,
        row_number() over (
            partition by periods_known.period_type
            order by periods_known.period_start desc
        ) as periods_ago
    from periods_known
    inner join current_days
        on
            periods_known.period_type = current_days.period_type
            and periods_known.period_start < current_days.period_start
    where periods_known.won_reporting is not null
),

pacing as (
    select
        period_type,
        count(*) as pacing_periods,
        -- Two periods say nothing about a usual course.
        case
            when count(*) >= 3 then {{ ratio('sum(won_to_date)', 'sum(won_reporting)') }}
        end as pacing_share
    from past_periods_ranked
    where periods_ago <= 12
    group by period_type
),

targets_of_periods as (
    select
        current_days.period_type,
        sum(targets.amount_reporting) as target_reporting
    from current_days
    inner join targets
        on targets.period_start between current_days.period_start and current_days.period_end
    group by current_days.period_type
),

pipeline as (
    select
        current_days.period_type,
        count(*) as open_deals,
        count(*) filter (where deals.amount_reporting is null) as amountless_open_deals,
        count(*) filter (where deals.close_date is null) as dateless_open_deals,
        count(*) filter (where deals.close_date < run_context.as_of) as overdue_open_deals,
        count(*) filter (
            where deals.close_date between run_context.as_of and current_days.period_end
        ) as due_open_deals,
        coalesce(sum(deals.amount_reporting), 0) as open_pipeline,
        coalesce(
            sum(deals.amount_reporting) filter (
                where deals.close_date between run_context.as_of and current_days.period_end
            ),
            0
        ) as open_due,
        coalesce(
            sum(deals.amount_reporting) filter (where deals.close_date < run_context.as_of), 0
        ) as overdue_open,
        coalesce(
            sum(deals.amount_reporting) filter (where deals.close_date is null), 0
        ) as dateless_open,
        coalesce(
            sum(deals.amount_reporting) filter (where deals.close_date > current_days.period_end),
            0
        ) as later_open
    from current_days
    cross join run_context
    cross join deals
    where deals.status = 'open'
    group by current_days.period_type
),

forecast_by_method as (
    select
        current_days.period_type,
        sum(forecast.expected) filter (where forecast.method = 'crm_view') as crm_view,
        sum(forecast.expected) filter (where forecast.method = 'stage_yield') as stage_yield,
        sum(forecast.expected) filter (
            where forecast.method = 'seasonal_naive'
        ) as seasonal_naive
    from current_days
    inner join forecast
        on
            current_days.period_type = forecast.period_type
            and current_days.period_start = forecast.period_start
    group by current_days.period_type
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
        current_days.period_type,
        current_days.period_label,
        run_context.reporting_currency as currency,
        current_days.elapsed_working_days,
        current_days.working_days,
        now_known.won_deals,
        now_known.mqls,
        now_known.leads,
        now_known.spend_reporting,
        previous.won_to_date as won_previous_to_date,
        previous.won_reporting as won_previous,
        year_ago.won_to_date as won_year_ago_to_date,
        year_ago.won_reporting as won_year_ago,
        previous.leads_to_date as leads_previous_to_date,
        year_ago.leads_to_date as leads_year_ago_to_date,
        previous.spend_to_date as spend_previous_to_date,
        year_ago.spend_to_date as spend_year_ago_to_date,
        targets_of_periods.target_reporting,
        pacing.pacing_periods,
        pacing.pacing_share,
        pipeline.open_deals,
        pipeline.due_open_deals,
        pipeline.overdue_open_deals,
        pipeline.dateless_open_deals,
        pipeline.amountless_open_deals,
        pipeline.open_pipeline,
        pipeline.open_due,
        pipeline.overdue_open,
        pipeline.dateless_open,
        pipeline.later_open,
        past_coverage.coverage_previous,
        forecast_by_method.crm_view,
        forecast_by_method.stage_yield,
        forecast_by_method.seasonal_naive,
        -- Both pass over a method that is silent.
        least(
            forecast_by_method.crm_view,
            forecast_by_method.stage_yield,
            forecast_by_method.seasonal_naive
        ) as forecast_lowest,
        greatest(
            forecast_by_method.crm_view,
            forecast_by_method.stage_yield,
            forecast_by_method.seasonal_naive
        ) as forecast_highest,
        data_present.has_deals,
        data_present.has_leads,
        data_present.has_dated_leads,
        data_present.has_ads,
        run_context.as_of,
        current_days.period_start,
        current_days.period_end,
        case when data_present.has_deals then coalesce(now_known.won_reporting, 0) end
            as won_reporting
    from current_days
    cross join run_context
    cross join data_present
    inner join periods_known as now_known
        on
            current_days.period_type = now_known.period_type
            and current_days.period_start = now_known.period_start
    left join periods_known as previous
        on
            current_days.period_type = previous.period_type
            and previous.period_start
            = current_days.period_start
            - case current_days.period_type
                when 'month' then interval 1 month
                else interval 3 month
            end
    left join periods_known as year_ago
        on
            current_days.period_type = year_ago.period_type
            and year_ago.period_start = current_days.period_start - interval 1 year
    left join targets_of_periods
        on current_days.period_type = targets_of_periods.period_type
    left join pacing on current_days.period_type = pacing.period_type
    left join pipeline on current_days.period_type = pipeline.period_type
    left join past_coverage on current_days.period_type = past_coverage.period_type
    left join forecast_by_method
        on current_days.period_type = forecast_by_method.period_type
),

final as (
    select
        period_type,
        period_label,
        currency,
        cast(won_reporting as decimal(18, 2)) as won_reporting,
        cast(won_deals as bigint) as won_deals,
        cast(target_reporting as decimal(18, 2)) as target_reporting,
        cast(greatest(target_reporting - won_reporting, 0) as decimal(18, 2)) as target_gap,
        {{ ratio('won_reporting', 'target_reporting') }} as attainment,
        cast(elapsed_working_days as bigint) as elapsed_working_days,
        cast(working_days as bigint) as working_days,
        {{ ratio('elapsed_working_days', 'working_days') }} as elapsed_share,
        cast(coalesce(pacing_periods, 0) as bigint) as pacing_periods,
        cast(pacing_share as decimal(18, 9)) as pacing_share,
        cast(pacing_share * target_reporting as decimal(18, 2)) as pacing_expected,
        {{ ratio('won_reporting', 'pacing_share * target_reporting') }} as pacing_ratio,
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
        case
            when target_reporting > won_reporting
                then {{ ratio('open_due', '(target_reporting - won_reporting)') }}
        end as coverage,
        cast(coverage_previous as decimal(18, 9)) as coverage_previous,
        cast(crm_view as decimal(18, 2)) as crm_view_expected,
        cast(stage_yield as decimal(18, 2)) as stage_yield_expected,
        cast(seasonal_naive as decimal(18, 2)) as seasonal_naive_expected,
        cast(forecast_lowest as decimal(18, 2)) as forecast_lowest,
        cast(forecast_highest as decimal(18, 2)) as forecast_highest,
        {{ ratio('forecast_lowest', 'target_reporting') }} as forecast_lowest_of_target,
        {{ ratio('forecast_highest', 'target_reporting') }} as forecast_highest_of_target,
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
        coalesce(won_reporting >= target_reporting, false) as is_target_met,
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
