{#-
    One row per lead and period in which one owner held it. Where the source keeps no history of
    owners, the present owner is all that is known, and when the lead came to them is not.
-#}
with

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
),

leads as (
    select * from {{ ref('int_leads') }}
),

-- Of two owners of one moment the larger id counts, as for the owner of the day.
owner_changes as (
    select
        lead_changes.lead_key,
        lead_changes.source_system,
        lead_changes.changed_at,
        max(coalesce(lead_changes.value, '')) as owner_id
    from lead_changes
    where lead_changes.field = 'owner' and lead_changes.is_past
    group by lead_changes.lead_key, lead_changes.source_system, lead_changes.changed_at
),

owner_changes_compared as (
    select
        owner_changes.*,
        lag(owner_changes.owner_id) over (
            partition by owner_changes.lead_key order by owner_changes.changed_at
        ) as owner_id_before
    from owner_changes
),

-- Saying the same owner again is no assignment.
owner_periods as (
    select
        owner_changes_compared.lead_key,
        owner_changes_compared.source_system
        || ':'
        || nullif(owner_changes_compared.owner_id, '') as owner_key,
        owner_changes_compared.source_system
        || ':'
        || nullif(owner_changes_compared.owner_id_before, '') as previous_owner_key,
        owner_changes_compared.changed_at as assigned_at,
        lead(owner_changes_compared.changed_at) over (
            partition by owner_changes_compared.lead_key
            order by owner_changes_compared.changed_at
        ) as released_at
    from owner_changes_compared
    where owner_changes_compared.owner_id is distinct from owner_changes_compared.owner_id_before
),

owners_without_history as (
    select
        leads.lead_key,
        leads.owner_key,
        cast(null as text) as previous_owner_key,
        'assumed_current' as history_basis,
        cast(null as timestamp) as assigned_at,
        cast(null as timestamp) as released_at
    from leads
    anti join owner_changes on leads.lead_key = owner_changes.lead_key
    where leads.owner_key is not null
),

assignments as (
    select
        owner_periods.lead_key,
        owner_periods.owner_key,
        owner_periods.previous_owner_key,
        'field_history' as history_basis,
        owner_periods.assigned_at,
        owner_periods.released_at
    from owner_periods
    where owner_periods.owner_key is not null
    union all
    select * from owners_without_history
),

final as (
    select
        assignments.lead_key,
        assignments.owner_key,
        assignments.previous_owner_key,
        assignments.history_basis,
        row_number() over (
            partition by assignments.lead_key order by assignments.assigned_at
        ) as assignment_no,
        row_number() over (
            partition by assignments.lead_key, assignments.owner_key
            order by assignments.assigned_at
        ) > 1 as is_owner_returning,
        -- Who owned it in the old CRM owns it here from the first moment on; since when is not told.
        coalesce(assignments.assigned_at < leads.brought_until, false) as is_by_migration,
        assignments.assigned_at,
        assignments.released_at
    from assignments
    left join leads on assignments.lead_key = leads.lead_key
)

select * from final
