{#-
    One row per stage that a CRM lists, as it is now; stages that it dropped stay with their last
    label.
-#}
with

stages as (
    select * from {{ ref('int_stages_unioned') }}
),

newest_versions as (
    select
        stages.source_system,
        stages.object,
        stages.pipeline_id,
        stages.stage_id,
        max(stages.version_order) as version_order
    from stages
    group by all
),

final as (
    select
        stages.source_system,
        stages.object,
        stages.pipeline_id,
        stages.stage_id,
        any_value(stages.pipeline_label) as pipeline_label,
        any_value(stages.stage_label) as stage_label,
        any_value(stages.win_probability) as win_probability
    from stages
    inner join newest_versions
        on
            stages.source_system = newest_versions.source_system
            and stages.object = newest_versions.object
            and stages.pipeline_id = newest_versions.pipeline_id
            and stages.stage_id = newest_versions.stage_id
            and stages.version_order = newest_versions.version_order
    group by all
)

select * from final
