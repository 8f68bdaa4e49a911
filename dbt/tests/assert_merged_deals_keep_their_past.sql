-- What: a deal that was read before another one took it over stands in fct_deals, unless the other one, which has its
-- creation date, goes on with it.
-- Why: the past pipeline would lose it in silence; what is merged is not asked for where records are counted.
-- A returned row: a merged deal that vanished.
select
    survivors.source_system,
    survivors.merged_id,
    survivors.survivor_id
from {{ ref('int_survivors') }} as survivors
cross join {{ source('run', 'run_context') }} as run_context
inner join {{ ref('int_deals_unioned') }} as deals
    on
        survivors.object = 'deal'
        and survivors.source_system = deals.source_system
        and survivors.merged_id = deals.deal_id
left join {{ ref('int_deals_unioned') }} as heirs
    on
        survivors.source_system = heirs.source_system
        and survivors.survivor_id = heirs.deal_id
        and deals.created_at = heirs.created_at
anti join {{ ref('fct_deals') }} as marts
    on survivors.source_system || ':' || survivors.merged_id = marts.deal_key
where heirs.deal_id is null and (deals.created_at is null or deals.created_at < run_context.as_of_end)
