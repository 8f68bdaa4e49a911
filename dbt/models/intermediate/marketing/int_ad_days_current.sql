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

-- Two exported files may overlap: the newer one counts. Within one, several rows of an ad group's day are its parts
-- (by ad, by age group), so they are added up.
newest_versions as (
    select *
    from ad_days
    qualify
        dense_rank() over (
            partition by platform, ad_account_id, campaign_id, ad_group_id, date_day
            order by load_number desc, source_system asc, file_name desc
        ) = 1
),

account_days as (
    select distinct
        platform,
        ad_account_id,
        date_day
    from newest_versions
),

-- A window that is read again replaces all of its days: what it no longer holds has been taken back.
days_read_again as (
    select
        account_days.platform,
        account_days.ad_account_id,
        account_days.date_day,
        max(ad_windows.load_number) as load_number
    from account_days
    inner join ad_windows
        on
            account_days.platform = ad_windows.platform
            and account_days.ad_account_id = ad_windows.ad_account_id
            and account_days.date_day between ad_windows.window_start and ad_windows.window_end
    group by all
),

versions_still_told as (
    select newest_versions.*
    from newest_versions
    inner join run_context on newest_versions.date_day <= run_context.as_of
    left join days_read_again
        on
            newest_versions.platform = days_read_again.platform
            and newest_versions.ad_account_id = days_read_again.ad_account_id
            and newest_versions.date_day = days_read_again.date_day
    where newest_versions.load_number >= coalesce(days_read_again.load_number, 0)
),

final as (
    select
        platform || ':' || campaign_id as campaign_key,
        ad_account_id,
        campaign_id,
        ad_group_id,
        platform,
        max_by(campaign_name, version_order) as campaign_name,
        max_by(ad_group_name, version_order) as ad_group_name,
        max_by(channel_type, version_order) as channel_type,
        max_by(campaign_status, version_order) as campaign_status,
        currency,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(spend) as decimal(18, 6)) as spend,
        cast(sum(conversions_claimed) as decimal(18, 6)) as conversions_claimed,
        cast(sum(conversion_value_claimed) as decimal(18, 6)) as conversion_value_claimed,
        max(load_number) as load_number,
        date_day
    from versions_still_told
    group by platform, ad_account_id, campaign_id, ad_group_id, currency, date_day
)

select * from final
