-- What: each deal has exactly one open visit and stands in that visit's stage.
-- Why: the state of a deal and its history are two tables that must tell one story.
-- A returned row: a deal without an open visit, with several, or in another stage than its open
-- visit.
with

open_visits as (
    select
        visits.deal_key,
        count(*) as visits,
        max(visits.stage_key) as stage_key
    from {{ ref('fct_deal_stage_visits') }} as visits
    where visits.is_open
    group by visits.deal_key
)

select
    deals.deal_key,
    deals.stage_key,
    open_visits.stage_key as stage_key_of_visit,
    open_visits.visits
from {{ ref('fct_deals') }} as deals
full outer join open_visits on deals.deal_key = open_visits.deal_key
where
    deals.deal_key is null
    or open_visits.visits is distinct from 1
    or deals.stage_key is distinct from open_visits.stage_key
