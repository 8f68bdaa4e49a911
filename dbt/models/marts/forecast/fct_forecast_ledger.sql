{#-
    What releases have published, as it was landed: a release that is removed leaves its forecast here.
    A release cannot hold its own forecast twice, so its own stands in fct_forecast and not here.
-#}
with

forecasts as (
    select * from {{ ref('stg_quality__forecasts') }}
    where reject_reason is null
),

run_context as (
    select
        as_of,
        known_at
    from {{ source('run', 'run_context') }}
),

-- An earlier day knows no forecast of a later one.
forecasts_known as (
    select forecasts.*
    from forecasts
    inner join run_context
        on forecasts.load_number <= run_context.known_at and forecasts.as_of <= run_context.as_of
),

last_runs as (
    select
        as_of,
        max_by(run_id, (known_at, sealed_at, run_id)) as run_id
    from forecasts_known
    group by as_of
),

final as (
    select
        forecasts_known.run_id,
        forecasts_known.release_id,
        forecasts_known.period_type,
        forecasts_known.method,
        forecasts_known.level,
        forecasts_known.member,
        forecasts_known.measure,
        forecasts_known.part,
        forecasts_known.known_at,
        forecasts_known.load_number,
        forecasts_known.expected,
        forecasts_known.p10,
        forecasts_known.p50,
        forecasts_known.p90,
        forecasts_known.target_reporting,
        forecasts_known.chance_of_target,
        last_runs.run_id is not null as is_last_of_day,
        forecasts_known.as_of,
        forecasts_known.period_start,
        forecasts_known.period_end,
        forecasts_known.sealed_at
    from forecasts_known
    left join last_runs
        on forecasts_known.as_of = last_runs.as_of and forecasts_known.run_id = last_runs.run_id
)

select * from final
