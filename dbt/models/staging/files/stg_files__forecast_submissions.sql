{%- set raw_columns = [
    'level', 'member', 'period_type', 'period_start', 'category', 'amount', 'currency',
    'submitted_on',
] -%}

with

submissions_landed as (
    {{ landed_file_rows(source('raw', 'files__forecast_submissions'), raw_columns) }}
),

submissions_read as (
    select
        submissions_landed.*,
        {{ to_date('submissions_landed.period_start') }} as period_start_read,
        {{ to_date('submissions_landed.submitted_on') }} as submitted_on_read,
        {{ to_decimal('submissions_landed.amount') }} as amount_read
    from submissions_landed
),

submissions_judged as (
    select
        submissions_read.*,
        case
            when submissions_read.raw_reject_reason is not null
                then submissions_read.raw_reject_reason
            when submissions_read.level is null then 'level is missing'
            when submissions_read.level <> 'company' and submissions_read.member is null
                then 'member is missing'
            when submissions_read.period_type is null then 'period_type is missing'
            when submissions_read.period_start is null then 'period_start is missing'
            when submissions_read.category is null then 'category is missing'
            when submissions_read.amount is null then 'amount is missing'
            when submissions_read.currency is null then 'currency is missing'
            when submissions_read.submitted_on is null then 'submitted_on is missing'
            when
                {{ unreadable('submissions_read.period_start', 'submissions_read.period_start_read') }}
                then 'period_start is not a date'
            when
                {{ unreadable('submissions_read.submitted_on', 'submissions_read.submitted_on_read') }}
                then 'submitted_on is not a date'
            when {{ unreadable('submissions_read.amount', 'submissions_read.amount_read') }}
                then 'amount is not a number'
        end as reject_reason
    from submissions_read
),

final as (
    select
        submissions_judged.system as source_system,
        submissions_judged.level,
        submissions_judged.member,
        submissions_judged.period_type,
        submissions_judged.category,
        submissions_judged.currency,
        submissions_judged.mapping_name,
        submissions_judged.file_name,
        submissions_judged.reject_reason,
        {{ rejected_record(raw_columns, 'submissions_judged', kept='raw_rejected_record') }}
            as rejected_record,
        submissions_judged.load_number,
        submissions_judged.version_order,
        submissions_judged.row_number,
        submissions_judged.amount_read as amount,
        submissions_judged.period_start_read as period_start,
        submissions_judged.submitted_on_read as submitted_on,
        submissions_judged.fetched_at
    from submissions_judged
)

select * from final
