{{ config(materialized='view') }}

{#-
    One row per known change of a deal's field: told by the source's history, or, for fields of which it keeps none, seen
    between two landings. `is_first_seen`: no change, but the first that is known of the field.
-#}
with

changes_stated as (
    select * from {{ ref('int_deal_changes_stated') }}
),

changes_landed as (
    select * from {{ ref('int_deal_changes_landed') }}
),

final as (
    select
        changes_stated.deal_key,
        changes_stated.source_system,
        changes_stated.field,
        changes_stated.value,
        changes_stated.changed_by,
        changes_stated.source_type,
        changes_stated.is_past,
        false as is_landed,
        false as is_first_seen,
        changes_stated.changed_at
    from changes_stated
    union all
    select
        changes_landed.deal_key,
        changes_landed.source_system,
        changes_landed.field,
        changes_landed.value,
        cast(null as text) as changed_by,
        cast(null as text) as source_type,
        true as is_past,
        true as is_landed,
        changes_landed.is_first_seen,
        changes_landed.changed_at
    from changes_landed
)

select * from final
