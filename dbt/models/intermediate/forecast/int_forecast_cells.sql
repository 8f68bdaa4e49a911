{#- The forecast at its finest: method x month x part x owner x pipeline, in whole cents, so that every level and
    period is a plain sum of these rows and all of them add up exactly. -#}
with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

months as (
    select * from {{ ref('int_forecast_months') }}
),

deals as (
    select * from {{ ref('int_forecast_deals') }}
),

origins as (
    select * from {{ ref('int_forecast_origins') }}
),

yields as (
    select * from {{ ref('int_forecast_stage_yields') }}
),

booked as (
    select
        months.method,
        'won' as part,
        deals.owner_member,
        deals.pipeline_member,
        months.month_offset,
        cast(deals.amount_reporting as decimal(38, 12)) as amount
    from deals
    cross join run_context
    inner join months
        on cast(date_trunc('month', deals.won_day) as date) = months.month_start
    where deals.won_day <= run_context.as_of
),

-- Won, but dated in the future: certain, and booked on its day only.
booked_later as (
    select
        months.method,
        deals.open_part as part,
        deals.owner_member,
        deals.pipeline_member,
        months.month_offset,
        cast(deals.amount_reporting as decimal(38, 12)) as amount
    from deals
    cross join run_context
    inner join months
        on cast(date_trunc('month', deals.won_day) as date) = months.month_start
    where deals.won_day > run_context.as_of and months.method in ('crm_view', 'stage_yield')
),

-- As CRMs do it: the stage's probability in the month of the stated date. What is overdue stands in the current
-- month, which is why this view runs high; what has no date stands nowhere.
weighted_by_crm as (
    select
        months.method,
        deals.open_part as part,
        deals.owner_member,
        deals.pipeline_member,
        months.month_offset,
        cast(deals.amount_reporting * deals.win_probability as decimal(38, 12)) as amount
    from deals
    cross join run_context
    inner join months
        on
            months.method = 'crm_view'
            and cast(
                date_trunc('month', greatest(deals.close_date, run_context.as_of)) as date
            ) = months.month_start
    -- `greatest` passes over NULL, so a missing date has to be left out in words.
    where deals.status = 'open' and deals.close_date is not null
),

-- A stage that was never open before takes what all stages yield.
open_deals_with_yields as (
    select
        months.method,
        deals.open_part,
        deals.owner_member,
        deals.pipeline_member,
        months.month_offset,
        deals.amount_reporting,
        case when stage_yields.stage is null then all_yields.won_share else stage_yields.won_share end
            as won_share,
        coalesce(stage_yields.won_per_open_deal, all_yields.won_per_open_deal) as won_per_open_deal
    from deals
    inner join months on months.method = 'stage_yield' and months.month_offset >= 0
    left join yields as stage_yields
        on
            deals.open_part = stage_yields.open_part
            and deals.stage = stage_yields.stage
            and months.month_offset = stage_yields.month_offset
    left join yields as all_yields
        on
            deals.open_part = all_yields.open_part
            and all_yields.stage = 'all'
            and months.month_offset = all_yields.month_offset
    where deals.status = 'open'
),

weighted_by_yield as (
    select
        method,
        open_part as part,
        owner_member,
        pipeline_member,
        month_offset,
        cast(
            case
                when won_share is not null then amount_reporting * won_share
                else won_per_open_deal
            end as decimal(38, 12)
        ) as amount
    from open_deals_with_yields
),

-- The mean, over the newest twelve origins, of what was won in the month from deals created after the origin.
created_and_won as (
    select
        months.method,
        case when deals.open_part = 'renewals' then 'renewals' else 'not_created' end as part,
        deals.owner_member,
        deals.pipeline_member,
        months.month_offset,
        cast(deals.amount_reporting / months.origins as decimal(38, 12)) as amount
    from deals
    inner join origins on deals.created_at >= origins.origin_end
    inner join months
        on
            months.method = 'stage_yield'
            and months.month_offset = date_diff('month', origins.origin_month, deals.won_day)
            and origins.months_ago between months.month_offset + 1 and months.month_offset + 12
    where months.month_offset >= 0
),

-- The same month a year ago; of the current one the days that are still to come.
won_a_year_ago as (
    select
        months.method,
        case when deals.open_part = 'renewals' then 'renewals' else 'not_created' end as part,
        deals.owner_member,
        deals.pipeline_member,
        months.month_offset,
        cast(deals.amount_reporting as decimal(38, 12)) as amount
    from deals
    inner join months
        on
            months.method = 'seasonal_naive'
            and cast(date_trunc('month', deals.won_day) + interval 12 month as date)
            = months.month_start
    inner join origins on origins.months_ago = 12
    where
        months.month_offset > 0
        or (months.month_offset = 0 and deals.won_day > origins.origin_day)
),

amounts_united as (
    select * from booked
    union all
    select * from booked_later
    union all
    select * from weighted_by_crm
    union all
    select * from weighted_by_yield
    union all
    select * from created_and_won
    union all
    select * from won_a_year_ago
),

cells_summed as (
    select
        method,
        part,
        owner_member,
        pipeline_member,
        month_offset,
        sum(amount) * 100 as cents
    from amounts_united
    -- A missing amount is not 0, and so is nothing that can be added.
    where amount is not null
    group by all
),

cells_floored as (
    select
        *,
        floor(cents) as whole_cents,
        round(sum(cents) over (partition by method, part, month_offset)) as cents_of_all,
        sum(floor(cents)) over (partition by method, part, month_offset) as whole_cents_of_all,
        row_number() over (
            partition by method, part, month_offset
            order by cents - floor(cents) desc, owner_member asc, pipeline_member asc
        ) as remainder_rank
    from cells_summed
),

final as (
    select
        method,
        part,
        owner_member,
        pipeline_member,
        month_offset,
        cast(
            (
                whole_cents
                -- The cents that rounding down has left go to the largest remainders.
                + case when remainder_rank <= cents_of_all - whole_cents_of_all then 1 else 0 end
            ) * 0.01 as decimal(18, 2)
        ) as expected
    from cells_floored
)

select * from final
