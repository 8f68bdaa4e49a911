{{ config(materialized='view') }}

with

final as (
    {{ union_staged('accounts') }}
)

select * from final
