{#-
    One row per lead and visit to a canonical stage, in order. Lifecycle and status are two fields
    and one timeline: a status counts where it is mapped to a stage (disqualified, recycled); when
    it moves away from such an exit the lead is back in the stage of its lifecycle.
-#}
with

leads as (
    select * from {{ ref('int_leads_current') }}
),

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
),

stage_periods as (
    select * from {{ ref('int_stage_periods') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

changes_dated as (
    select
        lead_changes.*,
        {{ day_in_zone('lead_changes.changed_at', 'run_context.reporting_timezone') }} as changed_date
    from lead_changes
    cross join run_context
    semi join leads on lead_changes.lead_key = leads.lead_key
    where lead_changes.field in ('stage', 'lead_status') and lead_changes.is_past
),

-- The status of a moment comes after the lifecycle of the same moment.
changes_mapped as (
    select
        changes_dated.lead_key,
        changes_dated.field,
        changes_dated.value as label,
        stage_periods.stage,
        stage_periods.is_mapped,
        stage_periods.is_exit,
        changes_dated.changed_at
    from changes_dated
    left join stage_periods
        on
            stage_periods.object
            = case changes_dated.field when 'stage' then 'lead' else 'lead_status' end
            and changes_dated.source_system = stage_periods.source_system
            and changes_dated.value = stage_periods.stage_id
            and changes_dated.changed_date >= stage_periods.valid_from
            and changes_dated.changed_date < stage_periods.valid_to
),

changes_in_context as (
    select
        changes_mapped.*,
        last_value(
            case when changes_mapped.field = 'stage' then changes_mapped.stage end ignore nulls
        )
            over lead_by_time as lifecycle_stage,
        lag(coalesce(changes_mapped.is_exit, false)) over (
            partition by changes_mapped.lead_key, changes_mapped.field
            order by changes_mapped.changed_at, changes_mapped.stage
        ) as is_exit_before
    from changes_mapped
    window lead_by_time as (
        partition by changes_mapped.lead_key
        order by changes_mapped.changed_at asc, changes_mapped.field desc, changes_mapped.stage asc
        rows between unbounded preceding and current row
    )
),

entries as (
    select
        changes_in_context.lead_key,
        case
            when changes_in_context.field = 'stage' then changes_in_context.stage
            when changes_in_context.is_mapped then changes_in_context.stage
            when
                changes_in_context.is_exit_before
                then coalesce(changes_in_context.lifecycle_stage, 'lead')
        end as stage,
        changes_in_context.field,
        changes_in_context.label,
        'field_history' as history_basis,
        changes_in_context.changed_at as entered_at
    from changes_in_context
),

leads_without_history as (
    select
        leads.lead_key,
        leads.source_system,
        leads.stage_label,
        leads.status_label
    from leads
    anti join entries on leads.lead_key = entries.lead_key
),

entries_all as (
    select
        entries.lead_key,
        entries.stage,
        entries.field,
        entries.label,
        entries.history_basis,
        entries.entered_at
    from entries
    where entries.stage is not null
    union all
    -- All that is known is where the lead is now.
    select
        leads_without_history.lead_key,
        case
            when status_periods.is_exit then status_periods.stage
            else coalesce(lifecycle_periods.stage, status_periods.stage, 'unmapped')
        end as stage,
        'stage' as field,
        case
            when status_periods.is_exit then leads_without_history.status_label
            else leads_without_history.stage_label
        end as label,
        'assumed_current' as history_basis,
        cast(null as timestamp) as entered_at
    from leads_without_history
    cross join run_context
    left join stage_periods as lifecycle_periods
        on
            lifecycle_periods.object = 'lead'
            and leads_without_history.source_system = lifecycle_periods.source_system
            and leads_without_history.stage_label = lifecycle_periods.stage_id
            and run_context.as_of >= lifecycle_periods.valid_from
            and run_context.as_of < lifecycle_periods.valid_to
    left join stage_periods as status_periods
        on
            status_periods.object = 'lead_status'
            and status_periods.is_mapped
            and leads_without_history.source_system = status_periods.source_system
            and leads_without_history.status_label = status_periods.stage_id
            and run_context.as_of >= status_periods.valid_from
            and run_context.as_of < status_periods.valid_to
),

entries_compared as (
    select
        entries_all.*,
        coalesce(entries_all.stage = lag(entries_all.stage) over lead_by_time, false) as is_repeated
    from entries_all
    window lead_by_time as (
        partition by entries_all.lead_key
        order by
            entries_all.entered_at asc,
            entries_all.field desc,
            entries_all.stage asc,
            entries_all.label asc
    )
),

canonical_stages as (
    select * from {{ ref('canonical_stages') }}
),

final as (
    select
        entries_compared.lead_key,
        entries_compared.stage,
        entries_compared.label,
        entries_compared.history_basis,
        row_number() over lead_by_time as visit_no,
        canonical_stages.stage_order,
        canonical_stages.is_exit,
        row_number() over lead_by_time
        = count(*) over (partition by entries_compared.lead_key) as is_last,
        entries_compared.entered_at
    from entries_compared
    inner join canonical_stages
        on canonical_stages.object = 'lead' and entries_compared.stage = canonical_stages.stage
    where not entries_compared.is_repeated
    window lead_by_time as (
        partition by entries_compared.lead_key
        order by
            entries_compared.entered_at asc,
            entries_compared.field desc,
            entries_compared.stage asc,
            entries_compared.label asc
    )
)

select * from final
