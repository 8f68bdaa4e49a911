{%- set raw_columns = [
    'period_start', 'period_type', 'level', 'member', 'measure', 'amount', 'currency',
] -%}

with

targets_landed as (
    {{ landed_file_rows(source('raw', 'files__targets'), raw_columns) }}
),

targets_read as (
    select
        targets_landed.*,
        {{ to_date('targets_landed.period_start') }} as period_start_read,
        {{ to_decimal('targets_landed.amount') }} as amount_read
    from targets_landed
),

targets_judged as (
    select
        targets_read.*,
        case
            when targets_read.raw_reject_reason is not null then targets_read.raw_reject_reason
            when targets_read.period_start is null then 'period_start is missing'
            when targets_read.period_type is null then 'period_type is missing'
            when targets_read.level is null then 'level is missing'
            when targets_read.measure is null then 'measure is missing'
            when targets_read.amount is null then 'amount is missing'
            when targets_read.currency is null then 'currency is missing'
            when {{ unreadable('targets_read.period_start', 'targets_read.period_start_read') }}
                then 'period_start is not a date'
            when {{ unreadable('targets_read.amount', 'targets_read.amount_read') }}
                then 'amount is not a number'
        end as reject_reason
    from targets_read
),

final as (
    select
        targets_judged.system as source_system,
        targets_judged.level,
        targets_judged.member,
        targets_judged.measure,
        targets_judged.currency,
        targets_judged.period_type,
        targets_judged.mapping_name,
        targets_judged.file_name,
        targets_judged.reject_reason,
        {{ rejected_record(raw_columns, 'targets_judged', kept='raw_rejected_record') }}
            as rejected_record,
        targets_judged.load_number,
        targets_judged.version_order,
        targets_judged.row_number,
        targets_judged.amount_read as amount,
        targets_judged.period_start_read as period_start,
        targets_judged.fetched_at
    from targets_judged
)

select * from final
