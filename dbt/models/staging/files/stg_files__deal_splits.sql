{%- set raw_columns = ['deal_id', 'deal_system', 'owner_id', 'kind', 'percent', 'valid_from'] -%}

with

deal_splits_landed as (
    {{ landed_file_rows(source('raw', 'files__deal_splits'), raw_columns) }}
),

deal_splits_read as (
    select
        deal_splits_landed.*,
        {{ to_decimal('deal_splits_landed.percent', 7) }} as percent_read,
        {{ to_date('deal_splits_landed.valid_from') }} as valid_from_read
    from deal_splits_landed
),

deal_splits_judged as (
    select
        deal_splits_read.*,
        case
            when deal_splits_read.raw_reject_reason is not null then deal_splits_read.raw_reject_reason
            when deal_splits_read.deal_id is null then 'deal_id is missing'
            when deal_splits_read.owner_id is null then 'owner_id is missing'
            when deal_splits_read.kind is null then 'kind is missing'
            when deal_splits_read.percent_read is null then 'percent is not a number'
            when deal_splits_read.percent_read <= 0 or deal_splits_read.percent_read > 100
                then 'percent is not between 0 and 100'
            when {{ unreadable('deal_splits_read.valid_from', 'deal_splits_read.valid_from_read') }}
                then 'valid_from is not a date'
        end as reject_reason
    from deal_splits_read
),

final as (
    select
        deal_splits_judged.system as source_system,
        deal_splits_judged.deal_id,
        lower(deal_splits_judged.deal_system) as deal_system,
        deal_splits_judged.owner_id,
        deal_splits_judged.kind,
        deal_splits_judged.mapping_name,
        deal_splits_judged.file_name,
        deal_splits_judged.reject_reason,
        {{ rejected_record(raw_columns, 'deal_splits_judged', kept='raw_rejected_record') }}
            as rejected_record,
        deal_splits_judged.load_number,
        deal_splits_judged.version_order,
        deal_splits_judged.row_number,
        -- Rows of one landing that begin on one day are one split.
        deal_splits_judged.load_number * 10000000000 as statement_no,
        cast(deal_splits_judged.percent_read * 0.01 as decimal(18, 9)) as share,
        deal_splits_judged.fetched_at,
        cast(deal_splits_judged.valid_from_read as timestamp) as valid_from
    from deal_splits_judged
)

select * from final
