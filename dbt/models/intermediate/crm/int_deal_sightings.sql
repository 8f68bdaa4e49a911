{#-
    One row per deal that was there before it was first seen, with the fields of which nothing is known of the time before,
    and the moment from which they are known.
-#}
with

deal_changes as (
    select * from {{ ref('int_deal_changes_landed') }}
    where is_first_seen
),

final as (
    select
        deal_changes.deal_key,
        {%- for field in ['stage', 'amount', 'currency', 'close_date', 'owner', 'forecast_category'] %}
        bool_or(deal_changes.field = '{{ field }}') as is_{{ field }}_seen,
        {%- endfor %}
        min(deal_changes.changed_at) as seen_at
    from deal_changes
    group by deal_changes.deal_key
)

select * from final
