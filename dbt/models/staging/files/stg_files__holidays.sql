{%- set raw_columns = ['region', 'holiday_date', 'name'] -%}

with

holidays_landed as (
    {{ landed_file_rows(source('raw', 'files__holidays'), raw_columns) }}
),

holidays_read as (
    select
        holidays_landed.*,
        {{ to_date('holidays_landed.holiday_date') }} as holiday_date_read
    from holidays_landed
),

holidays_judged as (
    select
        holidays_read.*,
        case
            when holidays_read.raw_reject_reason is not null then holidays_read.raw_reject_reason
            when holidays_read.holiday_date is null then 'holiday_date is missing'
            when {{ unreadable('holidays_read.holiday_date', 'holidays_read.holiday_date_read') }}
                then 'holiday_date is not a date'
        end as reject_reason
    from holidays_read
),

final as (
    select
        holidays_judged.system as source_system,
        holidays_judged.region,
        holidays_judged.name,
        holidays_judged.mapping_name,
        holidays_judged.file_name,
        holidays_judged.reject_reason,
        {{ rejected_record(raw_columns, 'holidays_judged', kept='raw_rejected_record') }}
            as rejected_record,
        holidays_judged.load_number,
        holidays_judged.version_order,
        holidays_judged.row_number,
        holidays_judged.holiday_date_read as holiday_date,
        holidays_judged.fetched_at
    from holidays_judged
)

select * from final
