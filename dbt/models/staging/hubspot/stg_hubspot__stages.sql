{%- set columns = [
    'id', 'label', 'display_order', 'stages', 'archived', 'updated_at',
] -%}
{{ config(meta={'reads': columns}) }}

with

pipelines_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__pipelines'), id=['id'], id_in_this=['pipeline_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

pipelines_read as (
    select
        pipelines_landed.*,
        try(from_json(
            pipelines_landed.stages,
            '[{
                "id": "VARCHAR", "label": "VARCHAR", "displayOrder": "VARCHAR",
                "metadata": {"isClosed": "VARCHAR", "probability": "VARCHAR"}
            }]'
        )) as stages_read
    from pipelines_landed
),

-- A pipeline without readable stages stays as one rejected row.
stages_unnested as (
    select
        pipelines_read.*,
        unnest(case when len(pipelines_read.stages_read) > 0 then pipelines_read.stages_read else [null] end) as stage
    from pipelines_read
),

stages_read as (
    select
        stages_unnested.*,
        {{ to_decimal('stages_unnested.stage.metadata.probability', 6) }} as win_probability_read,
        coalesce({{ to_boolean('stages_unnested.stage.metadata.isClosed') }}, false) as is_closed_read
    from stages_unnested
),

stages_judged as (
    select
        stages_read.*,
        case
            when {{ given('stages_read.id') }} is null then 'id is missing'
            when stages_read.stages_read is null then 'stages is not a list'
            when stages_read.stage is null then 'the pipeline has no stages'
            when {{ given('stages_read.stage.id') }} is null then 'stage id is missing'
            when {{ unreadable('stages_read.stage.metadata.probability', 'stages_read.win_probability_read') }}
                then 'win_probability is not a number'
        end as reject_reason
    from stages_read
),

final as (
    select
        'hubspot' as source_system,
        stages_judged.id as pipeline_id,
        stages_judged.stage.id as stage_id,
        'deal' as object,
        {{ clean_text('stages_judged.label') }} as pipeline_label,
        {{ clean_text('stages_judged.stage.label') }} as stage_label,
        stages_judged.reject_reason,
        {{ rejected_record(columns, 'stages_judged') }} as rejected_record,
        stages_judged.load_number,
        stages_judged.version_order,
        stages_judged.content_hash,
        try_cast(stages_judged.win_probability_read as decimal(9, 6)) as win_probability,
        {{ to_bigint('stages_judged.stage.displayOrder') }} as display_order,
        stages_judged.is_closed_read as is_closed,
        stages_judged.is_closed_read and coalesce(stages_judged.win_probability_read = 1, false) as is_won,
        stages_judged.fetched_at
    from stages_judged
)

select * from final
