{{ config(materialized='view') }}

with

final as (
    {{ union_staged('owners') }}
)

select * from final
