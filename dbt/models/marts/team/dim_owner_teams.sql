with

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

-- Today's place told of the past would leak, so what is assumed is not told.
final as (
    select
        team_periods.owner_key,
        case when team_periods.history_basis <> 'assumed_current' then team_periods.manager_key end as manager_key,
        case when team_periods.history_basis <> 'assumed_current' then team_periods.team end as team,
        team_periods.history_basis,
        team_periods.is_last as is_current,
        nullif(team_periods.valid_from, timestamp '0001-01-01') as valid_from,
        nullif(team_periods.valid_to, timestamp '9999-12-31') as valid_to
    from team_periods
    inner join owners on team_periods.owner_key = owners.owner_key
)

select * from final
