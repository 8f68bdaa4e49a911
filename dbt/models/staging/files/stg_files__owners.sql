{%- set raw_columns = [
    'owner_id', 'owner_name', 'email', 'team', 'role', 'manager_id', 'kind', 'is_active', 'created_at',
    'updated_at',
] -%}

with

owners_landed as (
    {{ landed_file_rows(source('raw', 'files__owners'), raw_columns) }}
),

owners_read as (
    select
        owners_landed.*,
        {{ to_boolean('owners_landed.is_active') }} as is_active_read,
        {{ to_timestamp('owners_landed.created_at') }} as created_at_read,
        {{ to_timestamp('owners_landed.updated_at') }} as updated_at_read
    from owners_landed
),

owners_judged as (
    select
        owners_read.*,
        case
            when owners_read.raw_reject_reason is not null then owners_read.raw_reject_reason
            when owners_read.owner_id is null then 'owner_id is missing'
            when {{ unreadable('owners_read.is_active', 'owners_read.is_active_read') }}
                then 'is_active is not true or false'
            when {{ unreadable('owners_read.created_at', 'owners_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('owners_read.updated_at', 'owners_read.updated_at_read') }}
                then 'updated_at is not a time'
        end as reject_reason
    from owners_read
),

final as (
    select
        owners_judged.system as source_system,
        owners_judged.owner_id,
        -- Exports name a user by the owner's id.
        cast(null as text) as user_id,
        owners_judged.manager_id,
        owners_judged.owner_name,
        lower(owners_judged.email) as email,
        owners_judged.team,
        owners_judged.role,
        owners_judged.kind,
        owners_judged.mapping_name,
        owners_judged.file_name,
        owners_judged.reject_reason,
        {{ rejected_record(raw_columns, 'owners_judged', kept='raw_rejected_record') }}
            as rejected_record,
        owners_judged.load_number,
        owners_judged.version_order,
        owners_judged.row_number,
        owners_judged.is_active_read as is_active,
        owners_judged.fetched_at,
        owners_judged.created_at_read as created_at,
        owners_judged.updated_at_read as updated_at
    from owners_judged
)

select * from final
