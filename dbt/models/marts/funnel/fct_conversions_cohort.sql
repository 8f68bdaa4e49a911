with

entities as (
    select * from {{ ref('int_funnel_entities') }}
),

steps as (
    select * from {{ ref('int_funnel_steps') }}
    where is_milestone
),

run_context as (
    select
        as_of,
        as_of_end
    from {{ source('run', 'run_context') }}
),

entities_by_milestone as (
    select
        entities.funnel,
        dimensions.dimension,
        {{ funnel_member('entities') }} as member,
        steps.stage as milestone,
        steps.stage_order as milestone_order,
        entities.furthest_order >= steps.stage_order as has_reached,
        entities.is_exited,
        cast(date_trunc('month', entities.created_date) as date) as cohort_month,
        entities.created_at,
        entities.exited_at,
        case steps.stage_order
            when 2 then entities.reached_2_at
            when 3 then entities.reached_3_at
            when 4 then entities.reached_4_at
            when 5 then entities.reached_5_at
            when 6 then entities.reached_6_at
            when 7 then entities.reached_7_at
        end as reached_at
    from entities
    inner join steps on entities.funnel = steps.funnel
    cross join {{ funnel_dimensions() }}
),

cohorts as (
    select
        funnel,
        dimension,
        member,
        milestone,
        milestone_order,
        count(*) as cohort_size,
        count(*) filter (where has_reached) as reached,
        cohort_month
    from entities_by_milestone
    group by all
),

-- To any outcome: the milestone or the exit. What has neither is censored at the end of the day, and what is known
-- to have had one at an unknown time cannot say how long it takes.
waits as (
    select
        entities_by_milestone.funnel,
        entities_by_milestone.dimension,
        entities_by_milestone.member,
        entities_by_milestone.milestone,
        entities_by_milestone.has_reached,
        entities_by_milestone.has_reached or entities_by_milestone.is_exited as has_outcome,
        greatest(
            {{ days_between(
                'entities_by_milestone.created_at',
                'case
                    when entities_by_milestone.has_reached then entities_by_milestone.reached_at
                    when entities_by_milestone.is_exited then entities_by_milestone.exited_at
                    else run_context.as_of_end
                end'
            ) }},
            0
        ) as days,
        entities_by_milestone.cohort_month
    from entities_by_milestone
    cross join run_context
    where
        entities_by_milestone.created_at is not null
        and (not entities_by_milestone.has_reached or entities_by_milestone.reached_at is not null)
        and (
            entities_by_milestone.has_reached
            or not entities_by_milestone.is_exited
            or entities_by_milestone.exited_at is not null
        )
),

survival as (
    {{ survival('waits', ['funnel', 'dimension', 'member', 'milestone'], ended='has_outcome') }}
),

maturity_ages as (
    select
        funnel,
        dimension,
        member,
        milestone,
        {{ days_until_left(0.1) }} as p90_days_to_outcome
    from survival
    group by funnel, dimension, member, milestone
),

waiting as (
    {{ competing_outcomes(
        'waits',
        ['funnel', 'dimension', 'member', 'milestone', 'cohort_month'],
        progressed='has_reached',
        departed='has_outcome and not has_reached',
    ) }}
),

incidence as (
    select
        funnel,
        dimension,
        member,
        milestone,
        sum(share_waiting_before * progressed / at_risk) as reached_share,
        sum(share_waiting_before * departed / at_risk) as exited_share,
        cohort_month
    from waiting
    group by all
),

final as (
    select
        cohorts.funnel,
        cohorts.dimension,
        cohorts.member,
        cohorts.milestone,
        cohorts.milestone_order,
        cohorts.cohort_size,
        cohorts.reached,
        {{ ratio('cohorts.reached', 'cohorts.cohort_size') }} as conversion_rate,
        {{ wilson_low('cohorts.reached', 'cohorts.cohort_size') }} as wilson_low,
        {{ wilson_high('cohorts.reached', 'cohorts.cohort_size') }} as wilson_high,
        cast(incidence.reached_share as decimal(18, 9)) as reached_incidence,
        cast(incidence.exited_share as decimal(18, 9)) as exited_incidence,
        cast(maturity_ages.p90_days_to_outcome as decimal(18, 6)) as p90_days_to_outcome,
        -- The youngest of a cohort decides: those created on its month's last day.
        coalesce(
            run_context.as_of - last_day(cohorts.cohort_month) >= maturity_ages.p90_days_to_outcome,
            false
        ) as is_mature,
        cohorts.cohort_month
    from cohorts
    cross join run_context
    left join maturity_ages
        on
            cohorts.funnel = maturity_ages.funnel
            and cohorts.dimension = maturity_ages.dimension
            and cohorts.member = maturity_ages.member
            and cohorts.milestone = maturity_ages.milestone
    left join incidence
        on
            cohorts.funnel = incidence.funnel
            and cohorts.dimension = incidence.dimension
            and cohorts.member = incidence.member
            and cohorts.milestone = incidence.milestone
            and cohorts.cohort_month = incidence.cohort_month
)

select * from final
