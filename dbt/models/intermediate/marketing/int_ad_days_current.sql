with

ad_days as (
    {{ union_staged('ad_days') }}
),

ad_windows as (
    {{ union_staged('ad_windows') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

newest_versions as (
    select *
    from ad_days
    qualify
        row_number() over (
            partition by platform, ad_account_id, campaign_id, ad_group_id, date_day
            order by load_number desc, version_order desc, fetched_at desc
        ) = 1
),

-- A window that is read again replaces all of its days: what it no longer holds has been taken back.
days_read_again as (
    select
        account_days.platform,
        account_days.ad_account_id,
        account_days.date_day,
        max(ad_windows.load_number) as load_number
    from (select distinct platform, ad_account_id, date_day from newest_versions) as account_days
    inner join ad_windows
        on
            account_days.platform = ad_windows.platform
            and account_days.ad_account_id = ad_windows.ad_account_id
            and account_days.date_day between ad_windows.window_start and ad_windows.window_end
    group by all
),

final as (
    select
        newest_versions.platform || ':' || newest_versions.campaign_id as campaign_key,
        newest_versions.ad_account_id,
        newest_versions.campaign_id,
        newest_versions.ad_group_id,
        newest_versions.platform,
        newest_versions.campaign_name,
        newest_versions.ad_group_name,
        newest_versions.channel_type,
        newest_versions.campaign_status,
        newest_versions.currency,
        newest_versions.impressions,
        newest_versions.clicks,
        newest_versions.spend,
        newest_versions.conversions_claimed,
        newest_versions.conversion_value_claimed,
        newest_versions.load_number,
        newest_versions.date_day
    from newest_versions
    inner join run_context on newest_versions.date_day <= run_context.as_of
    left join days_read_again
        on
            newest_versions.platform = days_read_again.platform
            and newest_versions.ad_account_id = days_read_again.ad_account_id
            and newest_versions.date_day = days_read_again.date_day
    where newest_versions.load_number >= coalesce(days_read_again.load_number, 0)
)

select * from final
