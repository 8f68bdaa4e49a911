{%- set raw_columns = [
    'line_item_id', 'deal_id', 'product_id', 'line_name', 'billing_frequency',
    'line_outcome', 'quantity', 'unit_price', 'amount', 'currency', 'created_at',
    'updated_at', 'is_deleted', 'deleted_at',
] -%}

with

line_items_landed as (
    {{ landed_file_rows(source('raw', 'files__line_items'), raw_columns) }}
),

line_items_read as (
    select
        line_items_landed.*,
        {{ to_decimal('line_items_landed.quantity', 6) }} as quantity_read,
        {{ to_decimal('line_items_landed.unit_price', 6) }} as unit_price_read,
        {{ to_decimal('line_items_landed.amount') }} as amount_read,
        {{ to_timestamp('line_items_landed.created_at') }} as created_at_read,
        {{ to_timestamp('line_items_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('line_items_landed.is_deleted') }} as is_deleted_read,
        {{ to_timestamp('line_items_landed.deleted_at') }} as deleted_at_read
    from line_items_landed
),

line_items_judged as (
    select
        line_items_read.*,
        case
            when line_items_read.raw_reject_reason is not null
                then line_items_read.raw_reject_reason
            when line_items_read.line_item_id is null then 'line_item_id is missing'
            when line_items_read.deal_id is null then 'deal_id is missing'
            when {{ unreadable('line_items_read.quantity', 'line_items_read.quantity_read') }}
                then 'quantity is not a number'
            when {{ unreadable('line_items_read.unit_price', 'line_items_read.unit_price_read') }}
                then 'unit_price is not a number'
            when {{ unreadable('line_items_read.amount', 'line_items_read.amount_read') }}
                then 'amount is not a number'
            when {{ unreadable('line_items_read.created_at', 'line_items_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('line_items_read.updated_at', 'line_items_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('line_items_read.is_deleted', 'line_items_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
            when {{ unreadable('line_items_read.deleted_at', 'line_items_read.deleted_at_read') }}
                then 'deleted_at is not a time'
        end as reject_reason
    from line_items_read
),

final as (
    select
        line_items_judged.system as source_system,
        line_items_judged.line_item_id,
        line_items_judged.deal_id,
        line_items_judged.product_id,
        line_items_judged.line_name,
        lower(line_items_judged.billing_frequency) as billing_frequency,
        line_items_judged.line_outcome,
        line_items_judged.currency,
        line_items_judged.mapping_name,
        line_items_judged.file_name,
        line_items_judged.reject_reason,
        {{ rejected_record(raw_columns, 'line_items_judged', kept='raw_rejected_record') }}
            as rejected_record,
        line_items_judged.load_number,
        line_items_judged.version_order,
        line_items_judged.row_number,
        line_items_judged.quantity_read as quantity,
        line_items_judged.unit_price_read as unit_price,
        line_items_judged.amount_read as amount,
        coalesce(line_items_judged.is_deleted_read, line_items_judged.deleted_at_read is not null) as is_deleted,
        line_items_judged.fetched_at,
        line_items_judged.created_at_read as created_at,
        line_items_judged.updated_at_read as updated_at,
        line_items_judged.deleted_at_read as deleted_at
    from line_items_judged
)

select * from final
