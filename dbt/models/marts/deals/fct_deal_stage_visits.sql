with

deal_moves as (
    select * from {{ ref('int_deal_moves') }}
),

deals as (
    select * from {{ ref('int_deals') }}
),

stages as (
    select * from {{ ref('int_stages_known') }}
),

stage_periods as (
    select * from {{ ref('int_stage_periods') }}
),

owner_periods as (
    select * from {{ ref('int_deal_owner_periods') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- The deal's life begins when it was created, so its first visit does, and no visit begins before.
visits_bounded as (
    select
        deal_moves.deal_key,
        deal_moves.source_system,
        deal_moves.pipeline_id,
        deal_moves.stage_id,
        deal_moves.changed_by,
        deal_moves.history_basis,
        deal_moves.visit_no,
        deal_moves.is_last,
        deals.owner_key as owner_key_at_as_of,
        deal_moves.is_first_seen,
        case
            when deal_moves.history_basis = 'assumed_current' or deal_moves.is_first_seen then null
            when deal_moves.visit_no = 1 then coalesce(deals.created_at, deal_moves.entered_at)
            else greatest(deal_moves.entered_at, coalesce(deals.created_at, deal_moves.entered_at))
        end as entered_at,
        deal_moves.entered_at as moved_at
    from deal_moves
    inner join deals on deal_moves.deal_key = deals.deal_key
),

visits_dated as (
    select
        visits_bounded.*,
        coalesce(
            {{ day_in_zone('visits_bounded.entered_at', 'run_context.reporting_timezone') }}, run_context.as_of
        ) as entered_date
    from visits_bounded
    cross join run_context
),

-- What a stage meant on the day of the visit.
visits_mapped as (
    select
        visits_dated.*,
        stages.stage_label,
        stage_periods.stage,
        stage_periods.stage_order,
        stage_periods.is_exit
    from visits_dated
    inner join stages
        on
            stages.object = 'deal'
            and visits_dated.source_system = stages.source_system
            and visits_dated.pipeline_id = stages.pipeline_id
            and visits_dated.stage_id = stages.stage_id
    inner join stage_periods
        on
            stage_periods.object = 'deal'
            and visits_dated.source_system = stage_periods.source_system
            and visits_dated.pipeline_id = stage_periods.pipeline_id
            and visits_dated.stage_id = stage_periods.stage_id
            and visits_dated.entered_date >= stage_periods.valid_from
            and visits_dated.entered_date < stage_periods.valid_to
),

-- Many deals, one moment, one user: somebody tidied up, nobody sold.
bulk_updates as (
    select
        visits_mapped.source_system,
        visits_mapped.changed_by,
        date_trunc('second', visits_mapped.moved_at) as moved_second
    from visits_mapped
    where visits_mapped.visit_no > 1 and visits_mapped.changed_by is not null
    group by all
    having count(*) >= 50
),

visits_compared as (
    select
        visits_mapped.*,
        lag(visits_mapped.pipeline_id) over deal_by_visit as pipeline_id_before,
        lag(visits_mapped.stage_order) over deal_by_visit as stage_order_before,
        lag(visits_mapped.stage) over deal_by_visit as stage_before,
        lead(visits_mapped.entered_at) over deal_by_visit as exited_at,
        bool_and(visits_mapped.entered_at is not null) over (partition by visits_mapped.deal_key) as is_life_known
    from visits_mapped
    window deal_by_visit as (partition by visits_mapped.deal_key order by visits_mapped.visit_no)
),

final as (
    select
        visits_compared.deal_key,
        coalesce(owner_periods.owner_key, visits_compared.owner_key_at_as_of) as owner_key,
        concat_ws(
            ':',
            visits_compared.source_system,
            'deal',
            visits_compared.pipeline_id,
            visits_compared.stage_id
        )
            as stage_key,
        visits_compared.pipeline_id,
        visits_compared.stage_label,
        visits_compared.stage,
        visits_compared.history_basis,
        case
            when visits_compared.visit_no = 1 then 'first'
            when visits_compared.pipeline_id <> visits_compared.pipeline_id_before then 'transfer'
            -- Into an exit is forward however far, out of one backward; where an unmapped stage
            -- lies nobody knows.
            when
                visits_compared.is_exit
                or 'unmapped' in (visits_compared.stage, visits_compared.stage_before)
                then 'forward'
            when visits_compared.stage_order < visits_compared.stage_order_before then 'backward'
            when visits_compared.stage_order > visits_compared.stage_order_before + 1 then 'skip'
            else 'forward'
        end as direction,
        visits_compared.visit_no,
        visits_compared.stage_order,
        {{ days_between(
            'visits_compared.entered_at', 'coalesce(visits_compared.exited_at, run_context.as_of_end)'
        ) }} as days_in_stage,
        visits_compared.is_last as is_open,
        not visits_compared.is_last as is_completed,
        visits_compared.is_life_known,
        bulk_updates.moved_second is not null as is_bulk_update,
        -- Who tidies up falsifies the beginning of one visit and the end of the one before.
        bulk_updates.moved_second is null
        and lead(bulk_updates.moved_second) over (
            partition by visits_compared.deal_key order by visits_compared.visit_no
        ) is null as is_in_velocity,
        case when visits_compared.is_first_seen then visits_compared.moved_at end as seen_at,
        visits_compared.entered_at,
        visits_compared.exited_at
    from visits_compared
    cross join run_context
    left join bulk_updates
        on
            visits_compared.source_system = bulk_updates.source_system
            and visits_compared.changed_by = bulk_updates.changed_by
            and visits_compared.visit_no > 1
            and date_trunc('second', visits_compared.moved_at) = bulk_updates.moved_second
    left join owner_periods
        on
            visits_compared.deal_key = owner_periods.deal_key
            and visits_compared.entered_at >= owner_periods.valid_from
            and visits_compared.entered_at < owner_periods.valid_to
)

select * from final
