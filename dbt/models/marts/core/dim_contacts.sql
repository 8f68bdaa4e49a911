with

contacts as (
    select * from {{ ref('int_contacts_current') }}
),

accounts as (
    select * from {{ ref('int_accounts_current') }}
),

final as (
    select
        contacts.contact_key,
        coalesce(contacts.email, contacts.contact_key) as person_key,
        accounts.account_key,
        contacts.owner_key,
        contacts.contact_id,
        contacts.source_system,
        contacts.visitor_id,
        contacts.full_name,
        contacts.email,
        contacts.country,
        contacts.job_title,
        case
            when contacts.is_deleted then 'deleted'
            when contacts.is_test then 'test'
        end as exclusion_reason,
        contacts.is_deleted,
        contacts.is_deleted or contacts.is_test as is_excluded,
        contacts.created_at,
        case when contacts.is_deleted then contacts.deleted_at end as deleted_at
    from contacts
    left join accounts on contacts.account_key = accounts.account_key
)

select * from final
