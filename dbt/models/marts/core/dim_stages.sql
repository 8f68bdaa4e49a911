with

stages as (
    select * from {{ ref('int_stages_known') }}
),

stage_periods as (
    select * from {{ ref('int_stage_periods') }}
),

pipelines as (
    select * from {{ ref('int_pipelines') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A lead status that means no stage ("called twice") is none.
final as (
    select
        concat_ws(':', stages.source_system, stages.object, stages.pipeline_id, stages.stage_id)
            as stage_key,
        stages.source_system,
        stages.object,
        stages.pipeline_id,
        coalesce(stages.pipeline_label, pipelines.pipeline_label) as pipeline_label,
        pipelines.pipeline_purpose,
        stages.stage_id,
        stages.stage_label,
        stage_periods.stage,
        stage_periods.stage_order,
        stages.win_probability,
        stage_periods.is_won,
        stage_periods.is_lost,
        stage_periods.is_mapped
    from stages
    cross join run_context
    inner join stage_periods
        on
            stages.source_system = stage_periods.source_system
            and stages.object = stage_periods.object
            and stages.pipeline_id = stage_periods.pipeline_id
            and stages.stage_id = stage_periods.stage_id
            and run_context.as_of >= stage_periods.valid_from
            and run_context.as_of < stage_periods.valid_to
    left join pipelines
        on
            stages.object = 'deal'
            and stages.source_system = pipelines.source_system
            and stages.pipeline_id = pipelines.pipeline_id
    where stages.object <> 'lead_status' or stage_periods.is_mapped
)

select * from final
