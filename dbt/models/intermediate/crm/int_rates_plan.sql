{#-
    One row per currency and period with the plan's rate: an amount at plan rate is compared with a
    target without the movements of exchange rates. The reporting currency has 1 for ever.
-#}
with

rates as (
    {{ union_staged('rates') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

plan_rates as (
    select
        rates.currency,
        rates.rate_date,
        max_by(rates.rate_to_reporting, rates.version_order) as rate_to_reporting
    from rates
    cross join run_context
    where rates.kind = 'plan' and rates.currency <> run_context.reporting_currency
    group by all
    union all
    select
        run_context.reporting_currency as currency,
        date '0001-01-01' as rate_date,
        cast(1 as decimal(18, 9)) as rate_to_reporting
    from run_context
),

final as (
    select
        plan_rates.currency,
        plan_rates.rate_to_reporting,
        plan_rates.rate_date as valid_from,
        lead(plan_rates.rate_date, 1, date '9999-12-31') over (
            partition by plan_rates.currency
            order by plan_rates.rate_date
        ) as valid_to
    from plan_rates
)

select * from final
