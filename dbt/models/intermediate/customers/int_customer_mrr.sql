{#-
    One row per customer and month at whose end a contract ran, the current month at the end of `as_of`: what recurs per
    month then.
-#}
with

contracts as (
    select * from {{ ref('int_contracts') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

contract_months as (
    select
        contracts.customer_key,
        contracts.mrr_reporting,
        contracts.start_date,
        contracts.end_date,
        cast(unnest(generate_series(
            cast(date_trunc('month', contracts.start_date) as date),
            cast(date_trunc(
                'month', least(coalesce(contracts.end_date, run_context.as_of), run_context.as_of)
            ) as date),
            interval 1 month
        )) as date) as month_start
    from contracts
    cross join run_context
    where contracts.start_date <= run_context.as_of
),

contract_months_dated as (
    select
        contract_months.*,
        least(last_day(contract_months.month_start), run_context.as_of) as closing_date
    from contract_months
    cross join run_context
),

final as (
    select
        contract_months_dated.customer_key,
        count(*) as contracts,
        cast(sum(contract_months_dated.mrr_reporting) as decimal(18, 2)) as closing_mrr,
        contract_months_dated.month_start
    from contract_months_dated
    where
        contract_months_dated.start_date <= contract_months_dated.closing_date
        and coalesce(contract_months_dated.end_date, contract_months_dated.closing_date)
        >= contract_months_dated.closing_date
    group by all
    having sum(contract_months_dated.mrr_reporting) > 0
)

select * from final
