with

bridge as (
    select * from {{ ref('fct_forecast_bridge') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

-- The commit under way: of the quarter, and of the month.
bridge_of_today as (
    select bridge.*
    from bridge
    inner join run_context on run_context.as_of between bridge.period_start and bridge.period_end
),

final as (
    select
        bridge_of_today.period_type,
        coalesce(bridge_of_today.reason, 'total') as reason,
        max(bridge_of_today.commit_source) as commit_source,
        count(bridge_of_today.deal_key) as deals,
        cast(sum(bridge_of_today.amount_reporting) as decimal(18, 2)) as amount_reporting,
        cast(sum(bridge_of_today.commit_reporting) as decimal(18, 2)) as commit_reporting,
        cast(sum(bridge_of_today.expected) as decimal(18, 2)) as expected,
        cast(sum(bridge_of_today.difference) as decimal(18, 2)) as difference,
        bridge_of_today.period_start,
        max(bridge_of_today.period_end) as period_end
    from bridge_of_today
    group by grouping sets (
        (bridge_of_today.period_type, bridge_of_today.period_start, bridge_of_today.reason),
        (bridge_of_today.period_type, bridge_of_today.period_start)
    )
)

select * from final
