with

survivors as (
    select * from {{ ref('int_survivors') }}
),

final as (
    select
        survivors.source_system || ':' || survivors.merged_id as record_key,
        survivors.source_system || ':' || survivors.survivor_id as survivor_key,
        survivors.object,
        survivors.source_system,
        survivors.merged_id as record_id,
        survivors.survivor_id,
        case when survivors.object = 'deal' then survivors.merged_at end as merged_at
    from survivors
)

select * from final
