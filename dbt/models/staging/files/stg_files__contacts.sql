{%- set raw_columns = [
    'contact_id', 'full_name', 'email', 'account_id', 'owner_id', 'lifecycle_label',
    'lead_status_label', 'source_label', 'source_detail', 'visitor_id', 'gclid', 'country',
    'job_title', 'purchase_timeframe', 'created_at', 'updated_at', 'is_deleted', 'deleted_at',
    'merged_ids',
] -%}

with

contacts_landed as (
    {{ landed_file_rows(source('raw', 'files__contacts'), raw_columns) }}
),

contacts_read as (
    select
        contacts_landed.*,
        {{ to_timestamp('contacts_landed.created_at') }} as created_at_read,
        {{ to_timestamp('contacts_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('contacts_landed.is_deleted') }} as is_deleted_read,
        {{ to_timestamp('contacts_landed.deleted_at') }} as deleted_at_read
    from contacts_landed
),

contacts_judged as (
    select
        contacts_read.*,
        case
            when contacts_read.raw_reject_reason is not null then contacts_read.raw_reject_reason
            when contacts_read.contact_id is null then 'contact_id is missing'
            when {{ unreadable('contacts_read.created_at', 'contacts_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('contacts_read.updated_at', 'contacts_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('contacts_read.is_deleted', 'contacts_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
            when {{ unreadable('contacts_read.deleted_at', 'contacts_read.deleted_at_read') }}
                then 'deleted_at is not a time'
        end as reject_reason
    from contacts_read
),

final as (
    select
        contacts_judged.system as source_system,
        contacts_judged.contact_id,
        contacts_judged.account_id,
        contacts_judged.owner_id,
        contacts_judged.visitor_id,
        contacts_judged.gclid,
        contacts_judged.full_name,
        lower(contacts_judged.email) as email,
        contacts_judged.lifecycle_label,
        contacts_judged.lead_status_label,
        contacts_judged.source_label,
        contacts_judged.source_detail,
        contacts_judged.country,
        contacts_judged.job_title,
        contacts_judged.purchase_timeframe,
        contacts_judged.merged_ids,
        contacts_judged.mapping_name,
        contacts_judged.file_name,
        contacts_judged.reject_reason,
        {{ rejected_record(raw_columns, 'contacts_judged', kept='raw_rejected_record') }}
            as rejected_record,
        contacts_judged.load_number,
        contacts_judged.version_order,
        contacts_judged.row_number,
        coalesce(contacts_judged.is_deleted_read, contacts_judged.deleted_at_read is not null) as is_deleted,
        contacts_judged.fetched_at,
        contacts_judged.created_at_read as created_at,
        contacts_judged.updated_at_read as updated_at,
        contacts_judged.deleted_at_read as deleted_at
    from contacts_judged
)

select * from final
