{#-
    One row per deal whose close date is known from its beginning on: how often and how far it moved later while the deal was
    open.
-#}
with

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
    where field = 'close_date' and is_past
),

pushes as (
    select * from {{ ref('int_close_dates_pushed') }}
),

pushes_summed as (
    select
        pushes.deal_key,
        count(*) as pushes,
        sum(pushes.days_pushed) as pushed_days
    from pushes
    group by all
),

final as (
    select
        deals.deal_key,
        coalesce(pushes_summed.pushes, 0) as pushes,
        cast(coalesce(pushes_summed.pushed_days, 0) as bigint) as pushed_days
    from (
        select deal_changes.deal_key
        from deal_changes
        group by deal_changes.deal_key
        having not coalesce(bool_or(deal_changes.is_first_seen), false)
    ) as deals
    left join pushes_summed on deals.deal_key = pushes_summed.deal_key
)

select * from final
