{#-
    One row per record that another one took over, by what the newest version of the survivor says.
-#}
with

accounts as (
    select * from {{ ref('int_accounts_unioned') }}
),

contacts as (
    select * from {{ ref('int_contacts_unioned') }}
),

deals as (
    select * from {{ ref('int_deals_unioned') }}
),

survivors as (
    select
        'account' as object,
        accounts.source_system,
        accounts.account_id as survivor_id,
        accounts.merged_ids,
        accounts.version_order
    from accounts
    where accounts.merged_ids is not null
    union all
    select
        'contact' as object,
        contacts.source_system,
        contacts.contact_id as survivor_id,
        contacts.merged_ids,
        contacts.version_order
    from contacts
    where contacts.merged_ids is not null
    union all
    select
        'deal' as object,
        deals.source_system,
        deals.deal_id as survivor_id,
        deals.merged_ids,
        deals.version_order
    from deals
    where deals.merged_ids is not null
),

merged_ids_unnested as (
    select
        survivors.object,
        survivors.source_system,
        survivors.survivor_id,
        survivors.version_order,
        trim(unnest(string_split(survivors.merged_ids, ';'))) as merged_id
    from survivors
),

-- A survivor of a chain may name its predecessors' merges as well as they do: the newest word
-- counts.
final as (
    select
        merged_ids_unnested.source_system,
        merged_ids_unnested.merged_id,
        max_by(
            merged_ids_unnested.survivor_id,
            (merged_ids_unnested.version_order, merged_ids_unnested.survivor_id)
        ) as survivor_id,
        merged_ids_unnested.object
    from merged_ids_unnested
    where
        merged_ids_unnested.merged_id <> ''
        and merged_ids_unnested.merged_id <> merged_ids_unnested.survivor_id
    group by all
)

select * from final
