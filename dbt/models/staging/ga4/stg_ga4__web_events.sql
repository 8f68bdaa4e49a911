{#- A day is replaced as a whole, since each landing of its file holds all of the day: newest landing first, and the
    final file before any intraday one. Older versions stay in raw and are counted in stg_ga4__event_files. -#}
{{ config(incremental_strategy='delete+insert', unique_key='event_day') }}

{#- Of a rejected row only columns that are read anyway: the whole row would have to be read for all events. -#}
{%- set rejected_columns = [
    'file_name', 'event_date', 'event_timestamp', 'event_name', 'user_pseudo_id', 'ga_session_id', 'transaction_id',
    'purchase_revenue', 'currency',
] -%}

with

-- Read more than once, so it must not be held: all events of a first build would have to fit into memory.
raw_events as not materialized (
    select * from {{ source('raw', 'ga4__events') }}
),

-- A landing that was killed and completed can hold the same rows twice, in two files and never in one.
loads_in_several_files as (
    select loads.dlt_load_id
    from {{ source('ledger', 'loads') }} as loads
    inner join {{ source('ledger', 'load_entities') }} as load_entities
        on loads.load_number = load_entities.load_number
    where load_entities.source = 'ga4' and load_entities.entity = 'events' and load_entities.file_count > 1
),

new_loads as (
    {{ new_loads() }}
),

event_files as (
    select * from {{ ref('stg_ga4__event_files') }}
),

current_files as (
    select *
    from event_files
    qualify
        row_number() over (
            partition by event_day
            order by is_intraday asc, load_number desc, file_name asc, file_version asc
        ) = 1
),

current_files_to_read as (
    select
        new_loads.dlt_load_id,
        current_files.file_name,
        current_files.event_date,
        current_files.load_number,
        current_files.event_day,
        current_files.fetched_at
    from current_files
    inner join new_loads on current_files.load_number = new_loads.load_number
),

-- Almost never, so it is asked of hashes, and only rows whose hash repeats are compared as a whole: two rows that
-- merely share a hash both stay.
raw_row_hashes as (
    select hash(raw_events._dlt_load_id, raw_events._dlt_id) as row_hash
    from raw_events
    semi join loads_in_several_files on raw_events._dlt_load_id = loads_in_several_files.dlt_load_id
),

repeated_hashes as (
    select row_hash
    from raw_row_hashes
    group by row_hash
    having count(*) > 1
),

events_of_several_files as (
    select raw_events.*
    from raw_events
    semi join loads_in_several_files on raw_events._dlt_load_id = loads_in_several_files.dlt_load_id
),

events_once as (
    select raw_events.*
    from raw_events
    anti join loads_in_several_files on raw_events._dlt_load_id = loads_in_several_files.dlt_load_id
    union all
    select events_of_several_files.*
    from events_of_several_files
    anti join repeated_hashes
        on hash(events_of_several_files._dlt_load_id, events_of_several_files._dlt_id) = repeated_hashes.row_hash
    union all
    select distinct events_of_several_files.*
    from events_of_several_files
    semi join repeated_hashes
        on hash(events_of_several_files._dlt_load_id, events_of_several_files._dlt_id) = repeated_hashes.row_hash
),

events_of_current_files as (
    select
        events_once.*,
        current_files_to_read.load_number,
        current_files_to_read.event_day,
        current_files_to_read.fetched_at as file_fetched_at
    from events_once
    inner join current_files_to_read
        on
            events_once._dlt_load_id = current_files_to_read.dlt_load_id
            and events_once.file_name = current_files_to_read.file_name
            and events_once.event_date is not distinct from current_files_to_read.event_date
),

events_typed as (
    select
        *,
        {{ to_bigint('engagement_time_msec') }} as engagement_ms,
        {{ to_decimal('purchase_revenue') }} as revenue,
        -- Seconds of the years 1970 to 2100; a larger number cannot be a time of a visit and would overflow.
        case
            when {{ to_bigint('event_timestamp') }} between 0 and 4102444800000000
                then make_timestamp({{ to_bigint('event_timestamp') }})
        end as event_at
    from events_of_current_files
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
        {{ given('events_judged.source') }} as source,
        {{ given('events_judged.medium') }} as medium,
        {{ given('events_judged.campaign') }} as campaign,
        {{ given('events_judged.gclid') }} as gclid,
        events_judged.device_category as device,
        {{ given('events_judged.country') }} as country,
        upper({{ given('events_judged.currency') }}) as currency,
        events_judged.reject_reason,
        {{ rejected_record(rejected_columns, 'events_judged') }} as rejected_record,
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
