{%- set horizons = [7, 14, 30, 60, 90, 180, 365] -%}

with

entities as (
    select * from {{ ref('int_funnel_entities') }}
),

steps as (
    select * from {{ ref('int_funnel_steps') }}
    where not is_last
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

entities_by_step as (
    select
        entities.funnel,
        entities.channel,
        entities.segment,
        steps.stage,
        steps.stage_order,
        entities.furthest_order > steps.stage_order as has_progressed,
        entities.is_exited,
        entities.exited_at,
        case steps.stage_order
            when 1 then entities.reached_1_at
            when 2 then entities.reached_2_at
            when 3 then entities.reached_3_at
            when 4 then entities.reached_4_at
            when 5 then entities.reached_5_at
            when 6 then entities.reached_6_at
        end as reached_at,
        case steps.stage_order
            when 1 then entities.reached_2_at
            when 2 then entities.reached_3_at
            when 3 then entities.reached_4_at
            when 4 then entities.reached_5_at
            when 5 then entities.reached_6_at
            when 6 then entities.reached_7_at
        end as progressed_at
    from entities
    inner join steps on entities.funnel = steps.funnel and entities.furthest_order >= steps.stage_order
),

-- To a later stage, out, or to the end of the day, whichever was first. An outcome of unknown time cannot say when.
waits_of_entities as (
    select
        entities_by_step.funnel,
        entities_by_step.channel,
        entities_by_step.segment,
        entities_by_step.stage,
        entities_by_step.stage_order,
        entities_by_step.has_progressed,
        not entities_by_step.has_progressed and entities_by_step.is_exited as has_left,
        greatest(
            {{ days_between(
                'entities_by_step.reached_at',
                'case
                    when entities_by_step.has_progressed then entities_by_step.progressed_at
                    when entities_by_step.is_exited then entities_by_step.exited_at
                    else run_context.as_of_end
                end'
            ) }},
            0
        ) as days,
        {{ days_between('entities_by_step.reached_at', 'run_context.as_of_end') }} as age_days,
        cast(
            date_trunc(
                'month', {{ day_in_zone('entities_by_step.reached_at', 'run_context.reporting_timezone') }}
            ) as date
        ) as entry_month
    from entities_by_step
    cross join run_context
    where
        entities_by_step.reached_at is not null
        and case
            when entities_by_step.has_progressed then entities_by_step.progressed_at is not null
            when entities_by_step.is_exited then entities_by_step.exited_at is not null
            else true
        end
),

waits as (
    select
        waits_of_entities.*,
        dimensions.dimension,
        {{ funnel_member('waits_of_entities') }} as member
    from waits_of_entities
    cross join {{ funnel_dimensions() }}
),

cohorts as (
    select
        funnel,
        dimension,
        member,
        stage,
        stage_order,
        count(*) as cohort_size,
        max(age_days) as longest_age,
        entry_month
    from waits
    group by all
),

waiting as (
    {{ competing_outcomes(
        'waits',
        ['funnel', 'dimension', 'member', 'stage', 'entry_month'],
        progressed='has_progressed',
        departed='has_left',
    ) }}
),

incidence as (
    select
        funnel,
        dimension,
        member,
        stage,
        {%- for days in horizons %}
        sum(share_waiting_before * progressed / at_risk) filter (where days <= {{ days }}) as progressed_{{ days }},
        sum(share_waiting_before * departed / at_risk) filter (where days <= {{ days }}) as exited_{{ days }},
        {%- endfor %}
        entry_month
    from waiting
    group by all
),

horizons as (
    select unnest({{ horizons }}) as days
),

incidence_by_horizon as (
    select
        cohorts.funnel,
        cohorts.stage,
        cohorts.dimension,
        cohorts.member,
        cohorts.stage_order,
        horizons.days as horizon_days,
        cohorts.cohort_size,
        cohorts.longest_age >= horizons.days as is_watched,
        case horizons.days
            {%- for days in horizons %}
            when {{ days }} then incidence.progressed_{{ days }}
            {%- endfor %}
        end as progressed_share,
        case horizons.days
            {%- for days in horizons %}
            when {{ days }} then incidence.exited_{{ days }}
            {%- endfor %}
        end as exited_share,
        cohorts.entry_month
    from cohorts
    inner join incidence
        on
            cohorts.funnel = incidence.funnel
            and cohorts.dimension = incidence.dimension
            and cohorts.member = incidence.member
            and cohorts.stage = incidence.stage
            and cohorts.entry_month = incidence.entry_month
    cross join horizons
),

final as (
    select
        incidence_by_horizon.funnel,
        incidence_by_horizon.stage,
        incidence_by_horizon.dimension,
        incidence_by_horizon.member,
        incidence_by_horizon.stage_order,
        incidence_by_horizon.horizon_days,
        incidence_by_horizon.cohort_size,
        -- Where nobody has been watched for so long nobody knows.
        case
            when incidence_by_horizon.is_watched
                then cast(coalesce(incidence_by_horizon.progressed_share, 0) as decimal(18, 9))
        end as progressed_incidence,
        case
            when incidence_by_horizon.is_watched
                then cast(coalesce(incidence_by_horizon.exited_share, 0) as decimal(18, 9))
        end as exited_incidence,
        run_context.as_of - last_day(incidence_by_horizon.entry_month) >= incidence_by_horizon.horizon_days
            as is_complete,
        incidence_by_horizon.entry_month
    from incidence_by_horizon
    cross join run_context
)

select * from final
