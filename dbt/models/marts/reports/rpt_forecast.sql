with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

dates as (
    select
        date_day,
        month_label,
        fiscal_quarter_label
    from {{ ref('dim_dates') }}
),

months as (
    select
        month_start,
        month_end,
        row_number() over (order by month_start) as month_no
    from {{ ref('int_forecast_months') }}
),

forecast as (
    select *
    from {{ ref('fct_forecast') }}
    where level = 'total' and measure = 'bookings'
),

scores as (
    select *
    from {{ ref('fct_forecast_scoreboard') }}
    where basis = 'backtest' and level = 'total'
),

forecast_with_totals as (
    select
        period_type,
        method,
        period_start,
        coalesce(part, 'total') as part,
        max(notes) as notes,
        sum(expected) as expected,
        max(target_reporting) as target_reporting,
        max(p10) as p10,
        max(p90) as p90,
        max(chance_of_target) as chance_of_target,
        max(period_end) as period_end
    from forecast
    group by grouping sets (
        (period_type, method, part, period_start), (period_type, method, period_start)
    )
),

-- How far ahead today's forecasts look, as the scoreboard counts it.
forecast_placed as (
    select
        forecast_with_totals.*,
        first_months.month_no - origin_months.month_no as horizon,
        case
            when run_context.as_of < origin_months.month_end
                then (origin_months.month_end - run_context.as_of + 6) // 7
        end as weeks_left
    from forecast_with_totals
    cross join run_context
    inner join months as origin_months
        on run_context.as_of between origin_months.month_start and origin_months.month_end
    inner join months as first_months on forecast_with_totals.period_start = first_months.month_start
),

final as (
    select
        forecast_placed.period_type,
        case forecast_placed.period_type
            when 'month' then dates.month_label
            else dates.fiscal_quarter_label
        end as period_label,
        forecast_placed.method,
        forecast_placed.part,
        case when forecast_placed.part = 'total' then forecast_placed.notes end as notes,
        cast(forecast_placed.expected as decimal(18, 2)) as expected,
        case when forecast_placed.part = 'total' then forecast_placed.p10 end as p10,
        case when forecast_placed.part = 'total' then forecast_placed.p90 end as p90,
        cast(forecast_placed.target_reporting as decimal(18, 2)) as target_reporting,
        case
            when forecast_placed.part = 'total'
                then {{ ratio('forecast_placed.expected', 'forecast_placed.target_reporting') }}
        end as share_of_target,
        case when forecast_placed.part = 'total' then forecast_placed.chance_of_target end
            as chance_of_target,
        scores.wape as typical_miss,
        scores.bias as typical_bias,
        scores.coverage as range_coverage,
        scores.forecasts as forecasts_scored,
        run_context.as_of between forecast_placed.period_start and forecast_placed.period_end
            as is_current,
        forecast_placed.period_start,
        forecast_placed.period_end
    from forecast_placed
    cross join run_context
    left join dates on forecast_placed.period_start = dates.date_day
    left join scores
        on
            forecast_placed.part = 'total'
            and forecast_placed.method = scores.method
            and forecast_placed.period_type = scores.period_type
            and forecast_placed.horizon = scores.horizon
            and forecast_placed.weeks_left is not distinct from scores.weeks_left
)

select * from final
