{%- set raw_columns = [
    'rate_date', 'currency', 'rate_to_reporting', 'kind',
] -%}

with

rates_landed as (
    {{ landed_file_rows(source('raw', 'files__rates'), raw_columns) }}
),

rates_read as (
    select
        rates_landed.*,
        {{ to_date('rates_landed.rate_date') }} as rate_date_read,
        {{ to_decimal('rates_landed.rate_to_reporting', 9) }} as rate_to_reporting_read
    from rates_landed
),

rates_judged as (
    select
        rates_read.*,
        case
            when rates_read.raw_reject_reason is not null then rates_read.raw_reject_reason
            when rates_read.rate_date is null then 'rate_date is missing'
            when rates_read.currency is null then 'currency is missing'
            when rates_read.rate_to_reporting is null then 'rate_to_reporting is missing'
            when rates_read.kind is null then 'kind is missing'
            when {{ unreadable('rates_read.rate_date', 'rates_read.rate_date_read') }}
                then 'rate_date is not a date'
            when {{ unreadable('rates_read.rate_to_reporting', 'rates_read.rate_to_reporting_read') }}
                then 'rate_to_reporting is not a number'
        end as reject_reason
    from rates_read
),

final as (
    select
        rates_judged.system as source_system,
        rates_judged.currency,
        rates_judged.kind,
        rates_judged.mapping_name,
        rates_judged.file_name,
        rates_judged.reject_reason,
        {{ rejected_record(raw_columns, 'rates_judged', kept='raw_rejected_record') }}
            as rejected_record,
        rates_judged.load_number,
        rates_judged.version_order,
        rates_judged.row_number,
        rates_judged.rate_to_reporting_read as rate_to_reporting,
        rates_judged.rate_date_read as rate_date,
        rates_judged.fetched_at
    from rates_judged
)

select * from final
