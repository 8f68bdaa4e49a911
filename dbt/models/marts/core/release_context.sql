with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

final as (
    select
        run_context.run_id,
        run_context.reporting_timezone,
        run_context.reporting_currency,
        run_context.close_day_rule,
        run_context.headline_amount,
        run_context.baseline_release,
        run_context.code_version,
        run_context.known_at,
        run_context.fiscal_year_start_month,
        run_context.first_weekday,
        run_context.as_of,
        run_context.start_date,
        run_context.as_of_end
    from run_context
)

select * from final
