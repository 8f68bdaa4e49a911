{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'name', 'domain', 'industry',
    'country', 'numberofemployees', 'hubspot_owner_id', 'createdate', 'hs_lastmodifieddate',
    'hs_merged_object_ids', 'hs_parent_company_id', 'properties',
] -%}
{{ config(meta={'reads': columns}) }}

with

companies_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__companies'), id=['id'], id_in_this=['account_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

companies_read as (
    select
        companies_landed.*,
        {{ to_bigint('companies_landed.numberofemployees') }} as employee_count_read,
        {{ to_timestamp('coalesce(companies_landed.createdate, companies_landed.created_at)') }} as created_at_read,
        {{ to_timestamp('coalesce(companies_landed.hs_lastmodifieddate, companies_landed.updated_at)') }}
            as updated_at_read,
        {{ to_timestamp('companies_landed.archived_at') }} as deleted_at_read
    from companies_landed
),

companies_judged as (
    select
        companies_read.*,
        case
            when {{ given('companies_read.id') }} is null then 'id is missing'
            when companies_read.created_at_read is null then 'created_at is not a time'
            when {{ unreadable('companies_read.numberofemployees', 'companies_read.employee_count_read') }}
                then 'employee_count is not a number'
        end as reject_reason
    from companies_read
),

final as (
    select
        'hubspot' as source_system,
        companies_judged.id as account_id,
        {{ given('companies_judged.hubspot_owner_id') }} as owner_id,
        {{ given('companies_judged.hs_parent_company_id') }} as parent_account_id,
        {{ clean_text('companies_judged.name') }} as account_name,
        lower({{ clean_text('companies_judged.domain') }}) as domain,
        {{ clean_text('companies_judged.industry') }} as industry,
        {{ clean_text('companies_judged.country') }} as country,
        -- A property that companies often add themselves; without it the mart derives a segment
        -- from the size.
        lower({{ clean_text("try(json_extract_string(companies_judged.properties, '$.segment'))") }}) as segment,
        {{ given('companies_judged.hs_merged_object_ids') }} as merged_ids,
        companies_judged.reject_reason,
        {{ rejected_record(columns, 'companies_judged') }} as rejected_record,
        companies_judged.load_number,
        companies_judged.version_order,
        companies_judged.content_hash,
        companies_judged.employee_count_read as employee_count,
        coalesce({{ to_boolean('companies_judged.archived') }}, false) as is_deleted,
        companies_judged.fetched_at,
        companies_judged.created_at_read as created_at,
        companies_judged.updated_at_read as updated_at,
        companies_judged.deleted_at_read as deleted_at
    from companies_judged
)

select * from final
