{#- A purchase that was sent twice, in one visit or in two, is one purchase: the first of a visit. A server may tell one
    without a visit, which it then is only if no visit tells it. -#}
with

events as (
    select * from {{ ref('hist_shop_events') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

run_context as (
    select
        as_of_end,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

purchase_events as (
    select
        events.*,
        {{ day_in_zone('events.event_at', 'run_context.reporting_timezone') }} as purchase_date
    from events
    inner join run_context on events.event_at < run_context.as_of_end
    where events.event_name = 'purchase'
),

purchases_once as (
    select *
    from purchase_events
    qualify
        transaction_id is null
        or row_number() over (
            partition by source_system, transaction_id
            order by session_id is null, event_at, visitor_id, session_id, revenue
        ) = 1
),

final as (
    select
        purchases_once.source_system,
        purchases_once.visitor_id,
        purchases_once.session_id,
        purchases_once.transaction_id,
        purchases_once.currency,
        purchases_once.revenue,
        {{ converted('purchases_once.revenue', 'rates.rate_to_reporting') }} as revenue_reporting,
        purchases_once.purchase_date,
        purchases_once.event_at as purchased_at
    from purchases_once
    left join rates
        on
            purchases_once.currency = rates.currency
            and purchases_once.purchase_date = rates.rate_date
)

select * from final
