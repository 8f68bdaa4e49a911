with

assignments as (
    select * from {{ ref('int_lead_assignments') }}
),

outreach as (
    select * from {{ ref('int_outreach') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

owner_calendars as (
    select * from {{ ref('int_owner_calendars') }}
),

business_days as (
    select * from {{ ref('int_business_days') }}
),

response_sla as (
    select cast(response_sla.hours as decimal(18, 6)) as sla_hours
    from {{ source('run', 'response_sla') }} as response_sla
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

sources_with_outreach as (
    select distinct outreach.source_system
    from outreach
),

assignments_joined as (
    select
        assignments.lead_key,
        assignments.assignment_no,
        assignments.owner_key,
        assignments.is_owner_returning,
        assignments.history_basis,
        assignments.assigned_at,
        assignments.released_at,
        leads.contact_key,
        leads.account_key,
        leads.channel,
        leads.is_excluded,
        leads.created_at,
        owners.kind as owner_kind,
        case
            when owners.kind <> 'person' then 'owner_is_no_person'
            when assignments.is_by_migration then 'brought_by_migration'
            when leads.contact_key is null then 'lead_without_contact'
            when sources_with_outreach.source_system is null then 'source_without_outreach'
        end as not_measured_reason
    from assignments
    inner join leads on assignments.lead_key = leads.lead_key
    left join owners on assignments.owner_key = owners.owner_key
    left join
        sources_with_outreach
        on leads.source_system = sources_with_outreach.source_system
),

-- Contact before the assignment counts, but an owner who gets a lead back has to answer it again.
first_responses as (
    select
        assignments_joined.lead_key,
        assignments_joined.assignment_no,
        min_by(
            {
                'kind': outreach.kind,
                'is_date_only': outreach.is_date_only,
                'occurred_at': outreach.occurred_at
            },
            (outreach.occurred_at, outreach.kind, outreach.is_date_only)
        ) as response
    from assignments_joined
    inner join outreach
        on
            assignments_joined.contact_key = outreach.contact_key
            and assignments_joined.owner_key = outreach.owner_key
            and coalesce(assignments_joined.released_at, timestamp '9999-12-31')
            > outreach.occurred_at
            and (
                not assignments_joined.is_owner_returning
                or assignments_joined.assigned_at <= outreach.occurred_at
            )
    where assignments_joined.not_measured_reason is null
    group by all
),

assignments_answered as (
    select
        assignments_joined.*,
        first_responses.response.kind as response_kind,
        first_responses.response.is_date_only as is_response_date_only,
        first_responses.response.occurred_at as first_response_at,
        case
            when
                assignments_joined.not_measured_reason is null
                and first_responses.response is null
                then coalesce(assignments_joined.released_at, run_context.as_of_end)
        end as waited_until,
        coalesce(owner_calendars.calendar_no, 0) as calendar_no,
        coalesce(owner_calendars.timezone, run_context.reporting_timezone) as timezone
    from assignments_joined
    cross join run_context
    left join first_responses
        on
            assignments_joined.lead_key = first_responses.lead_key
            and assignments_joined.assignment_no = first_responses.assignment_no
    -- The hours of who had it when it was given to them, whatever their team was later.
    left join owner_calendars
        on
            assignments_joined.owner_key = owner_calendars.owner_key
            and coalesce(assignments_joined.assigned_at, run_context.as_of_end) >= owner_calendars.valid_from
            and coalesce(assignments_joined.assigned_at, run_context.as_of_end) < owner_calendars.valid_to
),

answers_timed as (
    select
        assignments_answered.*,
        {{ business_position('assignments_answered.assigned_at', 'assigned_days') }}
            as assigned_position,
        {{ business_position('assignments_answered.created_at', 'created_days') }}
            as created_position,
        {{ business_position('assignments_answered.first_response_at', 'response_days') }}
            as response_position,
        {{ business_position('assignments_answered.waited_until', 'waited_days') }}
            as waited_position
    from assignments_answered
    left join business_days as assigned_days
        on
            assignments_answered.calendar_no = assigned_days.calendar_no
            and {{ day_in_zone('assignments_answered.assigned_at', 'assignments_answered.timezone') }}
            = assigned_days.date_day
    left join business_days as created_days
        on
            assignments_answered.calendar_no = created_days.calendar_no
            and {{ day_in_zone('assignments_answered.created_at', 'assignments_answered.timezone') }}
            = created_days.date_day
    left join business_days as response_days
        on
            assignments_answered.calendar_no = response_days.calendar_no
            and {{ day_in_zone('assignments_answered.first_response_at', 'assignments_answered.timezone') }}
            = response_days.date_day
    left join business_days as waited_days
        on
            assignments_answered.calendar_no = waited_days.calendar_no
            and {{ day_in_zone('assignments_answered.waited_until', 'assignments_answered.timezone') }}
            = waited_days.date_day
),

assignments_measured as (
    select
        answers_timed.*,
        {{ elapsed_hours('answers_timed.response_position - answers_timed.assigned_position') }}
            as business_hours_from_assignment,
        {{ elapsed_hours('answers_timed.response_position - answers_timed.created_position') }}
            as business_hours_from_creation,
        {{ elapsed_hours('answers_timed.waited_position - answers_timed.assigned_position') }}
            as business_hours_waiting,
        {{ elapsed_hours("date_diff('microsecond', answers_timed.assigned_at, answers_timed.first_response_at)") }}
            as clock_hours_from_assignment,
        {{ elapsed_hours("date_diff('microsecond', answers_timed.created_at, answers_timed.first_response_at)") }}
            as clock_hours_from_creation,
        {{ elapsed_hours("date_diff('microsecond', answers_timed.assigned_at, answers_timed.waited_until)") }}
            as clock_hours_waiting
    from answers_timed
),

final as (
    select
        assignments_measured.lead_key,
        assignments_measured.contact_key,
        assignments_measured.account_key,
        assignments_measured.owner_key,
        assignments_measured.channel,
        assignments_measured.owner_kind,
        assignments_measured.response_kind,
        case
            when assignments_measured.not_measured_reason is not null then 'not_measured'
            when assignments_measured.first_response_at is not null then 'answered'
            when assignments_measured.released_at is not null then 'handed_on'
            else 'waiting'
        end as response_status,
        assignments_measured.not_measured_reason,
        case
            when assignments_measured.assigned_at is null then null
            when assignments_measured.business_hours_from_assignment <= response_sla.sla_hours
                then 'met'
            when assignments_measured.business_hours_from_assignment > response_sla.sla_hours
                then 'missed'
            when assignments_measured.business_hours_waiting > response_sla.sla_hours then 'missed'
            when
                assignments_measured.business_hours_waiting is not null
                and assignments_measured.released_at is null
                then 'open'
        end as sla_status,
        assignments_measured.history_basis,
        assignments_measured.assignment_no,
        response_sla.sla_hours,
        assignments_measured.business_hours_from_assignment,
        assignments_measured.business_hours_from_creation,
        assignments_measured.clock_hours_from_assignment,
        assignments_measured.clock_hours_from_creation,
        assignments_measured.business_hours_waiting,
        assignments_measured.clock_hours_waiting,
        assignments_measured.is_excluded,
        assignments_measured.is_owner_returning,
        case
            when assignments_measured.assigned_at is not null
                then
                    coalesce(
                        assignments_measured.first_response_at < assignments_measured.assigned_at,
                        false
                    )
        end as is_contacted_before,
        assignments_measured.is_response_date_only,
        case
            when assignments_measured.not_measured_reason is null
                then assignments_measured.first_response_at is null
        end as is_untouched,
        assignments_measured.created_at,
        assignments_measured.assigned_at,
        assignments_measured.released_at,
        assignments_measured.first_response_at
    from assignments_measured
    cross join response_sla
)

select * from final
