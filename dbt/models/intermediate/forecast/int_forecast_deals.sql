{#-
    The deals whose bookings are forecast as they stand today, by who is credited and part of the forecast; `credits`
    says who has which part where others share a deal.
-#}
with

deals as (
    select * from {{ ref('fct_deals') }}
),

pipeline_deals as (
    select * from {{ ref('int_pipeline_deals') }}
),

credits as (
    select * from {{ ref('int_deal_credits') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

-- What will be is told by the teams of the day that is told.
teams as (
    select * from team_periods
    where is_last
),

splits as (
    select * from {{ ref('fct_deal_splits') }}
    where kind = 'revenue' and split_status in ('complete', 'short')
),

shared as (
    select
        splits.deal_key,
        list(
            struct_pack(
                owner_key := splits.owner_key,
                owner := {{ owner_member('owners') }},
                team := coalesce(teams.team, 'unassigned'),
                booked_team := case when splits.status = 'won' then coalesce(team_periods.team, 'unassigned') end,
                share := splits.share,
                amount := case when splits.status = 'won' then splits.amount_reporting end
            ) order by splits.is_deal_owner desc, splits.share desc, splits.owner_key asc
        ) as credits
    from splits
    left join owners on splits.owner_key = owners.owner_key
    left join teams on splits.owner_key = teams.owner_key
    left join team_periods
        on
            splits.owner_key = team_periods.owner_key
            and splits.close_day >= team_periods.valid_from_date
            and splits.close_day < team_periods.valid_to_date
    group by all
),

final as (
    select
        deals.deal_key,
        credits.owner_key,
        case when deals.is_deleted then 'deleted' else deals.status end as status,
        case when deals.pipeline_purpose = 'renewal' then 'renewals' else 'open' end as part,
        {{ owner_member('owners') }} as owner,
        coalesce(teams.team, 'unassigned') as team,
        -- A win stays with the team that its owner was in on its day.
        case when deals.status = 'won' then coalesce(team_periods.team, 'unassigned') end as booked_team,
        deals.segment,
        coalesce(deals.pipeline_label, 'Unknown') as pipeline,
        deals.channel as source,
        deals.stage,
        deals.amount_reporting as amount,
        deals.created_date as created_day,
        case when deals.status = 'won' then deals.close_day end as won_day,
        deals.close_date,
        shared.credits
    from deals
    inner join pipeline_deals on deals.deal_key = pipeline_deals.deal_key
    left join credits on deals.deal_key = credits.deal_key
    left join shared on deals.deal_key = shared.deal_key
    left join owners on credits.owner_key = owners.owner_key
    left join teams on credits.owner_key = teams.owner_key
    left join team_periods
        on
            credits.owner_key = team_periods.owner_key
            and deals.close_day >= team_periods.valid_from_date
            and deals.close_day < team_periods.valid_to_date
)

select * from final
