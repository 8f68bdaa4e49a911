with

steps_of_entities as (
    select * from {{ ref('int_funnel_steps_reached') }}
),

lead_visits as (
    select * from {{ ref('fct_lead_stages') }}
),

deal_visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

steps_reached as (
    select
        steps_of_entities.*,
        dimensions.dimension,
        {{ funnel_member('steps_of_entities') }} as member
    from steps_of_entities
    cross join {{ funnel_dimensions() }}
),

entities_counted as (
    select
        funnel,
        stage,
        dimension,
        member,
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
    where is_completed and is_in_velocity and days_in_stage is not null
),

visits_summed as (
    select
        steps_reached.funnel,
        steps_reached.stage,
        steps_reached.dimension,
        steps_reached.member,
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

-- From the stage to any outcome: a later stage or the exit. What has neither is censored at the end of the day, and
-- what is known to have had one at an unknown time cannot say how long it takes.
waits as (
    select
        steps_reached.funnel,
        steps_reached.stage,
        steps_reached.dimension,
        steps_reached.member,
        steps_reached.has_progressed or steps_reached.is_exited as has_outcome,
        greatest(
            {{ days_between(
                'steps_reached.reached_at',
                'case
                    when steps_reached.has_progressed then steps_reached.progressed_at
                    when steps_reached.is_exited then steps_reached.exited_at
                    else run_context.as_of_end
                end'
            ) }},
            0
        ) as days
    from steps_reached
    cross join run_context
    where
        not steps_reached.is_last
        and steps_reached.reached_at is not null
        and (not steps_reached.has_progressed or steps_reached.progressed_at is not null)
        and (
            steps_reached.has_progressed
            or not steps_reached.is_exited
            or steps_reached.exited_at is not null
        )
),

survival as (
    {{ survival('waits', ['funnel', 'stage', 'dimension', 'member'], ended='has_outcome') }}
),

maturity_ages as (
    select
        funnel,
        stage,
        dimension,
        member,
        {{ days_until_left(0.1) }} as p90_days_to_outcome
    from survival
    group by funnel, stage, dimension, member
),

final as (
    select
        entities_counted.funnel,
        entities_counted.stage,
        entities_counted.dimension,
        entities_counted.member,
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
        cast(maturity_ages.p90_days_to_outcome as decimal(18, 6)) as p90_days_to_outcome,
        -- The youngest of a month decides: those who entered on its last day.
        case
            when not entities_counted.is_last
                then coalesce(
                    run_context.as_of - last_day(entities_counted.entry_month) >= maturity_ages.p90_days_to_outcome,
                    false
                )
        end as is_mature,
        entities_counted.entry_month
    from entities_counted
    cross join run_context
    left join maturity_ages
        on
            entities_counted.funnel = maturity_ages.funnel
            and entities_counted.stage = maturity_ages.stage
            and entities_counted.dimension = maturity_ages.dimension
            and entities_counted.member = maturity_ages.member
    left join visits_summed
        on
            entities_counted.funnel = visits_summed.funnel
            and entities_counted.stage = visits_summed.stage
            and entities_counted.dimension = visits_summed.dimension
            and entities_counted.member = visits_summed.member
            and entities_counted.entry_month is not distinct from visits_summed.entry_month
)

select * from final
