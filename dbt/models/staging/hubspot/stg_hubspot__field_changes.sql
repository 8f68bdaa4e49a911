{#-
    HubSpot's property by our field, per object; the list decides what is unnested and nothing else
    does.
-#}
{%- set fields = {
    'deal': {
        'stage': 'dealstage', 'pipeline': 'pipeline', 'amount': 'amount', 'tcv': 'hs_tcv', 'acv': 'hs_acv',
        'arr': 'hs_arr', 'close_date': 'closedate',
        'owner': 'hubspot_owner_id', 'currency': 'deal_currency_code',
        'forecast_category': 'hs_manual_forecast_category',
        'forecast_probability': 'hs_forecast_probability', 'next_step': 'hs_next_step',
        'lost_reason': 'closed_lost_reason', 'merged_ids': 'hs_merged_object_ids',
    },
    'lead': {
        'stage': 'lifecyclestage', 'lead_status': 'hs_lead_status', 'owner': 'hubspot_owner_id',
        'purchase_timeframe': 'purchase_timeframe',
    },
    'line_item': {'quantity': 'quantity', 'unit_price': 'price', 'amount': 'amount', 'line_outcome': 'line_outcome'},
} -%}
{%- set raw_tables = {
    'deal': 'hubspot__deals', 'lead': 'hubspot__contacts', 'line_item': 'hubspot__line_items',
} -%}
{%- set change = '[{
    "value": "VARCHAR", "timestamp": "VARCHAR", "sourceType": "VARCHAR", "updatedByUserId": "VARCHAR"
}]' -%}

with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

