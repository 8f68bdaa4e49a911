{#-
    One row per change of a deal's field that the source tells, whenever it was fetched and however
    often. The changes of `amount` are those of the amount that the company has chosen as its headline.
-#}
with

field_changes as (
    select * from {{ ref('int_field_changes_unioned') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

changes_of_deals as (
    select field_changes.*
    from field_changes
    cross join run_context
    where
        field_changes.object = 'deal'
        and (field_changes.field <> 'amount' or coalesce(run_context.headline_amount, 'amount') = 'amount')
    union all
    select field_changes.* replace ('amount' as field)
    from field_changes
    cross join run_context
    where
        field_changes.object = 'deal'
        and field_changes.field = run_context.headline_amount
        and field_changes.field <> 'amount'
),

final as (
    select
        changes_of_deals.source_system || ':' || changes_of_deals.record_id as deal_key,
        changes_of_deals.source_system,
        changes_of_deals.field,
        changes_of_deals.value,
        min_by(changes_of_deals.changed_by, changes_of_deals.version_order) as changed_by,
        min_by(changes_of_deals.source_type, changes_of_deals.version_order) as source_type,
        changes_of_deals.changed_at < run_context.as_of_end as is_past,
        changes_of_deals.changed_at
    from changes_of_deals
    cross join run_context
    group by all
)

select * from final
