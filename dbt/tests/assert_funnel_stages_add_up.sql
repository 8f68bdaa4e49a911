-- What: who entered a stage went on, left or is still there; and nobody enters a stage without its
-- predecessors.
-- Why: an entity that is none of the three, or two of them, makes conversion and open counts
-- contradict each other.
-- A returned row: a stage and cohort whose parts do not add up, or a funnel of the whole or of a part of
-- the company that widens towards its end.
with

funnel_stages as (
    select * from {{ ref('fct_funnel_stages') }}
),

stages_summed as (
    select
        funnel,
        stage,
        dimension,
        member,
        stage_order,
        sum(entities_entered) as entered,
        sum(entities_progressed) as progressed
    from funnel_stages
    group by all
),

stages_followed as (
    select
        *,
        lead(entered) over (
            partition by funnel, dimension, member
            order by stage_order
        ) as entered_next
    from stages_summed
)

select
    funnel,
    stage,
    entities_entered as found,
    entities_progressed + entities_exited + entities_open as expected
from funnel_stages
where entities_entered <> entities_progressed + entities_exited + entities_open
union all
select
    funnel,
    stage,
    progressed as found,
    entered_next as expected
from stages_followed
where progressed <> entered_next
