{%- set raw_columns = [
    'activity_id', 'kind', 'owner_id', 'contact_id', 'deal_id', 'account_id', 'subject',
    'direction', 'outcome', 'is_completed', 'duration_seconds', 'occurred_at', 'created_at',
    'updated_at', 'is_deleted',
] -%}

with

activities_landed as (
    {{ landed_file_rows(source('raw', 'files__activities'), raw_columns) }}
),

activities_read as (
    select
        activities_landed.*,
        {{ to_boolean('activities_landed.is_completed') }} as is_completed_read,
        {{ to_bigint('activities_landed.duration_seconds') }} as duration_seconds_read,
        {{ to_timestamp('activities_landed.occurred_at') }} as occurred_at_read,
        {{ to_timestamp('activities_landed.created_at') }} as created_at_read,
        {{ to_timestamp('activities_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('activities_landed.is_deleted') }} as is_deleted_read
    from activities_landed
),

activities_judged as (
    select
        activities_read.*,
        case
            when activities_read.raw_reject_reason is not null then activities_read.raw_reject_reason
            when activities_read.activity_id is null then 'activity_id is missing'
            when activities_read.kind is null then 'kind is missing'
            when {{ unreadable('activities_read.is_completed', 'activities_read.is_completed_read') }}
                then 'is_completed is not true or false'
            when {{ unreadable('activities_read.duration_seconds', 'activities_read.duration_seconds_read') }}
                then 'duration_seconds is not a whole number'
            when {{ unreadable('activities_read.occurred_at', 'activities_read.occurred_at_read') }}
                then 'occurred_at is not a time'
            when {{ unreadable('activities_read.created_at', 'activities_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('activities_read.updated_at', 'activities_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('activities_read.is_deleted', 'activities_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
        end as reject_reason
    from activities_read
),

final as (
    select
        activities_judged.system as source_system,
        activities_judged.activity_id,
        activities_judged.owner_id,
        activities_judged.contact_id,
        activities_judged.deal_id,
        activities_judged.account_id,
        activities_judged.kind,
        activities_judged.subject,
        activities_judged.direction,
        activities_judged.outcome,
        activities_judged.mapping_name,
        activities_judged.file_name,
        activities_judged.reject_reason,
        {{ rejected_record(raw_columns, 'activities_judged', kept='raw_rejected_record') }}
            as rejected_record,
        activities_judged.load_number,
        activities_judged.version_order,
        activities_judged.row_number,
        activities_judged.duration_seconds_read as duration_seconds,
        activities_judged.is_completed_read as is_completed,
        coalesce(activities_judged.is_deleted_read, false) as is_deleted,
        activities_judged.fetched_at,
        activities_judged.occurred_at_read as occurred_at,
        activities_judged.created_at_read as created_at,
        activities_judged.updated_at_read as updated_at
    from activities_judged
)

select * from final
