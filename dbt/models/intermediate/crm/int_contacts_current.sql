{#-
    One row per contact that exists at the end of `as_of`, from its newest landed version; merged-away ones do not. A
    past day has the account and the owner that had landed for it.
-#}
with

contacts as (
    select * from {{ ref('int_contacts_unioned') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

lead_owners as (
    select * from {{ ref('int_lead_owners') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

test_email_domains as (
    select distinct test_email_domains.domain
    from {{ source('run', 'test_email_domains') }} as test_email_domains
),

test_names as (
    select distinct test_names.name from {{ source('run', 'test_names') }} as test_names
),

newest_versions as (
    select
        contacts.source_system,
        contacts.contact_id,
        max(contacts.version_order) as version_order
    from contacts
    group by all
),

contacts_newest as (
    select contacts.*
    from contacts
    inner join newest_versions
        on
            contacts.source_system = newest_versions.source_system
            and contacts.contact_id = newest_versions.contact_id
            and contacts.version_order = newest_versions.version_order
),

contacts_existing as (
    select contacts_newest.*
    from contacts_newest
    cross join run_context
    anti join survivors
        on
            survivors.object = 'contact'
            and contacts_newest.source_system = survivors.source_system
            and contacts_newest.contact_id = survivors.merged_id
    where contacts_newest.created_at is null or contacts_newest.created_at < run_context.as_of_end
),

-- Before the first landing the account is taken to have been what it is.
told_by_the_day as (
    {{ told_by_the_day('contacts', 'contact_id', ['account_id', 'owner_id', 'is_deleted', 'deleted_at']) }}
),

contacts_linked as (
    select
        contacts_existing.* replace (
            {{ as_told('account_id', 'contacts_existing') }} as account_id,
            {{ told_value('owner_id', 'contacts_existing') }} as owner_id,
            {{ lies_deleted('contacts_existing') }} as is_deleted,
            {{ lies_deleted_since('contacts_existing') }} as deleted_at
        )
    from contacts_existing
    cross join run_context
    left join told_by_the_day
        on
            contacts_existing.source_system = told_by_the_day.source_system
            and contacts_existing.contact_id = told_by_the_day.contact_id
),

final as (
    select
        contacts_linked.source_system || ':' || contacts_linked.contact_id as contact_key,
        contacts_linked.source_system
        || ':'
        || coalesce(survivors.survivor_id, contacts_linked.account_id) as account_key,
        case
            when lead_owners.lead_key is not null then lead_owners.owner_key
            else contacts_linked.source_system || ':' || contacts_linked.owner_id
        end as owner_key,
        contacts_linked.contact_id,
        contacts_linked.source_system,
        contacts_linked.visitor_id,
        contacts_linked.full_name,
        contacts_linked.email,
        contacts_linked.country,
        contacts_linked.job_title,
        contacts_linked.is_deleted,
        test_email_domains.domain is not null or test_names.name is not null as is_test,
        contacts_linked.created_at,
        contacts_linked.deleted_at
    from contacts_linked
    left join survivors
        on
            survivors.object = 'account'
            and contacts_linked.source_system = survivors.source_system
            and contacts_linked.account_id = survivors.merged_id
    left join lead_owners
        on contacts_linked.source_system || ':' || contacts_linked.contact_id = lead_owners.lead_key
    left join
        test_email_domains
        on split_part(contacts_linked.email, '@', 2) = test_email_domains.domain
    left join test_names on lower(contacts_linked.full_name) = test_names.name
)

select * from final
