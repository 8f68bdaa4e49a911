-- What: following a merged record to its survivor ends somewhere.
-- Why: of records that were merged into each other in a circle nobody can say which one is left.
-- A returned row: a record of such a circle. Ask the CRM's support which of them is the survivor.
select
    merged_records.source_system,
    merged_records.object,
    merged_records.merged_id,
    merged_records.survivor_id
from {{ ref('int_merges') }} as merged_records
anti join {{ ref('int_survivors') }} as survivors
    on
        merged_records.object = survivors.object
        and merged_records.source_system = survivors.source_system
        and merged_records.merged_id = survivors.merged_id
