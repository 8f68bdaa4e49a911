{#-
    One row per deal, kind of credit, owner and days, as stated by the split that stood at their ends. A split is a
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

statements as (
    select distinct
        deal_system,
        deal_id,
        kind,
        valid_from,
        statement_no
    from splits_agreed
),

statements_in_order as (
    select
        statements.*,
        lead(statements.valid_from) over (
            partition by statements.deal_system, statements.deal_id, statements.kind
            order by statements.valid_from, statements.statement_no
        ) as valid_to
    from statements
),

statements_dated as (
    select
        statements_in_order.*,
        case
            when statements_in_order.valid_from = timestamp '0001-01-01' then date '0001-01-01'
            else {{ day_in_zone('statements_in_order.valid_from', 'run_context.reporting_timezone') }}
        end as valid_from_date,
        coalesce(
            {{ day_in_zone('statements_in_order.valid_to', 'run_context.reporting_timezone') }}, date '9999-12-31'
        ) as valid_to_date
    from statements_in_order
    cross join run_context
),

final as (
    select
        splits_agreed.deal_system || ':' || splits_agreed.deal_id as deal_key,
        splits_agreed.deal_system || ':' || splits_agreed.owner_id as owner_key,
        splits_agreed.deal_system as source_system,
        splits_agreed.kind,
        cast(sum(splits_agreed.share) as decimal(18, 9)) as stated_share,
        statements_dated.valid_to is null as is_last,
        statements_dated.valid_from_date,
        statements_dated.valid_to_date
    from splits_agreed
    inner join statements_dated
        on
            splits_agreed.deal_system = statements_dated.deal_system
            and splits_agreed.deal_id = statements_dated.deal_id
            and splits_agreed.kind = statements_dated.kind
            and splits_agreed.valid_from = statements_dated.valid_from
            and splits_agreed.statement_no = statements_dated.statement_no
    anti join survivors
        on
            splits_agreed.deal_system = survivors.source_system
            and splits_agreed.deal_id = survivors.merged_id
    anti join deals_unlinked
        on
            splits_agreed.deal_system = deals_unlinked.source_system
            and splits_agreed.deal_id = deals_unlinked.deal_id
    where
        splits_agreed.owner_id is not null
        and statements_dated.valid_from_date < statements_dated.valid_to_date
    group by all
)

select * from final
