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

forecast as (
    select
        forecast.period_type,
        forecast.method,
        forecast.part,
        forecast.expected,
        forecast.target_reporting,
        forecast.period_start,
        forecast.period_end
    from {{ ref('fct_forecast') }} as forecast
    inner join run_context on forecast.as_of = run_context.as_of
    where forecast.level = 'total' and forecast.measure = 'bookings'
),

forecast_with_totals as (
    select
        period_type,
        method,
        period_start,
        coalesce(part, 'total') as part,
        sum(expected) as expected,
        max(target_reporting) as target_reporting,
        max(period_end) as period_end
    from forecast
    group by grouping sets (
        (period_type, method, part, period_start), (period_type, method, period_start)
    )
),

final as (
    select
        forecast_with_totals.period_type,
        case forecast_with_totals.period_type
            when 'month' then dates.month_label
            else dates.fiscal_quarter_label
        end as period_label,
        forecast_with_totals.method,
        forecast_with_totals.part,
        cast(forecast_with_totals.expected as decimal(18, 2)) as expected,
        cast(forecast_with_totals.target_reporting as decimal(18, 2)) as target_reporting,
        case
            when forecast_with_totals.part = 'total'
                then
                    {{ ratio(
                        'forecast_with_totals.expected', 'forecast_with_totals.target_reporting'
                    ) }}
        end as share_of_target,
        run_context.as_of
        between forecast_with_totals.period_start and forecast_with_totals.period_end
            as is_current,
        forecast_with_totals.period_start,
        forecast_with_totals.period_end
    from forecast_with_totals
    cross join run_context
    left join dates on forecast_with_totals.period_start = dates.date_day
)

select * from final
