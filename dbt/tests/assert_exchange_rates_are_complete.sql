-- What: every amount in a foreign currency has an exchange rate of its day.
-- Why: a missing rate taken as 1.0 turns crowns into euros; left out in silence it shrinks the
-- bookings.
-- A returned row: a currency and the first day of a deal for which the mapped list of rates (entity
-- rates, kind daily) has no rate on or before it, with the deals concerned.
select
    deals.currency,
    min(coalesce(deals.close_day, run_context.as_of)) as first_day,
    count(*) as deals,
    min(deals.deal_key) as first_deal_key
from {{ ref('fct_deals') }} as deals
cross join {{ source('run', 'run_context') }} as run_context
where deals.amount is not null and deals.amount_reporting is null
group by deals.currency
