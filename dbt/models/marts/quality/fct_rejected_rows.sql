{#- Every staged table but the view of leads, whose rejects are those of the contacts that it shows. -#}
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

rejected_rows as (
    {%- for entity, source_names in var('staged').items() %}
    {%- for source_name in source_names if not (source_name == 'hubspot' and entity == 'leads') %}
    select
        '{{ source_name }}' as source_system,
        '{{ entity }}' as entity,
        staged.reject_reason as reason,
        staged.rejected_record,
        staged.load_number,
        staged.fetched_at
    from {{ ref('stg_' ~ source_name ~ '__' ~ entity) }} as staged
    where staged.reject_reason is not null
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for entity in ['stages', 'channels', 'pipelines'] %}
    select
        'mappings' as source_system,
        '{{ entity }}' as entity,
        staged.reject_reason as reason,
        staged.rejected_record,
        staged.load_number,
        staged.fetched_at
    from {{ ref('stg_mappings__' ~ entity) }} as staged
    where staged.reject_reason is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        concat_ws(
            ':',
            rejected_rows.source_system,
            rejected_rows.entity,
            rejected_rows.load_number,
            row_number() over (
                partition by rejected_rows.source_system, rejected_rows.entity, rejected_rows.load_number
                order by rejected_rows.reason, rejected_rows.rejected_record
            )
        ) as reject_key,
        rejected_rows.source_system,
        rejected_rows.entity,
        rejected_rows.reason,
        rejected_rows.rejected_record,
        rejected_rows.load_number,
        rejected_rows.fetched_at
    from rejected_rows
    cross join run_context
    where rejected_rows.load_number <= run_context.known_at
)

select * from final
