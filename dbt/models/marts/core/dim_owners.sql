{#-
    Owners that a CRM lists, and those that records name although no list has them: exports without
    an owner list name owners in the records, and a CRM may have forgotten someone whose deals it
    still holds.
-#}
with

owners as (
    select * from {{ ref('int_owners_unioned') }}
),

owner_keys as (
    select * from {{ ref('int_owner_keys') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
    where is_last
),

-- No CRM tells every integration from a person, so the company names those that it has.
integration_owners as (
    select distinct integration_owners.name
    from {{ source('run', 'integration_owners') }} as integration_owners
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Of a past day what had landed for it is known, where the source does not tell when somebody left.
told_by_the_day as (
    {{ told_by_the_day('owners', 'owner_id', ['is_active']) }}
),

newest_versions as (
    select
        owners.source_system,
        owners.owner_id,
        max(owners.version_order) as version_order
    from owners
    group by all
),

owners_listed as (
    select
        owners.source_system || ':' || owners.owner_id as owner_key,
        owners.owner_id,
        owners.source_system,
        coalesce(owners.owner_name, owners.email, owners.owner_id) as owner_name,
        owners.email,
        coalesce(owners.kind, 'person') as kind,
        coalesce({{ as_told('is_active', 'owners') }}, true) as is_active_as_told,
        owners.created_at,
        -- Nobody edits who has left, so the last change was the leaving.
        case when not owners.is_active then owners.updated_at end as left_at
    from owners
    inner join newest_versions
        on
            owners.source_system = newest_versions.source_system
            and owners.owner_id = newest_versions.owner_id
            and owners.version_order = newest_versions.version_order
    left join told_by_the_day
        on
            owners.source_system = told_by_the_day.source_system
            and owners.owner_id = told_by_the_day.owner_id
),

-- Who was listed later did not exist yet, unless a record of the time already names them. Of a day before the first
-- landing nobody knows team and manager: today's told of it would leak. Who left after the day was still there.
owners_existing as (
    select
        owners_listed.* exclude (is_active_as_told, left_at),
        coalesce(owners_listed.left_at >= run_context.as_of_end, owners_listed.is_active_as_told) as is_active,
        case when owners_listed.left_at < run_context.as_of_end then owners_listed.left_at end as deactivated_at,
        case when team_periods.history_basis <> 'assumed_current' then team_periods.manager_key end as manager_key,
        case when team_periods.history_basis <> 'assumed_current' then team_periods.team end as team
    from owners_listed
    cross join run_context
    left join team_periods on owners_listed.owner_key = team_periods.owner_key
    left join owner_keys on owners_listed.owner_key = owner_keys.owner_key
    where
        owners_listed.created_at is null
        or owners_listed.created_at < run_context.as_of_end
        or owner_keys.owner_key is not null
),

sources_with_list as (
    select distinct owners_listed.source_system
    from owners_listed
),

owners_named_only as (
    select
        owner_keys.owner_key,
        owner_keys.owner_id,
        owner_keys.source_system,
        owner_keys.owner_id as owner_name,
        cast(null as text) as email,
        'person' as kind,
        cast(null as timestamp) as created_at,
        sources_with_list.source_system is null as is_active,
        cast(null as timestamp) as deactivated_at,
        cast(null as text) as manager_key,
        cast(null as text) as team
    from owner_keys
    anti join owners_listed on owner_keys.owner_key = owners_listed.owner_key
    left join sources_with_list on owner_keys.source_system = sources_with_list.source_system
),

owners_all as (
    select * from owners_existing
    union all
    select * from owners_named_only
),

owners_told as (
    select
        owners_all.* replace (
            case
                when
                    exists (
                        select 1 from integration_owners
                        where
                            integration_owners.name in (
                                lower(owners_all.owner_id),
                                lower(owners_all.owner_key),
                                lower(owners_all.owner_name),
                                lower(owners_all.email)
                            )
                    )
                    then 'integration'
                else owners_all.kind
            end as kind
        )
    from owners_all
),

final as (
    select
        owners_told.owner_key,
        owners_told.manager_key,
        owners_told.owner_id,
        owners_told.source_system,
        owners_told.owner_name,
        owners_told.email,
        owners_told.team,
        owners_told.kind,
        case
            when owners_told.kind = 'person' and owners_told.is_active then owners_told.owner_name
            else 'Unassigned'
        end as rollup_owner_name,
        owners_told.is_active,
        owners_told.created_at,
        owners_told.deactivated_at
    from owners_told
)

select * from final
