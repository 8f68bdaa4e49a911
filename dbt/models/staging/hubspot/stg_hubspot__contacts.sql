{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'email', 'firstname', 'lastname',
    'lifecyclestage', 'hs_lead_status', 'hubspot_owner_id', 'hs_analytics_source',
    'hs_analytics_source_data_1', 'associatedcompanyid', 'createdate', 'lastmodifieddate',
    'hs_merged_object_ids', 'country', 'jobtitle', 'ga_client_id', 'gclid', 'lead_source',
    'purchase_timeframe', 'associations',
] -%}
{{ config(meta={'reads': columns}) }}

with

contacts_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__contacts'), id=['id'], id_in_this=['contact_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

contacts_read as (
    select
        contacts_landed.*,
        {{ to_timestamp('coalesce(contacts_landed.createdate, contacts_landed.created_at)') }} as created_at_read,
        {{ to_timestamp('coalesce(contacts_landed.lastmodifieddate, contacts_landed.updated_at)') }}
            as updated_at_read,
        {{ to_timestamp('contacts_landed.archived_at') }} as deleted_at_read,
        try(json_extract_string(contacts_landed.associations, '$.companies.results[0].id')) as first_company_id
    from contacts_landed
),

contacts_judged as (
    select
        contacts_read.*,
        case
            when {{ given('contacts_read.id') }} is null then 'id is missing'
            when contacts_read.created_at_read is null then 'created_at is not a time'
        end as reject_reason
    from contacts_read
),

final as (
    select
        'hubspot' as source_system,
        contacts_judged.id as contact_id,
        coalesce({{ given('contacts_judged.associatedcompanyid') }}, contacts_judged.first_company_id) as account_id,
        {{ given('contacts_judged.hubspot_owner_id') }} as owner_id,
        {{ given('contacts_judged.ga_client_id') }} as visitor_id,
        {{ given('contacts_judged.gclid') }} as gclid,
        {{ clean_text("concat_ws(' ', contacts_judged.firstname, contacts_judged.lastname)") }} as full_name,
        lower({{ clean_text('contacts_judged.email') }}) as email,
        {{ given('contacts_judged.lifecyclestage') }} as lifecycle_label,
        {{ given('contacts_judged.hs_lead_status') }} as lead_status_label,
        -- What the company itself wrote down goes before what HubSpot inferred.
        coalesce(
            {{ given('contacts_judged.lead_source') }}, {{ given('contacts_judged.hs_analytics_source') }}
        ) as source_label,
        {{ given('contacts_judged.hs_analytics_source_data_1') }} as source_detail,
        {{ clean_text('contacts_judged.country') }} as country,
        {{ clean_text('contacts_judged.jobtitle') }} as job_title,
        {{ given('contacts_judged.purchase_timeframe') }} as purchase_timeframe,
        {{ given('contacts_judged.hs_merged_object_ids') }} as merged_ids,
        contacts_judged.reject_reason,
        {{ rejected_record(columns, 'contacts_judged') }} as rejected_record,
        contacts_judged.load_number,
        contacts_judged.version_order,
        contacts_judged.content_hash,
        coalesce({{ to_boolean('contacts_judged.archived') }}, false) as is_deleted,
        contacts_judged.fetched_at,
        contacts_judged.created_at_read as created_at,
        contacts_judged.updated_at_read as updated_at,
        contacts_judged.deleted_at_read as deleted_at
    from contacts_judged
)

select * from final
