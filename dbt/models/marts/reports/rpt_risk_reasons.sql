with

risks as (
    select
        amount_reporting,
        reasons,
        is_past_close_date,
        is_idle,
        is_older_than_won,
        is_pushed_twice,
        is_amount_cut,
        is_without_next_step,
        is_single_contact,
        is_without_contact
    from {{ ref('rpt_deal_risks') }}
),

-- A deal has as many rows as reasons, so the reasons do not add up to the deals at risk.
reasons_unpivoted as (
    select
        'past_close_date' as reason,
        1 as reason_order,
        amount_reporting
    from risks
    where is_past_close_date
    union all
    select
        'idle' as reason,
        2 as reason_order,
        amount_reporting
    from risks
    where is_idle
    union all
    select
        'older_than_won' as reason,
        3 as reason_order,
        amount_reporting
    from risks
    where is_older_than_won
    union all
    select
        'pushed_twice' as reason,
        4 as reason_order,
        amount_reporting
    from risks
    where is_pushed_twice
    union all
    select
        'amount_cut' as reason,
        5 as reason_order,
        amount_reporting
    from risks
    where is_amount_cut
    union all
    select
        'without_next_step' as reason,
        6 as reason_order,
        amount_reporting
    from risks
    where is_without_next_step
    union all
    select
        'single_contact' as reason,
        7 as reason_order,
        amount_reporting
    from risks
    where is_single_contact
    union all
    select
        'without_contact' as reason,
        8 as reason_order,
        amount_reporting
    from risks
    where is_without_contact
    union all
    -- What the list of deals at risk is made from: an untidy record alone is not in it.
    select
        'any' as reason,
        9 as reason_order,
        amount_reporting
    from risks
    where is_past_close_date or is_idle or is_older_than_won or is_pushed_twice or is_amount_cut
    union all
    select
        'open' as reason,
        10 as reason_order,
        amount_reporting
    from risks
),

final as (
    select
        reason,
        cast(reason_order as integer) as reason_order,
        cast(count(*) as bigint) as deals,
        cast(coalesce(sum(amount_reporting), 0) as decimal(18, 2)) as amount_reporting
    from reasons_unpivoted
    group by reason, reason_order
)

select * from final
