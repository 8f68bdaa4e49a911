{#-
    One row per won deal that a customer is known of, by the end of `as_of`: the account's, without an account the
    contact's. Credit notes are part of what a customer is worth, but no purchases.
-#}
with

deals as (
    select * from {{ ref('fct_deals') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

final as (
    select
        deals.deal_key,
        coalesce(deals.account_key, deals.contact_key) as customer_key,
        deals.account_key,
        case when deals.account_key is null then deals.contact_key end as contact_key,
        deals.amount_reporting,
        coalesce(deals.amount, 1) > 0 as is_purchase,
        deals.close_day
    from deals
    cross join run_context
    where
        deals.status = 'won'
        and not deals.is_excluded
        and deals.pipeline_purpose in ('new_business', 'renewal', 'upsell')
        and coalesce(deals.account_key, deals.contact_key) is not null
        and deals.close_day <= run_context.as_of
)

select * from final
