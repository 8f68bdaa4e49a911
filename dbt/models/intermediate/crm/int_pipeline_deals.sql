{#-
    One row per deal that counts as pipeline, in the past too: what was sold or may be, tests left
    out, deleted deals until their deletion, deals that were entered twice until that was told. What is unknown
    is so until the deal was first seen (`seen_at`); where that is NULL, on every past day.
-#}
with

deals as (
    select * from {{ ref('fct_deals') }}
    -- An onboarding deal repeats a sale that is already counted.
    where pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

deals_current as (
    select * from {{ ref('int_deals') }}
),

sightings as (
    select * from {{ ref('int_deal_sightings') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A test deal that was deleted is still a test deal.
final as (
    select
        deals.deal_key,
        deals.owner_key,
        deals.pipeline_id,
        deals.segment,
        deals.status,
        deals.history_basis = 'assumed_current' or coalesce(sightings.is_stage_seen, false) as is_stage_unknown,
        deals.amount is not null
        and (deals.amount_history_basis = 'assumed_current' or coalesce(sightings.is_amount_seen, false))
            as is_amount_unknown,
        deals.close_date is not null
        and (
            not deals_current.has_close_date_history and deals_current.landed_basis = 'assumed_current'
            or coalesce(sightings.is_close_date_seen, false)
        )
            as is_close_date_unknown,
        coalesce(sightings.is_owner_seen, false) as is_owner_unknown,
        deals.is_deleted,
        deals.created_date,
        deals.close_day,
        deals.created_at,
        sightings.seen_at,
        {{ day_in_zone('sightings.seen_at', 'run_context.reporting_timezone') }} as seen_date,
        deals.deleted_at,
        coalesce(deals.deleted_at, case when deals.exclusion_reason = 'duplicate' then deals.closed_at end)
            as withdrawn_at
    from deals
    cross join run_context
    inner join deals_current on deals.deal_key = deals_current.deal_key
    left join sightings on deals.deal_key = sightings.deal_key
    left join accounts on deals.account_key = accounts.account_key
    left join contacts on deals.contact_key = contacts.contact_key
    where
        deals.exclusion_reason is distinct from 'test'
        and accounts.exclusion_reason is distinct from 'test'
        and contacts.exclusion_reason is distinct from 'test'
)

select * from final
