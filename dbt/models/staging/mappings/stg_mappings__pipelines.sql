{%- set raw_columns = ['source_system', 'pipeline_label', 'purpose', 'valid_from'] -%}

with

pipelines_landed as (
    {{ landed_mapping_rows(source('raw', 'mappings__pipelines'), raw_columns) }}
),

pipelines_judged as (
    select
        pipelines_landed.*,
        {{ to_date('pipelines_landed.valid_from') }} as valid_from_read,
        case
            when pipelines_landed.purpose is null then 'purpose is missing'
            when pipelines_landed.valid_from is not null and {{ to_date('pipelines_landed.valid_from') }} is null
                then 'valid_from is not a date'
        end as reject_reason
    from pipelines_landed
),

final as (
    select
        lower(pipelines_judged.source_system) as source_system,
        pipelines_judged.pipeline_label,
        lower(pipelines_judged.purpose) as purpose,
        pipelines_judged.file_name,
        pipelines_judged.reject_reason,
        {{ rejected_record(raw_columns, 'pipelines_judged') }} as rejected_record,
        pipelines_judged.load_number,
        pipelines_judged.row_number,
        pipelines_judged.valid_from_read as valid_from,
        pipelines_judged.fetched_at
    from pipelines_judged
)

select * from final
