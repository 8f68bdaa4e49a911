-- What: every visit of a known contact is one touch, and every lead with a stated source is one, or
-- was made in a visit of its contact that is.
-- Why: a lead whose own touch is taken away without a visit in its place would lose its source in
-- every attribution.
-- A returned row: a visit or a lead whose touch is missing.
with

touches as (
    select * from {{ ref('fct_touches') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
)

select sessions.session_key as missing
from sessions
anti join touches on sessions.session_key = touches.session_key
where sessions.contact_key is not null
union all
select leads.lead_key as missing
from leads
anti join touches on leads.lead_key = touches.lead_key
left join touches as visits
    on
        leads.contact_key = visits.contact_key
        and leads.channel = visits.channel
        and visits.session_key is not null
        and leads.created_at >= visits.touched_at
where leads.channel <> 'not_stated' and visits.touch_key is null
