-- What: the rows of rpt_source_to_revenue add up to the leads that count and to the deals that count,
-- their number, their wins and their amounts.
-- Why: a deal without a lead, or of a lead without a date, is the first to get lost between the two.
-- A returned row: a measure that differs.
with

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded
),

sources as (
    select * from {{ ref('rpt_source_to_revenue') }}
),

leads_counted as (
    select count(*) as leads
    from {{ ref('fct_leads') }}
    where not is_excluded
),

deals_counted as (
    select
        count(*) as deals,
        count(*) filter (where status = 'won') as won_deals,
        coalesce(sum(amount_reporting) filter (where status = 'won'), 0) as won_amount_reporting,
        coalesce(sum(amount_reporting) filter (where status = 'open'), 0) as open_amount_reporting
    from deals
),

sources_summed as (
    select
        coalesce(sum(leads), 0) as leads,
        coalesce(sum(deals), 0) as deals,
        coalesce(sum(won_deals), 0) as won_deals,
        coalesce(sum(won_amount_reporting), 0) as won_amount_reporting,
        coalesce(sum(open_amount_reporting), 0) as open_amount_reporting
    from sources
),

measures as (
    select
        'leads' as measure,
        sources_summed.leads as found,
        leads_counted.leads as expected
    from sources_summed
    cross join leads_counted
    {%- for measure in ['deals', 'won_deals', 'won_amount_reporting', 'open_amount_reporting'] %}
    union all
    select
        '{{ measure }}' as measure,
        sources_summed.{{ measure }} as found,
        deals_counted.{{ measure }} as expected
    from sources_summed
    cross join deals_counted
    {%- endfor %}
)

select * from measures
where found <> expected
