-- What: the events of all sessions are the accepted events that were staged up to as_of, and so is
-- their revenue; purchases that only a server told belong to no session.
-- Why: sessions are added up from parts of days; a part that is lost or doubled shows here and
-- nowhere else.
-- A returned row: a measure that differs.
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

web_events as (
    {{ union_staged('web_events') }}
),

events_counted as (
    select
        count(*) as events,
        count(distinct web_events.transaction_id) filter (
            where web_events.event_name = 'purchase'
        ) as transactions
    from web_events
    inner join run_context on web_events.event_at < run_context.as_of_end
    where web_events.session_id is not null
),

sessions_summed as (
    select
        coalesce(sum(events), 0) as events,
        coalesce(sum(purchases), 0) as purchases,
        coalesce(sum(revenue_reporting), 0) as revenue_reporting
    from {{ ref('fct_sessions') }}
),

purchases_summed as (
    select
        count(*) filter (where transaction_id is not null) as transactions,
        count(*) as purchases,
        coalesce(sum(revenue_reporting), 0) as revenue_reporting
    from {{ ref('int_purchases') }}
    where session_id is not null
)

select
    'events' as measure,
    sessions_summed.events as found,
    events_counted.events as expected
from sessions_summed
cross join events_counted
where sessions_summed.events <> events_counted.events
union all
select
    'transactions' as measure,
    purchases_summed.transactions as found,
    events_counted.transactions as expected
from purchases_summed
cross join events_counted
where purchases_summed.transactions <> events_counted.transactions
union all
select
    'purchases' as measure,
    sessions_summed.purchases as found,
    purchases_summed.purchases as expected
from sessions_summed
cross join purchases_summed
where sessions_summed.purchases <> purchases_summed.purchases
union all
select
    'revenue_reporting' as measure,
    sessions_summed.revenue_reporting as found,
    purchases_summed.revenue_reporting as expected
from sessions_summed
cross join purchases_summed
where sessions_summed.revenue_reporting <> purchases_summed.revenue_reporting
