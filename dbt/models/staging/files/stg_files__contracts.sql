{%- set raw_columns = [
    'contract_id', 'account_id', 'account_system', 'deal_id', 'amount', 'amount_period',
    'currency', 'signed_date', 'start_date', 'end_date', 'renewal_date', 'notice_date',
] -%}

with

contracts_landed as (
    {{ landed_file_rows(source('raw', 'files__contracts'), raw_columns) }}
),

contracts_read as (
    select
        contracts_landed.*,
        {{ to_date('contracts_landed.signed_date') }} as signed_date_read,
        {{ to_date('contracts_landed.start_date') }} as start_date_read,
        {{ to_date('contracts_landed.end_date') }} as end_date_read,
        {{ to_date('contracts_landed.renewal_date') }} as renewal_date_read,
        {{ to_date('contracts_landed.notice_date') }} as notice_date_read,
        {{ to_decimal('contracts_landed.amount') }} as amount_read
    from contracts_landed
),

contracts_judged as (
    select
        contracts_read.*,
        case
            when contracts_read.raw_reject_reason is not null
                then contracts_read.raw_reject_reason
            when contracts_read.contract_id is null then 'contract_id is missing'
            when contracts_read.account_id is null then 'account_id is missing'
            when contracts_read.amount is null then 'amount is missing'
            when contracts_read.amount_period is null then 'amount_period is missing'
            when contracts_read.currency is null then 'currency is missing'
            when contracts_read.start_date is null then 'start_date is missing'
            when {{ unreadable('contracts_read.amount', 'contracts_read.amount_read') }}
                then 'amount is not a number'
            when {{ unreadable('contracts_read.signed_date', 'contracts_read.signed_date_read') }}
                then 'signed_date is not a date'
            when {{ unreadable('contracts_read.start_date', 'contracts_read.start_date_read') }}
                then 'start_date is not a date'
            when {{ unreadable('contracts_read.end_date', 'contracts_read.end_date_read') }}
                then 'end_date is not a date'
            when {{ unreadable('contracts_read.renewal_date', 'contracts_read.renewal_date_read') }}
                then 'renewal_date is not a date'
            when {{ unreadable('contracts_read.notice_date', 'contracts_read.notice_date_read') }}
                then 'notice_date is not a date'
            when contracts_read.amount_read < 0 then 'amount is negative'
            when contracts_read.end_date_read < contracts_read.start_date_read
                then 'end_date lies before start_date'
        end as reject_reason
    from contracts_read
),

final as (
    select
        contracts_judged.system as source_system,
        contracts_judged.contract_id,
        contracts_judged.account_id,
        lower(contracts_judged.account_system) as account_system,
        contracts_judged.deal_id,
        contracts_judged.amount_period,
        contracts_judged.currency,
        contracts_judged.mapping_name,
        contracts_judged.file_name,
        contracts_judged.reject_reason,
        {{ rejected_record(raw_columns, 'contracts_judged', kept='raw_rejected_record') }}
            as rejected_record,
        contracts_judged.load_number,
        contracts_judged.version_order,
        contracts_judged.row_number,
        contracts_judged.amount_read as amount,
        contracts_judged.signed_date_read as signed_date,
        contracts_judged.start_date_read as start_date,
        contracts_judged.end_date_read as end_date,
        contracts_judged.renewal_date_read as renewal_date,
        contracts_judged.notice_date_read as notice_date,
        contracts_judged.fetched_at
    from contracts_judged
)

select * from final
