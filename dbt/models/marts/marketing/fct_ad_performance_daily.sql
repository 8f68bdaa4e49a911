with

ad_days as (
    select * from {{ ref('int_ad_days_current') }}
),

campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

days_converted as (
    select
        ad_days.*,
        campaigns.channel,
        {{ converted('ad_days.spend', 'rates.rate_to_reporting', 6) }} as spend_reporting
    from ad_days
    inner join campaigns on ad_days.campaign_key = campaigns.campaign_key
    left join rates
        on ad_days.currency = rates.currency and ad_days.date_day = rates.rate_date
),

final as (
    select
        concat_ws(
            ':', platform, ad_account_id, campaign_id, coalesce(ad_group_id, ''), date_day
        ) as ad_day_key,
        campaign_key,
        platform,
        ad_account_id,
        campaign_id,
        ad_group_id,
        ad_group_name,
        channel,
        currency,
        impressions,
        clicks,
        spend,
        spend_reporting,
        conversions_claimed,
        conversion_value_claimed,
        date_day
    from days_converted
)

select * from final
