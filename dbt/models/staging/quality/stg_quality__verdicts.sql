{%- set raw_columns = [
    'run_id', 'release', 'as_of', 'known_at', 'judged_at', 'verdict_passed', 'check_number', 'suite',
    'mart', 'check_name', 'severity', 'passed', 'observed', 'expected',
] -%}

with

raw_rows as (
    select * from {{ source('raw', 'quality__verdicts') }}
),

loads as (
    {{ new_loads() }}
),

-- What a crash appended twice is one row.
verdicts_landed as (
    select distinct
        loads.load_number,
        {%- for column in raw_columns %}
        {{ given('raw_rows.' ~ column) }} as {{ column }},
        {%- endfor %}
        {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at
    from raw_rows
    inner join loads on raw_rows._dlt_load_id = loads.dlt_load_id
),

verdicts_read as (
    select
        verdicts_landed.*,
        {{ to_date('verdicts_landed.as_of') }} as as_of_read,
        {{ to_bigint('verdicts_landed.known_at') }} as known_at_read,
        {{ to_boolean('verdicts_landed.passed') }} as passed_read
    from verdicts_landed
),

verdicts_judged as (
    select
        verdicts_read.*,
        case
            when verdicts_read.run_id is null then 'run_id is missing'
            when verdicts_read.suite is null or verdicts_read.check_name is null
                then 'suite or check is missing'
            when verdicts_read.as_of_read is null then 'as_of is not a date'
            when verdicts_read.known_at_read is null then 'known_at is not a number'
            when verdicts_read.passed_read is null then 'passed is neither true nor false'
        end as reject_reason
    from verdicts_read
),

final as (
    select
        verdicts_judged.run_id,
        verdicts_judged.release as release_id,
        verdicts_judged.suite,
        verdicts_judged.mart,
        verdicts_judged.check_name,
        verdicts_judged.severity,
        verdicts_judged.observed,
        verdicts_judged.expected,
        verdicts_judged.reject_reason,
        {{ rejected_record(raw_columns, 'verdicts_judged') }} as rejected_record,
        verdicts_judged.load_number,
        {{ to_bigint('verdicts_judged.check_number') }} as check_number,
        verdicts_judged.known_at_read as known_at,
        verdicts_judged.passed_read as is_passed,
        {{ to_boolean('verdicts_judged.verdict_passed') }} as is_verdict_passed,
        verdicts_judged.as_of_read as as_of,
        {{ to_timestamp('verdicts_judged.judged_at') }} as judged_at,
        verdicts_judged.fetched_at
    from verdicts_judged
)

select * from final
