{#- The few events of which carts and purchases are made, so that none of them is looked for among all events again. A
    day without any keeps one row without an event: it has been read, and replaces what stood there before. -#}
{{ config(incremental_strategy='delete+insert', unique_key='event_day') }}

with

-- Read twice, once for two columns only, so it must not be held.
events as not materialized (
    {{ union_staged('web_events') }}
),

days_changed as (
    {{ changed_days('events') }}
),

shop_events as (
    select events.*
    from events
    where events.event_name in ('add_to_cart', 'purchase')
),

final as (
    select
        shop_events.source_system,
        shop_events.visitor_id,
        shop_events.session_id,
        shop_events.transaction_id,
        shop_events.event_name,
        shop_events.currency,
        shop_events.revenue,
        days_changed.day_version,
        days_changed.event_day,
        shop_events.event_at
    from days_changed
    left join shop_events on days_changed.event_day = shop_events.event_day
)

select * from final
