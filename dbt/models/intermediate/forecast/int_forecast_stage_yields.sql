{#- Of the value that was open in a stage, the share that was won h months later. Where no amount of the past is
    known, what an open deal of the stage brought on average: shares of numbers times amounts would run high, since
    large deals are won less often. -#}

with

open_deals as (
    select * from {{ ref('int_forecast_open_deals') }}
),

horizons as (
    select cast(horizons.month_offset as integer) as month_offset
    from range(0, 6) as horizons (month_offset)
),

-- Only origins whose target month is over can say what was won in it.
open_by_horizon as (
    select
        open_deals.stage,
        open_deals.open_part,
        horizons.month_offset,
        open_deals.amount_at_origin,
        case when open_deals.won_month_offset = horizons.month_offset then open_deals.won_amount end
            as won_amount,
        coalesce(open_deals.won_month_offset = horizons.month_offset, false) as is_won
    from open_deals
    inner join horizons on open_deals.months_ago > horizons.month_offset
),

outcomes_summed as (
    select
        open_part,
        coalesce(stage, 'all') as stage,
        month_offset,
        count(*) as deals_open,
        count(*) filter (where is_won) as deals_won,
        sum(amount_at_origin) as value_open,
        -- A deal whose amount of the past is unknown stays out of both sides of the share.
        coalesce(sum(won_amount) filter (where amount_at_origin is not null), 0) as value_won,
        coalesce(sum(won_amount), 0) as value_won_of_all
    from open_by_horizon
    group by grouping sets ((open_part, stage, month_offset), (open_part, month_offset))
),

final as (
    select
        open_part,
        stage,
        month_offset,
        deals_open,
        deals_won,
        value_open,
        value_won,
        {{ ratio('value_won', 'value_open') }} as won_share,
        {{ ratio('value_won_of_all', 'deals_open', 2) }} as won_per_open_deal
    from outcomes_summed
)

select * from final
