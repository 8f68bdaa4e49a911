{%- set raw_columns = ['source_system', 'role', 'team', 'channel', 'kind', 'valid_from'] -%}

with

kinds_landed as (
    {{ landed_mapping_rows(source('raw', 'mappings__creator_kinds'), raw_columns) }}
),

kinds_judged as (
    select
        kinds_landed.*,
        {{ to_date('kinds_landed.valid_from') }} as valid_from_read,
        case
            when kinds_landed.kind is null then 'kind is missing'
            when kinds_landed.valid_from is not null and {{ to_date('kinds_landed.valid_from') }} is null
                then 'valid_from is not a date'
        end as reject_reason
    from kinds_landed
),

final as (
    select
        lower(kinds_judged.source_system) as source_system,
        kinds_judged.role,
        kinds_judged.team,
        lower(kinds_judged.channel) as channel,
        lower(kinds_judged.kind) as kind,
        kinds_judged.file_name,
        kinds_judged.reject_reason,
        {{ rejected_record(raw_columns, 'kinds_judged') }} as rejected_record,
        kinds_judged.load_number,
        kinds_judged.row_number,
        kinds_judged.valid_from_read as valid_from,
        kinds_judged.fetched_at
    from kinds_judged
)

select * from final
