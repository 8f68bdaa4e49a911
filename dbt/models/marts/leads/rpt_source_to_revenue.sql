{#- Each lead stands in one row and so does each deal: in that of the lead it came from, which is the first one of its
    primary contact, or in its own month's `unattributed` one. So the table totals. -#}
with

leads as (
    select * from {{ ref('fct_leads') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded
),

leads_timed as (
    select
        leads.lead_key,
        leads.channel,
        leads.is_mql,
        leads.is_sql_lead,
        leads.is_opportunity,
        leads.is_customer,
        leads.deals_count,
        {{ days_between('leads.created_at', 'leads.mql_at') }} as days_to_mql,
        {{ days_between('leads.mql_at', 'leads.sql_lead_at') }} as days_mql_to_sql_lead,
        {{ days_between('leads.created_at', 'first_deals.created_at') }} as days_to_deal,
        cast(date_trunc('month', leads.created_date) as date) as cohort_month
    from leads
    left join deals as first_deals on leads.first_deal_key = first_deals.deal_key
    where not leads.is_excluded
),

deals_of_leads as (
    select
        deals.deal_key,
        case when leads.lead_key is null then 'unattributed' else leads.channel end as channel,
        deals.status,
        deals.amount_reporting,
        deals.pipeline_purpose = 'new_business' as is_new_business,
        deals.cycle_days,
        -- A migration's day says nothing about how long something took.
        case
            when deals.status <> 'won' or deals.is_imported then null
            when deals.close_event_at is not null
                then {{ days_between('leads.created_at', 'deals.close_event_at') }}
            else cast(deals.close_day - leads.created_date as decimal(18, 6))
        end as days_lead_to_won,
        cast(
            date_trunc(
                'month',
                case when leads.lead_key is null then deals.created_date else leads.created_date end
            ) as date
        ) as cohort_month
    from deals
    left join leads on deals.lead_key = leads.lead_key
),

-- What seems to have come before what it came from is not measured.
leads_counted as (
    select
        channel,
        count(*) as leads,
        count(*) filter (where is_mql) as mqls,
        count(*) filter (where is_sql_lead) as sql_leads,
        count(*) filter (where is_opportunity) as opportunities,
        count(*) filter (where is_customer) as customers,
        count(*) filter (where deals_count > 0) as leads_with_deal,
        median(cast(days_to_mql as double)) filter (where days_to_mql >= 0) as median_days_to_mql,
        median(cast(days_mql_to_sql_lead as double)) filter (where days_mql_to_sql_lead >= 0)
            as median_days_mql_to_sql_lead,
        median(cast(days_to_deal as double)) filter (where days_to_deal >= 0) as median_days_to_deal,
        cohort_month
    from leads_timed
    group by channel, cohort_month
),

deals_counted as (
    select
        channel,
        count(*) as deals,
        count(*) filter (where status = 'open') as open_deals,
        count(*) filter (where status = 'won') as won_deals,
        count(*) filter (where status = 'lost') as lost_deals,
        count(*) filter (where status = 'won' and amount_reporting is null) as won_deals_without_amount,
        sum(amount_reporting) filter (where status = 'won') as won_amount_reporting,
        sum(amount_reporting) filter (where status = 'won' and is_new_business)
            as won_new_business_reporting,
        sum(amount_reporting) filter (where status = 'open') as open_amount_reporting,
        median(cast(cycle_days as double)) as median_days_deal_to_won,
        median(cast(days_lead_to_won as double)) filter (where days_lead_to_won >= 0)
            as median_days_lead_to_won,
        cohort_month
    from deals_of_leads
    group by channel, cohort_month
),

final as (
    select
        coalesce(leads_counted.channel, deals_counted.channel) as channel,
        coalesce(leads_counted.leads, 0) as leads,
        coalesce(leads_counted.mqls, 0) as mqls,
        coalesce(leads_counted.sql_leads, 0) as sql_leads,
        coalesce(leads_counted.opportunities, 0) as opportunities,
        coalesce(leads_counted.customers, 0) as customers,
        coalesce(leads_counted.leads_with_deal, 0) as leads_with_deal,
        coalesce(deals_counted.deals, 0) as deals,
        coalesce(deals_counted.open_deals, 0) as open_deals,
        coalesce(deals_counted.won_deals, 0) as won_deals,
        coalesce(deals_counted.lost_deals, 0) as lost_deals,
        coalesce(deals_counted.won_deals_without_amount, 0) as won_deals_without_amount,
        cast(coalesce(deals_counted.won_amount_reporting, 0) as decimal(18, 2))
            as won_amount_reporting,
        cast(coalesce(deals_counted.won_new_business_reporting, 0) as decimal(18, 2))
            as won_new_business_reporting,
        cast(coalesce(deals_counted.open_amount_reporting, 0) as decimal(18, 2))
            as open_amount_reporting,
        cast(leads_counted.median_days_to_mql as decimal(18, 6)) as median_days_to_mql,
        cast(leads_counted.median_days_mql_to_sql_lead as decimal(18, 6)) as median_days_mql_to_sql_lead,
        cast(leads_counted.median_days_to_deal as decimal(18, 6)) as median_days_to_deal,
        cast(deals_counted.median_days_deal_to_won as decimal(18, 6)) as median_days_deal_to_won,
        cast(deals_counted.median_days_lead_to_won as decimal(18, 6)) as median_days_lead_to_won,
        coalesce(leads_counted.channel, deals_counted.channel) = 'unattributed' as is_unattributed,
        case
            when leads_counted.channel is not null then leads_counted.cohort_month
            else deals_counted.cohort_month
        end as cohort_month
    from leads_counted
    full outer join deals_counted
        on
            leads_counted.channel = deals_counted.channel
            and leads_counted.cohort_month is not distinct from deals_counted.cohort_month
)

select * from final
