{{ config(materialized='view') }}

with

final as (
    {{ union_staged('field_changes') }}
)

select * from final
