{%- set raw_columns = [
    'account_id', 'account_name', 'domain', 'industry', 'country', 'employee_count', 'segment',
    'owner_id', 'parent_account_id', 'created_at', 'updated_at', 'is_deleted', 'deleted_at',
    'merged_ids',
] -%}

with

accounts_landed as (
    {{ landed_file_rows(source('raw', 'files__accounts'), raw_columns) }}
),

accounts_read as (
    select
        accounts_landed.*,
        {{ to_bigint('accounts_landed.employee_count') }} as employee_count_read,
        {{ to_timestamp('accounts_landed.created_at') }} as created_at_read,
        {{ to_timestamp('accounts_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('accounts_landed.is_deleted') }} as is_deleted_read,
        {{ to_timestamp('accounts_landed.deleted_at') }} as deleted_at_read
    from accounts_landed
),

accounts_judged as (
    select
        accounts_read.*,
        case
            when accounts_read.raw_reject_reason is not null then accounts_read.raw_reject_reason
            when accounts_read.account_id is null then 'account_id is missing'
            when {{ unreadable('accounts_read.employee_count', 'accounts_read.employee_count_read') }}
                then 'employee_count is not a whole number'
            when {{ unreadable('accounts_read.created_at', 'accounts_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('accounts_read.updated_at', 'accounts_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('accounts_read.is_deleted', 'accounts_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
            when {{ unreadable('accounts_read.deleted_at', 'accounts_read.deleted_at_read') }}
                then 'deleted_at is not a time'
        end as reject_reason
    from accounts_read
),

final as (
    select
        accounts_judged.system as source_system,
        accounts_judged.account_id,
        accounts_judged.owner_id,
        accounts_judged.parent_account_id,
        accounts_judged.account_name,
        lower(accounts_judged.domain) as domain,
        accounts_judged.industry,
        accounts_judged.country,
        lower(accounts_judged.segment) as segment,
        accounts_judged.merged_ids,
        accounts_judged.mapping_name,
        accounts_judged.file_name,
        accounts_judged.reject_reason,
        {{ rejected_record(raw_columns, 'accounts_judged', kept='raw_rejected_record') }}
            as rejected_record,
        accounts_judged.load_number,
        accounts_judged.version_order,
        accounts_judged.row_number,
        accounts_judged.employee_count_read as employee_count,
        coalesce(accounts_judged.is_deleted_read, accounts_judged.deleted_at_read is not null) as is_deleted,
        accounts_judged.fetched_at,
        accounts_judged.created_at_read as created_at,
        accounts_judged.updated_at_read as updated_at,
        accounts_judged.deleted_at_read as deleted_at
    from accounts_judged
)

select * from final
