with

customer_months as (
    select * from {{ ref('fct_customer_months') }}
),

won_deals as (
    select * from {{ ref('int_customer_purchases') }}
    where is_purchase
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- ----- customers by contract: who pays something that recurs

paying as (
    select
        customer_months.customer_key,
        customer_months.cohort_month,
        customer_months.closing_mrr,
        customer_months.month_start
    from customer_months
    where customer_months.closing_mrr > 0
),

paying_a_year_ago as (
    select
        before.customer_key,
        before.cohort_month,
        before.closing_mrr as mrr_then,
        coalesce(paying.closing_mrr, 0) as mrr_now,
        cast(before.month_start + interval 12 month as date) as month_start
    from paying as before
    left join paying
        on
            before.customer_key = paying.customer_key
            and cast(before.month_start + interval 12 month as date) = paying.month_start
),

contract_facts as (
    select
        paying.cohort_month,
        paying.month_start,
        1 as customers_active,
        0 as customers_year_ago,
        0 as customers_kept,
        paying.closing_mrr as mrr,
        0 as mrr_year_ago,
        0 as mrr_of_year_ago_now,
        0 as mrr_kept
    from paying
    union all
    select
        paying_a_year_ago.cohort_month,
        paying_a_year_ago.month_start,
        0 as customers_active,
        1 as customers_year_ago,
        case when paying_a_year_ago.mrr_now > 0 then 1 else 0 end as customers_kept,
        0 as mrr,
        paying_a_year_ago.mrr_then as mrr_year_ago,
        paying_a_year_ago.mrr_now as mrr_of_year_ago_now,
        least(paying_a_year_ago.mrr_now, paying_a_year_ago.mrr_then) as mrr_kept
    from paying_a_year_ago
),

contract_cohorts as (
    select
        first_months.cohort_month,
        count(*) as customers
    from (
        select distinct
            paying.customer_key,
            paying.cohort_month
        from paying
    ) as first_months
    group by all
),

-- ----- customers by purchase: won deals, credit notes aside

purchases as (
    select
        won_deals.customer_key,
        cast(date_trunc('month', won_deals.close_day) as date) as month_start,
        row_number() over (partition by won_deals.customer_key order by won_deals.close_day, won_deals.deal_key)
            as purchase_no
    from won_deals
),

buyers as (
    select
        purchases.customer_key,
        min(purchases.month_start) as cohort_month,
        min(purchases.month_start) filter (where purchases.purchase_no = 2) as repeat_month
    from purchases
    group by all
),

-- A purchase keeps its buyer active for twelve months.
active_months as (
    select distinct
        bought.customer_key,
        cast(unnest(generate_series(
            bought.month_start, cast(bought.month_start + interval 11 month as date), interval 1 month
        )) as date) as month_start
    from (
        select distinct
            purchases.customer_key,
            purchases.month_start
        from purchases
    ) as bought
),

active_buyers as (
    select
        buyers.cohort_month,
        active_months.month_start,
        count(*) as customers_active
    from active_months
    inner join buyers on active_months.customer_key = buyers.customer_key
    group by all
),

repeat_buyers as (
    select
        buyers.cohort_month,
        buyers.repeat_month,
        count(*) as customers_repeat
    from buyers
    where buyers.repeat_month is not null
    group by all
),

purchase_cohorts as (
    select
        buyers.cohort_month,
        count(*) as customers
    from buyers
    group by all
),

-- ----- both, month by month since each cohort began

cohorts as (
    select
        'contracts' as basis,
        contract_cohorts.cohort_month,
        contract_cohorts.customers
    from contract_cohorts
    union all
    select
        'purchases' as basis,
        purchase_cohorts.cohort_month,
        purchase_cohorts.customers
    from purchase_cohorts
),

cohort_months as (
    select
        cohorts.basis,
        cohorts.cohort_month,
        cohorts.customers,
        cast(unnest(generate_series(
            cohorts.cohort_month, cast(date_trunc('month', run_context.as_of) as date), interval 1 month
        )) as date) as month_start
    from cohorts
    cross join run_context
),

contract_facts_summed as (
    select
        contract_facts.cohort_month,
        contract_facts.month_start,
        sum(contract_facts.customers_active) as customers_active,
        sum(contract_facts.customers_year_ago) as customers_year_ago,
        sum(contract_facts.customers_kept) as customers_kept,
        sum(contract_facts.mrr) as mrr,
        sum(contract_facts.mrr_year_ago) as mrr_year_ago,
        sum(contract_facts.mrr_of_year_ago_now) as mrr_of_year_ago_now,
        sum(contract_facts.mrr_kept) as mrr_kept
    from contract_facts
    group by all
),

cells as (
    select
        cohort_months.basis,
        cohort_months.cohort_month,
        cohort_months.month_start,
        cohort_months.customers,
        case cohort_months.basis
            when 'contracts' then coalesce(contract_facts_summed.customers_active, 0)
            else coalesce(active_buyers.customers_active, 0)
        end as customers_active,
        case
            when cohort_months.basis = 'purchases'
                then coalesce(sum(repeat_buyers.customers_repeat) over (
                    partition by cohort_months.basis, cohort_months.cohort_month
                    order by cohort_months.month_start
                    rows between unbounded preceding and current row
                ), 0)
        end as customers_repeat,
        {%- for column in [
            'customers_year_ago', 'customers_kept', 'mrr', 'mrr_year_ago', 'mrr_of_year_ago_now', 'mrr_kept',
        ] %}
        case when cohort_months.basis = 'contracts' then coalesce(contract_facts_summed.{{ column }}, 0) end
            as {{ column }},
        {%- endfor %}
        date_diff('month', cohort_months.cohort_month, cohort_months.month_start) as months_since
    from cohort_months
    left join contract_facts_summed
        on
            cohort_months.basis = 'contracts'
            and cohort_months.cohort_month = contract_facts_summed.cohort_month
            and cohort_months.month_start = contract_facts_summed.month_start
    left join active_buyers
        on
            cohort_months.basis = 'purchases'
            and cohort_months.cohort_month = active_buyers.cohort_month
            and cohort_months.month_start = active_buyers.month_start
    left join repeat_buyers
        on
            cohort_months.basis = 'purchases'
            and cohort_months.cohort_month = repeat_buyers.cohort_month
            and cohort_months.month_start = repeat_buyers.repeat_month
),

cells_and_totals as (
    select
        'cohort' as level,
        cells.*
    from cells
    union all
    select
        'total' as level,
        cells.basis,
        cast(null as date) as cohort_month,
        cells.month_start,
        sum(cells.customers) as customers,
        sum(cells.customers_active) as customers_active,
        sum(cells.customers_repeat) as customers_repeat,
        sum(cells.customers_year_ago) as customers_year_ago,
        sum(cells.customers_kept) as customers_kept,
        sum(cells.mrr) as mrr,
        sum(cells.mrr_year_ago) as mrr_year_ago,
        sum(cells.mrr_of_year_ago_now) as mrr_of_year_ago_now,
        sum(cells.mrr_kept) as mrr_kept,
        cast(null as bigint) as months_since
    from cells
    group by all
),

final as (
    select
        cells_and_totals.basis,
        cells_and_totals.level,
        cast(cells_and_totals.months_since as bigint) as months_since,
        cast(cells_and_totals.customers as bigint) as customers,
        cast(cells_and_totals.customers_active as bigint) as customers_active,
        cast(cells_and_totals.customers_repeat as bigint) as customers_repeat,
        cast(cells_and_totals.customers_year_ago as bigint) as customers_year_ago,
        cast(cells_and_totals.customers_kept as bigint) as customers_kept,
        cast(cells_and_totals.mrr as decimal(18, 2)) as mrr,
        cast(cells_and_totals.mrr_year_ago as decimal(18, 2)) as mrr_year_ago,
        cast(cells_and_totals.mrr_of_year_ago_now as decimal(18, 2)) as mrr_of_year_ago_now,
        cast(cells_and_totals.mrr_kept as decimal(18, 2)) as mrr_kept,
        {{ ratio('cells_and_totals.customers_active', 'cells_and_totals.customers') }} as logo_retention,
        {{ ratio('cells_and_totals.customers_repeat', 'cells_and_totals.customers') }} as repeat_purchase_rate,
        {{ ratio(
            'cells_and_totals.customers_year_ago - cells_and_totals.customers_kept',
            'cells_and_totals.customers_year_ago'
        ) }} as churn_rate,
        {{ ratio('cells_and_totals.mrr_of_year_ago_now', 'cells_and_totals.mrr_year_ago') }} as nrr,
        {{ ratio('cells_and_totals.mrr_kept', 'cells_and_totals.mrr_year_ago') }} as grr,
        cells_and_totals.month_start,
        cells_and_totals.cohort_month
    from cells_and_totals
)

select * from final
