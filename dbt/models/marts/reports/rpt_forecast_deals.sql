with

forecast_deals as (
    select * from {{ ref('fct_forecast_deals') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

months as (
    select * from {{ ref('int_forecast_months') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

current_quarter as (
    select months.quarter_end
    from months
    inner join run_context on run_context.as_of between months.month_start and months.month_end
),

deals_judged as (
    select
        forecast_deals.deal_key,
        max_by(forecast_deals.month_start, (forecast_deals.chance, -forecast_deals.month_offset))
            as likeliest_month,
        sum(forecast_deals.chance) filter (where forecast_deals.month_start <= current_quarter.quarter_end)
            as chance_in_quarter,
        sum(forecast_deals.expected) filter (where forecast_deals.month_start <= current_quarter.quarter_end)
            as expected_in_quarter,
        sum(forecast_deals.chance) as chance_in_all,
        sum(forecast_deals.expected) as expected_in_all
    from forecast_deals
    cross join current_quarter
    group by all
),

final as (
    select
        deals_judged.deal_key,
        deals.deal_id,
        deals.source_system,
        deals.deal_name,
        coalesce(owners.rollup_owner_name, 'Unassigned') as owner_name,
        deals.stage,
        forecast_deals.reasons,
        forecast_deals.deals_like_it,
        forecast_deals.won_like_it,
        row_number() over (
            order by deals.amount_reporting desc nulls last, deals_judged.deal_key asc
        ) as value_rank,
        deals.amount_reporting,
        forecast_deals.chance as chance_in_month,
        cast(deals_judged.chance_in_quarter as decimal(18, 9)) as chance_in_quarter,
        cast(deals_judged.chance_in_all as decimal(18, 9)) as chance_in_all,
        cast(deals_judged.expected_in_quarter as decimal(18, 2)) as expected_in_quarter,
        cast(deals_judged.expected_in_all as decimal(18, 2)) as expected_in_all,
        deals.close_date,
        deals_judged.likeliest_month
    from deals_judged
    inner join deals on deals_judged.deal_key = deals.deal_key
    inner join forecast_deals
        on
            deals_judged.deal_key = forecast_deals.deal_key
            and deals_judged.likeliest_month = forecast_deals.month_start
    left join owners on deals.owner_key = owners.owner_key
    qualify row_number() over (order by deals.amount_reporting desc nulls last, deals_judged.deal_key asc) <= 25
)

select * from final
