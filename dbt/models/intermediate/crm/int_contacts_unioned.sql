{{ config(materialized='view') }}

with

final as (
    {{ union_staged('contacts') }}
)

select * from final
