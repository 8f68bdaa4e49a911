{#- Sums of events that can be added up again: by the export's day, since a day is what arrives and is replaced, and
    by quarter of an hour, since the end of any reporting day in any zone falls on one. Only days whose events
    changed are computed again. -#}
{{ config(incremental_strategy='delete+insert', unique_key='event_day') }}

with

-- Read twice, once for two columns only, so it must not be held.
events as not materialized (
    {{ union_staged('web_events') }}
),

days_changed as (
    {{ changed_days('events') }}
),

events_of_changed_days as (
    select
        events.*,
        days_changed.day_version,
        time_bucket(interval 15 minutes, events.event_at) as slice_start
    from events
    inner join days_changed on events.event_day = days_changed.event_day
    where events.session_id is not null
),

final as (
    select
        source_system,
        visitor_id,
        session_id,
        {{ first_given('user_id', 'event_at') }} as first_user_id,
        {{ first_given('source', 'event_at') }} as first_source,
        {{ first_given('medium', 'event_at') }} as first_medium,
        {{ first_given('campaign', 'event_at') }} as first_campaign,
        {{ first_given('gclid', 'event_at') }} as first_gclid,
        {{ first_given('page_location', 'event_at') }} as first_page_location,
        {{ first_given('device', 'event_at') }} as first_device,
        {{ first_given('country', 'event_at') }} as first_country,
        count(*) as events,
        count(*) filter (where event_name = 'page_view') as page_views,
        coalesce(sum(engagement_ms), 0) as engagement_ms,
        day_version,
        bool_or(coalesce(is_engaged, false)) as is_engaged,
        bool_or(event_name = 'add_to_cart') as has_add_to_cart,
        event_day,
        slice_start,
        min(event_at) as started_at,
        max(event_at) as ended_at
    from events_of_changed_days
    group by all
)

select * from final
