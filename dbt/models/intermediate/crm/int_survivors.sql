{#-
    One row per merged-away record with the end of its chain of survivors (a into b, b into c: a's survivor is c).
    A chain that bites its own tail has no end: it is left out here, and a test names it.
-#}
with recursive

merges as (
    select * from {{ ref('int_merges') }}
),

chains as (
    select
        merges.object,
        merges.source_system,
        merges.merged_id,
        merges.survivor_id,
        [merges.merged_id] as passed_ids
    from merges
    union all
    select
        chains.object,
        chains.source_system,
        chains.merged_id,
        merges.survivor_id,
        list_append(chains.passed_ids, chains.survivor_id) as passed_ids
    from chains
    inner join merges
        on
            chains.object = merges.object
            and chains.source_system = merges.source_system
            and chains.survivor_id = merges.merged_id
    where not list_contains(chains.passed_ids, chains.survivor_id)
),

final as (
    select
        chains.source_system,
        chains.merged_id,
        chains.survivor_id,
        chains.object
    from chains
    left join merges
        on
            chains.object = merges.object
            and chains.source_system = merges.source_system
            and chains.survivor_id = merges.merged_id
    where merges.merged_id is null
)

select * from final
