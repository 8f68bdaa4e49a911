{%- set raw_columns = [
    'customer_id', 'campaign_id', 'name', 'status', 'advertising_channel_type', 'start_date',
] -%}

with

campaigns_landed as (
    {{ landed_versions(
        source('raw', 'google_ads__campaigns'), id=['customer_id', 'campaign_id'],
        id_in_this=['ad_account_id', 'campaign_id'], columns=raw_columns,
    ) }}
),

campaigns_judged as (
    select
        campaigns_landed.*,
        case
            when {{ given('campaigns_landed.customer_id') }} is null then 'customer_id is missing'
            when {{ given('campaigns_landed.campaign_id') }} is null then 'campaign_id is missing'
        end as reject_reason
    from campaigns_landed
),

final as (
    select
        'google_ads' as source_system,
        campaigns_judged.customer_id as ad_account_id,
        campaigns_judged.campaign_id,
        'google_ads' as platform,
        {{ clean_text('campaigns_judged.name') }} as campaign_name,
        {{ given('campaigns_judged.advertising_channel_type') }} as channel_type,
        case
            when campaigns_judged.advertising_channel_type in ('SEARCH', 'SHOPPING', 'PERFORMANCE_MAX', 'SMART')
                then 'paid_search'
            when campaigns_judged.advertising_channel_type in ('DISPLAY', 'VIDEO', 'DISCOVERY', 'DEMAND_GEN')
                then 'display'
            else 'unknown'
        end as channel,
        {{ given('campaigns_judged.status') }} as campaign_status,
        campaigns_judged.reject_reason,
        {{ rejected_record(raw_columns, 'campaigns_judged') }} as rejected_record,
        campaigns_judged.load_number,
        campaigns_judged.version_order,
        campaigns_judged.content_hash,
        {{ to_date('campaigns_judged.start_date') }} as start_date,
        campaigns_judged.fetched_at
    from campaigns_judged
)

select * from final
