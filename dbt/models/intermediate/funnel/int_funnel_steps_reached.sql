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

steps_dated as (
    select
        entities_by_step.*,
        cast(
            date_trunc(
                'month',
                {{ day_in_zone('entities_by_step.reached_at', 'run_context.reporting_timezone') }}
            ) as date
        ) as entry_month
    from entities_by_step
    cross join run_context
),

final as (
    select
        steps_dated.funnel,
        steps_dated.entity_key,
        dimensions.dimension,
        {{ funnel_member('steps_dated') }} as member,
        steps_dated.stage,
        steps_dated.stage_order,
        steps_dated.has_progressed,
        steps_dated.is_exited,
        steps_dated.is_last,
        steps_dated.entry_month,
        steps_dated.reached_at,
        steps_dated.progressed_at,
        steps_dated.exited_at
    from steps_dated
    cross join {{ funnel_dimensions() }}
)

select * from final
