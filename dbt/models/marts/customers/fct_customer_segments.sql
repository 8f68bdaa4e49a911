with

purchases as (
    select * from {{ ref('int_customer_purchases') }}
),

contracts as (
    select * from {{ ref('int_contracts') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

motion_rules as (
    select * from {{ source('run', 'motion_rules') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

buyers as (
    select
        purchases.customer_key,
        any_value(purchases.account_key) as account_key,
        any_value(purchases.contact_key) as contact_key,
        count(*) filter (where purchases.is_purchase) as frequency,
        sum(purchases.amount_reporting) as monetary_reporting,
        min(purchases.close_day) filter (where purchases.is_purchase) as first_purchase_date,
        max(purchases.close_day) filter (where purchases.is_purchase) as last_purchase_date
    from purchases
    group by all
),

payers as (
    select
        contracts.customer_key,
        any_value(contracts.account_key) as account_key,
        sum(contracts.mrr_reporting) as mrr_reporting
    from contracts
    cross join run_context
    where
        contracts.start_date <= run_context.as_of
        and coalesce(contracts.end_date, run_context.as_of) >= run_context.as_of
    group by all
),

customers as (
    select
        coalesce(buyers.customer_key, payers.customer_key) as customer_key,
        coalesce(buyers.account_key, payers.account_key) as account_key,
        buyers.contact_key,
        coalesce(buyers.frequency, 0) as frequency,
        buyers.monetary_reporting,
        coalesce(payers.mrr_reporting, 0) as mrr_reporting,
        payers.customer_key is not null as has_contract,
        -- A contract is an account's, also where no source knows it.
        buyers.contact_key is null as has_account,
        buyers.first_purchase_date,
        buyers.last_purchase_date,
        run_context.as_of - buyers.last_purchase_date as recency_days
    from buyers
    cross join run_context
    full outer join payers on buyers.customer_key = payers.customer_key
),

-- The share of customers who are beaten decides, so equals stand in one quintile.
customers_ranked as (
    select
        customers.*,
        {%- for measure, order in [('recency_days', 'desc'), ('frequency', 'asc'), ('monetary_reporting', 'asc')] %}
        case
            when customers.{{ measure }} is not null and customers.frequency > 0
                then cast(
                    1 + 5 * (
                        rank() over (
                            partition by customers.{{ measure }} is not null and customers.frequency > 0
                            order by customers.{{ measure }} {{ order }}
                        ) - 1
                    ) // count(*) over (
                        partition by customers.{{ measure }} is not null and customers.frequency > 0
                    ) as integer
                )
        end as {{ measure }}_quintile,
        {%- endfor %}
        accounts.account_name,
        coalesce(accounts.segment, 'unknown') as segment,
        accounts.industry,
        accounts.employee_count
    from customers
    left join accounts on customers.account_key = accounts.account_key
),

motions as (
    select
        customers_ranked.customer_key,
        min_by(motion_rules.motion, cast(motion_rules.rule_number as integer)) as motion
    from customers_ranked
    inner join motion_rules
        on
            (motion_rules.segment = '' or lower(customers_ranked.segment) = motion_rules.segment)
            and (motion_rules.industry = '' or lower(customers_ranked.industry) = motion_rules.industry)
            and (
                motion_rules.minimum_employees = ''
                or customers_ranked.employee_count >= try_cast(motion_rules.minimum_employees as bigint)
            )
            and (
                motion_rules.has_account = ''
                or customers_ranked.has_account = try_cast(motion_rules.has_account as boolean)
            )
            and (
                motion_rules.has_contract = ''
                or customers_ranked.has_contract = try_cast(motion_rules.has_contract as boolean)
            )
    group by all
),

final as (
    select
        customers_ranked.customer_key,
        customers_ranked.account_key,
        customers_ranked.contact_key,
        customers_ranked.account_name,
        customers_ranked.segment,
        coalesce(motions.motion, 'unknown') as motion,
        customers_ranked.recency_days_quintile
        || ''
        || customers_ranked.frequency_quintile
        || customers_ranked.monetary_reporting_quintile as rfm,
        cast(customers_ranked.recency_days as bigint) as recency_days,
        cast(customers_ranked.frequency as bigint) as frequency,
        cast(customers_ranked.monetary_reporting as decimal(18, 2)) as monetary_reporting,
        cast(customers_ranked.mrr_reporting as decimal(18, 2)) as mrr_reporting,
        customers_ranked.recency_days_quintile as recency_quintile,
        customers_ranked.frequency_quintile,
        customers_ranked.monetary_reporting_quintile as monetary_quintile,
        customers_ranked.has_account,
        customers_ranked.has_contract,
        customers_ranked.first_purchase_date,
        customers_ranked.last_purchase_date
    from customers_ranked
    left join motions on customers_ranked.customer_key = motions.customer_key
)

select * from final
