{%- set raw_columns = [
    'period_start', 'campaign_id', 'channel', 'amount', 'currency',
] -%}

with

budgets_landed as (
    {{ landed_file_rows(source('raw', 'files__budgets'), raw_columns) }}
),

budgets_read as (
    select
        budgets_landed.*,
        {{ to_date('budgets_landed.period_start') }} as period_start_read,
        {{ to_decimal('budgets_landed.amount') }} as amount_read
    from budgets_landed
),

budgets_judged as (
    select
        budgets_read.*,
        case
            when budgets_read.raw_reject_reason is not null then budgets_read.raw_reject_reason
            when budgets_read.period_start is null then 'period_start is missing'
            when budgets_read.amount is null then 'amount is missing'
            when budgets_read.currency is null then 'currency is missing'
            when {{ unreadable('budgets_read.period_start', 'budgets_read.period_start_read') }}
                then 'period_start is not a date'
            when {{ unreadable('budgets_read.amount', 'budgets_read.amount_read') }}
                then 'amount is not a number'
        end as reject_reason
    from budgets_read
),

final as (
    select
        budgets_judged.system as source_system,
        budgets_judged.campaign_id,
        budgets_judged.channel,
        budgets_judged.currency,
        budgets_judged.mapping_name,
        budgets_judged.file_name,
        budgets_judged.reject_reason,
        {{ rejected_record(raw_columns, 'budgets_judged', kept='raw_rejected_record') }}
            as rejected_record,
        budgets_judged.load_number,
        budgets_judged.version_order,
        budgets_judged.row_number,
        budgets_judged.amount_read as amount,
        budgets_judged.period_start_read as period_start,
        budgets_judged.fetched_at
    from budgets_judged
)

select * from final
