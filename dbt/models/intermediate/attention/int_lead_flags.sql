{#-
    One row per lead at one moment, with the signs of trouble that it showed by what was known then. A lead that is open is
    shown at the end of the day. Of a lead whose horizon is over the moment is the end of a day on which it was open, drawn
    by its key from all such days within the horizon, with what became of it: so its signs are those of leads like today's.
-#}
with

scores as (
    select * from {{ ref('fct_lead_scores') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded
),

lead_stages as (
    select * from {{ ref('fct_lead_stages') }}
    where entered_at is not null
),

assignments as (
    select * from {{ ref('int_lead_assignments') }}
),

responses as (
    select * from {{ ref('fct_lead_responses') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

activities as (
    select * from {{ ref('int_activities') }}
    where contact_key is not null and occurred_at is not null and not is_deleted
),

owner_calendars as (
    select * from {{ ref('int_owner_calendars') }}
),

business_days as (
    select * from {{ ref('int_business_days') }}
),

deal_health as (
    select cast(idle_days as integer) as idle_days
    from {{ source('run', 'deal_health') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

leads_over as (
    select
        leads.lead_key,
        leads.created_date,
        scores.outcome = 'reached' as is_reached,
        leads.created_date + cast(scores.horizon_days as integer) as last_day,
        coalesce(leads.opportunity_at, timestamp '9999-12-31') as opportunity_at
    from scores
    cross join run_context
    inner join leads on scores.lead_key = leads.lead_key
    where
        scores.outcome in ('reached', 'missed')
        and coalesce(scores.not_scored_reason, 'none')
        not in ('no_creation_date', 'no_stage_history', 'reached_at_capture')
        and leads.created_at + to_days(cast(scores.horizon_days as integer)) < run_context.as_of_end
),

stretches as (
    select
        leads_over.lead_key,
        leads_over.is_reached,
        lead_stages.stage,
        greatest(
            leads_over.created_date,
            {{ day_in_zone('lead_stages.entered_at', 'run_context.reporting_timezone') }}
        ) as first_day,
        least(
            leads_over.last_day,
            {{ day_in_zone(
                "least(coalesce(lead_stages.exited_at, timestamp '9999-12-31'), leads_over.opportunity_at)",
                'run_context.reporting_timezone'
            ) }}
        ) as end_day
    from leads_over
    cross join run_context
    inner join lead_stages on leads_over.lead_key = lead_stages.lead_key
    where
        lead_stages.stage_order between 1 and 4
        and lead_stages.entered_at < leads_over.opportunity_at
),

stretches_counted as (
    select
        stretches.*,
        stretches.end_day - stretches.first_day as days_open,
        sum(stretches.end_day - stretches.first_day) over (
            partition by stretches.lead_key
            order by stretches.first_day
            rows between unbounded preceding and current row
        ) as days_so_far,
        sum(stretches.end_day - stretches.first_day) over (partition by stretches.lead_key) as days_in_all
    from stretches
    where stretches.end_day > stretches.first_day
),

days_drawn as (
    select
        stretches_counted.*,
        {{ drawn_number('stretches_counted.lead_key', 'stretches_counted.days_in_all') }} as day_drawn
    from stretches_counted
),

moments_dated as (
    select
        days_drawn.lead_key,
        days_drawn.stage,
        false as is_open,
        days_drawn.is_reached,
        days_drawn.first_day
        + cast(days_drawn.day_drawn - (days_drawn.days_so_far - days_drawn.days_open) as integer) as moment_day
    from days_drawn
    where
        days_drawn.day_drawn < days_drawn.days_so_far
        and days_drawn.day_drawn >= days_drawn.days_so_far - days_drawn.days_open
    union all
    select
        leads.lead_key,
        leads.lifecycle_stage as stage,
        true as is_open,
        cast(null as boolean) as is_reached,
        run_context.as_of as moment_day
    from scores
    cross join run_context
    inner join leads on scores.lead_key = leads.lead_key
    where
        scores.outcome = 'open'
        and not leads.is_opportunity
        and leads.exit_reason is null
        and leads.lifecycle_stage <> 'unmapped'
),

moments as (
    select
        moments_dated.*,
        leads.source_system,
        leads.contact_key,
        leads.recycled_from_lead_key,
        leads.history_basis,
        cast(moments_dated.moment_day - leads.created_date as bigint) as age_days,
        leads.created_at,
        cast(moments_dated.moment_day + 1 as timestamp)
        at time zone run_context.reporting_timezone at time zone 'UTC' as moment_ends_at
    from moments_dated
    cross join run_context
    inner join leads on moments_dated.lead_key = leads.lead_key
),

-- Where the source keeps no history of owners, who held a lead on a past day is not known.
sources_with_owner_history as (
    select distinct leads.source_system
    from assignments
    inner join leads on assignments.lead_key = leads.lead_key
    where assignments.history_basis = 'field_history'
),

holders as (
    select
        moments.lead_key,
        assignments.assignment_no,
        assignments.owner_key
    from moments
    inner join assignments
        on
            moments.lead_key = assignments.lead_key
            and moments.moment_ends_at > coalesce(assignments.assigned_at, timestamp '0001-01-01')
            and moments.moment_ends_at <= coalesce(assignments.released_at, timestamp '9999-12-31')
    where assignments.history_basis = 'field_history' or moments.is_open
),

holders_judged as (
    select
        moments.lead_key,
        holders.assignment_no,
        case
            when sources_with_owner_history.source_system is not null or moments.is_open
                then
                    holders.owner_key is null
                    or coalesce(owners.kind <> 'person', false)
                    or coalesce(owners.deactivated_at < moments.moment_ends_at, false)
        end as is_without_owner
    from moments
    left join holders on moments.lead_key = holders.lead_key
    left join owners on holders.owner_key = owners.owner_key
    left join sources_with_owner_history on moments.source_system = sources_with_owner_history.source_system
),

responses_dated as (
    select
        responses.*,
        coalesce(owner_calendars.calendar_no, 0) as calendar_no,
        coalesce(owner_calendars.timezone, run_context.reporting_timezone) as timezone,
        {{ day_in_zone(
            'responses.assigned_at', 'coalesce(owner_calendars.timezone, run_context.reporting_timezone)'
        ) }} as assigned_date
    from responses
    cross join run_context
    left join owner_calendars
        on
            responses.owner_key = owner_calendars.owner_key
            and responses.assigned_at >= owner_calendars.valid_from
            and responses.assigned_at < owner_calendars.valid_to
),

-- What an owner had let pass by the moment: the hours to the first answer, or those waited until then.
answers as (
    select
        moments.lead_key,
        responses.sla_hours,
        case
            when responses.response_status = 'not_measured' then null
            when responses.first_response_at < moments.moment_ends_at then responses.business_hours_from_assignment
            else {{ elapsed_hours(
                business_position('moments.moment_ends_at', 'moment_days')
                ~ ' - ' ~ business_position('responses.assigned_at', 'assigned_days')
            ) }}
        end as hours_to_answer
    from moments
    inner join holders_judged on moments.lead_key = holders_judged.lead_key
    inner join responses_dated as responses
        on
            moments.lead_key = responses.lead_key
            and holders_judged.assignment_no = responses.assignment_no
    left join business_days as assigned_days
        on
            responses.calendar_no = assigned_days.calendar_no
            and responses.assigned_date = assigned_days.date_day
    left join business_days as moment_days
        on
            responses.calendar_no = moment_days.calendar_no
            and {{ day_in_zone('moments.moment_ends_at', 'responses.timezone') }} = moment_days.date_day
),

activities_then as (
    select
        moments.lead_key,
        {{ last_activity_before('activities', 'moments.moment_ends_at') }} as last_activity_at,
        {{ is_next_planned_at('activities', 'moments.moment_ends_at') }} as is_next_planned
    from moments
    inner join activities on moments.contact_key = activities.contact_key
    where activities.created_at is null or activities.created_at < moments.moment_ends_at
    group by moments.lead_key
),

activities_told as (
    select
        activities.source_system,
        min(coalesce(activities.created_at, activities.occurred_at)) as told_from
    from activities
    group by activities.source_system
),

exits_then as (
    select
        moments.lead_key,
        count(*) as exits
    from moments
    inner join lead_stages
        on moments.lead_key = lead_stages.lead_key and moments.moment_ends_at > lead_stages.entered_at
    where lead_stages.stage_order >= 90
    group by moments.lead_key
),

final as (
    select
        moments.lead_key,
        moments.stage,
        case
            when moments.age_days < 7 then '0 to 6 days'
            when moments.age_days < 21 then '7 to 20 days'
            when moments.age_days < 45 then '21 to 44 days'
            else '45 days and more'
        end as age_band,
        moments.age_days,
        case
            when moments.contact_key is not null and activities_told.told_from < moments.moment_ends_at
                then
                    date_diff(
                        'day',
                        {{ day_in_zone(
                            'coalesce(activities_then.last_activity_at, moments.created_at)',
                            'run_context.reporting_timezone'
                        ) }},
                        moments.moment_day
                    )
        end as days_idle,
        answers.hours_to_answer,
        answers.sla_hours,
        holders_judged.is_without_owner,
        answers.hours_to_answer > answers.sla_hours as is_answered_late,
        case
            when moments.contact_key is not null and activities_told.told_from < moments.moment_ends_at
                then
                    not coalesce(activities_then.is_next_planned, false)
                    and coalesce(activities_then.last_activity_at, moments.created_at)
                    < moments.moment_ends_at - to_days(deal_health.idle_days)
        end as is_idle,
        case
            when moments.recycled_from_lead_key is not null then true
            when moments.history_basis = 'field_history' then coalesce(exits_then.exits, 0) > 0
        end as is_worked_again,
        moments.is_open,
        moments.is_reached,
        moments.moment_day
    from moments
    cross join deal_health
    cross join run_context
    left join holders_judged on moments.lead_key = holders_judged.lead_key
    left join answers on moments.lead_key = answers.lead_key
    left join activities_then on moments.lead_key = activities_then.lead_key
    left join activities_told on moments.source_system = activities_told.source_system
    left join exits_then on moments.lead_key = exits_then.lead_key
)

select * from final
