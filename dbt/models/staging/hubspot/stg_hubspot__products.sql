{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'name', 'hs_sku', 'price',
    'recurringbillingfrequency', 'createdate', 'hs_lastmodifieddate',
] -%}
{{ config(meta={'reads': columns}) }}

with

products_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__products'), id=['id'], id_in_this=['product_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

products_read as (
    select
        products_landed.*,
        {{ to_decimal('products_landed.price', 6) }} as price_read,
        {{ to_timestamp('coalesce(products_landed.createdate, products_landed.created_at)') }} as created_at_read,
        {{ to_timestamp('coalesce(products_landed.hs_lastmodifieddate, products_landed.updated_at)') }}
            as updated_at_read,
        {{ to_timestamp('products_landed.archived_at') }} as deleted_at_read
    from products_landed
),

products_judged as (
    select
        products_read.*,
        case
            when {{ given('products_read.id') }} is null then 'id is missing'
            when products_read.created_at_read is null then 'created_at is not a time'
            when {{ unreadable('products_read.price', 'products_read.price_read') }} then 'unit_price is not a number'
        end as reject_reason
    from products_read
),

final as (
    select
        'hubspot' as source_system,
        products_judged.id as product_id,
        {{ clean_text('products_judged.name') }} as product_name,
        {{ clean_text('products_judged.hs_sku') }} as sku,
        -- HubSpot bills once what has no frequency.
        coalesce(lower({{ given('products_judged.recurringbillingfrequency') }}), 'one_time') as billing_frequency,
        -- The price is in the account's currency, which the record does not name.
        cast(null as text) as currency,
        products_judged.reject_reason,
        {{ rejected_record(columns, 'products_judged') }} as rejected_record,
        products_judged.load_number,
        products_judged.version_order,
        products_judged.content_hash,
        products_judged.price_read as unit_price,
        coalesce({{ to_boolean('products_judged.archived') }}, false) as is_deleted,
        products_judged.fetched_at,
        products_judged.created_at_read as created_at,
        products_judged.updated_at_read as updated_at,
        products_judged.deleted_at_read as deleted_at
    from products_judged
)

select * from final
