{#-
    One row per deal, kind of credit and owner, as stated by the split that stands at the end of `as_of`. A split is a
    fact as a whole: the newest that had been agreed by then counts, and one that names nobody ends the one before.
    Whoever links to a deal that was merged away, or lay deleted when its links were read, links to nothing.
-#}
with

deal_splits as (
    {{ union_staged('deal_splits') }}
),

deals_unlinked as (
    select * from {{ ref('int_deals') }}
    where is_unlinked
),

survivors as (
    select * from {{ ref('int_survivors') }}
    where object = 'deal'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

splits_agreed as (
    select
        deal_splits.deal_id,
        coalesce(deal_splits.deal_system, deal_splits.source_system) as deal_system,
        deal_splits.kind,
        deal_splits.owner_id,
        deal_splits.share,
        deal_splits.statement_no,
        coalesce(deal_splits.valid_from, timestamp '0001-01-01') as valid_from
    from deal_splits
    cross join run_context
    where deal_splits.valid_from is null or deal_splits.valid_from < run_context.as_of_end
),

splits_ranked as (
    select
        splits_agreed.*,
        rank() over (
            partition by splits_agreed.deal_system, splits_agreed.deal_id, splits_agreed.kind
            order by splits_agreed.valid_from desc, splits_agreed.statement_no desc
        ) as statement_rank
    from splits_agreed
),

final as (
    select
        splits_ranked.deal_system || ':' || splits_ranked.deal_id as deal_key,
        splits_ranked.deal_system || ':' || splits_ranked.owner_id as owner_key,
        splits_ranked.deal_system as source_system,
        splits_ranked.kind,
        cast(sum(splits_ranked.share) as decimal(18, 9)) as stated_share
    from splits_ranked
    anti join survivors
        on
            splits_ranked.deal_system = survivors.source_system
            and splits_ranked.deal_id = survivors.merged_id
    anti join deals_unlinked
        on
            splits_ranked.deal_system = deals_unlinked.source_system
            and splits_ranked.deal_id = deals_unlinked.deal_id
    where splits_ranked.statement_rank = 1 and splits_ranked.owner_id is not null
    group by all
)

select * from final
