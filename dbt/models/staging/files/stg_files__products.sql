{%- set raw_columns = [
    'product_id', 'product_name', 'sku', 'billing_frequency', 'unit_price',
    'currency', 'created_at', 'updated_at', 'is_deleted', 'deleted_at',
] -%}

with

products_landed as (
    {{ landed_file_rows(source('raw', 'files__products'), raw_columns) }}
),

products_read as (
    select
        products_landed.*,
        {{ to_decimal('products_landed.unit_price', 6) }} as unit_price_read,
        {{ to_timestamp('products_landed.created_at') }} as created_at_read,
        {{ to_timestamp('products_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('products_landed.is_deleted') }} as is_deleted_read,
        {{ to_timestamp('products_landed.deleted_at') }} as deleted_at_read
    from products_landed
),

products_judged as (
    select
        products_read.*,
        case
            when products_read.raw_reject_reason is not null
                then products_read.raw_reject_reason
            when products_read.product_id is null then 'product_id is missing'
            when {{ unreadable('products_read.unit_price', 'products_read.unit_price_read') }}
                then 'unit_price is not a number'
            when {{ unreadable('products_read.created_at', 'products_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('products_read.updated_at', 'products_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('products_read.is_deleted', 'products_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
            when {{ unreadable('products_read.deleted_at', 'products_read.deleted_at_read') }}
                then 'deleted_at is not a time'
        end as reject_reason
    from products_read
),

final as (
    select
        products_judged.system as source_system,
        products_judged.product_id,
        products_judged.product_name,
        products_judged.sku,
        lower(products_judged.billing_frequency) as billing_frequency,
        products_judged.currency,
        products_judged.mapping_name,
        products_judged.file_name,
        products_judged.reject_reason,
        {{ rejected_record(raw_columns, 'products_judged', kept='raw_rejected_record') }}
            as rejected_record,
        products_judged.load_number,
        products_judged.version_order,
        products_judged.row_number,
        products_judged.unit_price_read as unit_price,
        coalesce(products_judged.is_deleted_read, products_judged.deleted_at_read is not null) as is_deleted,
        products_judged.fetched_at,
        products_judged.created_at_read as created_at,
        products_judged.updated_at_read as updated_at,
        products_judged.deleted_at_read as deleted_at
    from products_judged
)

select * from final
