with

products as (
    select * from {{ ref('int_products_current') }}
),

final as (
    select
        products.product_key,
        products.product_id,
        products.source_system,
        products.product_name,
        products.sku,
        products.billing_frequency,
        products.currency,
        products.unit_price,
        products.billing_frequency <> 'one_time' as is_recurring,
        products.is_deleted,
        products.created_at,
        case when products.is_deleted then products.deleted_at end as deleted_at
    from products
)

select * from final
