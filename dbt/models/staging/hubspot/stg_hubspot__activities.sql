{%- set columns = [
    'id', 'created_at', 'updated_at', 'archived', 'hs_timestamp', 'hubspot_owner_id', 'hs_createdate',
    'hs_lastmodifieddate', 'title', 'direction', 'outcome', 'status', 'duration_ms', 'associations',
] -%}
{{ config(meta={'reads': columns}) }}
{%- set kinds = {
    'meeting': 'hubspot__meetings', 'call': 'hubspot__calls', 'email': 'hubspot__emails', 'task': 'hubspot__tasks',
} -%}

with
{% for kind, raw_table in kinds.items() %}
{{ kind }}s_landed as (
    {{ landed_versions(
        source('raw', raw_table), id=['id'], id_in_this=['activity_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),
{% endfor %}
activities_landed as (
    {%- for kind in kinds %}
    select
        '{{ kind }}' as kind,
        {{ kind }}s_landed.*
    from {{ kind }}s_landed
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

activities_read as (
    select
        activities_landed.*,
        {{ to_timestamp('activities_landed.hs_timestamp') }} as occurred_at_read,
        {{ to_timestamp('coalesce(activities_landed.hs_createdate, activities_landed.created_at)') }}
            as created_at_read,
        {{ to_timestamp('coalesce(activities_landed.hs_lastmodifieddate, activities_landed.updated_at)') }}
            as updated_at_read,
        {{ to_bigint('activities_landed.duration_ms') }} as duration_ms_read,
        try(json_extract_string(
            activities_landed.associations,
            ['$.contacts.results[0].id', '$.companies.results[0].id', '$.deals.results[0].id']
        )) as first_ids
    from activities_landed
),

activities_judged as (
    select
        activities_read.*,
        case
            when {{ given('activities_read.id') }} is null then 'id is missing'
            when activities_read.created_at_read is null then 'created_at is not a time'
            when {{ unreadable('activities_read.hs_timestamp', 'activities_read.occurred_at_read') }}
                then 'occurred_at is not a time'
            when {{ unreadable('activities_read.duration_ms', 'activities_read.duration_ms_read') }}
                then 'duration is not a number'
        end as reject_reason
    from activities_read
),

final as (
    select
        'hubspot' as source_system,
        activities_judged.id as activity_id,
        {{ given('activities_judged.hubspot_owner_id') }} as owner_id,
        activities_judged.first_ids[1] as contact_id,
        activities_judged.first_ids[3] as deal_id,
        activities_judged.first_ids[2] as account_id,
        activities_judged.kind,
        {{ clean_text('activities_judged.title') }} as subject,
        case
            when activities_judged.direction = 'INCOMING_EMAIL' then 'inbound'
            when activities_judged.kind = 'email' then 'outbound'
            else lower({{ given('activities_judged.direction') }})
        end as direction,
        -- HubSpot names the outcomes of calls by the identifiers of its standard dispositions.
        case activities_judged.outcome
            when '9d9162e7-6cf3-4944-bf63-4dff82258764' then 'busy'
            when 'f240bbac-87c9-4f6e-bf70-924b57d47db7' then 'connected'
            when 'a4c4c377-d246-4b32-a13b-75a56a4cd0ff' then 'left_live_message'
            when 'b2cf5968-551e-4856-9783-52b3da59a7d0' then 'left_voicemail'
            when '73a0d17f-1163-4015-bdd5-ec830791da20' then 'no_answer'
            when '17b47fee-58de-441e-a44c-c6300d46f273' then 'wrong_number'
            else lower(coalesce({{ given('activities_judged.outcome') }}, {{ given('activities_judged.status') }}))
        end as outcome,
        activities_judged.reject_reason,
        {{ rejected_record(columns, 'activities_judged') }} as rejected_record,
        activities_judged.load_number,
        activities_judged.version_order,
        activities_judged.content_hash,
        activities_judged.duration_ms_read // 1000 as duration_seconds,
        coalesce(
            case activities_judged.kind
                when 'meeting' then activities_judged.outcome = 'COMPLETED'
                when 'email' then activities_judged.status = 'SENT' or activities_judged.direction = 'INCOMING_EMAIL'
                else activities_judged.status = 'COMPLETED'
            end,
            false
        ) as is_completed,
        coalesce({{ to_boolean('activities_judged.archived') }}, false) as is_deleted,
        activities_judged.fetched_at,
        activities_judged.occurred_at_read as occurred_at,
        activities_judged.created_at_read as created_at,
        activities_judged.updated_at_read as updated_at
    from activities_judged
)

select * from final
