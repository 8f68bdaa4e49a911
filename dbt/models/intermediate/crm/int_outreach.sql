{#-
    One row per completed call, outbound e-mail or held meeting of an owner with a contact, as known
    at the end of `as_of`. A task is a plan and no contact. A call without a direction was logged by
    the one who made it.
-#}
with

activities as (
    {{ union_staged('activities') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

newest_versions as (
    select
        activities.source_system,
        activities.activity_id,
        max(activities.version_order) as version_order
    from activities
    group by all
),

final as (
    select
        activities.source_system
        || ':'
        || coalesce(survivors.survivor_id, activities.contact_id) as contact_key,
        activities.source_system || ':' || activities.owner_id as owner_key,
        activities.source_system,
        activities.kind,
        -- Midnight is what a day without a time becomes.
        cast(activities.occurred_at as time) = time '00:00:00'
        or cast(
            activities.occurred_at at time zone 'UTC' at time zone run_context.reporting_timezone
            as time
        ) = time '00:00:00' as is_date_only,
        activities.occurred_at
    from activities
    inner join newest_versions
        on
            activities.source_system = newest_versions.source_system
            and activities.activity_id = newest_versions.activity_id
            and activities.version_order = newest_versions.version_order
    cross join run_context
    left join survivors
        on
            survivors.object = 'contact'
            and activities.source_system = survivors.source_system
            and activities.contact_id = survivors.merged_id
    where
        activities.kind in ('call', 'email', 'meeting')
        and activities.is_completed
        and coalesce(activities.direction, 'outbound') = 'outbound'
        and not coalesce(activities.is_deleted, false)
        and activities.contact_id is not null
        and activities.owner_id is not null
        and activities.occurred_at < run_context.as_of_end
        and (activities.created_at is null or activities.created_at < run_context.as_of_end)
)

select * from final
