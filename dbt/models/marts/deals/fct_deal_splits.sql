{%- set moneys = ['amount', 'amount_reporting', 'amount_plan_rate'] -%}
{#- Shares that miss the whole by less were rounded when they were written down. -#}
{%- set rounding = 0.001 -%}
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
            when stated_of_deals.stated_share > 1 + {{ rounding }} then 'excessive'
            when stated_of_deals.stated_share < 1 - {{ rounding }} then 'short'
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
        cast(sum(parts_stated.stated_share) as decimal(18, 9)) as stated_share,
        sum(parts_stated.share) as share
    from parts_stated
    group by all
),

-- The largest part takes what rounding has left.
parts_whole as (
    select
        parts_by_owner.deal_key,
        parts_by_owner.kind,
        parts_by_owner.owner_key,
        parts_by_owner.stated_share,
        cast(
            parts_by_owner.share
            + case
                when parts_by_owner.kind = 'revenue' and row_number() over parts_by_size = 1
                    then 1 - sum(parts_by_owner.share) over (partition by parts_by_owner.deal_key, parts_by_owner.kind)
                else 0
            end as decimal(18, 9)
        ) as share
    from parts_by_owner
    window
        parts_by_size as (
            partition by parts_by_owner.deal_key, parts_by_owner.kind
            order by parts_by_owner.share desc, parts_by_owner.owner_key asc
        )
),

-- Whole cents of each part, and what is cut off from it.
parts_cut as (
    select
        {%- for money in moneys %}
        abs(cast(deals_judged.{{ money }} * 100 as decimal(20, 0))) * parts_whole.share as {{ money }}_exact,
        cast(floor(abs(cast(deals_judged.{{ money }} * 100 as decimal(20, 0))) * parts_whole.share) as decimal(20, 0))
            as {{ money }}_cents,
        {%- endfor %}
        deals_judged.*,
        parts_whole.kind,
        parts_whole.owner_key as part_owner_key,
        parts_whole.stated_share,
        parts_whole.share,
        coalesce(parts_whole.owner_key, '') = coalesce(deals_judged.credited_owner_key, '') as is_deal_owner,
        row_number() over parts_by_place as part_no
    from parts_whole
    inner join deals_judged on parts_whole.deal_key = deals_judged.deal_key
    window
        parts_by_place as (
            partition by parts_whole.deal_key, parts_whole.kind
            order by
                coalesce(parts_whole.owner_key, '') = coalesce(deals_judged.credited_owner_key, '') desc,
                parts_whole.share desc,
                parts_whole.owner_key asc
        )
),

parts_ranked as (
    select
        {%- for money in moneys %}
        row_number() over (
            partition by parts_cut.deal_key, parts_cut.kind
            order by parts_cut.{{ money }}_exact - parts_cut.{{ money }}_cents desc, parts_cut.part_no asc
        ) as {{ money }}_rank,
        abs(parts_cut.{{ money }}) * 100 - sum(parts_cut.{{ money }}_cents) over parts_of_deal as {{ money }}_left,
        {%- endfor %}
        parts_cut.*
    from parts_cut
    window parts_of_deal as (partition by parts_cut.deal_key, parts_cut.kind)
),

-- The cents that are left go to the parts that lost most of one; overlay credit is rounded, it sums to nothing.
parts_dealt as (
    select
        {%- for money in moneys %}
        case
            when parts_ranked.kind = 'overlay' then cast(round(parts_ranked.{{ money }}_exact) as decimal(20, 0))
            else
                parts_ranked.{{ money }}_cents
                + cast(parts_ranked.{{ money }}_rank <= parts_ranked.{{ money }}_left as integer)
        end * sign(parts_ranked.{{ money }}) as {{ money }}_dealt,
        {%- endfor %}
        parts_ranked.*
    from parts_ranked
),

rows_unioned as (
    select
        parts_dealt.deal_key,
        parts_dealt.part_owner_key as owner_key,
        parts_dealt.kind,
        case when parts_dealt.kind = 'revenue' then parts_dealt.split_status end as split_status,
        parts_dealt.stated_share,
        parts_dealt.share,
        {%- for money in moneys %}
        cast(cast(parts_dealt.{{ money }}_dealt as decimal(20, 0)) * 0.01 as decimal(18, 2)) as {{ money }},
        {%- endfor %}
        parts_dealt.kind = 'revenue' and parts_dealt.part_no = 1 as is_counted,
        parts_dealt.is_deal_owner
    from parts_dealt
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
        rows_unioned.amount,
        rows_unioned.amount_reporting,
        rows_unioned.amount_plan_rate,
        rows_unioned.is_counted,
        rows_unioned.is_deal_owner,
        deals.is_excluded,
        deals.close_day
    from rows_unioned
    inner join deals on rows_unioned.deal_key = deals.deal_key
)

select * from final
