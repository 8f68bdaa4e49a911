{#- The running week and the one before, where any deal's amount of then is known. What moved between owners is left
    out: it changes nothing in the total. -#}
with

movements as (
    select * from {{ ref('fct_pipeline_movements') }}
),

waterfall as (
    select * from {{ ref('fct_pipeline_waterfall') }}
    where
        period_type = 'week' and view_name = 'all_open' and level = 'total'
        and closing_amount is not null
),

deals as (
    select * from {{ ref('fct_deals') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

movements_of_weeks as (
    select
        movements.*,
        movements.closing_date = run_context.as_of as is_current
    from movements
    cross join run_context
    semi join waterfall on movements.period_start = waterfall.period_start
    where
        movements.period_type = 'week'
        and movements.view_name = 'all_open'
        and movements.movement not in ('transferred_in', 'transferred_out')
        and (
            movements.closing_date = run_context.as_of
            or movements.period_end between run_context.as_of - 7 and run_context.as_of - 1
        )
),

movements_ranked as (
    select
        *,
        row_number() over (
            partition by period_start, movement order by abs(amount_reporting) desc, deal_key asc
        ) as size_rank
    from movements_of_weeks
    where movement not in ('opening', 'closing', 'exchange_rate')
),

changes as (
    select
        movement,
        count(distinct deal_key) as deals,
        sum(amount_reporting) as amount_reporting,
        0 as size_rank,
        is_current,
        period_start,
        period_end,
        closing_date
    from movements_of_weeks
    group by all
    union all by name
    select
        movements_ranked.movement,
        movements_ranked.deal_key,
        deals.deal_id,
        deals.source_system,
        deals.deal_name,
        owners.owner_name,
        1 as deals,
        movements_ranked.amount_reporting,
        movements_ranked.size_rank,
        movements_ranked.is_current,
        movements_ranked.period_start,
        movements_ranked.period_end,
        movements_ranked.closing_date
    from movements_ranked
    inner join deals on movements_ranked.deal_key = deals.deal_key
    left join owners on movements_ranked.owner_key = owners.owner_key
    where movements_ranked.size_rank <= 3
),

final as (
    select
        deal_key,
        deal_id,
        movement,
        source_system,
        deal_name,
        owner_name,
        cast(amount_reporting as decimal(18, 2)) as amount_reporting,
        cast(deals as bigint) as deals,
        cast(size_rank as bigint) as size_rank,
        is_current,
        period_start,
        period_end,
        closing_date
    from changes
)

select * from final
