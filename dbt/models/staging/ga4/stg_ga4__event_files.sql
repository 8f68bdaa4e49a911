{#- Which version of a day's file counts is decided here once, from a few rows, so that the events themselves need
    no comparison with what was read before. -#}
with

raw_events as (
    select
        _dlt_load_id,
        file_name,
        file_version,
        is_intraday,
        event_date,
        fetched_at
    from {{ source('raw', 'ga4__events') }}
),

new_loads as (
    {{ new_loads() }}
),

-- By the texts first: they are few, while each event would be read as a time of its own.
texts_counted as (
    select
        raw_events.file_name,
        raw_events.file_version,
        raw_events.is_intraday,
        raw_events.event_date,
        raw_events.fetched_at,
        new_loads.load_number,
        count(*) as landed_rows
    from raw_events
    inner join new_loads on raw_events._dlt_load_id = new_loads.dlt_load_id
    group by all
),

files_counted as (
    select
        file_name,
        file_version,
        event_date,
        load_number,
        cast(sum(landed_rows) as bigint) as landed_rows,
        lower(is_intraday) in ('true', '1') as is_intraday,
        max({{ to_timestamp('fetched_at') }}) as fetched_at
    from texts_counted
    group by file_name, file_version, event_date, load_number, lower(is_intraday) in ('true', '1')
),

final as (
    select
        'ga4' as source_system,
        file_name,
        file_version,
        event_date,
        load_number,
        landed_rows,
        coalesce(is_intraday, false) as is_intraday,
        case
            when event_date like '________' then cast(try_strptime(event_date, '%Y%m%d') as date)
        end as event_day,
        fetched_at
    from files_counted
)

select * from final
