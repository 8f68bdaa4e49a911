{#-
    One row per deal with the owner who is credited: of a closed one who held it when it closed, even if it changed hands
    later, of an open one who holds it.
-#}
with

deals as (
    select * from {{ ref('fct_deals') }}
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

closing_visits as (
    select
        visits.deal_key,
        max_by(visits.owner_key, visits.visit_no) as owner_key
    from visits
    inner join deals
        on
            visits.deal_key = deals.deal_key
            and visits.stage = deals.status
            and visits.entered_at = deals.closed_at
    group by visits.deal_key
),

final as (
    select
        deals.deal_key,
        coalesce(closing_visits.owner_key, deals.owner_key) as owner_key
    from deals
    left join closing_visits on deals.deal_key = closing_visits.deal_key
)

select * from final
