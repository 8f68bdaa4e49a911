{%- set raw_columns = [
    'lead_id', 'contact_id', 'account_id', 'owner_id', 'full_name', 'email', 'company_name',
    'source_label', 'source_detail', 'stage_label', 'status_label', 'purchase_timeframe',
    'country', 'is_converted', 'is_test', 'created_at', 'updated_at', 'is_deleted',
    'deleted_at',
] -%}

with

leads_landed as (
    {{ landed_file_rows(source('raw', 'files__leads'), raw_columns) }}
),

leads_read as (
    select
        leads_landed.*,
        {{ to_boolean('leads_landed.is_converted') }} as is_converted_read,
        {{ to_boolean('leads_landed.is_test') }} as is_test_read,
        {{ to_timestamp('leads_landed.created_at') }} as created_at_read,
        {{ to_timestamp('leads_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('leads_landed.is_deleted') }} as is_deleted_read,
        {{ to_timestamp('leads_landed.deleted_at') }} as deleted_at_read
    from leads_landed
),

leads_judged as (
    select
        leads_read.*,
        case
            when leads_read.raw_reject_reason is not null then leads_read.raw_reject_reason
            when leads_read.lead_id is null then 'lead_id is missing'
            when {{ unreadable('leads_read.is_converted', 'leads_read.is_converted_read') }}
                then 'is_converted is not true or false'
            when {{ unreadable('leads_read.is_test', 'leads_read.is_test_read') }}
                then 'is_test is not true or false'
            when {{ unreadable('leads_read.created_at', 'leads_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('leads_read.updated_at', 'leads_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('leads_read.is_deleted', 'leads_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
            when {{ unreadable('leads_read.deleted_at', 'leads_read.deleted_at_read') }}
                then 'deleted_at is not a time'
        end as reject_reason
    from leads_read
),

final as (
    select
        leads_judged.system as source_system,
        leads_judged.lead_id,
        leads_judged.contact_id,
        leads_judged.account_id,
        leads_judged.owner_id,
        leads_judged.full_name,
        lower(leads_judged.email) as email,
        leads_judged.company_name,
        leads_judged.source_label,
        leads_judged.source_detail,
        leads_judged.stage_label,
        leads_judged.status_label,
        leads_judged.purchase_timeframe,
        leads_judged.country,
        leads_judged.mapping_name,
        leads_judged.file_name,
        leads_judged.reject_reason,
        {{ rejected_record(raw_columns, 'leads_judged', kept='raw_rejected_record') }}
            as rejected_record,
        leads_judged.load_number,
        leads_judged.version_order,
        leads_judged.row_number,
        leads_judged.is_converted_read as is_converted,
        leads_judged.is_test_read as is_test,
        coalesce(leads_judged.is_deleted_read, leads_judged.deleted_at_read is not null) as is_deleted,
        leads_judged.fetched_at,
        leads_judged.created_at_read as created_at,
        leads_judged.updated_at_read as updated_at,
        leads_judged.deleted_at_read as deleted_at
    from leads_judged
)

select * from final
