with

states as (
    select * from {{ ref('int_deal_states') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

states_since_close as (
    select
        states.*,
        max(states.valid_from_date) filter (where states.is_close) over (
            partition by states.deal_key
            order by states.valid_from
            rows between unbounded preceding and current row
        ) as closed_date
    from states
    where not states.is_last_instant
),

-- A state is one of a day's end if it lasts over it; of a closed deal only the closing day counts.
states_spread as (
    select
        states_since_close.*,
        cast(unnest(generate_series(
            states_since_close.valid_from_date,
            states_since_close.valid_to_date - 1,
            interval 1 day
        )) as date) as date_day
    from states_since_close
    where
        states_since_close.status = 'open'
        and states_since_close.valid_to_date > states_since_close.valid_from_date
    union all
    select
        states_since_close.*,
        states_since_close.closed_date as date_day
    from states_since_close
    where
        states_since_close.status in ('won', 'lost')
        and states_since_close.closed_date = states_since_close.valid_from_date
        and states_since_close.valid_to_date > states_since_close.valid_from_date
),

final as (
    select
        states_spread.deal_key,
        states_spread.owner_key,
        states_spread.stage_key,
        states_spread.pipeline_id,
        states_spread.stage,
        states_spread.status,
        states_spread.forecast_category,
        states_spread.currency,
        states_spread.amount,
        {{ converted('states_spread.amount', 'rates.rate_to_reporting') }} as amount_reporting,
        states_spread.date_day,
        states_spread.close_date
    from states_spread
    left join rates
        on
            states_spread.currency = rates.currency
            and states_spread.date_day = rates.rate_date
)

select * from final
