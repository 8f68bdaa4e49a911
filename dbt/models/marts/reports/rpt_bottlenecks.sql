with

flows as (
    select * from {{ ref('int_stage_flows') }}
),

results as (
    select * from {{ ref('int_forecast_results') }}
    where result in ('bottleneck', 'period')
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

gains as (
    select * from results
    where result = 'bottleneck'
),

-- The quarter after the current one, if our method speaks of it.
next_quarter as (
    select
        max(period_start) as period_start,
        max(period_end) as period_end
    from results
    where result = 'period' and method = 'saleshouse' and period_type = 'quarter' and first_offset > 0
),

flows_joined as (
    select
        flows.*,
        case when next_quarter.period_start is null then 'not_enough_history' else flows.point_note end
            as point_reason,
        case when next_quarter.period_start is null then 'not_enough_history' else flows.day_note end
            as day_reason,
        coalesce(points.base_cents, days.base_cents) as base_cents,
        coalesce(points.open_deals, days.open_deals) as open_deals,
        points.gain_cents as point_cents,
        points.p10_cents as point_p10_cents,
        points.p90_cents as point_p90_cents,
        days.gain_cents as day_cents,
        days.p10_cents as day_p10_cents,
        days.p90_cents as day_p90_cents,
        days.moved_out_cents,
        next_quarter.period_start,
        next_quarter.period_end
    from flows
    cross join next_quarter
    left join gains as points
        on flows.pipeline = points.pipeline and flows.stage = points.stage and points.lever = 'point'
    left join gains as days
        on flows.pipeline = days.pipeline and flows.stage = days.stage and days.lever = 'day'
),

final as (
    select
        flows_joined.pipeline,
        flows_joined.stage,
        flows_joined.point_reason as point_note,
        flows_joined.day_reason as day_note,
        flows_joined.stage_order,
        case
            when flows_joined.point_cents is not null
                then row_number() over (
                    order by
                        flows_joined.point_cents desc nulls last,
                        flows_joined.pipeline asc,
                        flows_joined.stage_order asc
                )
        end as point_rank,
        case
            when flows_joined.day_cents is not null
                then row_number() over (
                    order by
                        flows_joined.day_cents desc nulls last,
                        flows_joined.pipeline asc,
                        flows_joined.stage_order asc
                )
        end as day_rank,
        {{ from_cents('flows_joined.base_cents') }} as base_reporting,
        {{ from_cents('flows_joined.point_cents') }} as point_reporting,
        {{ from_cents('flows_joined.point_p10_cents') }} as point_p10,
        {{ from_cents('flows_joined.point_p90_cents') }} as point_p90,
        {{ from_cents('flows_joined.day_cents') }} as day_reporting,
        {{ from_cents('flows_joined.day_p10_cents') }} as day_p10,
        {{ from_cents('flows_joined.day_p90_cents') }} as day_p90,
        {{ from_cents('flows_joined.moved_out_cents') }} as day_moved_out,
        flows_joined.open_deals,
        flows_joined.deals_entered,
        flows_joined.deals_progressed,
        flows_joined.conversion_rate,
        flows_joined.wilson_low,
        flows_joined.wilson_high,
        flows_joined.completed_visits,
        flows_joined.median_days,
        flows_joined.won_share,
        run_context.as_of,
        flows_joined.cohort_from,
        flows_joined.cohort_to,
        flows_joined.period_start,
        flows_joined.period_end
    from flows_joined
    cross join run_context
)

select * from final
