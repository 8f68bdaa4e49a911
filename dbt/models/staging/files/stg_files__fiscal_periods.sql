{%- set raw_columns = [
    'fiscal_year', 'fiscal_month', 'period_start', 'period_end', 'fiscal_year_label',
] -%}

with

fiscal_periods_landed as (
    {{ landed_file_rows(source('raw', 'files__fiscal_periods'), raw_columns) }}
),

fiscal_periods_read as (
    select
        fiscal_periods_landed.*,
        {{ to_bigint('fiscal_periods_landed.fiscal_year') }} as fiscal_year_read,
        {{ to_bigint('fiscal_periods_landed.fiscal_month') }} as fiscal_month_read,
        {{ to_date('fiscal_periods_landed.period_start') }} as period_start_read,
        {{ to_date('fiscal_periods_landed.period_end') }} as period_end_read
    from fiscal_periods_landed
),

fiscal_periods_judged as (
    select
        fiscal_periods_read.*,
        case
            when fiscal_periods_read.raw_reject_reason is not null then fiscal_periods_read.raw_reject_reason
            {%- for column in ['fiscal_year', 'fiscal_month', 'period_start', 'period_end'] %}
            when fiscal_periods_read.{{ column }} is null then '{{ column }} is missing'
            {%- endfor %}
            when not coalesce(fiscal_periods_read.fiscal_year_read between 1900 and 2199, false)
                then 'fiscal_year is not a year'
            when not coalesce(fiscal_periods_read.fiscal_month_read between 1 and 12, false)
                then 'fiscal_month is not 1 to 12'
            when fiscal_periods_read.period_start_read is null then 'period_start is not a date'
            when fiscal_periods_read.period_end_read is null then 'period_end is not a date'
            when fiscal_periods_read.period_end_read < fiscal_periods_read.period_start_read
                then 'period_end lies before period_start'
        end as reject_reason
    from fiscal_periods_read
),

final as (
    select
        fiscal_periods_judged.system as source_system,
        fiscal_periods_judged.fiscal_year_label,
        fiscal_periods_judged.mapping_name,
        fiscal_periods_judged.file_name,
        fiscal_periods_judged.reject_reason,
        {{ rejected_record(raw_columns, 'fiscal_periods_judged', kept='raw_rejected_record') }}
            as rejected_record,
        cast(fiscal_periods_judged.fiscal_year_read as integer) as fiscal_year,
        cast(fiscal_periods_judged.fiscal_month_read as integer) as fiscal_month,
        fiscal_periods_judged.load_number,
        fiscal_periods_judged.version_order,
        fiscal_periods_judged.row_number,
        fiscal_periods_judged.period_start_read as period_start,
        fiscal_periods_judged.period_end_read as period_end,
        fiscal_periods_judged.fetched_at
    from fiscal_periods_judged
)

select * from final
