{#-
    One row per deal whose source names all of its contacts: how many people they are, merged ones
    once, deleted ones left out.
-#}
with

deals as (
    select * from {{ ref('int_deals') }}
    where contact_ids is not null
),

survivors as (
    select * from {{ ref('int_survivors') }}
    where object = 'contact'
),

contacts as (
    select * from {{ ref('dim_contacts') }}
    where not is_deleted
),

ids_unnested as (
    select
        deals.deal_key,
        deals.source_system,
        unnest(string_split(deals.contact_ids, ';')) as contact_id
    from deals
    where deals.contact_ids <> ''
),

contacts_counted as (
    select
        ids_unnested.deal_key,
        count(distinct contacts.contact_key) as contacts
    from ids_unnested
    left join survivors
        on
            ids_unnested.source_system = survivors.source_system
            and ids_unnested.contact_id = survivors.merged_id
    inner join contacts
        on
            ids_unnested.source_system
            || ':'
            || coalesce(survivors.survivor_id, ids_unnested.contact_id)
            = contacts.contact_key
    group by ids_unnested.deal_key
),

final as (
    select
        deals.deal_key,
        coalesce(contacts_counted.contacts, 0) as contacts
    from deals
    left join contacts_counted on deals.deal_key = contacts_counted.deal_key
)

select * from final
