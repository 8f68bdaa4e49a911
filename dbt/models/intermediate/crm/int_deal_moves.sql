{#-
    One row per deal and visit to a stage, in order. Consecutive entries to the same stage of the
    same pipeline are one visit. A stage id that belongs to one pipeline only says which pipeline
    the deal is in; otherwise the last value of the field `pipeline` does. `is_first_seen`: the deal was in the stage
    before that was known.
-#}
with

deals as (
    select * from {{ ref('int_deals') }}
),

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
),

stages as (
    select * from {{ ref('int_stages_current') }}
),

pipelines_of_stages as (
    select
        stages.source_system,
        stages.stage_id,
        min(stages.pipeline_id) as pipeline_id
    from stages
    where stages.object = 'deal'
    group by all
    having count(distinct stages.pipeline_id) = 1
),

stage_mappings as (
    {{ newest_mapping('stages') }}
),

pipelines_named as (
    select
        deals.source_system,
        lower(deals.pipeline_label) as pipeline_label,
        min(deals.pipeline_id) as pipeline_id
    from deals
    where deals.pipeline_label is not null
    group by all
),

pipelines_of_labels as (
    select
        pipelines_named.source_system,
        lower(stage_mappings.stage_label) as stage_label,
        min(pipelines_named.pipeline_id) as pipeline_id
    from pipelines_named
    inner join stage_mappings
        on
            stage_mappings.object = 'deal'
            and pipelines_named.source_system
            = coalesce(stage_mappings.source_system, pipelines_named.source_system)
            and pipelines_named.pipeline_label
            = coalesce(lower(stage_mappings.pipeline_label), pipelines_named.pipeline_label)
    group by all
    having
        count(distinct pipelines_named.pipeline_id) = 1
        and bool_and(stage_mappings.pipeline_label is not null)
),

changes_pivoted as (
    select
        deal_changes.deal_key,
        deal_changes.source_system,
        max(deal_changes.value) filter (where deal_changes.field = 'stage') as stage_id,
        max(deal_changes.value) filter (where deal_changes.field = 'pipeline') as pipeline_id,
        min(deal_changes.changed_by) filter (where deal_changes.field = 'stage') as changed_by,
        coalesce(bool_or(deal_changes.is_landed), false) as is_landed,
        coalesce(bool_or(deal_changes.is_first_seen), false) as is_first_seen,
        deal_changes.changed_at
    from deal_changes
    where deal_changes.field in ('stage', 'pipeline') and deal_changes.is_past
    group by deal_changes.deal_key, deal_changes.source_system, deal_changes.changed_at
),

changes_carried_forward as (
    select
        changes_pivoted.deal_key,
        changes_pivoted.source_system,
        last_value(changes_pivoted.stage_id ignore nulls) over deal_by_time as stage_id,
        last_value(changes_pivoted.pipeline_id ignore nulls) over deal_by_time as pipeline_id,
        changes_pivoted.changed_by,
        changes_pivoted.is_landed,
        changes_pivoted.is_first_seen,
        changes_pivoted.changed_at
    from changes_pivoted
    window deal_by_time as (
        partition by changes_pivoted.deal_key
        order by changes_pivoted.changed_at
        rows between unbounded preceding and current row
    )
),

entries as (
    select
        deals.deal_key,
        deals.source_system,
        coalesce(
            pipelines_of_stages.pipeline_id,
            changes_carried_forward.pipeline_id,
            pipelines_of_labels.pipeline_id,
            deals.pipeline_id
        ) as pipeline_id,
        changes_carried_forward.stage_id,
        changes_carried_forward.changed_by,
        case when changes_carried_forward.is_landed then 'landed_version' else 'field_history' end as history_basis,
        changes_carried_forward.is_first_seen,
        changes_carried_forward.changed_at as entered_at
    from changes_carried_forward
    inner join deals on changes_carried_forward.deal_key = deals.deal_key
    left join pipelines_of_stages
        on
            changes_carried_forward.source_system = pipelines_of_stages.source_system
            and changes_carried_forward.stage_id = pipelines_of_stages.stage_id
    left join pipelines_of_labels
        on
            changes_carried_forward.source_system = pipelines_of_labels.source_system
            and lower(changes_carried_forward.stage_id) = pipelines_of_labels.stage_label
    where changes_carried_forward.stage_id is not null
    union all
    select
        deals.deal_key,
        deals.source_system,
        coalesce(pipelines_of_stages.pipeline_id, deals.pipeline_id) as pipeline_id,
        deals.stage_id,
        cast(null as text) as changed_by,
        case when deals.has_stage_history then 'field_history' else 'assumed_current' end
            as history_basis,
        false as is_first_seen,
        cast(null as timestamp) as entered_at
    from deals
    left join pipelines_of_stages
        on
            deals.source_system = pipelines_of_stages.source_system
            and deals.stage_id = pipelines_of_stages.stage_id
    anti join changes_carried_forward
        on
            deals.deal_key = changes_carried_forward.deal_key
            and changes_carried_forward.stage_id is not null
),

entries_compared as (
    select
        entries.*,
        coalesce(
            entries.pipeline_id = lag(entries.pipeline_id) over deal_by_time
            and entries.stage_id = lag(entries.stage_id) over deal_by_time,
            false
        ) as is_repeated
    from entries
    window deal_by_time as (partition by entries.deal_key order by entries.entered_at)
),

final as (
    select
        entries_compared.deal_key,
        entries_compared.source_system,
        entries_compared.pipeline_id,
        coalesce(entries_compared.stage_id, 'none') as stage_id,
        entries_compared.changed_by,
        entries_compared.history_basis,
        entries_compared.is_first_seen,
        row_number() over deal_by_time as visit_no,
        row_number() over deal_by_time
        = count(*) over (partition by entries_compared.deal_key) as is_last,
        entries_compared.entered_at
    from entries_compared
    where not entries_compared.is_repeated
    window
        deal_by_time as (
            partition by entries_compared.deal_key order by entries_compared.entered_at
        )
)

select * from final
