{#-
    One row per deal and stretch of time in which nothing of it changed: stage, amount, close date,
    forecast category and probability, owner. Half-open intervals that tile the deal's life from its creation to its
    deletion or the end of `as_of`. A close has a row of no length before it: the deal at its last
    instant in the pipeline, with what was changed in that same instant, so that a deal which was
    entered as won was in the pipeline too. An import of closed deals was not.

    Of what the source keeps no history the days tell on which it landed: a deal that was there before begins when it was
    first seen, and a field is NULL until then, since today's value would leak. That is no change, and no close. While a deal
    lay deleted that came back its status is `deleted`.
-#}
with

deals as (
    select * from {{ ref('fct_deals') }}
),

deals_current as (
    select * from {{ ref('int_deals') }}
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
    where entered_at is not null or seen_at is not null
),

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
    where is_past
),

absences as (
    select * from {{ ref('int_deal_absences') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A deletion of which nobody tells the day leaves no past that could be told.
lives as (
    select
        deals.deal_key,
        deals.is_imported,
        case when deals_current.has_currency_history then null else deals.currency end
            as currency_throughout,
        coalesce(deals.deleted_at, run_context.as_of_end) as ends_at
    from deals
    cross join run_context
    inner join deals_current on deals.deal_key = deals_current.deal_key
    where not deals.is_deleted or deals.deleted_at is not null
),

visits_judged as (
    select
        visits.deal_key,
        visits.pipeline_id,
        visits.stage_key,
        visits.stage,
        visits.visit_no,
        case when visits.stage in ('won', 'lost') then visits.stage else 'open' end as status,
        visits.seen_at is not null as is_first_seen,
        coalesce(visits.entered_at, visits.seen_at) as entered_at
    from visits
),

-- Of several visits that begin in one instant the last one holds.
visit_events as (
    select
        visits_judged.deal_key,
        max_by(
            {
                'pipeline_id': visits_judged.pipeline_id,
                'stage_key': visits_judged.stage_key,
                'stage': visits_judged.stage,
                'status': visits_judged.status,
                'is_first_seen': visits_judged.is_first_seen
            },
            visits_judged.visit_no
        ) as visit,
        visits_judged.entered_at as changed_at
    from visits_judged
    group by visits_judged.deal_key, visits_judged.entered_at
),

first_visits as (
    select
        visit_events.deal_key,
        min(visit_events.changed_at) as begins_at
    from visit_events
    group by all
),

-- What a source notes a moment before it notes the creation belongs to the creation.
field_events as (
    select
        deal_changes.deal_key,
        {%- for field in ['amount', 'currency', 'close_date', 'owner', 'forecast_category', 'forecast_probability'] %}
        max_by(
            coalesce(deal_changes.value, ''), (deal_changes.changed_at, coalesce(deal_changes.value, ''))
        ) filter (where deal_changes.field = '{{ field }}') as {{ field }},
        {%- endfor %}
        greatest(deal_changes.changed_at, first_visits.begins_at) as changed_at
    from deal_changes
    inner join first_visits on deal_changes.deal_key = first_visits.deal_key
    where
        deal_changes.field in (
            'amount', 'currency', 'close_date', 'owner', 'forecast_category', 'forecast_probability'
        )
    group by deal_changes.deal_key, greatest(deal_changes.changed_at, first_visits.begins_at)
),

absence_events as (
    select
        absences.deal_key,
        true as is_gone,
        greatest(absences.gone_at, first_visits.begins_at) as changed_at
    from absences
    inner join first_visits
        on
            absences.deal_key = first_visits.deal_key
            and absences.back_at > first_visits.begins_at
    union all
    select
        absences.deal_key,
        false as is_gone,
        absences.back_at as changed_at
    from absences
    inner join first_visits
        on
            absences.deal_key = first_visits.deal_key
            and absences.back_at > first_visits.begins_at
),

changes_in_time as (
    select
        coalesce(visit_events.deal_key, field_events.deal_key) as deal_key,
        visit_events.visit,
        field_events.amount,
        field_events.currency,
        field_events.close_date,
        field_events.owner,
        field_events.forecast_category,
        field_events.forecast_probability,
        coalesce(visit_events.changed_at, field_events.changed_at) as changed_at
    from visit_events
    full outer join field_events
        on
            visit_events.deal_key = field_events.deal_key
            and visit_events.changed_at = field_events.changed_at
),

events as (
    select
        coalesce(changes_in_time.deal_key, absence_events.deal_key) as deal_key,
        changes_in_time.* exclude (deal_key, changed_at),
        absence_events.is_gone,
        coalesce(changes_in_time.changed_at, absence_events.changed_at) as changed_at
    from changes_in_time
    full outer join absence_events
        on
            changes_in_time.deal_key = absence_events.deal_key
            and changes_in_time.changed_at = absence_events.changed_at
),

events_carried_forward as (
    select
        events.deal_key,
        last_value(events.visit ignore nulls) over deal_by_time as visit,
        coalesce(last_value(events.is_gone ignore nulls) over deal_by_time, false) as is_gone,
        {%- for field in ['amount', 'currency', 'close_date', 'owner', 'forecast_category', 'forecast_probability'] %}
        nullif(last_value(events.{{ field }} ignore nulls) over deal_by_time, '') as {{ field }},
        {%- endfor %}
        events.is_gone is null as is_unseen,
        events.changed_at
    from events
    window deal_by_time as (
        partition by events.deal_key
        order by events.changed_at
        rows between unbounded preceding and current row
    )
),

-- What is changed of a deal while it lies deleted shows when it is back.
events_seen as (
    select
        events_carried_forward.*,
        lead(events_carried_forward.changed_at, 1, timestamp '9999-12-31') over (
            partition by events_carried_forward.deal_key order by events_carried_forward.changed_at
        ) as next_changed_at
    from events_carried_forward
    where not events_carried_forward.is_gone or not events_carried_forward.is_unseen
),

states as (
    select
        events_seen.*,
        lag(events_seen.visit) over (
            partition by events_seen.deal_key
            order by events_seen.changed_at
        ) as visit_before,
        lives.currency_throughout,
        lives.is_imported,
        lives.ends_at
    from events_seen
    inner join lives
        on
            events_seen.deal_key = lives.deal_key
            and events_seen.changed_at < lives.ends_at
),

states_with_last_instants as (
    select
        states.deal_key,
        states.visit,
        states.visit_before,
        case when states.is_gone then 'deleted' else states.visit.status end as present_status,
        states.owner,
        coalesce(states.currency, states.currency_throughout) as present_currency,
        states.forecast_category,
        states.forecast_probability,
        states.amount,
        states.close_date,
        false as is_last_instant,
        states.changed_at as valid_from,
        least(states.next_changed_at, states.ends_at) as valid_to
    from states
    union all
    select
        states.deal_key,
        coalesce(states.visit_before, states.visit) as visit,
        states.visit_before,
        'open' as present_status,
        states.owner,
        coalesce(states.currency, states.currency_throughout) as present_currency,
        states.forecast_category,
        states.forecast_probability,
        states.amount,
        states.close_date,
        true as is_last_instant,
        states.changed_at as valid_from,
        states.changed_at as valid_to
    from states
    where
        not states.is_gone
        and states.visit.status <> 'open'
        and coalesce(states.visit_before.status, 'open') = 'open'
        and not (states.visit_before is null and (states.is_imported or states.visit.is_first_seen))
),

final as (
    select
        states_with_last_instants.deal_key,
        -- The deal's source is the part of its key before the first colon.
        split_part(states_with_last_instants.deal_key, ':', 1)
        || ':'
        || states_with_last_instants.owner as owner_key,
        states_with_last_instants.visit['stage_key'] as stage_key,
        states_with_last_instants.visit['pipeline_id'] as pipeline_id,
        states_with_last_instants.visit['stage'] as stage,
        states_with_last_instants.present_status as status,
        states_with_last_instants.present_currency as currency,
        states_with_last_instants.forecast_category,
        cast(states_with_last_instants.forecast_probability as decimal(18, 6)) as forecast_probability,
        cast(states_with_last_instants.amount as decimal(18, 2)) as amount,
        states_with_last_instants.is_last_instant,
        coalesce(
            states_with_last_instants.present_status in ('won', 'lost')
            and states_with_last_instants.visit_before.status is distinct from states_with_last_instants.present_status
            and not (states_with_last_instants.visit_before is null and states_with_last_instants.visit.is_first_seen),
            false
        ) as is_close,
        cast(states_with_last_instants.close_date as date) as close_date,
        {{ day_in_zone('states_with_last_instants.valid_from', 'run_context.reporting_timezone') }}
            as valid_from_date,
        {{ day_in_zone('states_with_last_instants.valid_to', 'run_context.reporting_timezone') }}
            as valid_to_date,
        states_with_last_instants.valid_from,
        states_with_last_instants.valid_to
    from states_with_last_instants
    cross join run_context
)

select * from final
