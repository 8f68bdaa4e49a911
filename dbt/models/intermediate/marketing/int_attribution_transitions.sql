{#- How often one channel led to the next. A channel that follows itself is no step: no chance of arriving changes. -#}
with

paths as (
    select * from {{ ref('int_attribution_paths') }}
),

steps as (
    select
        paths.conversion_event,
        paths.level,
        coalesce(
            lag(paths.channel) over (
                partition by paths.conversion_event, paths.level, paths.is_converted, paths.path_key
                order by paths.place
            ),
            '(start)'
        ) as from_channel,
        paths.channel as to_channel
    from paths
),

ends as (
    select
        paths.conversion_event,
        paths.level,
        paths.channel as from_channel,
        case when paths.is_converted then '(conversion)' else '(null)' end as to_channel
    from paths
    where paths.place = paths.touches
),

all_steps as (
    select * from steps
    union all
    select * from ends
),

final as (
    select
        all_steps.conversion_event,
        all_steps.level,
        all_steps.from_channel,
        all_steps.to_channel,
        count(*) as transitions
    from all_steps
    where all_steps.from_channel <> all_steps.to_channel
    group by all
)

select * from final
