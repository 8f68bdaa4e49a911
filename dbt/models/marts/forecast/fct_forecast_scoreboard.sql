{#-
    What forecasts said beside what came, added up by method and how far ahead they looked: made again for
    past days (backtest), as published by earlier releases, and as called by people. Sums stand
    beside the ratios, so that rows can be added up and divided again.
-#}
with

errors_of_backtest as (
    select * from {{ ref('int_forecast_results') }}
    where result = 'error'
),

ledger as (
    select * from {{ ref('fct_forecast_ledger') }}
    where is_last_of_day and measure = 'bookings'
),

submissions as (
    select * from {{ ref('fct_forecast_submissions') }}
    where actual_frozen is not null and days_left >= 0
),

actuals as (
    select * from {{ ref('int_forecast_actuals') }}
),

months as (
    select * from {{ ref('int_forecast_months') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

-- What a simple guess would have missed by, as last known of each member; MASE is measured against it.
scales as (
    select
        period_type,
        level,
        member,
        max_by(scale_cents, origin_day) as scale_cents
    from errors_of_backtest
    where scale_cents is not null
    group by all
),

published_forecasts as (
    select
        ledger.method,
        ledger.as_of,
        ledger.period_type,
        ledger.period_start,
        ledger.period_end,
        ledger.level,
        ledger.member,
        sum(ledger.expected) as expected,
        max(ledger.p10) as p10,
        max(ledger.p50) as p50,
        max(ledger.p90) as p90
    from ledger
    group by all
),

said as (
    select
        'backtest' as basis,
        method,
        origin_day,
        period_type,
        period_start,
        level,
        member,
        {{ from_cents('expected_cents') }} as expected,
        {{ from_cents('p10_cents') }} as p10,
        {{ from_cents('p50_cents') }} as p50,
        {{ from_cents('p90_cents') }} as p90,
        {{ from_cents('actual_cents') }} as actual,
        {{ from_cents('actual_now_cents') }} as actual_now,
        {{ from_cents('scale_cents') }} as scale
    from errors_of_backtest
    union all
    select
        'published' as basis,
        published_forecasts.method,
        published_forecasts.as_of as origin_day,
        published_forecasts.period_type,
        published_forecasts.period_start,
        published_forecasts.level,
        published_forecasts.member,
        published_forecasts.expected,
        published_forecasts.p10,
        published_forecasts.p50,
        published_forecasts.p90,
        coalesce(actuals.actual_frozen, 0) as actual,
        coalesce(actuals.actual_now, 0) as actual_now,
        {{ from_cents('scales.scale_cents') }} as scale
    from published_forecasts
    cross join run_context
    inner join months
        on
            published_forecasts.period_end = months.month_end
            and run_context.as_of >= months.frozen_day
    left join actuals
        on
            published_forecasts.period_type = actuals.period_type
            and published_forecasts.period_start = actuals.period_start
            and published_forecasts.level = actuals.level
            and published_forecasts.member = actuals.member
    left join scales
        on
            published_forecasts.period_type = scales.period_type
            and published_forecasts.level = scales.level
            and published_forecasts.member = scales.member
    union all
    select
        'called' as basis,
        submissions.origin || '_' || submissions.category as method,
        submissions.submitted_on as origin_day,
        submissions.period_type,
        submissions.period_start,
        submissions.level,
        submissions.member,
        submissions.amount_reporting as expected,
        null as p10,
        null as p50,
        null as p90,
        submissions.actual_frozen as actual,
        submissions.actual_now,
        {{ from_cents('scales.scale_cents') }} as scale
    from submissions
    left join scales
        on
            submissions.period_type = scales.period_type
            and submissions.level = scales.level
            and submissions.member = scales.member
),

months_numbered as (
    select
        month_start,
        month_end,
        row_number() over (order by month_start) as month_no
    from months
),

-- An origin at a month's end looks whole months ahead; within a month its weeks left matter too.
said_placed as (
    select
        said.*,
        case when said.origin_day = origin_months.month_end then 'month_end' else 'within_month' end
            as origin_kind,
        first_months.month_no - origin_months.month_no as horizon,
        case
            when said.origin_day < origin_months.month_end
                then (origin_months.month_end - said.origin_day + 6) // 7
        end as weeks_left,
        said.expected - said.actual as error
    from said
    inner join months_numbered as origin_months
        on said.origin_day between origin_months.month_start and origin_months.month_end
    inner join months_numbered as first_months on said.period_start = first_months.month_start
),

summed as (
    select
        basis,
        method,
        origin_kind,
        period_type,
        horizon,
        weeks_left,
        level,
        count(*) as forecasts,
        count(distinct period_start) as periods,
        sum(expected) as expected_sum,
        sum(actual) as actual_sum,
        sum(actual_now) as actual_now_sum,
        sum(abs(actual)) as absolute_actual_sum,
        sum(abs(actual_now)) as absolute_actual_now_sum,
        sum(error) as error_sum,
        sum(abs(error)) as absolute_error_sum,
        sum(abs(expected - actual_now)) as absolute_error_now_sum,
        sum(abs(error)) filter (where scale > 0) as absolute_error_scaled,
        sum(scale) filter (where scale > 0) as scale_sum,
        count(p10) as ranges,
        count(*) filter (where actual between p10 and p90) as ranges_kept,
        -- The losses at the three bounds: what lies outside of the range counts nine times what lies inside.
        sum(
            greatest(0.1 * (actual - p10), 0.9 * (p10 - actual))
            + greatest(0.5 * (actual - p50), 0.5 * (p50 - actual))
            + greatest(0.9 * (actual - p90), 0.1 * (p90 - actual))
        ) as pinball_sum,
        sum(abs(actual)) filter (where p10 is not null) as absolute_actual_of_ranges
    from said_placed
    group by all
),

final as (
    select
        concat_ws(
            ':', basis, method, origin_kind, period_type, horizon, coalesce(weeks_left, -1), level
        ) as score_key,
        basis,
        method,
        origin_kind,
        period_type,
        level,
        horizon,
        weeks_left,
        forecasts,
        periods,
        cast(expected_sum as decimal(18, 2)) as expected_sum,
        cast(actual_sum as decimal(18, 2)) as actual_sum,
        cast(actual_now_sum as decimal(18, 2)) as actual_now_sum,
        cast(absolute_error_sum as decimal(18, 2)) as absolute_error_sum,
        {{ ratio('absolute_error_sum', 'absolute_actual_sum') }} as wape,
        {{ ratio('error_sum', 'absolute_actual_sum') }} as bias,
        {{ ratio('absolute_error_now_sum', 'absolute_actual_now_sum') }} as wape_now,
        {{ ratio('absolute_error_scaled', 'scale_sum') }} as mase,
        {{ ratio('pinball_sum', '(3 * absolute_actual_of_ranges)') }} as pinball,
        ranges,
        {{ ratio('ranges_kept', 'ranges') }} as coverage
    from summed
)

select * from final
