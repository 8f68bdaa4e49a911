{%- set moneys = [
    'amount', 'amount_reporting', 'amount_plan_rate', 'tcv_plan_rate', 'acv_plan_rate', 'arr_plan_rate',
    'one_time_amount_plan_rate',
] -%}
with

deals as (
    select * from {{ ref('fct_deals') }}
),

credits as (
    select * from {{ ref('int_deal_credits') }}
),

stated as (
    select * from {{ ref('int_deal_splits') }}
    where is_last
),

stated_of_deals as (
    select
        stated.deal_key,
        sum(stated.stated_share) as stated_share
    from stated
    where stated.kind = 'revenue'
    group by stated.deal_key
),

-- What adds up to too much gives nobody a part that could be defended, so the owner keeps all of it.
deals_judged as (
    select
        deals.*,
        credits.owner_key as credited_owner_key,
        stated_of_deals.stated_share as stated_share_of_deal,
        case
            when stated_of_deals.deal_key is null then 'undivided'
            when stated_of_deals.stated_share > 1 + {{ split_rounding() }} then 'excessive'
            when stated_of_deals.stated_share < 1 - {{ split_rounding() }} then 'short'
            else 'complete'
        end as split_status
    from deals
    left join credits on deals.deal_key = credits.deal_key
    left join stated_of_deals on deals.deal_key = stated_of_deals.deal_key
),

parts_stated as (
    select
        stated.deal_key,
        stated.kind,
        stated.owner_key,
        stated.stated_share,
        stated.stated_share as share
    from stated
    inner join deals_judged on stated.deal_key = deals_judged.deal_key
    where stated.kind = 'overlay' or deals_judged.split_status in ('complete', 'short')
    union all
    select
        deals_judged.deal_key,
        'revenue' as kind,
        deals_judged.credited_owner_key as owner_key,
        cast(null as decimal(18, 9)) as stated_share,
        1 - deals_judged.stated_share_of_deal as share
    from deals_judged
    where deals_judged.split_status = 'short'
),

parts_by_owner as (
    select
        parts_stated.deal_key,
        parts_stated.kind,
        parts_stated.owner_key,
        deals_judged.credited_owner_key as deal_owner_key,
        deals_judged.split_status,
        cast(sum(parts_stated.stated_share) as decimal(18, 9)) as stated_share,
        sum(parts_stated.share) as share,
        {{ moneys | join(', ') }}
    from parts_stated
    inner join deals_judged on parts_stated.deal_key = deals_judged.deal_key
    group by all
),

revenue_parts as (
    select * from parts_by_owner
    where kind = 'revenue'
),

revenue_dealt as (
    {{ dealt_by_share('revenue_parts', ['deal_key'], moneys) }}
),

rows_unioned as (
    select
        revenue_dealt.deal_key,
        revenue_dealt.owner_key,
        revenue_dealt.kind,
        revenue_dealt.split_status,
        revenue_dealt.stated_share,
        revenue_dealt.share,
        {%- for money in moneys %}
        revenue_dealt.{{ money }}_dealt as {{ money }},
        {%- endfor %}
        revenue_dealt.part_no = 1 as is_counted,
        coalesce(revenue_dealt.owner_key, '') = coalesce(revenue_dealt.deal_owner_key, '') as is_deal_owner
    from revenue_dealt
    union all
    -- Overlay credit is rounded: it sums to nothing.
    select
        parts_by_owner.deal_key,
        parts_by_owner.owner_key,
        parts_by_owner.kind,
        null as split_status,
        parts_by_owner.stated_share,
        cast(parts_by_owner.share as decimal(18, 9)) as share,
        {%- for money in moneys %}
        cast(round(parts_by_owner.{{ money }} * cast(parts_by_owner.share as decimal(18, 9)), 2) as decimal(18, 2))
            as {{ money }},
        {%- endfor %}
        false as is_counted,
        coalesce(parts_by_owner.owner_key, '') = coalesce(parts_by_owner.deal_owner_key, '') as is_deal_owner
    from parts_by_owner
    where parts_by_owner.kind = 'overlay'
    union all
    select
        deals_judged.deal_key,
        deals_judged.credited_owner_key as owner_key,
        'revenue' as kind,
        deals_judged.split_status,
        cast(null as decimal(18, 9)) as stated_share,
        cast(1 as decimal(18, 9)) as share,
        {%- for money in moneys %}
        deals_judged.{{ money }},
        {%- endfor %}
        true as is_counted,
        true as is_deal_owner
    from deals_judged
    where deals_judged.split_status in ('undivided', 'excessive')
),

final as (
    select
        rows_unioned.deal_key || ':' || rows_unioned.kind || ':' || coalesce(rows_unioned.owner_key, 'unassigned')
            as split_key,
        rows_unioned.deal_key,
        rows_unioned.owner_key,
        rows_unioned.kind,
        rows_unioned.split_status,
        deals.pipeline_purpose,
        deals.status,
        deals.currency,
        deals.exclusion_reason,
        rows_unioned.stated_share,
        rows_unioned.share,
        {%- for money in moneys %}
        rows_unioned.{{ money }},
        {%- endfor %}
        rows_unioned.is_counted,
        rows_unioned.is_deal_owner,
        deals.is_excluded,
        deals.close_day
    from rows_unioned
    inner join deals on rows_unioned.deal_key = deals.deal_key
)

select * from final
