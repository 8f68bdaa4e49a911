{#- One row per known stage and period of days in which it means one canonical stage. -#}
with

stages as (
    select * from {{ ref('int_stages_known') }}
),

canonical_stages as (
    select
        canonical_stages.object,
        canonical_stages.stage,
        canonical_stages.stage_order,
        canonical_stages.is_exit,
        canonical_stages.is_won,
        canonical_stages.is_lost
    from {{ ref('canonical_stages') }} as canonical_stages
),

stage_mappings as (
    {{ newest_mapping('stages') }}
),

rules as (
    select
        stage_mappings.object,
        stage_mappings.source_system,
        lower(stage_mappings.pipeline_label) as pipeline_label,
        lower(stage_mappings.stage_label) as stage_label,
        stage_mappings.stage as target,
        cast(stage_mappings.source_system is not null as integer)
        + 2 * cast(stage_mappings.pipeline_label is not null as integer) as specificity,
        stage_mappings.row_number,
        stage_mappings.valid_from
    from stage_mappings
),

stages_normalised as (
    select
        stages.source_system,
        stages.object,
        stages.pipeline_id,
        stages.stage_id,
        lower(stages.source_system) as source_system_matched,
        lower(stages.pipeline_label) as pipeline_label,
        lower(stages.stage_label) as stage_label
    from stages
),

canonical_names as (
    select distinct canonical_stages.stage as name
    from canonical_stages
),

periods as (
    {{ mapped_periods(
        things='stages_normalised',
        keys=['source_system', 'object', 'pipeline_id', 'stage_id', 'stage_label'],
        rules='rules',
        matches="things.object = rules.object
            and things.stage_label = rules.stage_label
            and (rules.source_system is null or things.source_system_matched = rules.source_system)
            and (rules.pipeline_label is null or things.pipeline_label = rules.pipeline_label)",
        canonical='canonical_names',
        own_name='stage_label',
    ) }}
),

-- A name of the other object's list, or a word that is no canonical stage at all, is no mapping.
final as (
    select
        periods.source_system,
        periods.object,
        periods.pipeline_id,
        periods.stage_id,
        coalesce(canonical_stages.stage, 'unmapped') as stage,
        coalesce(canonical_stages.stage_order, 99) as stage_order,
        coalesce(canonical_stages.stage <> 'unmapped', false) as is_mapped,
        coalesce(canonical_stages.is_exit, false) as is_exit,
        coalesce(canonical_stages.is_won, false) as is_won,
        coalesce(canonical_stages.is_lost, false) as is_lost,
        periods.valid_from,
        periods.valid_to
    from periods
    left join canonical_stages
        on
            periods.target = canonical_stages.stage
            and case periods.object when 'deal' then 'deal' else 'lead' end = canonical_stages.object
)

select * from final
