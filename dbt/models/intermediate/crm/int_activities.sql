{#-
    One row per activity that was known at the end of `as_of`, from its newest landed version, with its records followed
    to their survivors and its outcome in our words.

    Activities keep no history: what came of one is known from its own moment on, or from the last change of its record
    if that lies before the end of the day. Everything else is still to come. A past day has the links that had landed
    for it, before the first landing what they are now.
-#}
with

activities as (
    {{ union_staged('activities') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

newest_versions as (
    select
        activities.source_system,
        activities.activity_id,
        max(activities.version_order) as version_order
    from activities
    group by all
),

activities_newest as (
    select
        activities.*,
        coalesce(activities.occurred_at < run_context.as_of_end, false) as is_past,
        coalesce(activities.occurred_at >= run_context.as_of_end, false) as is_future,
        activities.occurred_at is null
        or activities.occurred_at < run_context.as_of_end
        or coalesce(activities.updated_at < run_context.as_of_end, false) as is_outcome_known
    from activities
    cross join run_context
    inner join newest_versions
        on
            activities.source_system = newest_versions.source_system
            and activities.activity_id = newest_versions.activity_id
            and activities.version_order = newest_versions.version_order
    where activities.created_at is null or activities.created_at < run_context.as_of_end
),

told_by_the_day as (
    {{ told_by_the_day('activities', 'activity_id', ['deal_id', 'contact_id', 'account_id']) }}
),

activities_linked as (
    select
        activities_newest.* replace (
            {%- for link in ['deal_id', 'contact_id', 'account_id'] %}
            {{ as_told(link, 'activities_newest') }} as {{ link }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    from activities_newest
    left join told_by_the_day
        on
            activities_newest.source_system = told_by_the_day.source_system
            and activities_newest.activity_id = told_by_the_day.activity_id
),

activities_surviving as (
    select
        activities_linked.*,
        coalesce(deal_survivors.survivor_id, activities_linked.deal_id) as deal_id_surviving,
        coalesce(contact_survivors.survivor_id, activities_linked.contact_id) as contact_id_surviving,
        coalesce(account_survivors.survivor_id, activities_linked.account_id) as account_id_surviving,
        case
            when activities_linked.is_outcome_known
                then regexp_replace(lower(trim(activities_linked.outcome)), '[^a-z]+', '_', 'g')
        end as outcome_word
    from activities_linked
    left join survivors as deal_survivors
        on
            deal_survivors.object = 'deal'
            and activities_linked.source_system = deal_survivors.source_system
            and activities_linked.deal_id = deal_survivors.merged_id
    left join survivors as contact_survivors
        on
            contact_survivors.object = 'contact'
            and activities_linked.source_system = contact_survivors.source_system
            and activities_linked.contact_id = contact_survivors.merged_id
    left join survivors as account_survivors
        on
            account_survivors.object = 'account'
            and activities_linked.source_system = account_survivors.source_system
            and activities_linked.account_id = account_survivors.merged_id
),

-- A past meeting that nobody ticked off stays scheduled; a past call, e-mail or task of which nothing is told has no
-- outcome.
outcomes_named as (
    select
        activities_surviving.*,
        case
            when activities_surviving.outcome_word in ('canceled', 'cancelled') then 'cancelled'
            when activities_surviving.outcome_word in ('rescheduled', 'postponed', 'moved') then 'rescheduled'
            when activities_surviving.is_future then 'scheduled'
            when activities_surviving.kind = 'meeting'
                then
                    case
                        when activities_surviving.outcome_word in ('completed', 'held', 'attended', 'done') then 'held'
                        when activities_surviving.outcome_word in ('no_show', 'noshow', 'not_attended') then 'no_show'
                        when activities_surviving.is_completed then 'held'
                        else 'scheduled'
                    end
            when activities_surviving.kind = 'call'
                then
                    case
                        when activities_surviving.outcome_word in ('connected', 'completed', 'answered')
                            then 'connected'
                        when
                            activities_surviving.outcome_word
                            in ('left_voicemail', 'left_live_message', 'voicemail', 'left_message')
                            then 'left_message'
                        when activities_surviving.outcome_word in ('no_answer', 'busy', 'wrong_number')
                            then activities_surviving.outcome_word
                        when activities_surviving.outcome_word is not null then 'other'
                    end
            when activities_surviving.kind = 'email'
                then
                    case
                        when activities_surviving.outcome_word in ('bounced', 'failed') then 'bounced'
                        when activities_surviving.outcome_word in ('sent', 'delivered', 'opened', 'clicked', 'replied')
                            then 'sent'
                        when activities_surviving.outcome_word is not null then 'other'
                    end
            when activities_surviving.is_completed or activities_surviving.outcome_word in ('completed', 'done')
                then 'done'
            when activities_surviving.outcome_word is not null or not activities_surviving.is_completed then 'open'
        end as outcome_named
    from activities_surviving
),

final as (
    select
        outcomes_named.source_system || ':' || outcomes_named.activity_id as activity_key,
        outcomes_named.source_system || ':' || outcomes_named.owner_id as owner_key,
        outcomes_named.source_system || ':' || outcomes_named.deal_id_surviving as deal_key,
        outcomes_named.source_system || ':' || outcomes_named.contact_id_surviving as contact_key,
        outcomes_named.source_system || ':' || outcomes_named.account_id_surviving as account_key,
        outcomes_named.activity_id,
        outcomes_named.source_system,
        outcomes_named.kind,
        outcomes_named.direction,
        outcomes_named.outcome_named as outcome,
        nullif(outcomes_named.duration_seconds, 0) as duration_seconds,
        case
            when outcomes_named.outcome_named in ('scheduled', 'cancelled', 'rescheduled', 'no_show', 'bounced')
                then false
            when outcomes_named.outcome_named in ('held', 'done') then true
            else coalesce(
                outcomes_named.is_completed,
                outcomes_named.outcome_named in ('connected', 'left_message', 'sent')
            )
        end as is_completed,
        outcomes_named.is_future
        and outcomes_named.outcome_named = 'scheduled' as is_planned,
        outcomes_named.is_past,
        coalesce(outcomes_named.is_deleted, false) as is_deleted,
        outcomes_named.occurred_at,
        outcomes_named.created_at,
        outcomes_named.updated_at
    from outcomes_named
)

select * from final
