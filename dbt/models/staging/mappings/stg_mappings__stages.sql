{%- set raw_columns = ['object', 'source_system', 'pipeline_label', 'stage_label', 'stage', 'valid_from'] -%}

with

stages_landed as (
    {{ landed_mapping_rows(source('raw', 'mappings__stages'), raw_columns) }}
),

stages_judged as (
    select
        stages_landed.*,
        {{ to_date('stages_landed.valid_from') }} as valid_from_read,
        case
            when stages_landed.object is null or lower(stages_landed.object) not in ('lead', 'lead_status', 'deal')
                then 'object is not lead, lead_status or deal'
            when stages_landed.stage_label is null then 'stage_label is missing'
            when stages_landed.stage is null then 'stage is missing'
            when stages_landed.valid_from is not null and {{ to_date('stages_landed.valid_from') }} is null
                then 'valid_from is not a date'
        end as reject_reason
    from stages_landed
),

final as (
    select
        lower(stages_judged.object) as object,
        lower(stages_judged.source_system) as source_system,
        stages_judged.pipeline_label,
        stages_judged.stage_label,
        lower(stages_judged.stage) as stage,
        stages_judged.file_name,
        stages_judged.reject_reason,
        {{ rejected_record(raw_columns, 'stages_judged') }} as rejected_record,
        stages_judged.load_number,
        stages_judged.row_number,
        stages_judged.valid_from_read as valid_from,
        stages_judged.fetched_at
    from stages_judged
)

select * from final
