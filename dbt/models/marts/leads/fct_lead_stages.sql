with

lead_moves as (
    select * from {{ ref('int_lead_moves') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

moves_compared as (
    select
        lead_moves.*,
        lag(lead_moves.stage_order) over lead_by_visit as stage_order_before,
        lag(lead_moves.stage) over lead_by_visit as stage_before,
        lead(lead_moves.entered_at) over lead_by_visit as exited_at
    from lead_moves
    window lead_by_visit as (partition by lead_moves.lead_key order by lead_moves.visit_no)
),

final as (
    select
        moves_compared.lead_key,
        moves_compared.stage,
        moves_compared.history_basis,
        case
            when moves_compared.visit_no = 1 then 'first'
            -- Into an exit is forward however far, out of one backward; where an unmapped stage
            -- lies nobody knows.
            when
                moves_compared.is_exit
                or 'unmapped' in (moves_compared.stage, moves_compared.stage_before)
                then 'forward'
            when moves_compared.stage_order < moves_compared.stage_order_before then 'backward'
            when moves_compared.stage_order > moves_compared.stage_order_before + 1 then 'skip'
            else 'forward'
        end as direction,
        moves_compared.visit_no,
        moves_compared.stage_order,
        {{ days_between(
            'moves_compared.entered_at', 'coalesce(moves_compared.exited_at, run_context.as_of_end)'
        ) }} as days_in_stage,
        moves_compared.is_last as is_open,
        moves_compared.entered_at,
        moves_compared.exited_at
    from moves_compared
    cross join run_context
)

select * from final
