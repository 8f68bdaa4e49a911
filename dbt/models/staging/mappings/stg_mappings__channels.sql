{%- set raw_columns = ['source_system', 'label', 'detail', 'channel', 'valid_from'] -%}

with

channels_landed as (
    {{ landed_mapping_rows(source('raw', 'mappings__channels'), raw_columns) }}
),

channels_judged as (
    select
        channels_landed.*,
        {{ to_date('channels_landed.valid_from') }} as valid_from_read,
        case
            when channels_landed.channel is null then 'channel is missing'
            when channels_landed.valid_from is not null and {{ to_date('channels_landed.valid_from') }} is null
                then 'valid_from is not a date'
        end as reject_reason
    from channels_landed
),

final as (
    select
        lower(channels_judged.source_system) as source_system,
        channels_judged.label,
        channels_judged.detail,
        lower(channels_judged.channel) as channel,
        channels_judged.file_name,
        channels_judged.reject_reason,
        {{ rejected_record(raw_columns, 'channels_judged') }} as rejected_record,
        channels_judged.load_number,
        channels_judged.row_number,
        channels_judged.valid_from_read as valid_from,
        channels_judged.fetched_at
    from channels_judged
)

select * from final
