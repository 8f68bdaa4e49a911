{%- set raw_columns = ['source_system', 'label', 'reason', 'valid_from'] -%}

with

loss_reasons_landed as (
    {{ landed_mapping_rows(source('raw', 'mappings__loss_reasons'), raw_columns) }}
),

loss_reasons_judged as (
    select
        loss_reasons_landed.*,
        {{ to_date('loss_reasons_landed.valid_from') }} as valid_from_read,
        case
            when loss_reasons_landed.reason is null then 'reason is missing'
            when loss_reasons_landed.valid_from is not null and {{ to_date('loss_reasons_landed.valid_from') }} is null
                then 'valid_from is not a date'
        end as reject_reason
    from loss_reasons_landed
),

final as (
    select
        lower(loss_reasons_judged.source_system) as source_system,
        loss_reasons_judged.label,
        lower(loss_reasons_judged.reason) as reason,
        loss_reasons_judged.file_name,
        loss_reasons_judged.reject_reason,
        {{ rejected_record(raw_columns, 'loss_reasons_judged') }} as rejected_record,
        loss_reasons_judged.load_number,
        loss_reasons_judged.row_number,
        loss_reasons_judged.valid_from_read as valid_from,
        loss_reasons_judged.fetched_at
    from loss_reasons_judged
)

select * from final
