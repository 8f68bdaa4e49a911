with

new_loads as (
    {{ new_loads() }}
),

readings_landed as (
    select distinct
        new_loads.load_number,
        raw_rows.system,
        raw_rows.mapping_name,
        raw_rows.entity,
        raw_rows.file_name,
        raw_rows.source_columns,
        raw_rows.ignored_columns,
        raw_rows.new_columns,
        {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at
    from {{ source('raw', 'files__readings') }} as raw_rows
    inner join new_loads on raw_rows._dlt_load_id = new_loads.dlt_load_id
),

final as (
    select
        readings_landed.system as source_system,
        readings_landed.mapping_name,
        readings_landed.entity,
        {{ clean_text('readings_landed.file_name') }} as file_name,
        readings_landed.source_columns,
        readings_landed.ignored_columns,
        readings_landed.new_columns,
        -- Our own record of what was read: nothing in it can be unreadable.
        cast(null as text) as reject_reason,
        cast(null as text) as rejected_record,
        readings_landed.load_number,
        readings_landed.fetched_at
    from readings_landed
)

select * from final
