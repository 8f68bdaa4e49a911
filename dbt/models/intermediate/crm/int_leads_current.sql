{#-
    One row per lead that exists at the end of `as_of`, from its newest landed version; what may have been another on a
    past day, from the one that had landed for it. Where people
    were merged, the earliest known record says where the lead came from.
-#}
{%- set values = ['owner_id', 'stage_label', 'status_label', 'purchase_timeframe', 'is_converted'] -%}
with

leads as (
    select * from {{ ref('int_leads_unioned') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

lead_owners as (
    select * from {{ ref('int_lead_owners') }}
),

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
    where field = 'purchase_timeframe'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

timeframes_at_as_of as (
    select
        lead_changes.lead_key,
        nullif(
            max_by(
                coalesce(lead_changes.value, ''),
                (lead_changes.changed_at, coalesce(lead_changes.value, ''))
            ) filter (where lead_changes.is_past),
            ''
        ) as purchase_timeframe
    from lead_changes
    group by lead_changes.lead_key
),

told_by_the_day as (
    {{ told_by_the_day('leads', 'lead_id', values + ['contact_id', 'account_id', 'is_deleted', 'deleted_at']) }}
),

newest_versions as (
    select
        leads.source_system,
        leads.lead_id,
        max(leads.version_order) as version_order
    from leads
    group by all
),

leads_newest as (
    select
        leads.*,
        leads.source_system || ':' || leads.lead_id as lead_key
    from leads
    inner join newest_versions
        on
            leads.source_system = newest_versions.source_system
            and leads.lead_id = newest_versions.lead_id
            and leads.version_order = newest_versions.version_order
),

-- Before the first landing links are taken to have been what they are.
leads_linked as (
    select
        leads_newest.* replace (
            {%- for value in values %}
            {{ told_value(value, 'leads_newest') }} as {{ value }},
            {%- endfor %}
            {{ as_told('contact_id', 'leads_newest') }} as contact_id,
            {{ as_told('account_id', 'leads_newest') }} as account_id,
            {{ lies_deleted('leads_newest') }} as is_deleted,
            {{ lies_deleted_since('leads_newest') }} as deleted_at
        ),
        case when told_by_the_day.told is not null then 'landed_version' else 'assumed_current' end as landed_basis
    from leads_newest
    cross join run_context
    left join told_by_the_day
        on
            leads_newest.source_system = told_by_the_day.source_system
            and leads_newest.lead_id = told_by_the_day.lead_id
),

leads_joined_to_survivors as (
    select
        leads_linked.*,
        coalesce(contact_survivors.survivor_id, leads_linked.contact_id) as contact_id_surviving,
        coalesce(account_survivors.survivor_id, leads_linked.account_id) as account_id_surviving,
        -- Where the contact is the lead, the lead vanishes with the contact.
        coalesce(
            contact_survivors.merged_id is not null
            and leads_linked.lead_id = leads_linked.contact_id,
            false
        ) as is_merged_away
    from leads_linked
    left join survivors as contact_survivors
        on
            contact_survivors.object = 'contact'
            and leads_linked.source_system = contact_survivors.source_system
            and leads_linked.contact_id = contact_survivors.merged_id
    left join survivors as account_survivors
        on
            account_survivors.object = 'account'
            and leads_linked.source_system = account_survivors.source_system
            and leads_linked.account_id = account_survivors.merged_id
),

earliest_sources as (
    select
        leads_joined_to_survivors.source_system
        || ':'
        || leads_joined_to_survivors.contact_id_surviving as lead_key,
        min_by(
            {
                'source_label': leads_joined_to_survivors.source_label,
                'source_detail': leads_joined_to_survivors.source_detail
            },
            (leads_joined_to_survivors.created_at, leads_joined_to_survivors.lead_id)
        ) as source
    from leads_joined_to_survivors
    where
        leads_joined_to_survivors.lead_id = leads_joined_to_survivors.contact_id
        and leads_joined_to_survivors.created_at is not null
        and leads_joined_to_survivors.source_label is not null
    group by all
    having bool_or(leads_joined_to_survivors.is_merged_away)
),

final as (
    select
        leads_joined_to_survivors.lead_key,
        leads_joined_to_survivors.source_system
        || ':'
        || leads_joined_to_survivors.contact_id_surviving as contact_key,
        leads_joined_to_survivors.source_system
        || ':'
        || leads_joined_to_survivors.account_id_surviving as account_key,
        case
            when lead_owners.lead_key is not null then lead_owners.owner_key
            else leads_joined_to_survivors.source_system || ':' || leads_joined_to_survivors.owner_id
        end as owner_key,
        leads_joined_to_survivors.lead_id,
        leads_joined_to_survivors.source_system,
        leads_joined_to_survivors.full_name,
        leads_joined_to_survivors.email,
        leads_joined_to_survivors.company_name,
        case
            when earliest_sources.lead_key is not null then earliest_sources.source.source_label
            else leads_joined_to_survivors.source_label
        end as source_label,
        case
            when earliest_sources.lead_key is not null then earliest_sources.source.source_detail
            else leads_joined_to_survivors.source_detail
        end as source_detail,
        leads_joined_to_survivors.stage_label,
        leads_joined_to_survivors.status_label,
        case
            when timeframes_at_as_of.lead_key is not null then timeframes_at_as_of.purchase_timeframe
            else leads_joined_to_survivors.purchase_timeframe
        end as purchase_timeframe,
        leads_joined_to_survivors.is_converted,
        coalesce(leads_joined_to_survivors.is_test, false) as is_test,
        leads_joined_to_survivors.is_deleted,
        leads_joined_to_survivors.landed_basis,
        {{ day_in_zone('leads_joined_to_survivors.created_at', 'run_context.reporting_timezone') }}
            as created_date,
        leads_joined_to_survivors.created_at,
        leads_joined_to_survivors.deleted_at
    from leads_joined_to_survivors
    cross join run_context
    left join earliest_sources on leads_joined_to_survivors.lead_key = earliest_sources.lead_key
    left join lead_owners on leads_joined_to_survivors.lead_key = lead_owners.lead_key
    left join timeframes_at_as_of on leads_joined_to_survivors.lead_key = timeframes_at_as_of.lead_key
    where
        not leads_joined_to_survivors.is_merged_away
        and (
            leads_joined_to_survivors.created_at is null
            or leads_joined_to_survivors.created_at < run_context.as_of_end
        )
)

select * from final
