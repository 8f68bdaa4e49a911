{#-
    One row per deal pipeline with its purpose on `as_of`; a pipeline that nobody mapped is new
    business.
-#}
with

stages as (
    select * from {{ ref('int_stages_known') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

pipeline_mappings as (
    {{ newest_mapping('pipelines') }}
),

pipelines as (
    select
        stages.source_system,
        stages.pipeline_id,
        max(stages.pipeline_label) as pipeline_label
    from stages
    where stages.object = 'deal'
    group by all
),

rules_joined as (
    select
        pipelines.source_system,
        pipelines.pipeline_id,
        pipelines.pipeline_label,
        max_by(
            pipeline_mappings.purpose,
            (
                pipeline_mappings.source_system is not null,
                pipeline_mappings.pipeline_label is not null,
                coalesce(pipeline_mappings.valid_from, date '0001-01-01'),
                pipeline_mappings.row_number
            )
        ) as purpose
    from pipelines
    cross join run_context
    left join pipeline_mappings
        on
            (
                pipeline_mappings.source_system is null
                or lower(pipelines.source_system) = pipeline_mappings.source_system
            )
            and (
                pipeline_mappings.pipeline_label is null
                or lower(pipelines.pipeline_label) = lower(pipeline_mappings.pipeline_label)
            )
            and coalesce(pipeline_mappings.valid_from, date '0001-01-01') <= run_context.as_of
    group by all
),

final as (
    select
        rules_joined.source_system,
        rules_joined.pipeline_id,
        rules_joined.pipeline_label,
        coalesce(
            rules_joined.purpose,
            case
                when
                    lower(rules_joined.pipeline_label) in (
                        'new_business', 'renewal', 'upsell', 'onboarding', 'test'
                    )
                    then lower(rules_joined.pipeline_label)
            end,
            'new_business'
        ) as pipeline_purpose
    from rules_joined
)

select * from final
