with

risks as (
    select
        deal_key,
        amount_reporting,
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

associations as (
    select
        flag,
        association,
        difference,
        difference_low,
        difference_high
    from {{ ref('fct_flag_associations') }}
    where entity_kind = 'deal' and is_of_all_stages
),

-- A deal has as many rows as reasons, so the reasons do not add up to the deals at risk.
signs_of_deals as (
    select
        'past_close_date' as reason,
        1 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_past_close_date
    union all
    select
        'idle' as reason,
        2 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_idle
    union all
    select
        'older_than_won' as reason,
        3 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_older_than_won
    union all
    select
        'pushed_twice' as reason,
        4 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_pushed_twice
    union all
    select
        'amount_cut' as reason,
        5 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_amount_cut
    union all
    select
        'without_next_step' as reason,
        6 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_without_next_step
    union all
    select
        'single_contact' as reason,
        7 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_single_contact
    union all
    select
        'without_contact' as reason,
        8 as reason_order,
        deal_key,
        amount_reporting
    from risks
    where is_without_contact
),

-- What past deals with a sign tell goes before what one would think of it. Where they tell nothing, a
-- missing next step or contact, or a single one, alone is untidy, not alarming.
deals_at_risk as (
    select
        signs_of_deals.deal_key,
        any_value(signs_of_deals.amount_reporting) as amount_reporting
    from signs_of_deals
    left join associations on signs_of_deals.reason = associations.flag
    where
        associations.association = 'less_often'
        or (
            coalesce(associations.association, 'no_history') in ('no_history', 'not_enough_history')
            and signs_of_deals.reason in
            ('past_close_date', 'idle', 'older_than_won', 'pushed_twice', 'amount_cut')
        )
    group by all
),

reasons_unpivoted as (
    select
        reason,
        reason_order,
        amount_reporting
    from signs_of_deals
    union all
    select
        'any' as reason,
        9 as reason_order,
        amount_reporting
    from deals_at_risk
    union all
    select
        'open' as reason,
        10 as reason_order,
        amount_reporting
    from risks
),

reasons_counted as (
    select
        reason,
        cast(reason_order as integer) as reason_order,
        cast(count(*) as bigint) as deals,
        cast(coalesce(sum(amount_reporting), 0) as decimal(18, 2)) as amount_reporting
    from reasons_unpivoted
    group by reason, reason_order
),

final as (
    select
        reasons_counted.reason,
        associations.association,
        reasons_counted.reason_order,
        reasons_counted.deals,
        reasons_counted.amount_reporting,
        associations.difference,
        associations.difference_low,
        associations.difference_high
    from reasons_counted
    left join associations on reasons_counted.reason = associations.flag
)

select * from final
