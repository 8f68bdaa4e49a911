{#- One row per owner that a record names, now or in the past. -#}
with

deals as (
    select * from {{ ref('int_deals') }}
),

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
),

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
),

leads as (
    select * from {{ ref('int_leads_current') }}
),

contacts as (
    select * from {{ ref('int_contacts_current') }}
),

accounts as (
    select * from {{ ref('int_accounts_current') }}
),

activities as (
    select * from {{ ref('int_activities') }}
),

deal_splits as (
    select * from {{ ref('int_deal_splits') }}
),

keys_named as (
    select
        deals.owner_key,
        deals.source_system
    from deals
    union
    select
        deal_changes.source_system || ':' || deal_changes.value as owner_key,
        deal_changes.source_system
    from deal_changes
    where deal_changes.field = 'owner' and deal_changes.is_past
    union
    select
        lead_changes.source_system || ':' || lead_changes.value as owner_key,
        lead_changes.source_system
    from lead_changes
    where lead_changes.field = 'owner' and lead_changes.is_past and lead_changes.value <> ''
    union
    select
        leads.owner_key,
        leads.source_system
    from leads
    union
    select
        contacts.owner_key,
        contacts.source_system
    from contacts
    union
    select
        accounts.owner_key,
        accounts.source_system
    from accounts
    union
    select
        activities.owner_key,
        activities.source_system
    from activities
    union
    select
        deal_splits.owner_key,
        deal_splits.source_system
    from deal_splits
),

final as (
    select
        keys_named.owner_key,
        substr(keys_named.owner_key, length(keys_named.source_system) + 2) as owner_id,
        keys_named.source_system
    from keys_named
    where keys_named.owner_key is not null
)

select * from final
