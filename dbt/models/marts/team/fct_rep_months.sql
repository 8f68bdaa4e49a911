with

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

splits as (
    select * from {{ ref('fct_deal_splits') }}
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

win_loss as (
    select
        deal_key,
        is_in_win_rate
    from {{ ref('fct_win_loss') }}
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

activities as (
    select * from {{ ref('fct_activities') }}
    where not is_excluded
),

owner_months as (
    select * from {{ ref('int_owner_months') }}
    where measure = 'bookings'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

months_told as (
    select distinct
        dates.month_start,
        dates.month_end
    from dates
),

-- The calendar's months stand in for fiscal ones before the first that is told.
fiscal_months as (
    select
        months_told.month_start,
        months_told.month_end,
        coalesce(
            lag(months_told.month_start, 11) over (order by months_told.month_start),
            cast(months_told.month_start - interval 11 month as date)
        ) as year_start
    from months_told
),

months as (
    select
        fiscal_months.month_start,
        fiscal_months.year_start,
        run_context.as_of between fiscal_months.month_start and fiscal_months.month_end as is_current,
        least(
            cast(fiscal_months.month_end + 1 as timestamp)
            at time zone run_context.reporting_timezone at time zone 'UTC',
            run_context.as_of_end
        ) - interval 1 microsecond as last_moment
    from fiscal_months
    cross join run_context
    where
        fiscal_months.month_end >= run_context.start_date
        and fiscal_months.month_start <= run_context.as_of
),

-- Who shares a deal is credited with a share of its amount; the deal itself is counted once.
deals_credited as (
    select
        coalesce(splits.owner_key, 'unassigned') as owner_key,
        coalesce(dates.month_start, cast(date_trunc('month', deals.close_day) as date)) as month_start,
        deals.status,
        splits.kind,
        splits.amount_reporting,
        splits.amount_plan_rate,
        splits.is_counted,
        splits.is_counted and win_loss.is_in_win_rate as is_rated
    from deals
    cross join run_context
    inner join splits on deals.deal_key = splits.deal_key
    inner join win_loss on deals.deal_key = win_loss.deal_key
    left join dates on deals.close_day = dates.date_day
    where deals.status in ('won', 'lost') and deals.close_day <= run_context.as_of
),

closed as (
    select
        owner_key,
        month_start,
        count(*) filter (where status = 'won' and is_counted) as won_deals,
        count(*) filter (where status = 'won' and is_counted and amount_reporting is null) as won_deals_without_amount,
        count(*) filter (where status = 'won' and kind = 'revenue' and not is_counted) as won_deals_shared,
        count(*) filter (where status = 'lost' and is_counted) as lost_deals,
        sum(amount_reporting) filter (where status = 'won' and kind = 'revenue') as won_reporting,
        sum(amount_plan_rate) filter (where status = 'won' and kind = 'revenue') as won_plan_rate,
        sum(amount_plan_rate) filter (where status = 'won' and kind = 'overlay') as won_overlay_plan_rate,
        sum(amount_reporting) filter (where status = 'lost' and kind = 'revenue') as lost_reporting,
        count(*) filter (where status = 'won' and is_rated) as rated_won_deals,
        count(*) filter (where is_rated) as rated_closed_deals
    from deals_credited
    group by all
),

first_visits as (
    select
        visits.deal_key,
        min_by(coalesce(visits.owner_key, 'unassigned'), visits.visit_no) as owner_key,
        min_by(coalesce(visits.owner_key, 'unassigned'), visits.visit_no) filter (
            where visits.stage_order between 4 and 7
        ) as proposing_owner_key,
        case
            when bool_and(visits.is_life_known)
                then min(visits.entered_at) filter (where visits.stage_order between 4 and 7)
        end as proposed_at
    from visits
    group by visits.deal_key
),

-- What a migration brought along nobody created on that day.
created as (
    select
        first_visits.owner_key,
        dates.month_start,
        count(*) as created_deals,
        sum(deals.amount_reporting) as created_reporting
    from deals
    inner join first_visits on deals.deal_key = first_visits.deal_key
    inner join dates on deals.created_date = dates.date_day
    where not deals.is_imported
    group by all
),

-- The day first, for a join on an expression of two tables tries all pairs.
first_proposals as (
    select
        first_visits.deal_key,
        first_visits.proposing_owner_key as owner_key,
        {{ day_in_zone('first_visits.proposed_at', 'run_context.reporting_timezone') }} as proposed_date
    from first_visits
    cross join run_context
),

proposed as (
    select
        first_proposals.owner_key,
        dates.month_start,
        count(*) as proposals
    from deals
    inner join first_proposals on deals.deal_key = first_proposals.deal_key
    inner join dates on first_proposals.proposed_date = dates.date_day
    where deals.pipeline_purpose = 'new_business'
    group by all
),

-- What a customer began, an e-mail or call that came in, is not the owner's doing.
acted as (
    select
        coalesce(activities.owner_key, 'unassigned') as owner_key,
        dates.month_start,
        count(*) filter (where activities.kind = 'call' and activities.direction is distinct from 'inbound') as calls,
        count(*) filter (where activities.kind = 'email' and activities.direction is distinct from 'inbound') as emails,
        count(*) filter (where activities.kind = 'task' and activities.is_completed) as tasks_done,
        count(*) filter (where activities.kind = 'meeting' and activities.outcome = 'held') as meetings_held,
        count(*) filter (where activities.kind = 'meeting' and activities.outcome = 'no_show') as meetings_no_show,
        count(*) filter (where activities.kind = 'meeting' and activities.outcome = 'cancelled') as meetings_cancelled,
        count(*) filter (where activities.kind = 'meeting' and activities.outcome = 'rescheduled')
            as meetings_rescheduled
    from activities
    inner join dates on activities.occurred_date = dates.date_day
    where activities.is_past
    group by all
),

booked as (
    select
        coalesce(activities.owner_key, 'unassigned') as owner_key,
        dates.month_start,
        count(*) as meetings_booked
    from activities
    inner join dates on activities.created_date = dates.date_day
    where activities.kind = 'meeting'
    group by all
),

opened as (
    select
        coalesce(deals.owner_key, 'unassigned') as owner_key,
        count(*) as open_deals,
        sum(deals.amount_reporting) as open_reporting
    from deals
    where deals.status = 'open'
    group by all
),

keys as (
    select
        owner_key,
        month_start
    from owner_months
    where kind = 'person' or ramp_share is not null
    union
    select
        owner_key,
        month_start
    from closed
    union
    select
        owner_key,
        month_start
    from created
    union
    select
        owner_key,
        month_start
    from proposed
    union
    select
        owner_key,
        month_start
    from acted
    union
    select
        owner_key,
        month_start
    from booked
    union
    select
        opened.owner_key,
        months.month_start
    from opened
    inner join months on months.is_current
),

-- Twelve months that end with this one: a month alone says nothing about a rate.
closed_trailing as (
    select
        closed.owner_key,
        months.month_start,
        sum(closed.rated_won_deals) as won,
        sum(closed.rated_closed_deals) as closed
    from closed
    inner join months
        on closed.month_start between months.year_start and months.month_start
    group by closed.owner_key, months.month_start
    having sum(closed.rated_closed_deals) > 0
),

-- Who closed deals within the twelve months belongs to the others' rate, though without a row of that month.
members as (
    select
        keys.owner_key,
        keys.month_start
    from keys
    union
    select
        closed_trailing.owner_key,
        closed_trailing.month_start
    from closed_trailing
),

-- Today's team told of the past would leak, so earlier months have only what was seen to be so.
members_placed as (
    select
        members.owner_key,
        members.month_start,
        months.is_current,
        case
            when months.is_current then owners.team
            when team_periods.history_basis <> 'assumed_current' then team_periods.team
        end as team,
        case
            when months.is_current then owners.manager_key
            when team_periods.history_basis <> 'assumed_current' then team_periods.manager_key
        end as manager_key,
        team_periods.history_basis as team_history_basis
    from members
    inner join months on members.month_start = months.month_start
    left join owners on members.owner_key = owners.owner_key
    left join team_periods
        on
            members.owner_key = team_periods.owner_key
            and months.last_moment >= team_periods.valid_from
            and months.last_moment < team_periods.valid_to
),

twelve_months as (
    select
        members_placed.*,
        coalesce(closed_trailing.won, 0) as won,
        coalesce(closed_trailing.closed, 0) as closed
    from members_placed
    left join closed_trailing
        on
            members_placed.owner_key = closed_trailing.owner_key
            and members_placed.month_start = closed_trailing.month_start
),

months_compared as (
    select
        twelve_months.*,
        sum(twelve_months.won) over all_of_month as won_of_all,
        sum(twelve_months.closed) over all_of_month as closed_of_all,
        sum(twelve_months.won) over team_of_month as won_of_team,
        sum(twelve_months.closed) over team_of_month as closed_of_team,
        count(*) filter (where twelve_months.closed > 0) over all_of_month as closers,
        sum(twelve_months.closed * twelve_months.closed) over all_of_month as closed_squared
    from twelve_months
    window
        all_of_month as (partition by twelve_months.month_start),
        team_of_month as (partition by twelve_months.month_start, twelve_months.team)
),

-- The others: the team without the owner, where that is nobody the company without the owner.
peers as (
    select
        months_compared.*,
        case
            when months_compared.team is not null and months_compared.closed_of_team > months_compared.closed
                then 'team'
            when months_compared.closed_of_all > months_compared.closed then 'company'
        end as peer_basis,
        cast(months_compared.won_of_all as double) / nullif(months_compared.closed_of_all, 0) as pooled
    from months_compared
),

peers_summed as (
    select
        peers.*,
        case peers.peer_basis
            when 'team' then peers.won_of_team - peers.won
            when 'company' then peers.won_of_all - peers.won
        end as peer_won,
        case peers.peer_basis
            when 'team' then peers.closed_of_team - peers.closed
            when 'company' then peers.closed_of_all - peers.closed
        end as peer_closed,
        sum(
            case
                when peers.closed > 0
                    then
                        peers.closed
                        * (peers.won / peers.closed - peers.pooled)
                        * (peers.won / peers.closed - peers.pooled)
            end
        ) over (partition by peers.month_start) as spread
    from peers
),

priors as (
    select
        peers_summed.*,
        {{ prior_trials(
            'peers_summed.spread', 'peers_summed.pooled', 'peers_summed.closers', 'peers_summed.closed_of_all',
            'peers_summed.closed_squared'
        ) }} as prior_deals
    from peers_summed
),

final as (
    select
        priors.owner_key,
        priors.manager_key,
        priors.team,
        priors.team_history_basis,
        coalesce(owners.rollup_owner_name, 'Unassigned') as rollup_owner_name,
        priors.peer_basis,
        owner_months.working_days,
        owner_months.quota_stated,
        owner_months.ramp_share,
        owner_months.quota,
        cast(coalesce(closed.won_plan_rate, 0) as decimal(18, 2)) as won_plan_rate,
        cast(coalesce(closed.won_overlay_plan_rate, 0) as decimal(18, 2)) as won_overlay_plan_rate,
        cast(coalesce(closed.won_reporting, 0) as decimal(18, 2)) as won_reporting,
        cast(coalesce(closed.lost_reporting, 0) as decimal(18, 2)) as lost_reporting,
        cast(coalesce(created.created_reporting, 0) as decimal(18, 2)) as created_reporting,
        coalesce(closed.won_deals, 0) as won_deals,
        coalesce(closed.won_deals_without_amount, 0) as won_deals_without_amount,
        coalesce(closed.won_deals_shared, 0) as won_deals_shared,
        coalesce(closed.lost_deals, 0) as lost_deals,
        coalesce(created.created_deals, 0) as created_deals,
        coalesce(proposed.proposals, 0) as proposals,
        coalesce(acted.calls, 0) as calls,
        coalesce(acted.emails, 0) as emails,
        coalesce(acted.tasks_done, 0) as tasks_done,
        coalesce(booked.meetings_booked, 0) as meetings_booked,
        coalesce(acted.meetings_held, 0) as meetings_held,
        coalesce(acted.meetings_no_show, 0) as meetings_no_show,
        coalesce(acted.meetings_cancelled, 0) as meetings_cancelled,
        coalesce(acted.meetings_rescheduled, 0) as meetings_rescheduled,
        case when priors.is_current then coalesce(opened.open_deals, 0) end as open_deals,
        cast(case when priors.is_current then coalesce(opened.open_reporting, 0) end as decimal(18, 2))
            as open_reporting,
        {{ ratio('coalesce(closed.won_plan_rate, 0)', 'owner_months.quota') }} as attainment,
        {{ ratio('coalesce(closed.won_plan_rate, 0)', 'owner_months.working_days', 6) }} as won_per_working_day,
        {%- set done = [
            ('activities', ['acted.calls', 'acted.emails', 'acted.tasks_done', 'acted.meetings_held']),
            ('meetings_booked', ['booked.meetings_booked']),
            ('meetings_held', ['acted.meetings_held']),
            ('proposals', ['proposed.proposals']),
            ('created', ['created.created_reporting']),
            ('won_deals', ['closed.won_deals']),
        ] %}
        {%- for name, parts in done %}
        {{ ratio('coalesce(' ~ parts | join(' + ') ~ ', 0)', 'owner_months.working_days', 6) }}
            as {{ name }}_per_working_day,
        {%- endfor %}
        {{ ratio('closed.rated_won_deals', 'closed.rated_closed_deals') }} as win_rate,
        cast(priors.won as bigint) as trailing_won_deals,
        cast(priors.closed as bigint) as trailing_closed_deals,
        {{ ratio('priors.won', 'priors.closed') }} as trailing_win_rate,
        {{ ratio('priors.peer_won', 'priors.peer_closed') }} as peer_win_rate,
        case
            when priors.closed > 0 and priors.peer_closed > 0
                then cast(
                    (priors.won + priors.prior_deals * priors.peer_won / priors.peer_closed)
                    / (priors.closed + priors.prior_deals) as decimal(18, 9)
                )
        end as trailing_win_rate_shrunk,
        coalesce(owners.is_active, false) as is_active,
        priors.month_start
    from priors
    inner join keys
        on priors.owner_key = keys.owner_key and priors.month_start = keys.month_start
    left join owners on priors.owner_key = owners.owner_key
    left join owner_months
        on priors.owner_key = owner_months.owner_key and priors.month_start = owner_months.month_start
    left join closed
        on priors.owner_key = closed.owner_key and priors.month_start = closed.month_start
    left join created
        on priors.owner_key = created.owner_key and priors.month_start = created.month_start
    left join proposed
        on priors.owner_key = proposed.owner_key and priors.month_start = proposed.month_start
    left join acted
        on priors.owner_key = acted.owner_key and priors.month_start = acted.month_start
    left join booked
        on priors.owner_key = booked.owner_key and priors.month_start = booked.month_start
    left join opened on priors.owner_key = opened.owner_key
)

select * from final
