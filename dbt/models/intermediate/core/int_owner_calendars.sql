{#-
    One row per owner and period with one calendar of business hours: that of their own, else that of the team that they
    were in, else the company's. The periods of an owner tile all time.
-#}
with

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

calendars as (
    select
        cast(work_calendars.calendar_no as integer) as calendar_no,
        coalesce(nullif(work_calendars.timezone, ''), run_context.reporting_timezone) as timezone
    from {{ source('run', 'work_calendars') }} as work_calendars
    cross join {{ source('run', 'run_context') }} as run_context
),

calendar_members as (
    select
        cast(calendar_members.calendar_no as integer) as calendar_no,
        calendar_members.level,
        calendar_members.name
    from {{ source('run', 'calendar_members') }} as calendar_members
),

owner_names as (
    select
        owners.owner_key,
        lower(unnest([owners.owner_id, owners.owner_key, owners.email, owners.owner_name])) as name
    from owners
),

-- Whoever goes by two names of the list has the calendar that stands first.
owners_named as (
    select
        owner_names.owner_key,
        min(calendar_members.calendar_no) as calendar_no
    from owner_names
    inner join calendar_members on owner_names.name = calendar_members.name
    where calendar_members.level = 'owner'
    group by owner_names.owner_key
),

owners_placed as (
    select
        owners.owner_key,
        coalesce(owners_named.calendar_no, teams.calendar_no, 0) as calendar_no,
        coalesce(team_periods.valid_from, timestamp '0001-01-01') as valid_from,
        coalesce(team_periods.valid_to, timestamp '9999-12-31') as valid_to,
        coalesce(team_periods.valid_from_date, date '0001-01-01') as valid_from_date,
        coalesce(team_periods.valid_to_date, date '9999-12-31') as valid_to_date
    from owners
    left join team_periods on owners.owner_key = team_periods.owner_key
    left join owners_named on owners.owner_key = owners_named.owner_key
    left join calendar_members as teams
        on
            teams.level = 'team'
            and lower(team_periods.team) = teams.name
),

final as (
    select
        owners_placed.owner_key,
        calendars.timezone,
        owners_placed.calendar_no,
        owners_placed.valid_from,
        owners_placed.valid_to,
        owners_placed.valid_from_date,
        owners_placed.valid_to_date
    from owners_placed
    inner join calendars on owners_placed.calendar_no = calendars.calendar_no
)

select * from final
