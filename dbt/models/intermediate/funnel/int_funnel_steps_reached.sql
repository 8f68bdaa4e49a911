with

entities as (
    select * from {{ ref('int_funnel_entities') }}
),

steps as (
    select * from {{ ref('int_funnel_steps') }}
),

run_context as (
    select reporting_timezone
    from {{ source('run', 'run_context') }}
),

entities_by_step as (
    select
        entities.funnel,
        entities.entity_key,
        entities.channel,
        entities.segment,
        steps.stage,
        steps.stage_order,
        steps.is_last,
        entities.furthest_order > steps.stage_order as has_progressed,
        entities.is_exited,
        case steps.stage_order
            when 1 then entities.reached_1_at
            when 2 then entities.reached_2_at
            when 3 then entities.reached_3_at
            when 4 then entities.reached_4_at
            when 5 then entities.reached_5_at
            when 6 then entities.reached_6_at
            when 7 then entities.reached_7_at
        end as reached_at,
        case steps.stage_order
            when 1 then entities.reached_2_at
            when 2 then entities.reached_3_at
            when 3 then entities.reached_4_at
            when 4 then entities.reached_5_at
            when 5 then entities.reached_6_at
            when 6 then entities.reached_7_at
        end as progressed_at,
        entities.exited_at
    from entities
    inner join steps
        on entities.funnel = steps.funnel and entities.furthest_order >= steps.stage_order
),

final as (
    select
        entities_by_step.funnel,
        entities_by_step.entity_key,
        entities_by_step.channel,
        entities_by_step.segment,
        entities_by_step.stage,
        entities_by_step.stage_order,
        entities_by_step.has_progressed,
        entities_by_step.is_exited,
        entities_by_step.is_last,
        cast(
            date_trunc(
                'month',
                {{ day_in_zone('entities_by_step.reached_at', 'run_context.reporting_timezone') }}
            ) as date
        ) as entry_month,
        entities_by_step.reached_at,
        entities_by_step.progressed_at,
        entities_by_step.exited_at
    from entities_by_step
    cross join run_context
)

select * from final
