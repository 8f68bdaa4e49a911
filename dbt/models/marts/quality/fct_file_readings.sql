with

readings as (
    select * from {{ ref('stg_files__readings') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

final as (
    select
        concat_ws(':', readings.mapping_name, readings.file_name, readings.load_number) as reading_key,
        readings.source_system,
        readings.mapping_name,
        readings.entity,
        readings.file_name,
        readings.ignored_columns,
        readings.new_columns,
        cast(json_array_length(readings.source_columns) as bigint) as columns_in_file,
        cast(json_array_length(readings.ignored_columns) as bigint) as columns_ignored,
        cast(json_array_length(readings.new_columns) as bigint) as columns_new,
        readings.load_number,
        readings.fetched_at as read_at
    from readings
    cross join run_context
    where readings.load_number <= run_context.known_at
)

select * from final