new_loads as (
    {{ new_loads() }}
),
{% for object, properties in fields.items() %}
{{ object }}_histories_read as (
    select
        new_loads.load_number,
        {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at,
        raw_rows.id as record_id,
        raw_rows.properties_with_history as history_text,
        try(from_json(
            raw_rows.properties_with_history, '{
            {%- for property in properties.values() %}"{{ property }}": {{ change }}{{ ', ' if not loop.last }}{% endfor -%}
        }')) as history
    from {{ source('raw', raw_tables[object]) }} as raw_rows
    inner join new_loads on raw_rows._dlt_load_id = new_loads.dlt_load_id
),

-- A record whose history cannot be read stays as one rejected row.
{{ object }}_fields_listed as (
    select
        '{{ object }}' as object,
        histories.record_id,
        histories.load_number,
        histories.fetched_at,
        unnest(
            case
                when histories.history is not null
                    then [
                        {%- for field, property in properties.items() %}
                        {
                            'field': '{{ field }}',
                            'changes': histories.history.{{ property }},
                            'unread': null
                        }
                        {{- ',' if not loop.last }}
                        {%- endfor %}
                    ]
                when histories.history_text <> ''
                    then [{ 'field': null, 'changes': [null], 'unread': histories.history_text }]
            end
        ) as listed
    from {{ object }}_histories_read as histories
),
{% endfor %}
fields_listed as (
    select * from deal_fields_listed
    union all
    select * from lead_fields_listed
    union all
    select * from line_item_fields_listed
),

changes_unnested as (
    select
        fields_listed.object,
        fields_listed.record_id,
        fields_listed.load_number,
        fields_listed.fetched_at,
        fields_listed.listed.field,
        fields_listed.listed.unread,
        unnest(fields_listed.listed.changes) as change
    from fields_listed
),

-- Each fetch of a record repeats its whole history; a change that was told before is the same
-- change.
changes_deduplicated as (
    select
        changes_unnested.object,
        changes_unnested.record_id,
        changes_unnested.field,
        changes_unnested.change.value as value_text,
        changes_unnested.change.timestamp as changed_at_text,
        min_by(changes_unnested.change.updatedbyuserid, changes_unnested.load_number) as changed_by,
        min_by(changes_unnested.change.sourcetype, changes_unnested.load_number) as source_type,
        min(changes_unnested.unread) as unread,
        min(changes_unnested.load_number) as load_number,
        min(changes_unnested.fetched_at) as fetched_at
    from changes_unnested
    group by all
),

changes_hashed as (
    select
        changes_deduplicated.*,
        hash(
            changes_deduplicated.object,
            changes_deduplicated.field,
            changes_deduplicated.value_text,
            changes_deduplicated.changed_at_text,
            changes_deduplicated.unread
        ) as content_hash
    from changes_deduplicated
),

changes_new as (
    select changes_hashed.*
    from changes_hashed
    {% if is_incremental() %}
    where
        not exists (
            select 1
            from {{ this }} as staged
            where
                changes_hashed.record_id = staged.record_id
                and changes_hashed.content_hash = staged.content_hash
        )
    {% endif %}
),

changes_read as (
    select
        changes_new.*,
        {{ given('changes_new.value_text') }} as value_given,
        {{ to_timestamp('changes_new.changed_at_text') }} as changed_at,
        -- Older histories hold moments as milliseconds.
        case
            when changes_new.field = 'close_date'
                then coalesce(
                    {{ to_timestamp('changes_new.value_text') }},
                    make_timestamp(1000 * {{ to_bigint('changes_new.value_text') }})
                )
        end as close_moment,
        case
            when changes_new.field in ('amount', 'tcv', 'acv', 'arr') then {{ to_decimal('changes_new.value_text') }}
        end as amount,
        case
            when changes_new.field in ('quantity', 'unit_price', 'forecast_probability')
                then {{ to_decimal('changes_new.value_text', 6) }}
        end as number_read
    from changes_new
),

changes_judged as (
    select
        changes_read.*,
        case
            when changes_read.field is null then 'field history is not JSON'
            when changes_read.record_id is null then 'id is missing'
            when changes_read.changed_at is null then 'changed_at is not a time'
            when
                changes_read.field = 'close_date'
                and changes_read.value_given is not null
                and changes_read.close_moment is null
                then 'close_date is not a date'
            when
                changes_read.field in ('amount', 'tcv', 'acv', 'arr')
                and changes_read.value_given is not null
                and changes_read.amount is null
                then changes_read.field || ' is not a number'
            when
                changes_read.field in ('quantity', 'unit_price', 'forecast_probability')
                and changes_read.value_given is not null
                and changes_read.number_read is null
                then changes_read.field || ' is not a number'
            when
                changes_read.field = 'forecast_probability' and changes_read.number_read not between 0 and 1
                then 'forecast_probability is not between 0 and 1'
        end as reject_reason
    from changes_read
),

final as (
    select
        'hubspot' as source_system,
        changes_judged.record_id,
        changes_judged.object,
        changes_judged.field,
        case changes_judged.field
            when 'close_date'
                then
                    cast(
                        {{ day_in_zone('changes_judged.close_moment', 'run_context.reporting_timezone') }} as text
                    )
            {%- for money in ['amount', 'tcv', 'acv', 'arr'] %}
            when '{{ money }}' then cast(changes_judged.amount as text)
            {%- endfor %}
            when 'currency' then upper(changes_judged.value_given)
            when 'quantity' then cast(changes_judged.number_read as text)
            when 'unit_price' then cast(changes_judged.number_read as text)
            when 'forecast_probability' then cast(changes_judged.number_read as text)
            when 'line_outcome' then lower(changes_judged.value_given)
            else changes_judged.value_given
        end as value, -- noqa: RF04
        changes_judged.changed_by,
        changes_judged.source_type,
        changes_judged.reject_reason,
        case
            when changes_judged.reject_reason is not null
                then cast(json_object(
                    'id', changes_judged.record_id,
                    'field', changes_judged.field,
                    'value', changes_judged.value_text,
                    'timestamp', changes_judged.changed_at_text,
                    'history', changes_judged.unread
                ) as text)
        end as rejected_record,
        changes_judged.load_number,
        changes_judged.load_number as version_order,
        changes_judged.content_hash,
        changes_judged.fetched_at,
        changes_judged.changed_at
    from changes_judged
    cross join run_context
)

select * from final
