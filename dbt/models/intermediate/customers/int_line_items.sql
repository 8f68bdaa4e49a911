{#-
    One row per line of a deal as it stood at the end of `as_of`: quantity, price, amount and outcome from their history
    where the source keeps one, else from the newest landed version. A past day has the deal and the product that had
    landed for it, before the first landing what they are now. Removed lines and lines that hang on no deal are left out.
-#}
with

line_items as (
    {{ union_staged('line_items') }}
),

field_changes as (
    select * from {{ ref('int_field_changes_unioned') }}
    where object = 'line_item'
),

survivors as (
    select * from {{ ref('int_survivors') }}
    where object = 'deal'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- The whole row of the newest version: a removed link is news too.
lines_newest as (
    select
        line_items.*,
        row_number() over (
            partition by line_items.source_system, line_items.line_item_id order by line_items.version_order desc
        ) as version_rank
    from line_items
),

told_by_the_day as (
    {{ told_by_the_day('line_items', 'line_item_id', ['deal_id', 'product_id']) }}
),

lines_linked as (
    select
        lines_newest.* replace (
            {{ as_told('deal_id', 'lines_newest') }} as deal_id,
            {{ as_told('product_id', 'lines_newest') }} as product_id
        )
    from lines_newest
    left join told_by_the_day
        on
            lines_newest.source_system = told_by_the_day.source_system
            and lines_newest.line_item_id = told_by_the_day.line_item_id
    where lines_newest.version_rank = 1
),

lines_existing as (
    select lines_linked.*
    from lines_linked
    cross join run_context
    where
        lines_linked.deal_id is not null
        and (lines_linked.created_at is null or lines_linked.created_at < run_context.as_of_end)
        and not (
            coalesce(lines_linked.is_deleted, false)
            and (lines_linked.deleted_at is null or lines_linked.deleted_at < run_context.as_of_end)
        )
),

-- Of two values of one moment the larger text counts, so that the choice is the same in every build.
values_at_as_of as (
    select
        field_changes.source_system,
        {%- for field in ['quantity', 'unit_price', 'amount', 'line_outcome'] %}
        bool_or(field_changes.field = '{{ field }}') as has_{{ field }}_history,
        nullif(
            max_by(
                coalesce(field_changes.value, ''),
                (field_changes.changed_at, coalesce(field_changes.value, ''))
            )
            filter (where field_changes.field = '{{ field }}' and field_changes.changed_at < run_context.as_of_end),
            ''
        ) as {{ field }}_at_as_of,
        {%- endfor %}
        field_changes.record_id as line_item_id
    from field_changes
    cross join run_context
    group by all
),

final as (
    select
        lines_existing.source_system || ':' || lines_existing.line_item_id as line_key,
        lines_existing.source_system
        || ':'
        || coalesce(survivors.survivor_id, lines_existing.deal_id) as deal_key,
        lines_existing.source_system || ':' || lines_existing.product_id as product_key,
        lines_existing.line_item_id,
        lines_existing.source_system,
        lines_existing.line_name,
        lines_existing.billing_frequency,
        lines_existing.currency,
        case
            when values_at_as_of.has_line_outcome_history then values_at_as_of.line_outcome_at_as_of
            else lines_existing.line_outcome
        end as line_outcome,
        coalesce(values_at_as_of.has_amount_history, false) as has_amount_history,
        case
            when values_at_as_of.has_quantity_history
                then cast(values_at_as_of.quantity_at_as_of as decimal(18, 6))
            else lines_existing.quantity
        end as quantity,
        case
            when values_at_as_of.has_unit_price_history
                then cast(values_at_as_of.unit_price_at_as_of as decimal(18, 6))
            else lines_existing.unit_price
        end as unit_price,
        case
            when values_at_as_of.has_amount_history
                then cast(values_at_as_of.amount_at_as_of as decimal(18, 2))
            else lines_existing.amount
        end as amount,
        lines_existing.created_at
    from lines_existing
    left join values_at_as_of
        on
            lines_existing.source_system = values_at_as_of.source_system
            and lines_existing.line_item_id = values_at_as_of.line_item_id
    left join survivors
        on
            lines_existing.source_system = survivors.source_system
            and lines_existing.deal_id = survivors.merged_id
)

select * from final
