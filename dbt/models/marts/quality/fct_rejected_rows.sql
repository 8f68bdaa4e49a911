with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

rejected_rows as (
    {%- for staged_model in staged_models() %}
    select
        '{{ staged_model[0] }}' as source_system,
        '{{ staged_model[1] }}' as entity,
        staged.reject_reason as reason,
        staged.rejected_record,
        staged.load_number,
        staged.fetched_at
    from {{ ref('stg_' ~ staged_model[0] ~ '__' ~ staged_model[1]) }} as staged
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
