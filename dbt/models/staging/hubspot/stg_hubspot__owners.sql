{%- set columns = [
    'id', 'email', 'first_name', 'last_name', 'user_id', 'teams', 'archived', 'created_at',
    'updated_at', 'payload',
] -%}
{{ config(meta={'reads': columns}) }}

with

owners_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__owners'), id=['id'], id_in_this=['owner_id'], columns=columns,
        order_by=['fetched_at', 'updated_at'],
    ) }}
),

owners_read as (
    select
        owners_landed.*,
        {{ to_timestamp('owners_landed.created_at') }} as created_at_read,
        {{ to_timestamp('owners_landed.updated_at') }} as updated_at_read,
        try(json_extract_string(owners_landed.payload, '$.type')) as owner_type,
        try(from_json(owners_landed.teams, '[{"name": "VARCHAR", "primary": "BOOLEAN"}]')) as teams_read
    from owners_landed
),

owners_judged as (
    select
        owners_read.*,
        case
            when {{ given('owners_read.id') }} is null then 'id is missing'
            when {{ unreadable('owners_read.created_at', 'owners_read.created_at_read') }}
                then 'created_at is not a time'
        end as reject_reason
    from owners_read
),

final as (
    select
        'hubspot' as source_system,
        owners_judged.id as owner_id,
        {{ given('owners_judged.user_id') }} as user_id,
        -- HubSpot's owners have teams, but neither managers nor roles.
        cast(null as text) as manager_id,
        coalesce(
            {{ clean_text("concat_ws(' ', owners_judged.first_name, owners_judged.last_name)") }},
            lower({{ clean_text('owners_judged.email') }})
        ) as owner_name,
        lower({{ clean_text('owners_judged.email') }}) as email,
        -- A member of several teams counts for the primary one.
        coalesce(
            list_filter(owners_judged.teams_read, lambda team: team.primary)[1].name,
            owners_judged.teams_read[1].name
        ) as team,
        cast(null as text) as role, -- noqa: RF04
        case owners_judged.owner_type when 'QUEUE' then 'queue' else 'person' end as kind,
        owners_judged.reject_reason,
        {{ rejected_record(columns, 'owners_judged') }} as rejected_record,
        owners_judged.load_number,
        owners_judged.version_order,
        owners_judged.content_hash,
        not coalesce({{ to_boolean('owners_judged.archived') }}, false) as is_active,
        owners_judged.fetched_at,
        owners_judged.created_at_read as created_at,
        owners_judged.updated_at_read as updated_at
    from owners_judged
)

select * from final
