with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

channels as (
    select
        channel,
        channel_name,
        channel_group,
        sort_order,
        is_paid
    from {{ ref('dim_channels') }}
),

leads as (
    select
        lead_key,
        channel,
        is_mql,
        is_sql_lead,
        is_opportunity,
        is_customer,
        created_date
    from {{ ref('fct_leads') }}
    where not is_excluded
),

deals as (
    select
        deal_key,
        lead_key,
        status,
        amount_reporting,
        created_date
    from {{ ref('fct_deals') }}
    where not is_excluded
),

ad_performance as (
    select
        channel,
        impressions,
        clicks,
        spend_reporting,
        date_day
    from {{ ref('fct_ad_performance_daily') }}
),

windows as (
    select
        'trailing_90_days' as window_name,
        as_of - 89 as first_day,
        as_of as last_day
    from run_context
    union all
    select
        'trailing_12_months' as window_name,
        cast(as_of - interval 12 month + interval 1 day as date) as first_day,
        as_of as last_day
    from run_context
    union all
    select
        'all_time' as window_name,
        cast(
            least(
                (select min(leads.created_date) from leads),
                (select min(ad_performance.date_day) from ad_performance)
            ) as date
        ) as first_day,
        as_of as last_day
    from run_context
),

-- Before an ad source told of a channel its spend is unknown, and so is what a lead of that time has cost.
channels_covered as (
    select
        channel,
        date_trunc('month', min(date_day)) as first_month
    from ad_performance
    where spend_reporting is not null
    group by all
),

lead_facts as (
    select
        windows.window_name,
        leads.channel,
        count(*) as leads,
        count(*) filter (where leads.is_mql) as mqls,
        count(*) filter (where leads.created_date >= channels_covered.first_month) as leads_costed,
        count(*) filter (where leads.is_mql and leads.created_date >= channels_covered.first_month) as mqls_costed,
        count(*) filter (where leads.is_sql_lead) as sql_leads,
        count(*) filter (where leads.is_opportunity) as opportunities,
        count(*) filter (where leads.is_customer) as customers
    from windows
    inner join leads on leads.created_date between windows.first_day and windows.last_day
    left join channels_covered on leads.channel = channels_covered.channel
    group by all
),

-- What was won is credited to the channel and the window of the lead that the deal came from, by the deal's own day
-- where the lead has none; a deal without a lead stands in a row of its own, so that the table totals. Spend of the
-- window brought none of the leads whose day nobody knows.
won_facts as (
    select
        windows.window_name,
        coalesce(leads.channel, 'unattributed') as channel,
        count(*) as won_deals,
        sum(deals.amount_reporting) as won_amount_reporting,
        sum(deals.amount_reporting) filter (where leads.created_date >= channels_covered.first_month)
            as won_costed_reporting
    from deals
    left join leads on deals.lead_key = leads.lead_key
    left join channels_covered on leads.channel = channels_covered.channel
    inner join windows
        on
            coalesce(leads.created_date, deals.created_date)
            between windows.first_day and windows.last_day
    where deals.status = 'won'
    group by all
),

spend_facts as (
    select
        windows.window_name,
        ad_performance.channel,
        sum(ad_performance.impressions) as impressions,
        sum(ad_performance.clicks) as clicks,
        sum(ad_performance.spend_reporting) as spend_reporting
    from windows
    inner join ad_performance
        on ad_performance.date_day between windows.first_day and windows.last_day
    group by all
),

facts_united as (
    select
        window_name,
        channel,
        leads,
        mqls,
        sql_leads,
        opportunities,
        customers,
        leads_costed,
        mqls_costed,
        null as won_deals,
        null as won_amount_reporting,
        null as won_costed_reporting,
        null as impressions,
        null as clicks,
        null as spend_reporting
    from lead_facts
    union all
    select
        window_name,
        channel,
        null as leads,
        null as mqls,
        null as sql_leads,
        null as opportunities,
        null as customers,
        null as leads_costed,
        null as mqls_costed,
        won_deals,
        won_amount_reporting,
        won_costed_reporting,
        null as impressions,
        null as clicks,
        null as spend_reporting
    from won_facts
    union all
    select
        window_name,
        channel,
        null as leads,
        null as mqls,
        null as sql_leads,
        null as opportunities,
        null as customers,
        null as leads_costed,
        null as mqls_costed,
        null as won_deals,
        null as won_amount_reporting,
        null as won_costed_reporting,
        impressions,
        clicks,
        spend_reporting
    from spend_facts
),

facts_with_total as (
    select
        window_name,
        channel,
        coalesce(sum(leads), 0) as leads,
        coalesce(sum(mqls), 0) as mqls,
        coalesce(sum(sql_leads), 0) as sql_leads,
        coalesce(sum(opportunities), 0) as opportunities,
        coalesce(sum(customers), 0) as customers,
        coalesce(sum(won_deals), 0) as won_deals,
        coalesce(sum(won_amount_reporting), 0) as won_amount_reporting,
        sum(leads_costed) as leads_costed,
        sum(mqls_costed) as mqls_costed,
        coalesce(sum(won_costed_reporting), 0) as won_costed_reporting,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(spend_reporting) as spend_reporting,
        grouping(channel) = 1 as is_total
    from facts_united
    group by grouping sets ((window_name, channel), (window_name))
),

-- Cost and return of all channels together would set paid spend against leads that no ad brought.
final as (
    select
        facts.window_name,
        coalesce(facts.channel, 'total') as channel,
        channels.channel_name,
        channels.channel_group,
        coalesce(channels.sort_order, 999) as sort_order,
        cast(facts.leads as bigint) as leads,
        cast(facts.mqls as bigint) as mqls,
        cast(facts.sql_leads as bigint) as sql_leads,
        cast(facts.opportunities as bigint) as opportunities,
        cast(facts.customers as bigint) as customers,
        cast(facts.won_deals as bigint) as won_deals,
        cast(facts.won_amount_reporting as decimal(18, 2)) as won_amount_reporting,
        cast(case when facts.spend_reporting is not null then facts.won_costed_reporting end as decimal(18, 2))
            as won_with_spend_reporting,
        cast(facts.impressions as bigint) as impressions,
        cast(facts.clicks as bigint) as clicks,
        cast(facts.spend_reporting as decimal(18, 2)) as spend_reporting,
        {{ ratio('facts.mqls', 'facts.leads') }} as mql_rate,
        {{ ratio('facts.clicks', 'facts.impressions') }} as click_rate,
        {{ ratio('facts.spend_reporting', 'facts.clicks', 6) }} as cost_per_click,
        case
            when not facts.is_total
                then {{ ratio('facts.spend_reporting', 'facts.leads_costed', 6) }}
        end as cost_per_lead,
        case
            when not facts.is_total
                then {{ ratio('facts.spend_reporting', 'facts.mqls_costed', 6) }}
        end as cost_per_mql,
        case
            when not facts.is_total
                then {{ ratio('facts.won_costed_reporting', 'facts.spend_reporting') }}
        end as roas,
        coalesce(channels.is_paid, false) as is_paid,
        facts.is_total,
        windows.first_day,
        windows.last_day
    from facts_with_total as facts
    inner join windows on facts.window_name = windows.window_name
    left join channels on facts.channel = channels.channel
)

select * from final
