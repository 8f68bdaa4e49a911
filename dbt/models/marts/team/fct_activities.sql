with

activities as (
    select * from {{ ref('int_activities') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- What lies ahead has the team of today.
activities_placed as (
    select
        activities.*,
        least(
            coalesce(activities.occurred_at, activities.created_at, run_context.as_of_end),
            run_context.as_of_end - interval 1 microsecond
        ) as placed_at
    from activities
    cross join run_context
),

-- CRMs link nothing to a deleted record; what landed before the deletion would still name it.
activities_joined as (
    select
        activities_placed.*,
        deals.deal_key as deal_key_known,
        contacts.contact_key as contact_key_known,
        accounts.account_key as account_key_known,
        owners.kind as owner_kind,
        team_periods.team,
        team_periods.history_basis as team_history_basis,
        case
            when activities_placed.is_deleted then 'deleted'
            when 'test' in (deals.exclusion_reason, contacts.exclusion_reason, accounts.exclusion_reason) then 'test'
        end as exclusion_reason
    from activities_placed
    left join owners on activities_placed.owner_key = owners.owner_key
    left join team_periods
        on
            activities_placed.owner_key = team_periods.owner_key
            and activities_placed.placed_at >= team_periods.valid_from
            and activities_placed.placed_at < team_periods.valid_to
    left join deals on activities_placed.deal_key = deals.deal_key and not deals.is_deleted
    left join contacts on activities_placed.contact_key = contacts.contact_key and not contacts.is_deleted
    left join accounts on activities_placed.account_key = accounts.account_key and not accounts.is_deleted
),

final as (
    select
        activities_joined.activity_key,
        activities_joined.owner_key,
        activities_joined.deal_key_known as deal_key,
        activities_joined.contact_key_known as contact_key,
        activities_joined.account_key_known as account_key,
        activities_joined.activity_id,
        activities_joined.source_system,
        activities_joined.kind,
        activities_joined.direction,
        activities_joined.outcome,
        -- Today's team told of the past would leak, so what is assumed is not told.
        case when activities_joined.team_history_basis <> 'assumed_current' then activities_joined.team end as team,
        activities_joined.team_history_basis,
        activities_joined.exclusion_reason,
        activities_joined.duration_seconds,
        activities_joined.is_completed,
        activities_joined.is_planned,
        activities_joined.is_past,
        -- A tried call counts, answered or not; a queue or an integration is nobody. Without a direction nobody knows.
        case
            when
                not activities_joined.is_past
                or activities_joined.kind not in ('call', 'email')
                or activities_joined.outcome in ('cancelled', 'rescheduled')
                or activities_joined.owner_key is null
                or activities_joined.owner_kind <> 'person'
                then false
            else activities_joined.direction = 'outbound'
        end as is_human_outbound,
        activities_joined.is_deleted,
        activities_joined.exclusion_reason is not null as is_excluded,
        {{ day_in_zone('activities_joined.occurred_at', 'run_context.reporting_timezone') }} as occurred_date,
        {{ day_in_zone('activities_joined.created_at', 'run_context.reporting_timezone') }} as created_date,
        activities_joined.occurred_at,
        activities_joined.created_at
    from activities_joined
    cross join run_context
)

select * from final
