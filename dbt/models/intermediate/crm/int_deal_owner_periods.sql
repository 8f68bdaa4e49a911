{#-
    One row per deal and period in which one owner held it; the first reaches back to any time
    before.
-#}
with

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
),

owner_changes as (
    select
        deal_changes.deal_key,
        deal_changes.source_system,
        max(coalesce(deal_changes.value, '')) as owner_id,
        deal_changes.changed_at
    from deal_changes
    where deal_changes.field = 'owner' and deal_changes.is_past
    group by deal_changes.deal_key, deal_changes.source_system, deal_changes.changed_at
),

final as (
    select
        owner_changes.deal_key,
        owner_changes.source_system || ':' || nullif(owner_changes.owner_id, '') as owner_key,
        case
            when row_number() over deal_by_time = 1 then timestamp '0001-01-01'
            else owner_changes.changed_at
        end as valid_from,
        lead(owner_changes.changed_at, 1, timestamp '9999-12-31') over deal_by_time as valid_to
    from owner_changes
    window deal_by_time as (partition by owner_changes.deal_key order by owner_changes.changed_at)
)

select * from final
