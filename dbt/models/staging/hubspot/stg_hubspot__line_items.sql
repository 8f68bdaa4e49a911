{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'name', 'hs_product_id', 'quantity', 'price',
    'amount', 'hs_line_item_currency_code', 'recurringbillingfrequency', 'line_outcome', 'createdate',
    'hs_lastmodifieddate', 'associations',
] -%}
{{ config(meta={'reads': columns}) }}

with

line_items_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__line_items'), id=['id'], id_in_this=['line_item_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

line_items_read as (
    select
        line_items_landed.*,
        {{ to_decimal('line_items_landed.quantity', 6) }} as quantity_read,
        {{ to_decimal('line_items_landed.price', 6) }} as price_read,
        {{ to_decimal('line_items_landed.amount') }} as amount_read,
        {{ to_timestamp('coalesce(line_items_landed.createdate, line_items_landed.created_at)') }} as created_at_read,
        {{ to_timestamp('coalesce(line_items_landed.hs_lastmodifieddate, line_items_landed.updated_at)') }}
            as updated_at_read,
        {{ to_timestamp('line_items_landed.archived_at') }} as deleted_at_read,
        try(json_extract_string(line_items_landed.associations, '$.deals.results[0].id')) as first_deal_id
    from line_items_landed
),

line_items_judged as (
    select
        line_items_read.*,
        case
            when {{ given('line_items_read.id') }} is null then 'id is missing'
            when line_items_read.created_at_read is null then 'created_at is not a time'
            when {{ unreadable('line_items_read.quantity', 'line_items_read.quantity_read') }}
                then 'quantity is not a number'
            when {{ unreadable('line_items_read.price', 'line_items_read.price_read') }}
                then 'unit_price is not a number'
            when {{ unreadable('line_items_read.amount', 'line_items_read.amount_read') }}
                then 'amount is not a number'
        end as reject_reason
    from line_items_read
),

final as (
    select
        'hubspot' as source_system,
        line_items_judged.id as line_item_id,
        line_items_judged.first_deal_id as deal_id,
        {{ given('line_items_judged.hs_product_id') }} as product_id,
        {{ clean_text('line_items_judged.name') }} as line_name,
        coalesce(lower({{ given('line_items_judged.recurringbillingfrequency') }}), 'one_time') as billing_frequency,
        lower({{ given('line_items_judged.line_outcome') }}) as line_outcome,
        upper({{ given('line_items_judged.hs_line_item_currency_code') }}) as currency,
        line_items_judged.reject_reason,
        {{ rejected_record(columns, 'line_items_judged') }} as rejected_record,
        line_items_judged.load_number,
        line_items_judged.version_order,
        line_items_judged.content_hash,
        line_items_judged.quantity_read as quantity,
        line_items_judged.price_read as unit_price,
        line_items_judged.amount_read as amount,
        coalesce({{ to_boolean('line_items_judged.archived') }}, false) as is_deleted,
        line_items_judged.fetched_at,
        line_items_judged.created_at_read as created_at,
        line_items_judged.updated_at_read as updated_at,
        line_items_judged.deleted_at_read as deleted_at
    from line_items_judged
)

select * from final
