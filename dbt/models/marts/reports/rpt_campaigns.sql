with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

campaigns as (
    select
        campaign_key,
        platform,
        campaign_name
    from {{ ref('dim_campaigns') }}
),

leads as (
    select
        campaign_key,
        is_mql,
        created_date
    from {{ ref('fct_leads') }}
    where not is_excluded and campaign_key is not null
),

ad_performance as (
    select
        campaign_key,
        platform,
        channel,
        impressions,
        clicks,
        spend_reporting,
        conversions_claimed,
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
        'all_time' as window_name,
        (select min(ad_performance.date_day) from ad_performance) as first_day,
        as_of as last_day
    from run_context
),

spend_by_campaign as (
    select
        windows.window_name,
        ad_performance.campaign_key,
        ad_performance.platform,
        ad_performance.channel,
        sum(ad_performance.impressions) as impressions,
        sum(ad_performance.clicks) as clicks,
        sum(ad_performance.spend_reporting) as spend_reporting,
        sum(ad_performance.conversions_claimed) as conversions_claimed,
        min(ad_performance.date_day) as first_day,
        max(ad_performance.date_day) as last_day
    from windows
    inner join ad_performance
        on ad_performance.date_day between windows.first_day and windows.last_day
    group by all
),

leads_by_campaign as (
    select
        windows.window_name,
        leads.campaign_key,
        count(*) as leads,
        count(*) filter (where leads.is_mql) as mqls
    from windows
    inner join leads on leads.created_date between windows.first_day and windows.last_day
    group by all
),

final as (
    select
        spend.campaign_key,
        spend.window_name,
        spend.platform,
        coalesce(campaigns.campaign_name, spend.campaign_key) as campaign_name,
        spend.channel,
        row_number() over (
            partition by spend.window_name
            order by spend.spend_reporting desc, spend.campaign_key asc
        ) as spend_rank,
        cast(spend.impressions as bigint) as impressions,
        cast(spend.clicks as bigint) as clicks,
        cast(spend.spend_reporting as decimal(18, 2)) as spend_reporting,
        {{ ratio('spend.clicks', 'spend.impressions') }} as click_rate,
        {{ ratio('spend.spend_reporting', 'spend.clicks', 6) }} as cost_per_click,
        cast(coalesce(leads.leads, 0) as bigint) as leads,
        cast(coalesce(leads.mqls, 0) as bigint) as mqls,
        {{ ratio('spend.spend_reporting', 'leads.leads', 6) }} as cost_per_lead,
        cast(spend.conversions_claimed as decimal(18, 6)) as conversions_claimed,
        spend.first_day,
        spend.last_day
    from spend_by_campaign as spend
    left join campaigns on spend.campaign_key = campaigns.campaign_key
    left join leads_by_campaign as leads
        on spend.campaign_key = leads.campaign_key and spend.window_name = leads.window_name
)

select * from final
