{#-
    One row per merged-away record with the end of its chain of survivors (a into b, b into c: a's
    survivor is c). A chain that bites its own tail has no end: it is left out here, and a test
    names it.
-#}
with recursive

merged_records as (
    select * from {{ ref('int_merges') }}
),

chains as (
    select
        merged_records.object,
        merged_records.source_system,
        merged_records.merged_id,
        merged_records.survivor_id,
        merged_records.merged_at,
        [merged_records.merged_id] as passed_ids
    from merged_records
    union all
    select
        chains.object,
        chains.source_system,
        chains.merged_id,
        merged_records.survivor_id,
        chains.merged_at,
        list_append(chains.passed_ids, chains.survivor_id) as passed_ids
    from chains
    inner join merged_records
        on
            chains.object = merged_records.object
            and chains.source_system = merged_records.source_system
            and chains.survivor_id = merged_records.merged_id
    where not list_contains(chains.passed_ids, chains.survivor_id)
),

final as (
    select
        chains.source_system,
        chains.merged_id,
        chains.survivor_id,
        chains.object,
        chains.merged_at
    from chains
    left join merged_records
        on
            chains.object = merged_records.object
            and chains.source_system = merged_records.source_system
            and chains.survivor_id = merged_records.merged_id
    where merged_records.merged_id is null
)

select * from final
