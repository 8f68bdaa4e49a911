with

verdicts as (
    select * from {{ ref('stg_quality__verdicts') }}
    where reject_reason is null
),

run_context as (
    select
        as_of,
        known_at
    from {{ source('run', 'run_context') }}
),

-- An earlier day knows no verdict about a later one.
verdicts_known as (
    select verdicts.*
    from verdicts
    inner join run_context
        on verdicts.load_number <= run_context.known_at and verdicts.as_of <= run_context.as_of
),

-- Landed again, a verdict is told as a whole: the newest landing counts.
newest_landings as (
    select
        run_id,
        max(load_number) as load_number
    from verdicts_known
    group by run_id
),

final as (
    select
        concat_ws(':', verdicts_known.run_id, verdicts_known.suite, verdicts_known.check_name)
            as result_key,
        verdicts_known.run_id,
        verdicts_known.release_id,
        verdicts_known.suite,
        verdicts_known.mart,
        verdicts_known.check_name,
        verdicts_known.severity,
        verdicts_known.observed,
        verdicts_known.expected,
        cast(try_cast(verdicts_known.observed as decimal(24, 6)) as decimal(24, 6))
            as observed_value,
        verdicts_known.check_number,
        verdicts_known.known_at,
        verdicts_known.load_number,
        verdicts_known.is_passed,
        not verdicts_known.is_passed and verdicts_known.severity = 'block' as is_blocking,
        coalesce(verdicts_known.is_verdict_passed, false) as is_verdict_passed,
        verdicts_known.as_of,
        verdicts_known.judged_at
    from verdicts_known
    inner join newest_landings
        on
            verdicts_known.run_id = newest_landings.run_id
            and verdicts_known.load_number = newest_landings.load_number
)

select * from final
