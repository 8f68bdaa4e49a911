{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'archived_at', 'dealname', 'amount',
    'deal_currency_code', 'dealstage', 'pipeline', 'closedate', 'createdate', 'hs_lastmodifieddate',
    'hubspot_owner_id', 'dealtype', 'closed_lost_reason', 'hs_merged_object_ids',
    'hs_forecast_category', 'hs_next_step', 'competitor', 'hs_created_by_user_id', 'hs_tcv', 'hs_acv', 'hs_arr', 'associations',
] -%}
{{ config(meta={'reads': columns}) }}

with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

deals_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__deals'), id=['id'], id_in_this=['deal_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

deals_read as (
    select
        deals_landed.*,
        {{ to_decimal('deals_landed.amount') }} as amount_read,
        {%- for part in ['tcv', 'acv', 'arr'] %}
        {{ to_decimal('deals_landed.hs_' ~ part) }} as {{ part }},
        {%- endfor %}
        {{ to_timestamp('deals_landed.closedate') }} as closed_at_read,
        {{ to_timestamp('coalesce(deals_landed.createdate, deals_landed.created_at)') }} as created_at_read,
        {{ to_timestamp('coalesce(deals_landed.hs_lastmodifieddate, deals_landed.updated_at)') }} as updated_at_read,
        {{ to_timestamp('deals_landed.archived_at') }} as deleted_at_read,
        try(json_extract_string(
            deals_landed.associations, ['$.contacts.results[0].id', '$.companies.results[0].id']
        )) as first_ids,
        try(json_extract_string(deals_landed.associations, '$.contacts.results[*].id')) as contact_ids_read
    from deals_landed
),

deals_judged as (
    select
        deals_read.*,
        case
            when {{ given('deals_read.id') }} is null then 'id is missing'
            when deals_read.created_at_read is null then 'created_at is not a time'
            when {{ unreadable('deals_read.amount', 'deals_read.amount_read') }} then 'amount is not a number'
            {%- for part in ['tcv', 'acv', 'arr'] %}
            when {{ unreadable('deals_read.hs_' ~ part, 'deals_read.' ~ part) }} then '{{ part }} is not a number'
            {%- endfor %}
            when
                coalesce(deals_read.amount_read, deals_read.tcv, deals_read.acv, deals_read.arr) is not null
                and {{ given('deals_read.deal_currency_code') }} is null
                then 'currency is missing'
            when {{ unreadable('deals_read.closedate', 'deals_read.closed_at_read') }} then 'close_date is not a date'
        end as reject_reason
    from deals_read
),

final as (
    select
        'hubspot' as source_system,
        deals_judged.id as deal_id,
        deals_judged.first_ids[2] as account_id,
        deals_judged.first_ids[1] as contact_id,
        {{ given('deals_judged.hubspot_owner_id') }} as owner_id,
        {{ given('deals_judged.pipeline') }} as pipeline_id,
        {{ given('deals_judged.dealstage') }} as stage_id,
        {{ clean_text('deals_judged.dealname') }} as deal_name,
        cast(null as text) as pipeline_label,
        cast(null as text) as stage_label,
        upper({{ given('deals_judged.deal_currency_code') }}) as currency,
        {{ given('deals_judged.dealtype') }} as deal_type,
        {{ clean_text('deals_judged.closed_lost_reason') }} as lost_reason,
        {{ clean_text('deals_judged.competitor') }} as competitor,
        {{ given('deals_judged.hs_forecast_category') }} as forecast_category,
        {{ clean_text('deals_judged.hs_next_step') }} as next_step,
        {{ given('deals_judged.hs_created_by_user_id') }} as created_by,
        -- Empty where it is known that there is none.
        array_to_string(list_sort(list_distinct(deals_judged.contact_ids_read)), ';') as contact_ids,
        {{ given('deals_judged.hs_merged_object_ids') }} as merged_ids,
        deals_judged.reject_reason,
        {{ rejected_record(columns, 'deals_judged') }} as rejected_record,
        deals_judged.load_number,
        deals_judged.version_order,
        deals_judged.content_hash,
        deals_judged.amount_read as amount,
        deals_judged.tcv,
        deals_judged.acv,
        deals_judged.arr,
        -- HubSpot tells by lines what is paid once.
        cast(null as decimal(18, 2)) as one_time_amount,
        cast(null as decimal(9, 6)) as win_probability,
        coalesce({{ to_boolean('deals_judged.archived') }}, false) as is_deleted,
        {{ day_in_zone('deals_judged.closed_at_read', 'run_context.reporting_timezone') }} as close_date,
        deals_judged.fetched_at,
        deals_judged.created_at_read as created_at,
        deals_judged.updated_at_read as updated_at,
        deals_judged.deleted_at_read as deleted_at
    from deals_judged
    cross join run_context
)

select * from final
