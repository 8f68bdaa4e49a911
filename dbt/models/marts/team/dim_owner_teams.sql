with

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

final as (
    select
        team_periods.owner_key,
        team_periods.manager_key,
        team_periods.team,
        team_periods.history_basis,
        team_periods.is_last as is_current,
        nullif(team_periods.valid_from, timestamp '0001-01-01') as valid_from,
        nullif(team_periods.valid_to, timestamp '9999-12-31') as valid_to
    from team_periods
    inner join owners on team_periods.owner_key = owners.owner_key
)

select * from final
