-- What: every amount in a foreign currency has an exchange rate of its day: deals, recurring contracts, ad spend and
-- purchases the day's (contracts the plan's, else the day's), and what was won in a month with targets the plan's too.
-- Why: a missing rate taken as 1.0 turns crowns into euros; left out in silence it shrinks the bookings.
-- A returned row: a currency that lacks a rate, the amounts concerned, and where it is to be added; the build ends with
-- the first as its one line.
with

amounts_without_rate as (
    select
        'deals' as things,
        'daily' as kind,
        deals.currency,
        coalesce(deals.close_day, run_context.as_of) as day
    from {{ ref('fct_deals') }} as deals
    cross join {{ source('run', 'run_context') }} as run_context
    where deals.amount is not null and deals.amount_reporting is null
    union all
    select
        'won deals' as things,
        'plan' as kind,
        deals.currency,
        deals.close_day as day
    from {{ ref('fct_deals') }} as deals
    where
        deals.status = 'won'
        and not deals.is_excluded
        and deals.amount is not null
        and deals.amount_plan_rate is null
        and date_trunc('month', deals.close_day) in (
            select date_trunc('month', targets.period_start) from {{ ref('fct_targets') }} as targets
        )
    union all
    select
        'contracts' as things,
        'plan' as kind,
        contracts.currency,
        contracts.start_date as day
    from {{ ref('int_contracts') }} as contracts
    where contracts.mrr_reporting is null
    union all
    select
        'days of ads' as things,
        'daily' as kind,
        ad_days.currency,
        ad_days.date_day as day
    from {{ ref('fct_ad_performance_daily') }} as ad_days
    where ad_days.spend is not null and ad_days.spend_reporting is null
    union all
    select
        'purchases' as things,
        'daily' as kind,
        purchases.currency,
        purchases.purchase_date as day
    from {{ ref('int_purchases') }} as purchases
    where purchases.currency is not null and purchases.revenue is not null and purchases.revenue_reporting is null
),

lists_of_rates as (
    select string_agg(distinct 'files.' || rates.mapping_name || ': ' || rates.file_name, ', ') as place
    from {{ ref('stg_files__rates') }} as rates
    cross join {{ source('run', 'run_context') }} as run_context
    where rates.load_number <= run_context.known_at
)

select
    'there is no ' || amounts.kind || ' rate of ' || amounts.currency || ' on or before ' || min(amounts.day)
    || ', which ' || count(*) || ' ' || amounts.things || ' need' as what,
    coalesce(any_value(lists_of_rates.place), 'saleshouse.yml sources.files') as place,
    'add it to the list of rates (kind ' || amounts.kind || ')' as fix
from amounts_without_rate as amounts
cross join lists_of_rates
group by amounts.things, amounts.kind, amounts.currency
order by what
