{#-
    One row per stage that a CRM lists or a record has ever been in. Exports list none, so there the
    labels themselves are the stages; the lead's lifecycle and status have no pipeline.
-#}
with

stages as (
    select * from {{ ref('int_stages_current') }}
),

deals as (
    select * from {{ ref('int_deals') }}
),

deal_moves as (
    select * from {{ ref('int_deal_moves') }}
),

leads as (
    select * from {{ ref('int_leads_current') }}
),

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
),

pipeline_labels as (
    select
        deals.source_system,
        deals.pipeline_id,
        max(deals.pipeline_label) as pipeline_label
    from deals
    group by all
    union all
    select
        stages.source_system,
        stages.pipeline_id,
        max(stages.pipeline_label) as pipeline_label
    from stages
    group by all
),

stages_seen as (
    select
        deal_moves.source_system,
        'deal' as object,
        deal_moves.pipeline_id,
        deal_moves.stage_id
    from deal_moves
    union all
    select
        leads.source_system,
        'lead' as object,
        'default' as pipeline_id,
        coalesce(leads.stage_label, 'none') as stage_id
    from leads
    union all
    select
        leads.source_system,
        'lead_status' as object,
        'default' as pipeline_id,
        leads.status_label as stage_id
    from leads
    where leads.status_label is not null
    union all
    select
        lead_changes.source_system,
        case lead_changes.field when 'stage' then 'lead' else 'lead_status' end as object,
        'default' as pipeline_id,
        lead_changes.value as stage_id
    from lead_changes
    where lead_changes.value is not null and lead_changes.field in ('stage', 'lead_status')
),

final as (
    select
        coalesce(stages.source_system, stages_seen.source_system) as source_system,
        coalesce(stages.object, stages_seen.object) as object,
        coalesce(stages.pipeline_id, stages_seen.pipeline_id) as pipeline_id,
        coalesce(stages.stage_id, stages_seen.stage_id) as stage_id,
        max(coalesce(stages.pipeline_label, pipeline_labels.pipeline_label)) as pipeline_label,
        max(coalesce(stages.stage_label, stages_seen.stage_id)) as stage_label,
        max(stages.win_probability) as win_probability
    from (select distinct * from stages_seen) as stages_seen
    full outer join stages
        on
            stages_seen.source_system = stages.source_system
            and stages_seen.object = stages.object
            and stages_seen.pipeline_id = stages.pipeline_id
            and stages_seen.stage_id = stages.stage_id
    left join pipeline_labels
        on
            coalesce(stages.source_system, stages_seen.source_system)
            = pipeline_labels.source_system
            and coalesce(stages.pipeline_id, stages_seen.pipeline_id) = pipeline_labels.pipeline_id
    group by all
)

select * from final
