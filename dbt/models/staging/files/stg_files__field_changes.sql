{%- set raw_columns = ['object', 'record_id', 'stage_label', 'changed_at'] -%}

with

changes_landed as (
    {{ landed_file_rows(source('raw', 'files__stage_changes'), raw_columns) }}
),

changes_read as (
    select
        changes_landed.*,
        {{ to_timestamp('changes_landed.changed_at') }} as changed_at_read
    from changes_landed
),

changes_judged as (
    select
        changes_read.*,
        case
            when changes_read.raw_reject_reason is not null then changes_read.raw_reject_reason
            when changes_read.object is null then 'object is missing'
            when changes_read.object not in ('deal', 'lead') then 'object is neither deal nor lead'
            when changes_read.record_id is null then 'record_id is missing'
            when changes_read.stage_label is null then 'stage_label is missing'
            when changes_read.changed_at is null then 'changed_at is missing'
            when changes_read.changed_at_read is null then 'changed_at is not a time'
        end as reject_reason
    from changes_read
),

final as (
    select
        changes_judged.system as source_system,
        changes_judged.record_id,
        changes_judged.object,
        'stage' as field,
        changes_judged.stage_label as value, -- noqa: RF04
        cast(null as text) as changed_by,
        cast(null as text) as source_type,
        changes_judged.mapping_name,
        changes_judged.file_name,
        changes_judged.reject_reason,
        {{ rejected_record(raw_columns, 'changes_judged', kept='raw_rejected_record') }}
            as rejected_record,
        changes_judged.load_number,
        changes_judged.version_order,
        changes_judged.row_number,
        changes_judged.fetched_at,
        changes_judged.changed_at_read as changed_at
    from changes_judged
)

select * from final
