{{ config(materialized='view') }}

with

final as (
    {{ union_staged('stages') }}
)

select * from final
