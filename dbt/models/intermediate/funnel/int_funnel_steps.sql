{#- The stages that lead somewhere, in order; exits and what nobody mapped are no steps. The first stages of a funnel
    are how everything starts, so reaching them is no milestone. -#}
with

canonical_stages as (
    select * from {{ ref('canonical_stages') }}
),

final as (
    select
        object as funnel,
        stage,
        stage_order,
        is_won as is_last,
        stage_order > case object when 'lead' then 2 else 1 end as is_milestone
    from canonical_stages
    where not is_exit and stage <> 'unmapped'
)

select * from final
