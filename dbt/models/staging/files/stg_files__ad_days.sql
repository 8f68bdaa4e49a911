{%- set raw_columns = [
    'platform', 'ad_account_id', 'campaign_id', 'campaign_name', 'ad_group_id', 'ad_group_name',
    'channel_type', 'date_day', 'impressions', 'clicks', 'spend', 'currency',
    'conversions_claimed', 'conversion_value_claimed', 'campaign_status',
] -%}

with

ad_days_landed as (
    {{ landed_file_rows(source('raw', 'files__ad_days'), raw_columns) }}
),

ad_days_read as (
    select
        ad_days_landed.*,
        {{ to_date('ad_days_landed.date_day') }} as date_day_read,
        {{ to_bigint('ad_days_landed.impressions') }} as impressions_read,
        {{ to_bigint('ad_days_landed.clicks') }} as clicks_read,
        {{ to_decimal('ad_days_landed.spend', 6) }} as spend_read,
        {{ to_decimal('ad_days_landed.conversions_claimed', 6) }} as conversions_claimed_read,
        {{ to_decimal('ad_days_landed.conversion_value_claimed', 6) }} as conversion_value_claimed_read
    from ad_days_landed
),

ad_days_judged as (
    select
        ad_days_read.*,
        case
            when ad_days_read.raw_reject_reason is not null then ad_days_read.raw_reject_reason
            when ad_days_read.platform is null then 'platform is missing'
            when ad_days_read.campaign_id is null then 'campaign_id is missing'
            when ad_days_read.date_day is null then 'date_day is missing'
            when {{ unreadable('ad_days_read.date_day', 'ad_days_read.date_day_read') }}
                then 'date_day is not a date'
            when {{ unreadable('ad_days_read.impressions', 'ad_days_read.impressions_read') }}
                then 'impressions is not a whole number'
            when {{ unreadable('ad_days_read.clicks', 'ad_days_read.clicks_read') }}
                then 'clicks is not a whole number'
            when {{ unreadable('ad_days_read.spend', 'ad_days_read.spend_read') }}
                then 'spend is not a number'
            when {{ unreadable('ad_days_read.conversions_claimed', 'ad_days_read.conversions_claimed_read') }}
                then 'conversions_claimed is not a number'
            when {{ unreadable('ad_days_read.conversion_value_claimed', 'ad_days_read.conversion_value_claimed_read') }}
                then 'conversion_value_claimed is not a number'
            when ad_days_read.spend is not null and ad_days_read.currency is null then 'currency is missing'
        end as reject_reason
    from ad_days_read
),

final as (
    select
        ad_days_judged.system as source_system,
        ad_days_judged.ad_account_id,
        ad_days_judged.campaign_id,
        ad_days_judged.ad_group_id,
        ad_days_judged.platform,
        ad_days_judged.campaign_name,
        ad_days_judged.ad_group_name,
        ad_days_judged.channel_type,
        ad_days_judged.campaign_status,
        ad_days_judged.currency,
        ad_days_judged.mapping_name,
        ad_days_judged.file_name,
        ad_days_judged.reject_reason,
        {{ rejected_record(raw_columns, 'ad_days_judged', kept='raw_rejected_record') }}
            as rejected_record,
        ad_days_judged.load_number,
        ad_days_judged.version_order,
        ad_days_judged.row_number,
        ad_days_judged.impressions_read as impressions,
        ad_days_judged.clicks_read as clicks,
        ad_days_judged.spend_read as spend,
        ad_days_judged.conversions_claimed_read as conversions_claimed,
        ad_days_judged.conversion_value_claimed_read as conversion_value_claimed,
        ad_days_judged.date_day_read as date_day,
        ad_days_judged.fetched_at
    from ad_days_judged
)

select * from final
