{#-
    One row per change of a lead's stage or status until the end of `as_of`, whenever and how often
    it was fetched.
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
        field_changes.source_system || ':' || field_changes.record_id as lead_key,
        field_changes.source_system,
        field_changes.field,
        field_changes.value,
        min(field_changes.source_type) as source_type,
        field_changes.changed_at < run_context.as_of_end as is_past,
        field_changes.changed_at
    from field_changes
    cross join run_context
    where field_changes.object = 'lead'
    group by all
)

select * from final
