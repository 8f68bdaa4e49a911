{#-
    One row per deal with any activity that was known at the end of `as_of`: when somebody last
    dealt with it, and when somebody is to deal with it next. A task counts once it is done; a
    meeting counts on its day, held or not, since few sellers tick it off.
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

activities_known as (
    select
        activities.source_system,
        activities.kind,
        activities.is_completed,
        activities.occurred_at,
        coalesce(survivors.survivor_id, activities.deal_id) as deal_id,
        activities.occurred_at < run_context.as_of_end as is_past
    from activities
    inner join newest_versions
        on
            activities.source_system = newest_versions.source_system
            and activities.activity_id = newest_versions.activity_id
            and activities.version_order = newest_versions.version_order
    cross join run_context
    left join survivors
        on
            survivors.object = 'deal'
            and activities.source_system = survivors.source_system
            and activities.deal_id = survivors.merged_id
    where
        activities.deal_id is not null
        and activities.occurred_at is not null
        and not coalesce(activities.is_deleted, false)
        and (activities.created_at is null or activities.created_at < run_context.as_of_end)
),

final as (
    select
        activities_known.source_system,
        activities_known.source_system || ':' || activities_known.deal_id as deal_key,
        max(activities_known.occurred_at) filter (
            where
            activities_known.is_past
            and (activities_known.kind <> 'task' or activities_known.is_completed)
        ) as last_activity_at,
        min(activities_known.occurred_at) filter (where not activities_known.is_past)
            as next_activity_at
    from activities_known
    group by all
)

select * from final
