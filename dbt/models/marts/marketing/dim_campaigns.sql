with

campaigns as (
    {{ union_staged('campaigns') }}
),

ad_days as (
    select * from {{ ref('int_ad_days_current') }}
),

channels as (
    select channel
    from {{ ref('dim_channels') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

newest_campaigns as (
    select *
    from campaigns
    qualify
        row_number() over (
            partition by platform, campaign_id
            order by version_order desc, ad_account_id asc
        ) = 1
),

-- What the ad days say, for platforms whose campaigns nobody lists.
campaigns_of_days as (
    select
        platform,
        campaign_id,
        max_by(ad_account_id, (load_number, date_day, ad_account_id)) as ad_account_id,
        max_by(campaign_name, (load_number, date_day, campaign_name))
        filter (where campaign_name is not null) as campaign_name,
        max_by(channel_type, (load_number, date_day, channel_type))
        filter (where channel_type is not null) as channel_type,
        max_by(campaign_status, (load_number, date_day, campaign_status))
        filter (where campaign_status is not null) as campaign_status,
        max_by(currency, (load_number, date_day, currency)) as currency,
        min(date_day) as first_day,
        max(date_day) as last_day
    from ad_days
    group by all
),

campaigns_united as (
    select
        coalesce(newest_campaigns.platform, campaigns_of_days.platform) as platform,
        coalesce(newest_campaigns.ad_account_id, campaigns_of_days.ad_account_id) as ad_account_id,
        coalesce(newest_campaigns.campaign_id, campaigns_of_days.campaign_id) as campaign_id,
        coalesce(newest_campaigns.campaign_name, campaigns_of_days.campaign_name) as campaign_name,
        coalesce(newest_campaigns.channel_type, campaigns_of_days.channel_type) as channel_type,
        newest_campaigns.channel as channel_by_platform,
        coalesce(newest_campaigns.campaign_status, campaigns_of_days.campaign_status) as status,
        campaigns_of_days.currency,
        newest_campaigns.start_date,
        campaigns_of_days.first_day,
        campaigns_of_days.last_day
    from newest_campaigns
    full outer join campaigns_of_days
        on
            newest_campaigns.platform = campaigns_of_days.platform
            and newest_campaigns.campaign_id = campaigns_of_days.campaign_id
),

campaigns_with_channel as (
    select
        campaigns_united.*,
        coalesce(
            campaigns_united.channel_by_platform,
            channels.channel,
            case
                when
                    campaigns_united.platform similar to
                    '.*(facebook|instagram|meta|linkedin|tiktok|twitter|pinterest|snapchat|reddit).*'
                    then 'paid_social'
                when campaigns_united.platform similar to '.*(google|bing|microsoft|sklik|yandex).*'
                    then 'paid_search'
            end,
            'unknown'
        ) as channel
    from campaigns_united
    left join channels on lower(trim(campaigns_united.channel_type)) = channels.channel
),

campaigns_existing as (
    select
        campaigns_with_channel.platform || ':' || campaigns_with_channel.campaign_id as campaign_key,
        campaigns_with_channel.platform,
        campaigns_with_channel.ad_account_id,
        campaigns_with_channel.campaign_id,
        coalesce(campaigns_with_channel.campaign_name, campaigns_with_channel.campaign_id)
            as campaign_name,
        campaigns_with_channel.channel_type,
        campaigns_with_channel.channel,
        campaigns_with_channel.status,
        campaigns_with_channel.currency,
        campaigns_with_channel.first_day,
        campaigns_with_channel.last_day
    from campaigns_with_channel
    cross join run_context
    -- A campaign that starts after the day does not exist on it.
    where
        campaigns_with_channel.first_day is not null
        or coalesce(campaigns_with_channel.start_date, run_context.as_of) <= run_context.as_of
),

-- What belongs to no campaign has a member, so that a join to this table loses nothing.
final as (
    select
        campaign_key,
        platform,
        ad_account_id,
        campaign_id,
        campaign_name,
        channel_type,
        channel,
        status,
        currency,
        first_day,
        last_day
    from campaigns_existing
    union all
    select
        'unattributed' as campaign_key,
        'unattributed' as platform,
        cast(null as text) as ad_account_id,
        'unattributed' as campaign_id,
        'Unattributed' as campaign_name,
        cast(null as text) as channel_type,
        'unattributed' as channel,
        cast(null as text) as status,
        cast(null as text) as currency,
        cast(null as date) as first_day,
        cast(null as date) as last_day
)

select * from final
