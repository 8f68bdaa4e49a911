with

deals as (
    select * from {{ ref('fct_deals') }}
),

line_items as (
    select * from {{ ref('int_line_items') }}
),

deals_unlinked as (
    select * from {{ ref('int_deals') }}
    where is_unlinked
),

products as (
    select * from {{ ref('dim_products') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A line that the customer did not order is no part of what the deal books.
lines_judged as (
    select
        line_items.*,
        products.product_key as product_key_known,
        coalesce(line_items.currency, deals.currency) as line_currency,
        case
            when line_items.line_outcome = 'lost' then 'lost'
            else deals.status
        end as line_status,
        cast(
            cast(line_items.quantity as decimal(20, 6)) * line_items.unit_price as decimal(18, 2)
        ) as list_amount,
        coalesce(line_items.line_outcome, '') <> 'lost' as is_in_deal_amount,
        least(coalesce(deals.close_day, run_context.as_of), run_context.as_of) as rate_day
    from line_items
    cross join run_context
    inner join deals on line_items.deal_key = deals.deal_key
    -- Lines that landed before the deletion would still name the deal.
    anti join deals_unlinked on line_items.deal_key = deals_unlinked.deal_key
    left join products on line_items.product_key = products.product_key
),

-- Converted as running sums, so that the converted lines of a deal add up to their converted sum.
lines_summed as (
    select
        lines_judged.*,
        rates.rate_to_reporting,
        sum(coalesce(lines_judged.amount, 0)) over (
            partition by lines_judged.deal_key, lines_judged.line_currency, lines_judged.is_in_deal_amount
            order by lines_judged.line_item_id
            rows between unbounded preceding and current row
        ) as amount_so_far
    from lines_judged
    left join rates
        on
            lines_judged.line_currency = rates.currency
            and lines_judged.rate_day = rates.rate_date
),

lines_converted as (
    select
        lines_summed.*,
        case
            when lines_summed.amount is not null
                then
                    {{ converted('lines_summed.amount_so_far', 'lines_summed.rate_to_reporting') }}
                    - {{ converted(
                        'lines_summed.amount_so_far - lines_summed.amount', 'lines_summed.rate_to_reporting'
                    ) }}
        end as amount_reporting,
        {{ converted('lines_summed.list_amount', 'lines_summed.rate_to_reporting') }} as list_amount_reporting
    from lines_summed
),

lines_of_deals as (
    select
        lines_converted.deal_key,
        coalesce(sum(lines_converted.amount), 0) as amount,
        coalesce(sum(lines_converted.amount_reporting), 0) as amount_reporting,
        count(distinct lines_converted.line_currency) as currencies,
        min(lines_converted.line_currency) as currency
    from lines_converted
    where lines_converted.is_in_deal_amount
    group by all
),

-- What the lines do not tell of a deal's amount, all of it where there is no line. Lines in another
-- currency than the deal's leave a residual in the reporting currency only. A deal without an amount
-- books nothing, so what its lines tell is taken back by a row of its own.
residuals as (
    select
        deals.deal_key,
        case when deals.amount is null then 'without_amount' else 'residual' end as line_kind,
        case
            when
                lines_of_deals.deal_key is null
                or (lines_of_deals.currencies = 1 and lines_of_deals.currency = deals.currency)
                then coalesce(deals.amount, 0) - coalesce(lines_of_deals.amount, 0)
        end as amount,
        case when deals.amount is null then 0 else deals.amount_reporting end
        - coalesce(lines_of_deals.amount_reporting, 0) as amount_reporting
    from deals
    left join lines_of_deals on deals.deal_key = lines_of_deals.deal_key
),

rows_unioned as (
    select
        lines_converted.line_key,
        lines_converted.deal_key,
        lines_converted.product_key_known as product_key,
        lines_converted.line_item_id,
        'line' as line_kind,
        lines_converted.line_name,
        lines_converted.billing_frequency,
        lines_converted.line_status,
        lines_converted.line_currency as currency,
        case when lines_converted.has_amount_history then 'field_history' else 'assumed_current' end
            as history_basis,
        -- Wide enough that quantity * unit_price keeps all its digits.
        cast(lines_converted.quantity as decimal(20, 6)) as quantity,
        lines_converted.unit_price,
        lines_converted.list_amount,
        lines_converted.amount,
        lines_converted.list_amount_reporting,
        lines_converted.amount_reporting,
        lines_converted.is_in_deal_amount
    from lines_converted
    union all
    select
        residuals.deal_key || ':' || residuals.line_kind as line_key,
        residuals.deal_key,
        cast(null as text) as product_key,
        cast(null as text) as line_item_id,
        residuals.line_kind,
        cast(null as text) as line_name,
        cast(null as text) as billing_frequency,
        deals.status as line_status,
        deals.currency,
        deals.amount_history_basis as history_basis,
        cast(null as decimal(20, 6)) as quantity,
        cast(null as decimal(18, 6)) as unit_price,
        cast(null as decimal(18, 2)) as list_amount,
        residuals.amount,
        cast(null as decimal(18, 2)) as list_amount_reporting,
        residuals.amount_reporting,
        true as is_in_deal_amount
    from residuals
    inner join deals on residuals.deal_key = deals.deal_key
    where residuals.amount <> 0 or residuals.amount_reporting <> 0
),

final as (
    select
        rows_unioned.line_key,
        rows_unioned.deal_key,
        rows_unioned.product_key,
        deals.account_key,
        deals.owner_key,
        rows_unioned.line_item_id,
        deals.source_system,
        rows_unioned.line_kind,
        rows_unioned.line_name,
        rows_unioned.billing_frequency,
        rows_unioned.line_status,
        deals.pipeline_purpose,
        deals.segment,
        rows_unioned.currency,
        deals.exclusion_reason,
        rows_unioned.history_basis,
        rows_unioned.quantity,
        rows_unioned.unit_price,
        rows_unioned.list_amount,
        cast(rows_unioned.amount as decimal(18, 2)) as amount,
        rows_unioned.list_amount_reporting,
        cast(rows_unioned.amount_reporting as decimal(18, 2)) as amount_reporting,
        {{ ratio('rows_unioned.list_amount - rows_unioned.amount', 'rows_unioned.list_amount') }} as discount_rate,
        rows_unioned.is_in_deal_amount,
        deals.is_excluded,
        deals.close_date,
        deals.close_day
    from rows_unioned
    inner join deals on rows_unioned.deal_key = deals.deal_key
)

select * from final
