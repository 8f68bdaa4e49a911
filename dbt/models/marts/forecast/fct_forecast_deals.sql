with

results as (
    select * from {{ ref('int_forecast_results') }}
    where result = 'deal'
),

deals as (
    select
        deal_key,
        owner_key
    from {{ ref('int_forecast_deals') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

final as (
    select
        results.deal_key,
        deals.owner_key,
        results.owner as owner_member,
        results.team,
        results.segment,
        results.pipeline,
        results.stage,
        results.part,
        results.cell,
        results.reasons,
        results.month_offset,
        results.cell_level,
        results.n as deals_like_it,
        results.wins as won_like_it,
        {{ from_cents('results.amount_cents') }} as amount_reporting,
        {{ from_cents('results.value_cents') }} as value_if_won,
        results.base_chance,
        results.chance,
        {{ from_cents('results.expected_cents') }} as expected,
        run_context.as_of,
        results.month_start
    from results
    cross join run_context
    left join deals on results.deal_key = deals.deal_key
)

select * from final
