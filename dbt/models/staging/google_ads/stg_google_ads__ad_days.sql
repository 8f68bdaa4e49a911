{#- Every as-reported version stays: platforms restate conversions for weeks, and what was known when is a question
    that people ask. Which version is current is decided in int_ad_days_current. -#}
{%- set raw_columns = [
    'customer_id', 'campaign_id', 'ad_group_id', 'ad_group_name', 'date', 'impressions', 'clicks', 'cost_micros',
    'conversions', 'conversions_value', 'currency_code', 'window_start', 'window_end',
] -%}

with

raw_ad_group_days as (
    select * from {{ source('raw', 'google_ads__ad_group_days') }}
),

new_loads as (
    {{ new_loads() }}
),

-- A page that was sent or landed twice repeats rows within one load; across loads each row is a version.
ad_group_days_once as (
    select
        raw_ad_group_days.*,
        new_loads.load_number,
        row_number() over (
            partition by
                raw_ad_group_days.customer_id,
                raw_ad_group_days.campaign_id,
                raw_ad_group_days.ad_group_id,
                raw_ad_group_days.date,
                new_loads.load_number
            order by raw_ad_group_days.fetched_at desc, raw_ad_group_days._dlt_id asc
        ) as copy_no
    from raw_ad_group_days
    inner join new_loads on raw_ad_group_days._dlt_load_id = new_loads.dlt_load_id
    qualify copy_no = 1
),

days_read as (
    select
        ad_group_days_once.*,
        {{ to_date('ad_group_days_once.date') }} as date_day,
        {{ to_bigint('ad_group_days_once.impressions') }} as impressions_read,
        {{ to_bigint('ad_group_days_once.clicks') }} as clicks_read,
        {{ to_decimal('ad_group_days_once.cost_micros', 0) }} as cost_micros_read,
        {{ to_decimal('ad_group_days_once.conversions', 6) }} as conversions_read,
        {{ to_decimal('ad_group_days_once.conversions_value', 6) }} as conversions_value_read
    from ad_group_days_once
),

days_judged as (
    select
        days_read.*,
        case
            when {{ given('days_read.customer_id') }} is null then 'customer_id is missing'
            when {{ given('days_read.campaign_id') }} is null then 'campaign_id is missing'
            when days_read.date_day is null then 'date is not a day'
            when days_read.impressions_read is null or days_read.impressions_read < 0
                then 'impressions is not a count'
            when days_read.clicks_read is null or days_read.clicks_read < 0 then 'clicks is not a count'
            when days_read.cost_micros_read is null or days_read.cost_micros_read < 0
                then 'cost_micros is not a cost'
            when {{ unreadable('days_read.conversions', 'days_read.conversions_read') }}
                then 'conversions is not a number'
            when {{ unreadable('days_read.conversions_value', 'days_read.conversions_value_read') }}
                then 'conversions_value is not a number'
            when {{ given('days_read.currency_code') }} is null then 'currency is missing'
        end as reject_reason
    from days_read
),

final as (
    select
        'google_ads' as source_system,
        days_judged.customer_id as ad_account_id,
        days_judged.campaign_id,
        {{ given('days_judged.ad_group_id') }} as ad_group_id,
        'google_ads' as platform,
        -- What a campaign is called, and is, stands in stg_google_ads__campaigns.
        cast(null as text) as campaign_name,
        {{ clean_text('days_judged.ad_group_name') }} as ad_group_name,
        cast(null as text) as channel_type,
        cast(null as text) as campaign_status,
        upper({{ given('days_judged.currency_code') }}) as currency,
        cast(null as text) as file_name,
        days_judged.reject_reason,
        {{ rejected_record(raw_columns, 'days_judged') }} as rejected_record,
        days_judged.load_number,
        days_judged.load_number * 10000000000 as version_order,
        days_judged.impressions_read as impressions,
        days_judged.clicks_read as clicks,
        cast(days_judged.cost_micros_read * 0.000001 as decimal(18, 6)) as spend,
        days_judged.conversions_read as conversions_claimed,
        days_judged.conversions_value_read as conversion_value_claimed,
        days_judged.date_day,
        {{ to_timestamp('days_judged.fetched_at') }} as fetched_at
    from days_judged
)

select * from final
