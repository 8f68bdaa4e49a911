{%- set moneys = ['amount', 'tcv', 'acv', 'arr', 'one_time_amount'] -%}
{%- set raw_columns = [
    'deal_id', 'deal_name', 'account_id', 'contact_id', 'owner_id', 'pipeline_id',
    'pipeline_label', 'stage_id', 'stage_label', 'amount', 'tcv', 'acv', 'arr', 'one_time_amount', 'currency', 'close_date',
    'deal_type', 'lost_reason', 'competitor', 'forecast_category', 'next_step', 'created_by', 'win_probability',
    'created_at', 'updated_at', 'is_deleted', 'deleted_at', 'merged_ids',
] -%}

with

deals_landed as (
    {{ landed_file_rows(source('raw', 'files__deals'), raw_columns) }}
),

deals_read as (
    select
        deals_landed.*,
        {%- for money in moneys %}
        {{ to_decimal('deals_landed.' ~ money) }} as {{ money }}_read,
        {%- endfor %}
        {{ to_date('deals_landed.close_date') }} as close_date_read,
        {{ to_decimal('deals_landed.win_probability', 6) }} as win_probability_read,
        {{ to_timestamp('deals_landed.created_at') }} as created_at_read,
        {{ to_timestamp('deals_landed.updated_at') }} as updated_at_read,
        {{ to_boolean('deals_landed.is_deleted') }} as is_deleted_read,
        {{ to_timestamp('deals_landed.deleted_at') }} as deleted_at_read
    from deals_landed
),

deals_judged as (
    select
        deals_read.*,
        case
            when deals_read.raw_reject_reason is not null then deals_read.raw_reject_reason
            when deals_read.deal_id is null then 'deal_id is missing'
            {%- for money in moneys %}
            when {{ unreadable('deals_read.' ~ money, 'deals_read.' ~ money ~ '_read') }}
                then '{{ money }} is not a number'
            {%- endfor %}
            when {{ unreadable('deals_read.close_date', 'deals_read.close_date_read') }}
                then 'close_date is not a date'
            when {{ unreadable('deals_read.win_probability', 'deals_read.win_probability_read') }}
                then 'win_probability is not a number'
            when {{ unreadable('deals_read.created_at', 'deals_read.created_at_read') }}
                then 'created_at is not a time'
            when {{ unreadable('deals_read.updated_at', 'deals_read.updated_at_read') }}
                then 'updated_at is not a time'
            when {{ unreadable('deals_read.is_deleted', 'deals_read.is_deleted_read') }}
                then 'is_deleted is not true or false'
            when {{ unreadable('deals_read.deleted_at', 'deals_read.deleted_at_read') }}
                then 'deleted_at is not a time'
            when
                coalesce(deals_read.{{ moneys | join(', deals_read.') }}) is not null
                and deals_read.currency is null
                then 'currency is missing'
        end as reject_reason
    from deals_read
),

final as (
    select
        deals_judged.system as source_system,
        deals_judged.deal_id,
        deals_judged.account_id,
        deals_judged.contact_id,
        deals_judged.owner_id,
        deals_judged.pipeline_id,
        deals_judged.stage_id,
        deals_judged.deal_name,
        deals_judged.pipeline_label,
        deals_judged.stage_label,
        deals_judged.currency,
        deals_judged.deal_type,
        deals_judged.lost_reason,
        deals_judged.competitor,
        deals_judged.forecast_category,
        deals_judged.next_step,
        deals_judged.created_by,
        -- An export names one contact and does not say whether there are more.
        cast(null as text) as contact_ids,
        deals_judged.merged_ids,
        deals_judged.mapping_name,
        deals_judged.file_name,
        deals_judged.reject_reason,
        {{ rejected_record(raw_columns, 'deals_judged', kept='raw_rejected_record') }}
            as rejected_record,
        deals_judged.load_number,
        deals_judged.version_order,
        deals_judged.row_number,
        {%- for money in moneys %}
        deals_judged.{{ money }}_read as {{ money }},
        {%- endfor %}
        try_cast(deals_judged.win_probability_read as decimal(9, 6)) as win_probability,
        coalesce(deals_judged.is_deleted_read, deals_judged.deleted_at_read is not null) as is_deleted,
        deals_judged.close_date_read as close_date,
        deals_judged.fetched_at,
        deals_judged.created_at_read as created_at,
        deals_judged.updated_at_read as updated_at,
        deals_judged.deleted_at_read as deleted_at
    from deals_judged
)

select * from final
