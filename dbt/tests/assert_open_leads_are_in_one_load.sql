-- What: every lead that has an owner and is still to be worked is in the load of exactly that owner.
-- Why: a lead that is in nobody's load is worked by nobody, one in two loads is counted twice.
-- A returned row: a lead with the number of loads that it is in.
with

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded and owner_key is not null
),

stages_now as (
    select * from {{ ref('fct_lead_stages') }}
    where is_open
),

loads as (
    select * from {{ ref('fct_lead_routing') }}
    where is_in_load
)

select
    leads.lead_key,
    count(loads.lead_key) as loads,
    count(loads.lead_key) filter (where leads.owner_key = loads.owner_key) as own_loads
from leads
inner join stages_now on leads.lead_key = stages_now.lead_key
left join loads on leads.lead_key = loads.lead_key
group by leads.lead_key, stages_now.stage
having
    count(loads.lead_key) <> case when stages_now.stage in ('suspect', 'lead', 'mql', 'sql_lead') then 1 else 0 end
    or count(loads.lead_key) filter (where leads.owner_key = loads.owner_key) <> count(loads.lead_key)
