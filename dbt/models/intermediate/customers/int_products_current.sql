{#-
    One row per product that exists at the end of `as_of`, from its newest landed version; a deleted one stays, flagged
    from its deletion on.
-#}
with

products as (
    {{ union_staged('products') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

products_newest as (
    select
        products.*,
        row_number() over (
            partition by products.source_system, products.product_id order by products.version_order desc
        ) as version_rank
    from products
),

final as (
    select
        products_newest.source_system || ':' || products_newest.product_id as product_key,
        products_newest.product_id,
        products_newest.source_system,
        products_newest.product_name,
        products_newest.sku,
        products_newest.billing_frequency,
        products_newest.currency,
        products_newest.unit_price,
        coalesce(
            products_newest.is_deleted
            and (
                products_newest.deleted_at is null
                or products_newest.deleted_at < run_context.as_of_end
            ),
            false
        ) as is_deleted,
        products_newest.created_at,
        products_newest.deleted_at
    from products_newest
    cross join run_context
    where
        products_newest.version_rank = 1
        and (products_newest.created_at is null or products_newest.created_at < run_context.as_of_end)
)

select * from final
