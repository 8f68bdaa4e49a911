{#- A day is replaced as a whole, since each landing of its file holds all of the day: newest landing first, and the
    final file before any intraday one. Older versions stay in raw and are counted in stg_ga4__event_files. -#}
{{ config(incremental_strategy='delete+insert', unique_key='event_day') }}

{#- Of a rejected row only columns that are read anyway: the whole row would have to be read for all events. -#}
{%- set rejected_columns = [
    'file_name', 'event_date', 'event_timestamp', 'event_name', 'user_pseudo_id', 'ga_session_id', 'transaction_id',
    'purchase_revenue', 'currency',
] -%}

with

raw_events as (
    select * from {{ source('raw', 'ga4__events') }}
),

new_loads as (
    {{ new_loads() }}
),

event_files as (
    select * from {{ ref('stg_ga4__event_files') }}
),

current_files as (
    select
        load_number,
        file_name,
        file_version,
        event_date,
        event_day,
        fetched_at
    from event_files
    qualify
        row_number() over (
            partition by event_day
            order by is_intraday asc, load_number desc, file_name asc, file_version asc
        ) = 1
),

events_of_current_files as (
    select
        raw_events.*,
        current_files.load_number,
        current_files.event_day,
        current_files.fetched_at as file_fetched_at
    from raw_events
    inner join new_loads on raw_events._dlt_load_id = new_loads.dlt_load_id
    inner join current_files
        on
            new_loads.load_number = current_files.load_number
            and raw_events.file_name = current_files.file_name
            and raw_events.file_version = current_files.file_version
            and raw_events.event_date is not distinct from current_files.event_date
),

-- A landing that was killed can hold the same rows twice. Almost never, so only these are numbered.
repeated_rows as (
    select
        _dlt_load_id,
        _dlt_id
    from events_of_current_files
    group by all
    having count(*) > 1
),

events_once as (
    select events_of_current_files.*
    from events_of_current_files
    anti join repeated_rows
        on
            events_of_current_files._dlt_load_id = repeated_rows._dlt_load_id
            and events_of_current_files._dlt_id = repeated_rows._dlt_id
    union all by name
    select events_of_current_files.*
    from events_of_current_files
    semi join repeated_rows
        on
            events_of_current_files._dlt_load_id = repeated_rows._dlt_load_id
            and events_of_current_files._dlt_id = repeated_rows._dlt_id
    qualify
        row_number() over (
            partition by events_of_current_files._dlt_load_id, events_of_current_files._dlt_id
        ) = 1
),

events_typed as (
    select
        *,
        {{ to_bigint('engagement_time_msec') }} as engagement_ms,
        {{ to_bigint('ga_session_number') }} as session_number,
        {{ to_decimal('purchase_revenue') }} as revenue,
        -- Seconds of the years 1970 to 2100; a larger number cannot be a time of a visit and would overflow.
        case
            when {{ to_bigint('event_timestamp') }} between 0 and 4102444800000000
                then make_timestamp({{ to_bigint('event_timestamp') }})
        end as event_at
    from events_once
),

events_judged as (
    select
        *,
        case
            when event_day is null then 'event_date is not a day written as YYYYMMDD'
            when event_at is null then 'event_timestamp is not a time in microseconds'
            when {{ given('event_name') }} is null then 'event_name is empty'
            when {{ given('user_pseudo_id') }} is null then 'user_pseudo_id is empty'
            when {{ unreadable('purchase_revenue', 'revenue') }} then 'purchase_revenue is not an amount'
            when revenue is not null and event_name = 'purchase' and {{ given('currency') }} is null
                then 'purchase_revenue has no currency'
        end as reject_reason
    from events_typed
),

final as (
    select
        'ga4' as source_system,
        {{ given('events_judged.user_pseudo_id') }} as visitor_id,
        {{ given('events_judged.user_id') }} as user_id,
        {{ given('events_judged.ga_session_id') }} as session_id,
        {{ given('events_judged.transaction_id') }} as transaction_id,
        events_judged.event_name,
        events_judged.page_location,
        events_judged.page_referrer,
        {{ given('events_judged.source') }} as source,
        {{ given('events_judged.medium') }} as medium,
        {{ given('events_judged.campaign') }} as campaign,
        {{ given('events_judged.gclid') }} as gclid,
        events_judged.device_category as device,
        {{ given('events_judged.country') }} as country,
        upper({{ given('events_judged.currency') }}) as currency,
        events_judged.reject_reason,
        {{ rejected_record(rejected_columns, 'events_judged') }} as rejected_record,
        events_judged.session_number,
        events_judged.engagement_ms,
        events_judged.revenue,
        events_judged.load_number,
        events_judged.load_number * 10000000000 as version_order,
        lower(events_judged.session_engaged) in ('1', 'true') as is_engaged,
        events_judged.event_day,
        events_judged.event_at,
        events_judged.file_fetched_at as fetched_at
    from events_judged
)

select * from final
