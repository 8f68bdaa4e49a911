-- What: per customer and month opening + new + expansion - contraction - churn + resurrection is the
-- closing, which opens the next month, and all closings of a month are the contracts that run then.
-- Why: net and gross retention are read off these figures; a movement that is lost or counted twice
-- shows nowhere else.
-- A returned row: a customer's month, or a month of all of them, and what does not add up.
with

customer_months as (
    select * from {{ ref('fct_customer_months') }}
),

contracts as (
    select * from {{ ref('int_contracts') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

months as (
    select
        customer_months.month_start,
        sum(customer_months.closing_mrr) as closing_mrr
    from customer_months
    group by all
),

running as (
    select
        months.month_start,
        coalesce(sum(contracts.mrr_reporting), 0) as running_mrr
    from months
    cross join run_context
    left join contracts
        on
            contracts.start_date <= least(last_day(months.month_start), run_context.as_of)
            and (
                contracts.end_date is null
                or contracts.end_date >= least(last_day(months.month_start), run_context.as_of)
            )
    group by all
),

chained as (
    select
        customer_months.*,
        lead(customer_months.opening_mrr) over (
            partition by customer_months.customer_key order by customer_months.month_start
        ) as next_opening_mrr,
        lead(customer_months.month_start) over (
            partition by customer_months.customer_key order by customer_months.month_start
        ) as next_month_start
    from customer_months
)

select
    chained.customer_key,
    chained.month_start,
    'movements' as what
from chained
where
    chained.opening_mrr + chained.new_mrr + chained.expansion_mrr - chained.contraction_mrr - chained.churn_mrr
    + chained.resurrection_mrr <> chained.closing_mrr
union all
select
    chained.customer_key,
    chained.month_start,
    'chain' as what
from chained
where
    (
        chained.closing_mrr > 0
        and not chained.is_current
        and (
            chained.next_month_start is distinct from cast(chained.month_start + interval 1 month as date)
            or chained.next_opening_mrr <> chained.closing_mrr
        )
    )
    or (chained.closing_mrr = 0 and chained.opening_mrr = 0)
union all
select
    cast(null as text) as customer_key,
    months.month_start,
    'contracts' as what
from months
inner join running on months.month_start = running.month_start
where months.closing_mrr <> running.running_mrr
