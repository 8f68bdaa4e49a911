{#-
    One row per change of a deal's field that the source tells, whenever it was fetched and however
    often.
-#}
with

field_changes as (
    select * from {{ ref('int_field_changes_unioned') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

final as (
    select
        field_changes.source_system || ':' || field_changes.record_id as deal_key,
        field_changes.source_system,
        field_changes.field,
        field_changes.value,
        min_by(field_changes.changed_by, field_changes.version_order) as changed_by,
        min_by(field_changes.source_type, field_changes.version_order) as source_type,
        field_changes.changed_at < run_context.as_of_end as is_past,
        field_changes.changed_at
    from field_changes
    cross join run_context
    where field_changes.object = 'deal'
    group by all
)

select * from final
