{{ config(materialized='view') }}

with

final as (
    {{ union_staged('leads') }}
)

select * from final
