{#- The open pipeline as it stood at each origin: the stage of that day and the amount of that day. An amount without
    history is today's and would leak the outcome into the past, so it is NULL here. -#}
with

origins as (
    select * from {{ ref('int_forecast_origins') }}
),

deals as (
    select * from {{ ref('int_forecast_deals') }}
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
    where entered_at is not null and stage not in ('won', 'lost')
),

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

amount_changes as (
    select
        deal_key,
        cast(max(value) as decimal(18, 2)) as amount,
        changed_at
    from deal_changes
    where field = 'amount' and is_past
    group by deal_key, changed_at
),

amount_spans as (
    select
        deal_key,
        amount,
        changed_at as valid_from,
        lead(changed_at, 1, timestamp '9999-12-31 00:00:00') over (
            partition by deal_key
            order by changed_at
        ) as valid_until
    from amount_changes
),

open_visits as (
    select
        origins.months_ago,
        origins.origin_month,
        origins.origin_day,
        origins.origin_end,
        visits.deal_key,
        visits.stage
    from origins
    inner join visits
        on
            origins.origin_end > visits.entered_at
            and origins.origin_end <= coalesce(visits.exited_at, timestamp '9999-12-31 00:00:00')
),

final as (
    select
        open_visits.deal_key,
        open_visits.stage,
        deals.open_part,
        open_visits.months_ago,
        {{ converted('amount_spans.amount', 'rates.rate_to_reporting') }} as amount_at_origin,
        -- What the deal brought in the end, and how many months after the origin's.
        deals.amount_reporting as won_amount,
        date_diff('month', open_visits.origin_month, deals.won_day) as won_month_offset
    from open_visits
    inner join deals on open_visits.deal_key = deals.deal_key
    left join amount_spans
        on
            open_visits.deal_key = amount_spans.deal_key
            and open_visits.origin_end > amount_spans.valid_from
            and open_visits.origin_end <= amount_spans.valid_until
    left join rates
        on deals.currency = rates.currency and open_visits.origin_day = rates.rate_date
)

select * from final
