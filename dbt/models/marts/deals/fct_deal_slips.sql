{#-
    What was due when a period began is told by the ledger, and so is what had become of it when it
    ended. Where the close day is the CRM's date, a deal can have closed within the period with a
    date behind it: it counts in a later period, so it slipped.
-#}
with

movements as (
    select * from {{ ref('fct_pipeline_movements') }}
),

periods as (
    select * from {{ ref('int_pipeline_periods') }}
),

closed_states as (
    select * from {{ ref('int_deal_states') }}
    where status <> 'open'
),

pushes as (
    select * from {{ ref('int_close_dates_pushed') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

deals_due as (
    select
        movements.deal_key,
        movements.owner_key,
        movements.pipeline_id,
        movements.segment,
        movements.currency,
        movements.amount,
        case
            when movements.amount is not null and movements.currency is not null
                then movements.amount_reporting
        end as amount_reporting,
        periods.period_type,
        periods.is_complete,
        periods.period_start,
        periods.period_end,
        periods.closing_date,
        periods.starts_at,
        periods.ends_at
    from movements
    inner join periods
        on
            movements.period_type = periods.period_type
            and movements.period_start = periods.period_start
    where movements.view_name = 'due_in_period' and movements.movement = 'opening'
),

ends_of_deals as (
    select * from movements
    where view_name = 'all_open' and movement in ('closing', 'won', 'lost', 'deleted')
),

deals_ended as (
    select
        deals_due.*,
        case when ends_of_deals.movement = 'closing' then 'still_open' else ends_of_deals.movement end
            as movement
    from deals_due
    inner join ends_of_deals
        on
            deals_due.period_type = ends_of_deals.period_type
            and deals_due.period_start = ends_of_deals.period_start
            and deals_due.deal_key = ends_of_deals.deal_key
),

closed_later as (
    select
        deals_ended.period_type,
        deals_ended.period_start,
        deals_ended.deal_key
    from deals_ended
    cross join run_context
    inner join closed_states
        on
            deals_ended.deal_key = closed_states.deal_key
            and deals_ended.ends_at > closed_states.valid_from
            and deals_ended.ends_at <= closed_states.valid_to
    where
        run_context.close_day_rule <> 'stage_event'
        and deals_ended.movement in ('won', 'lost')
        and closed_states.close_date > deals_ended.period_end
),

pushes_in_periods as (
    select
        deals_due.period_type,
        deals_due.period_start,
        deals_due.deal_key,
        count(*) as pushes,
        cast(sum(pushes.days_pushed) as bigint) as pushed_days
    from deals_due
    inner join pushes
        on
            deals_due.deal_key = pushes.deal_key
            and deals_due.starts_at <= pushes.pushed_at
            and deals_due.ends_at > pushes.pushed_at
    group by all
),

deals_judged as (
    select
        deals_ended.*,
        case when closed_later.deal_key is not null then 'closed_later' else deals_ended.movement end
            as outcome,
        coalesce(pushes_in_periods.pushes, 0) as pushes,
        coalesce(pushes_in_periods.pushed_days, 0) as pushed_days
    from deals_ended
    left join closed_later
        on
            deals_ended.period_type = closed_later.period_type
            and deals_ended.period_start = closed_later.period_start
            and deals_ended.deal_key = closed_later.deal_key
    left join pushes_in_periods
        on
            deals_ended.period_type = pushes_in_periods.period_type
            and deals_ended.period_start = pushes_in_periods.period_start
            and deals_ended.deal_key = pushes_in_periods.deal_key
),

final as (
    select
        deals_judged.deal_key,
        deals_judged.owner_key,
        deals_judged.pipeline_id,
        deals_judged.period_type,
        deals_judged.segment,
        deals_judged.currency,
        deals_judged.outcome,
        deals_judged.amount,
        deals_judged.amount_reporting,
        deals_judged.pushes,
        deals_judged.pushed_days,
        case
            when deals_judged.is_complete
                then deals_judged.outcome in ('still_open', 'closed_later')
        end as is_slipped,
        deals_judged.is_complete,
        deals_judged.period_start,
        deals_judged.period_end,
        deals_judged.closing_date
    from deals_judged
)

select * from final
