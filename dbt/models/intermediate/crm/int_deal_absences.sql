{#-
    One row per deal and time in which it lay deleted before it was restored. CRMs date the deletion; that it is back is told by
    the next landing that shows the deal, and counts from the beginning of its day. What no landing has shown deleted has no row.
-#}
with

versions as (
    {{ union_staged('deals', every_landing=true) }}
),

loads as (
    select * from {{ source('ledger', 'loads') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

deals_deleted as (
    select distinct
        versions.source_system,
        versions.deal_id
    from versions
    where versions.is_deleted
),

versions_dated as (
    select
        versions.source_system || ':' || versions.deal_id as deal_key,
        coalesce(versions.is_deleted, false) as is_deleted,
        versions.version_order,
        versions.deleted_at,
        {{ told_day_shown() }} as told_day,
        cast({{ told_day_shown() }} as timestamp)
        at time zone run_context.reporting_timezone at time zone 'UTC' as told_from
    from versions
    cross join run_context
    inner join loads on versions.load_number = loads.load_number
    semi join deals_deleted
        on
            versions.source_system = deals_deleted.source_system
            and versions.deal_id = deals_deleted.deal_id
),

-- A stretch of versions that lie deleted, or do not, begins with the first of them.
turns as (
    select
        versions_dated.deal_key,
        versions_dated.is_deleted,
        versions_dated.version_order,
        coalesce(versions_dated.deleted_at, versions_dated.told_from) as gone_at,
        versions_dated.told_from
    from versions_dated
    cross join run_context
    where versions_dated.told_day <= run_context.as_of
    qualify
        versions_dated.is_deleted is distinct from lag(versions_dated.is_deleted) over (
            partition by versions_dated.deal_key order by versions_dated.version_order
        )
),

turns_followed as (
    select
        turns.deal_key,
        turns.is_deleted,
        turns.gone_at,
        lead(turns.told_from) over (partition by turns.deal_key order by turns.version_order) as back_at
    from turns
),

final as (
    select
        turns_followed.deal_key,
        turns_followed.gone_at,
        turns_followed.back_at
    from turns_followed
    where turns_followed.is_deleted and turns_followed.gone_at < turns_followed.back_at
)

select * from final
