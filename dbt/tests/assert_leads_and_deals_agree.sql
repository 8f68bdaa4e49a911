-- What: the deals that leads claim are the deals that name a lead: as many, as many won, with the
-- same amount.
-- Why: source to bookings is read from leads, bookings from deals; the two must never be two
-- numbers.
-- A returned row: the two sides, if they differ.
with

leads as (
    select
        coalesce(sum(leads.deals_count), 0) as deals_count,
        coalesce(sum(leads.won_deals_count), 0) as won_deals_count,
        coalesce(sum(leads.won_amount_reporting), 0) as won_amount_reporting
    from {{ ref('fct_leads') }} as leads
),

deals as (
    select
        count(*) as deals_count,
        count(*) filter (where deals.status = 'won') as won_deals_count,
        coalesce(sum(deals.amount_reporting) filter (where deals.status = 'won'), 0) as won_amount_reporting
    from {{ ref('fct_deals') }} as deals
    where not deals.is_excluded and deals.lead_key is not null
)

select
    leads.deals_count,
    deals.deals_count as deals_count_of_deals,
    leads.won_deals_count,
    deals.won_deals_count as won_deals_count_of_deals,
    leads.won_amount_reporting,
    deals.won_amount_reporting as won_amount_of_deals
from leads
cross join deals
where
    leads.deals_count <> deals.deals_count
    or leads.won_deals_count <> deals.won_deals_count
    or leads.won_amount_reporting <> deals.won_amount_reporting
