{#- The load of an owner is what is still to be worked: leads before an opportunity that have not left. It is added up
    along time from the moments at which a lead joins or leaves it, so no lead is compared with another. -#}
with

assignments as (
    select * from {{ ref('int_lead_assignments') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
),

visits as (
    select * from {{ ref('fct_lead_stages') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

run_context as (
    select as_of_end
    from {{ source('run', 'run_context') }}
),

assignments_joined as (
    select
        assignments.*,
        leads.contact_key,
        leads.account_key,
        leads.channel,
        leads.temperature,
        leads.is_excluded,
        leads.created_at,
        owners.kind as owner_kind,
        date_diff('microsecond', leads.created_at, assignments.assigned_at)
            as microseconds_from_creation,
        lead(assignments.owner_key) over (
            partition by assignments.lead_key order by assignments.assignment_no
        ) as later_owner_key
    from assignments
    inner join leads on assignments.lead_key = leads.lead_key
    left join owners on assignments.owner_key = owners.owner_key
),

visits_to_work as (
    select
        visits.lead_key,
        visits.is_open,
        visits.entered_at,
        coalesce(visits.exited_at, timestamp '9999-12-31') as exited_at
    from visits
    where visits.stage in ('suspect', 'lead', 'mql', 'sql_lead')
),

stretches as (
    select
        assignments_joined.owner_key,
        greatest(assignments_joined.assigned_at, visits_to_work.entered_at) as joined_at,
        least(
            coalesce(assignments_joined.released_at, timestamp '9999-12-31'),
            visits_to_work.exited_at
        ) as left_at
    from assignments_joined
    inner join visits_to_work
        on
            assignments_joined.lead_key = visits_to_work.lead_key
            and assignments_joined.assigned_at < visits_to_work.exited_at
            and coalesce(assignments_joined.released_at, timestamp '9999-12-31')
            > visits_to_work.entered_at
    where not assignments_joined.is_excluded
),

load_moments as (
    select
        stretches.owner_key,
        stretches.joined_at as happened_at,
        1 as change
    from stretches
    union all
    select
        stretches.owner_key,
        stretches.left_at as happened_at,
        -1 as change
    from stretches
    union all
    select
        assignments_joined.owner_key,
        assignments_joined.assigned_at as happened_at,
        0 as change
    from assignments_joined
    where assignments_joined.assigned_at is not null
),

load_changes as (
    select
        load_moments.owner_key,
        load_moments.happened_at,
        sum(load_moments.change) as change
    from load_moments
    group by load_moments.owner_key, load_moments.happened_at
),

-- What changes in the moment itself is not yet there before it.
loads as (
    select
        load_changes.owner_key,
        load_changes.happened_at,
        sum(load_changes.change) over (
            partition by load_changes.owner_key order by load_changes.happened_at
        ) - load_changes.change as open_leads_before
    from load_changes
),

-- Of a lead that is moved in the moment of its assignment the new stage counts.
stages_at_assignment as (
    select
        assignments.lead_key,
        assignments.assignment_no,
        max_by(visits.stage, visits.visit_no) as stage
    from assignments
    inner join visits
        on
            assignments.lead_key = visits.lead_key
            and assignments.assigned_at >= visits.entered_at
    group by assignments.lead_key, assignments.assignment_no
),

leads_to_work as (
    select lead_key
    from visits_to_work
    where is_open
),

final as (
    select
        assignments_joined.lead_key,
        assignments_joined.contact_key,
        assignments_joined.account_key,
        assignments_joined.owner_key,
        assignments_joined.previous_owner_key,
        assignments_joined.later_owner_key as next_owner_key,
        assignments_joined.channel,
        assignments_joined.temperature,
        assignments_joined.owner_kind,
        case
            when assignments_joined.is_by_migration then 'migrated'
            when assignments_joined.is_owner_returning then 'returned'
            when assignments_joined.assignment_no = 1 then 'first'
            else 'handed_over'
        end as routing,
        stages_at_assignment.stage as stage_at_assignment,
        assignments_joined.history_basis,
        assignments_joined.assignment_no,
        cast(loads.open_leads_before as bigint) as owner_open_leads_before,
        {{ elapsed_hours('assignments_joined.microseconds_from_creation') }} as hours_from_creation,
        case
            when assignments_joined.is_by_migration then null
            else {{ days_between(
                'assignments_joined.assigned_at', 'coalesce(assignments_joined.released_at, run_context.as_of_end)'
            ) }}
        end as days_held,
        assignments_joined.released_at is null as is_held,
        assignments_joined.released_at is null
        and not assignments_joined.is_excluded
        and leads_to_work.lead_key is not null as is_in_load,
        assignments_joined.is_excluded,
        assignments_joined.created_at,
        assignments_joined.assigned_at,
        assignments_joined.released_at
    from assignments_joined
    cross join run_context
    left join loads
        on
            assignments_joined.owner_key = loads.owner_key
            and assignments_joined.assigned_at = loads.happened_at
    left join stages_at_assignment
        on
            assignments_joined.lead_key = stages_at_assignment.lead_key
            and assignments_joined.assignment_no = stages_at_assignment.assignment_no
    left join leads_to_work on assignments_joined.lead_key = leads_to_work.lead_key
)

select * from final
