{%- set raw_columns = [
    'release', 'run_id', 'known_at', 'sealed_at', 'period_type', 'method', 'level', 'member', 'measure', 'part',
    'expected', 'p10', 'p50', 'p90', 'target_reporting', 'chance_of_target', 'as_of', 'period_start',
    'period_end',
] -%}

with

raw_rows as (
    select * from {{ source('raw', 'quality__forecasts') }}
),

loads as (
    {{ new_loads() }}
),

-- What a crash appended twice is one row.
forecasts_landed as (
    select distinct
        loads.load_number,
        {%- for column in raw_columns %}
        {{ given('raw_rows.' ~ column) }} as {{ column }},
        {%- endfor %}
        {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at
    from raw_rows
    inner join loads on raw_rows._dlt_load_id = loads.dlt_load_id
),

forecasts_read as (
    select
        forecasts_landed.*,
        {{ to_date('forecasts_landed.as_of') }} as as_of_read,
        {{ to_date('forecasts_landed.period_start') }} as period_start_read,
        {{ to_date('forecasts_landed.period_end') }} as period_end_read,
        {{ to_decimal('forecasts_landed.expected') }} as expected_read
    from forecasts_landed
),

forecasts_judged as (
    select
        forecasts_read.*,
        case
            when forecasts_read.release is null then 'release is missing'
            when
                forecasts_read.method is null
                or forecasts_read.level is null
                or forecasts_read.member is null
                then 'method, level or member is missing'
            when forecasts_read.as_of_read is null then 'as_of is not a date'
            when
                forecasts_read.period_start_read is null or forecasts_read.period_end_read is null
                then 'the period is not two dates'
            when forecasts_read.expected_read is null then 'expected is not a number'
        end as reject_reason
    from forecasts_read
),

final as (
    select
        forecasts_judged.release as release_id,
        forecasts_judged.run_id,
        forecasts_judged.period_type,
        forecasts_judged.method,
        forecasts_judged.level,
        forecasts_judged.member,
        forecasts_judged.measure,
        forecasts_judged.part,
        forecasts_judged.reject_reason,
        {{ rejected_record(raw_columns, 'forecasts_judged') }} as rejected_record,
        forecasts_judged.load_number,
        {{ to_bigint('forecasts_judged.known_at') }} as known_at,
        forecasts_judged.expected_read as expected,
        {{ to_decimal('forecasts_judged.p10') }} as p10,
        {{ to_decimal('forecasts_judged.p50') }} as p50,
        {{ to_decimal('forecasts_judged.p90') }} as p90,
        {{ to_decimal('forecasts_judged.target_reporting') }} as target_reporting,
        {{ to_decimal('forecasts_judged.chance_of_target', 9) }} as chance_of_target,
        forecasts_judged.as_of_read as as_of,
        forecasts_judged.period_start_read as period_start,
        forecasts_judged.period_end_read as period_end,
        {{ to_timestamp('forecasts_judged.sealed_at') }} as sealed_at,
        forecasts_judged.fetched_at
    from forecasts_judged
)

select * from final
