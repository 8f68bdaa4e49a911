{{ config(materialized='view') }}

with

final as (
    {{ union_staged('deals') }}
)

select * from final
