{#-
    One row per deal with any activity that was known at the end of `as_of`: when somebody last
    dealt with it, and when somebody is to deal with it next. A task counts once it is done; a
    meeting counts on its day, held or not, since few sellers tick it off.
-#}
with

activities as (
    select * from {{ ref('int_activities') }}
    where deal_key is not null and occurred_at is not null and not is_deleted
),

final as (
    select
        activities.source_system,
        activities.deal_key,
        max(activities.occurred_at) filter (
            where
            activities.is_past
            and (activities.kind <> 'task' or activities.is_completed)
        ) as last_activity_at,
        min(activities.occurred_at) filter (where activities.is_planned)
            as next_activity_at
    from activities
    group by all
)

select * from final
