{#-
    One row per lead whose owner has a history, with the owner at the end of `as_of`. Where each contact is a lead, it is
    the contact's owner as well.
-#}
with

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
),

-- Of two owners of one moment the larger id counts, so that the choice is the same in every build.
owners_at_as_of as (
    select
        lead_changes.lead_key,
        lead_changes.source_system,
        nullif(
            max_by(
                coalesce(lead_changes.value, ''),
                (lead_changes.changed_at, coalesce(lead_changes.value, ''))
            )
            filter (where lead_changes.is_past),
            ''
        ) as owner_id
    from lead_changes
    where lead_changes.field = 'owner'
    group by all
),

final as (
    select
        owners_at_as_of.lead_key,
        owners_at_as_of.source_system || ':' || owners_at_as_of.owner_id as owner_key
    from owners_at_as_of
)

select * from final
