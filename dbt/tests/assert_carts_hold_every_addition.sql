-- What: the carts hold every event that was put into a cart up to as_of, and what carts earned is no
-- more than what was bought.
-- Why: carts are cut out of a stream of events; an addition that falls between two carts, or a
-- purchase that two carts earn, shows here and nowhere else.
-- A returned row: a measure that differs.
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

additions_counted as (
    select count(*) as additions
    from ({{ union_staged('web_events') }}) as web_events
    inner join run_context on web_events.event_at < run_context.as_of_end
    where web_events.event_name = 'add_to_cart'
),

purchases_summed as (
    select coalesce(sum(revenue_reporting), 0) as revenue_reporting
    from {{ ref('int_purchases') }}
),

carts_summed as (
    select
        coalesce(sum(additions), 0) as additions,
        coalesce(sum(revenue_reporting), 0) as revenue_reporting
    from {{ ref('fct_carts') }}
)

select
    'additions' as measure,
    carts_summed.additions as found,
    additions_counted.additions as expected
from carts_summed
cross join additions_counted
where carts_summed.additions <> additions_counted.additions
union all
select
    'revenue_reporting' as measure,
    carts_summed.revenue_reporting as found,
    purchases_summed.revenue_reporting as expected
from carts_summed
cross join purchases_summed
where carts_summed.revenue_reporting > purchases_summed.revenue_reporting
