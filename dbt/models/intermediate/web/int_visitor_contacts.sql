{#- Who a visitor is: what the site said when the visitor signed in counts more than the visitor id that a form left
    on the contact. Several contacts may claim one visitor; the eldest that still counts is taken. -#}
with

slices as (
    select * from {{ ref('hist_session_slices') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

contact_versions as (
    select * from {{ ref('int_contacts_unioned') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

run_context as (
    select as_of_end
    from {{ source('run', 'run_context') }}
),

loads_for_the_day as (
    {{ loads_for_the_day() }}
),

versions_for_the_day as (
    select contact_versions.*
    from contact_versions
    semi join loads_for_the_day on contact_versions.load_number = loads_for_the_day.load_number
),

-- A past day knows the ids that had landed for it, of a contact that had not landed yet those that it has had since.
versions_known as (
    select * from versions_for_the_day
    union all
    select contact_versions.*
    from contact_versions
    anti join versions_for_the_day
        on
            contact_versions.source_system = versions_for_the_day.source_system
            and contact_versions.contact_id = versions_for_the_day.contact_id
),

signed_in as (
    select
        slices.visitor_id,
        min(slices.first_user_id).value as user_id
    from slices
    inner join run_context on slices.slice_start < run_context.as_of_end
    where slices.first_user_id is not null
    group by slices.visitor_id
),

-- Every id and visitor id that a contact ever had: of those merged into it as well.
contact_records as (
    select distinct
        versions_known.contact_id,
        versions_known.visitor_id,
        versions_known.source_system || ':'
        || coalesce(survivors.survivor_id, versions_known.contact_id) as contact_key
    from versions_known
    left join survivors
        on
            survivors.object = 'contact'
            and versions_known.source_system = survivors.source_system
            and versions_known.contact_id = survivors.merged_id
),

claims as (
    select
        signed_in.visitor_id,
        contact_records.contact_key,
        1 as claim_order
    from signed_in
    inner join contact_records on signed_in.user_id = contact_records.contact_id
    union all
    select
        signed_in.visitor_id,
        contacts.contact_key,
        2 as claim_order
    from signed_in
    inner join contacts on lower(signed_in.user_id) = lower(contacts.email)
    union all
    select
        contact_records.visitor_id,
        contact_records.contact_key,
        3 as claim_order
    from contact_records
    where contact_records.visitor_id is not null
),

final as (
    select
        claims.visitor_id,
        contacts.contact_key,
        contacts.person_key
    from claims
    inner join contacts on claims.contact_key = contacts.contact_key
    qualify
        row_number() over (
            partition by claims.visitor_id
            order by
                claims.claim_order, contacts.is_excluded, contacts.created_at, contacts.contact_key
        ) = 1
)

select * from final
