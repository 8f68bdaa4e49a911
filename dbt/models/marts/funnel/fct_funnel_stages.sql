with

steps_reached as (
    select * from {{ ref('int_funnel_steps_reached') }}
),

lead_visits as (
    select * from {{ ref('fct_lead_stages') }}
),

deal_visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

entities_counted as (
    select
        funnel,
        stage,
        channel,
        stage_order,
        is_last,
        count(*) as entities_entered,
        count(*) filter (where has_progressed) as entities_progressed,
        count(*) filter (where not has_progressed and is_exited) as entities_exited,
        count(*) filter (where not has_progressed and not is_exited) as entities_open,
        entry_month
    from steps_reached
    group by all
),

-- Open visits are censored and bulk updates say when somebody tidied up, so neither enters a median.
completed_visits as (
    select
        'lead' as funnel,
        lead_key as entity_key,
        stage,
        days_in_stage
    from lead_visits
    where not is_open and days_in_stage is not null
    union all
    select
        'deal' as funnel,
        deal_key as entity_key,
        stage,
        days_in_stage
    from deal_visits
    where is_completed and not is_bulk_update and days_in_stage is not null
),

visits_summed as (
    select
        steps_reached.funnel,
        steps_reached.stage,
        steps_reached.channel,
        count(*) as completed_visits,
        median(completed_visits.days_in_stage) as median_days_completed,
        steps_reached.entry_month
    from completed_visits
    inner join steps_reached
        on
            completed_visits.funnel = steps_reached.funnel
            and completed_visits.entity_key = steps_reached.entity_key
            and completed_visits.stage = steps_reached.stage
    group by all
),

final as (
    select
        entities_counted.funnel,
        entities_counted.stage,
        entities_counted.channel,
        entities_counted.stage_order,
        entities_counted.entities_entered,
        entities_counted.entities_progressed,
        entities_counted.entities_exited,
        entities_counted.entities_open,
        -- Nothing comes after the last stage, so nothing can convert from it.
        case
            when not entities_counted.is_last
                then {{ ratio('entities_counted.entities_progressed', 'entities_counted.entities_entered') }}
        end as conversion_rate,
        case
            when not entities_counted.is_last
                then
                    {{ wilson_low('entities_counted.entities_progressed', 'entities_counted.entities_entered') }}
        end as wilson_low,
        case
            when not entities_counted.is_last
                then
                    {{ wilson_high('entities_counted.entities_progressed', 'entities_counted.entities_entered') }}
        end as wilson_high,
        cast(visits_summed.median_days_completed as decimal(18, 6)) as median_days_completed,
        coalesce(visits_summed.completed_visits, 0) as completed_visits,
        entities_counted.entry_month
    from entities_counted
    left join visits_summed
        on
            entities_counted.funnel = visits_summed.funnel
            and entities_counted.stage = visits_summed.stage
            and entities_counted.channel = visits_summed.channel
            and entities_counted.entry_month is not distinct from visits_summed.entry_month
)

select * from final
