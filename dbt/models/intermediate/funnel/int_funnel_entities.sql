{#-
    Leads and new-business deals side by side, each with the furthest step it ever reached. What a migration brought
    carries its day and belongs to no month's cohort.
-#}
with

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded and not is_imported
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded and not is_imported and pipeline_purpose = 'new_business'
),

lead_visits as (
    select * from {{ ref('fct_lead_stages') }}
),

deal_visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

steps as (
    select * from {{ ref('int_funnel_steps') }}
),

entities as (
    select
        'lead' as funnel,
        leads.lead_key as entity_key,
        leads.channel,
        coalesce(accounts.segment, 'unknown') as segment,
        case
            when leads.is_customer then 'customer'
            when leads.is_opportunity then 'opportunity'
            when leads.is_sql_lead then 'sql_lead'
            when leads.is_mql then 'mql'
            else leads.lifecycle_stage
        end as furthest_known_stage,
        leads.exit_reason is not null as is_exited,
        leads.created_date,
        leads.created_at,
        leads.exited_at
    from leads
    left join accounts on leads.account_key = accounts.account_key
    union all
    select
        'deal' as funnel,
        deal_key as entity_key,
        channel,
        segment,
        -- How far a lost deal had come is not known from its state; that it was in the pipeline is.
        case when status = 'lost' then 'prospecting' else stage end as furthest_known_stage,
        status = 'lost' as is_exited,
        created_date,
        created_at,
        case when status = 'lost' then closed_at end as exited_at
    from deals
),

visits as (
    select
        'lead' as funnel,
        lead_visits.lead_key as entity_key,
        lead_visits.stage,
        lead_visits.entered_at is not null as is_known,
        lead_visits.entered_at
    from lead_visits
    union all
    select
        'deal' as funnel,
        deal_visits.deal_key as entity_key,
        deal_visits.stage,
        deal_visits.is_life_known as is_known,
        deal_visits.entered_at
    from deal_visits
),

-- Exits and unmapped stages are no steps, so no visit there counts as progress.
steps_reached as (
    select
        visits.funnel,
        visits.entity_key,
        max(steps.stage_order) as furthest_order,
        min(visits.entered_at) filter (where steps.stage_order >= 1) as reached_1_at,
        min(visits.entered_at) filter (where steps.stage_order >= 2) as reached_2_at,
        min(visits.entered_at) filter (where steps.stage_order >= 3) as reached_3_at,
        min(visits.entered_at) filter (where steps.stage_order >= 4) as reached_4_at,
        min(visits.entered_at) filter (where steps.stage_order >= 5) as reached_5_at,
        min(visits.entered_at) filter (where steps.stage_order >= 6) as reached_6_at,
        min(visits.entered_at) filter (where steps.stage_order >= 7) as reached_7_at
    from visits
    inner join steps on visits.funnel = steps.funnel and visits.stage = steps.stage
    where visits.is_known
    group by visits.funnel, visits.entity_key
),

final as (
    select
        entities.funnel,
        entities.entity_key,
        entities.channel,
        entities.segment,
        coalesce(steps_reached.furthest_order, steps.stage_order, 0) as furthest_order,
        steps_reached.furthest_order is not null as has_history,
        entities.is_exited,
        entities.created_date,
        entities.created_at,
        entities.exited_at,
        steps_reached.reached_1_at,
        steps_reached.reached_2_at,
        steps_reached.reached_3_at,
        steps_reached.reached_4_at,
        steps_reached.reached_5_at,
        steps_reached.reached_6_at,
        steps_reached.reached_7_at
    from entities
    left join steps
        on entities.funnel = steps.funnel and entities.furthest_known_stage = steps.stage
    left join steps_reached
        on
            entities.funnel = steps_reached.funnel
            and entities.entity_key = steps_reached.entity_key
)

select * from final
