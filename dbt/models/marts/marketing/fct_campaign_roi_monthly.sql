{#- Each lead of a paid channel stands in exactly one row, its campaign's or the month's `unattributed` one, so that
    the rows add up to all spend and to all paid leads. -#}
with

ad_performance as (
    select * from {{ ref('fct_ad_performance_daily') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded
),

campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

channels as (
    select * from {{ ref('dim_channels') }}
),

spend_by_month as (
    select
        campaign_key,
        channel,
        sum(spend_reporting) as spend_reporting,
        cast(date_trunc('month', date_day) as date) as month_start
    from ad_performance
    group by all
),

paid_leads as (
    select
        coalesce(campaigns.campaign_key, 'unattributed') as campaign_key,
        coalesce(campaigns.channel, leads.channel) as channel,
        leads.won_deals_count,
        leads.won_amount_reporting,
        leads.is_mql,
        leads.is_sql_lead,
        leads.is_opportunity,
        cast(date_trunc('month', leads.created_date) as date) as month_start
    from leads
    inner join channels on leads.channel = channels.channel
    left join campaigns on leads.campaign_key = campaigns.campaign_key
    where channels.is_paid or campaigns.campaign_key is not null
),

leads_by_month as (
    select
        campaign_key,
        channel,
        count(*) as leads,
        count(*) filter (where is_mql) as mqls,
        count(*) filter (where is_sql_lead) as sql_leads,
        count(*) filter (where is_opportunity) as opportunities,
        count(*) filter (where won_deals_count > 0) as customers,
        sum(won_deals_count) as won_deals,
        sum(won_amount_reporting) as won_amount_reporting,
        month_start
    from paid_leads
    group by all
),

months_joined as (
    select
        coalesce(spend_by_month.campaign_key, leads_by_month.campaign_key) as campaign_key,
        coalesce(spend_by_month.channel, leads_by_month.channel) as channel,
        cast(coalesce(spend_by_month.spend_reporting, 0) as decimal(18, 6)) as spend_reporting,
        coalesce(leads_by_month.leads, 0) as leads,
        coalesce(leads_by_month.mqls, 0) as mqls,
        coalesce(leads_by_month.sql_leads, 0) as sql_leads,
        coalesce(leads_by_month.opportunities, 0) as opportunities,
        coalesce(leads_by_month.customers, 0) as customers,
        cast(coalesce(leads_by_month.won_deals, 0) as bigint) as won_deals,
        cast(coalesce(leads_by_month.won_amount_reporting, 0) as decimal(18, 2))
            as won_amount_reporting,
        coalesce(spend_by_month.month_start, leads_by_month.month_start) as month_start
    from spend_by_month
    full outer join leads_by_month
        on
            spend_by_month.campaign_key = leads_by_month.campaign_key
            and spend_by_month.channel = leads_by_month.channel
            and spend_by_month.month_start = leads_by_month.month_start
),

final as (
    select
        months_joined.campaign_key,
        months_joined.channel,
        coalesce(campaigns.campaign_name, 'Unattributed') as campaign_name,
        months_joined.spend_reporting,
        months_joined.leads,
        months_joined.mqls,
        months_joined.sql_leads,
        months_joined.opportunities,
        months_joined.customers,
        months_joined.won_deals,
        months_joined.won_amount_reporting,
        {{ ratio('months_joined.spend_reporting', 'months_joined.leads', 6) }} as cost_per_lead,
        {{ ratio('months_joined.spend_reporting', 'months_joined.mqls', 6) }} as cost_per_mql,
        {{ ratio('months_joined.spend_reporting', 'months_joined.sql_leads', 6) }} as cost_per_sql_lead,
        {{ ratio('months_joined.spend_reporting', 'months_joined.customers', 6) }} as media_cac,
        {{ ratio('months_joined.won_amount_reporting', 'months_joined.spend_reporting') }} as roas,
        months_joined.month_start
    from months_joined
    left join campaigns on months_joined.campaign_key = campaigns.campaign_key
)

select * from final
