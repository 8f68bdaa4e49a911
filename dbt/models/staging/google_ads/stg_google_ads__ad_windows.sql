with

raw_ad_group_days as (
    select
        _dlt_load_id,
        customer_id,
        window_start,
        window_end,
        fetched_at
    from {{ source('raw', 'google_ads__ad_group_days') }}
),

new_loads as (
    {{ new_loads() }}
),

windows_read as (
    select
        raw_ad_group_days.customer_id as ad_account_id,
        new_loads.load_number,
        {{ to_date('raw_ad_group_days.window_start') }} as window_start,
        {{ to_date('raw_ad_group_days.window_end') }} as window_end,
        max({{ to_timestamp('raw_ad_group_days.fetched_at') }}) as fetched_at
    from raw_ad_group_days
    inner join new_loads on raw_ad_group_days._dlt_load_id = new_loads.dlt_load_id
    where {{ given('raw_ad_group_days.customer_id') }} is not null
    group by all
),

final as (
    select
        'google_ads' as source_system,
        ad_account_id,
        'google_ads' as platform,
        cast(null as text) as reject_reason,
        cast(null as text) as rejected_record,
        load_number,
        load_number * 10000000000 as version_order,
        window_start,
        window_end,
        fetched_at
    from windows_read
    where window_start is not null and window_end is not null
)

select * from final
