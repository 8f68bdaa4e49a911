-- What: following a merged record to its survivor ends somewhere.
-- Why: of records that were merged into each other in a circle nobody can say which one is left.
-- A returned row: a record of such a circle. Ask the CRM's support which of them is the survivor.
select
    merges.source_system,
    merges.object,
    merges.merged_id,
    merges.survivor_id
from {{ ref('int_merges') }} as merges
anti join {{ ref('int_survivors') }} as survivors
    on
        merges.object = survivors.object
        and merges.source_system = survivors.source_system
        and merges.merged_id = survivors.merged_id
