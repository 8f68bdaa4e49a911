-- What: the visits of a deal follow each other without gap or overlap, from its creation to the end
-- of the day.
-- Why: days in stage, stage at any past day and the waterfall all read visits; a gap loses a deal
-- for a while.
-- A returned row: a visit that begins elsewhere than where the one before ends, or a life with a
-- loose end.
with

visits as (
    select
        visits.deal_key,
        visits.visit_no,
        visits.is_open,
        visits.seen_at,
        visits.entered_at,
        visits.exited_at,
        lag(visits.exited_at) over (partition by visits.deal_key order by visits.visit_no) as exited_at_before,
        lead(visits.visit_no) over (partition by visits.deal_key order by visits.visit_no) as visit_no_after
    from {{ ref('fct_deal_stage_visits') }} as visits
    where visits.history_basis <> 'assumed_current'
),

deals as (
    select
        deals.deal_key,
        deals.created_at
    from {{ ref('fct_deals') }} as deals
)

select
    visits.deal_key,
    visits.visit_no,
    visits.entered_at,
    visits.exited_at
from visits
left join deals on visits.deal_key = deals.deal_key
cross join {{ source('run', 'run_context') }} as run_context
where
    deals.deal_key is null
    or (visits.visit_no = 1 and visits.entered_at <> deals.created_at)
    or (visits.visit_no = 1 and visits.entered_at is null and visits.seen_at is null)
    or (visits.visit_no > 1 and visits.entered_at is null)
    or (visits.visit_no > 1 and visits.entered_at is distinct from visits.exited_at_before)
    or visits.exited_at < visits.entered_at
    or visits.entered_at >= run_context.as_of_end
    or (visits.visit_no_after is null) <> visits.is_open
    or (visits.visit_no_after is null) <> (visits.exited_at is null)
