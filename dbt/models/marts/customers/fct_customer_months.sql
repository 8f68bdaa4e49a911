with

mrr as (
    select * from {{ ref('int_customer_mrr') }}
),

contracts as (
    select * from {{ ref('int_contracts') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

customers as (
    select
        contracts.customer_key,
        any_value(contracts.account_key) as account_key,
        any_value(contracts.account_name) as account_name,
        any_value(contracts.segment) as segment
    from contracts
    group by all
),

first_months as (
    select
        mrr.customer_key,
        min(mrr.month_start) as cohort_month
    from mrr
    group by all
),

-- What closes a month opens the next one, also where nothing runs there any more.
months_unioned as (
    select
        mrr.customer_key,
        mrr.month_start,
        mrr.contracts,
        cast(0 as decimal(18, 2)) as opening_mrr,
        mrr.closing_mrr
    from mrr
    union all
    select
        mrr.customer_key,
        cast(mrr.month_start + interval 1 month as date) as month_start,
        0 as contracts,
        mrr.closing_mrr as opening_mrr,
        cast(0 as decimal(18, 2)) as closing_mrr
    from mrr
),

months_summed as (
    select
        months_unioned.customer_key,
        months_unioned.month_start,
        cast(sum(months_unioned.contracts) as bigint) as contracts,
        cast(sum(months_unioned.opening_mrr) as decimal(18, 2)) as opening_mrr,
        cast(sum(months_unioned.closing_mrr) as decimal(18, 2)) as closing_mrr
    from months_unioned
    group by all
),

months_judged as (
    select
        months_summed.*,
        first_months.cohort_month,
        case
            when months_summed.opening_mrr = 0 and months_summed.month_start = first_months.cohort_month then 'new'
            when months_summed.opening_mrr = 0 then 'resurrection'
            when months_summed.closing_mrr = 0 then 'churn'
            when months_summed.closing_mrr > months_summed.opening_mrr then 'expansion'
            when months_summed.closing_mrr < months_summed.opening_mrr then 'contraction'
            else 'unchanged'
        end as movement,
        months_summed.closing_mrr - months_summed.opening_mrr as change_mrr
    from months_summed
    cross join run_context
    inner join first_months on months_summed.customer_key = first_months.customer_key
    where months_summed.month_start <= run_context.as_of
),

final as (
    select
        months_judged.customer_key,
        customers.account_key,
        customers.account_name,
        customers.segment,
        months_judged.movement,
        months_judged.contracts,
        months_judged.opening_mrr,
        {%- for movement in ['new', 'expansion', 'contraction', 'churn', 'resurrection'] %}
        cast(
            case when months_judged.movement = '{{ movement }}' then abs(months_judged.change_mrr) else 0 end
            as decimal(18, 2)
        ) as {{ movement }}_mrr,
        {%- endfor %}
        months_judged.closing_mrr,
        months_judged.month_start = cast(date_trunc('month', run_context.as_of) as date) as is_current,
        months_judged.month_start,
        months_judged.cohort_month
    from months_judged
    cross join run_context
    inner join customers on months_judged.customer_key = customers.customer_key
)

select * from final
