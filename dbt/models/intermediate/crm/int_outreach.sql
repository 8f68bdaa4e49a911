{#-
    One row per completed call, outbound e-mail or held meeting of an owner with a contact, as known at the end of
    `as_of`. A task is a plan and no contact. A call without a direction was logged by the one who made it.
-#}
with

activities as (
    select * from {{ ref('int_activities') }}
    where
        kind in ('call', 'email', 'meeting')
        and is_past
        and is_completed
        and not is_deleted
        and coalesce(direction, 'outbound') = 'outbound'
        and contact_key is not null
        and owner_key is not null
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

final as (
    select
        activities.contact_key,
        activities.owner_key,
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
    cross join run_context
)

select * from final
