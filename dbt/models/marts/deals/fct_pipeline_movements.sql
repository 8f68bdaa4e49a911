{#-
    Per period and view a deal has one way in, one net change of amount, one effect of exchange
    rates and one way out, so that the sum of its rows is its closing value. Each is computed from
    the deal's states, none as what is left over.

    It follows the period, not the day: a deal that was lost and reopened within a month has not
    moved in that month, and whether a date brings it in or takes it out depends on the period.
-#}
with

states as (
    select * from {{ ref('int_deal_states') }}
),

deals as (
    select * from {{ ref('int_pipeline_deals') }}
),

periods as (
    select * from {{ ref('int_pipeline_periods') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

open_states as (
    select
        states.*,
        {
            'owner_key': states.owner_key,
            'pipeline_id': states.pipeline_id,
            'currency': states.currency,
            'amount': states.amount
        } as state
    from states
    inner join deals on states.deal_key = deals.deal_key
    where states.status = 'open'
),

-- Where a history begins later than the deal, it comes in when it begins.
lives as (
    select
        deal_key,
        min(valid_from) as begins_at
    from states
    group by deal_key
),

states_in_periods as (
    select
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.closing_date,
        periods.starts_at,
        periods.ends_at,
        open_states.deal_key,
        open_states.state,
        open_states.close_date,
        open_states.valid_from,
        least(open_states.valid_to, periods.ends_at) as valid_to,
        open_states.valid_from < periods.starts_at as is_opening,
        open_states.valid_to >= periods.ends_at as is_closing
    from periods
    inner join open_states
        on
            periods.ends_at > open_states.valid_from
            and periods.starts_at <= open_states.valid_to
),

-- The dates at both ends, whether or not they fall due in the period.
ends_of_deals as (
    select
        states_in_periods.period_type,
        states_in_periods.period_start,
        states_in_periods.deal_key,
        coalesce(bool_or(states_in_periods.is_opening), false) as is_open_at_opening,
        coalesce(bool_or(states_in_periods.is_closing), false) as is_open_at_closing,
        max(states_in_periods.close_date) filter (where states_in_periods.is_opening)
            as opening_close_date,
        max(states_in_periods.close_date) filter (where states_in_periods.is_closing)
            as closing_close_date
    from states_in_periods
    group by all
),

states_in_views as (
    select
        'all_open' as view_name,
        states_in_periods.*
    from states_in_periods
    union all
    select
        'due_in_period' as view_name,
        states_in_periods.*
    from states_in_periods
    where
        states_in_periods.close_date
        between states_in_periods.period_start and states_in_periods.period_end
),

-- What is entered on the day on which a deal comes in is what it comes in with.
states_bounded as (
    select
        states_in_views.*,
        case
            when bool_or(states_in_views.is_opening) over deal_in_period
                then states_in_views.starts_at
            else
                cast(
                    {{ day_in_zone(
                        'min(states_in_views.valid_from) over deal_in_period',
                        '(select reporting_timezone from run_context)'
                    ) }}
                    + 1 as timestamp
                ) at time zone (select reporting_timezone from run_context) at time zone 'UTC'
        end as entered_before
    from states_in_views
    window
        deal_in_period as (
            partition by
                states_in_views.view_name,
                states_in_views.period_type,
                states_in_views.period_start,
                states_in_views.deal_key
        )
),

deals_in_periods as (
    select
        states_bounded.view_name,
        states_bounded.period_type,
        states_bounded.period_start,
        states_bounded.period_end,
        states_bounded.closing_date,
        states_bounded.starts_at,
        states_bounded.ends_at,
        states_bounded.deal_key,
        bool_or(states_bounded.is_opening) as is_in_at_opening,
        bool_or(states_bounded.is_closing) as is_in_at_closing,
        max_by(states_bounded.state, (states_bounded.valid_from, states_bounded.valid_to)) filter (
            where states_bounded.valid_from < states_bounded.entered_before
        ) as entry,
        max_by(states_bounded.state, (states_bounded.valid_from, states_bounded.valid_to))
            as departure,
        min(states_bounded.valid_from) as entered_at,
        max(states_bounded.valid_to) as left_at
    from states_bounded
    group by all
),

deals_dated as (
    select
        deals_in_periods.*,
        deals.segment,
        greatest(deals.created_at, lives.begins_at) as created_at,
        coalesce(deals.deleted_at < deals_in_periods.ends_at, false)
            as is_deleted_at_closing,
        ends_of_deals.is_open_at_opening,
        ends_of_deals.is_open_at_closing,
        ends_of_deals.opening_close_date,
        ends_of_deals.closing_close_date,
        case
            when deals_in_periods.is_in_at_opening then deals_in_periods.period_start - 1
            else
                {{ day_in_zone('deals_in_periods.entered_at', '(select reporting_timezone from run_context)') }}
        end as entry_date,
        case
            when deals_in_periods.is_in_at_closing then deals_in_periods.closing_date
            else
                {{ day_in_zone('deals_in_periods.left_at', '(select reporting_timezone from run_context)') }}
        end as departure_date
    from deals_in_periods
    inner join deals on deals_in_periods.deal_key = deals.deal_key
    inner join lives on deals_in_periods.deal_key = lives.deal_key
    inner join ends_of_deals
        on
            deals_in_periods.period_type = ends_of_deals.period_type
            and deals_in_periods.period_start = ends_of_deals.period_start
            and deals_in_periods.deal_key = ends_of_deals.deal_key
),

closed_states as (
    select * from states
    where status <> 'open'
),

deals_ended as (
    select
        deals_dated.*,
        closed_states.status as status_at_closing
    from deals_dated
    left join closed_states
        on
            deals_dated.deal_key = closed_states.deal_key
            and deals_dated.ends_at > closed_states.valid_from
            and deals_dated.ends_at <= closed_states.valid_to
),

deals_caused as (
    select
        deals_ended.*,
        case
            when deals_ended.is_in_at_opening then null
            when deals_ended.created_at >= deals_ended.starts_at then 'created'
            when not deals_ended.is_open_at_opening then 'reopened'
            when deals_ended.opening_close_date is null then 'date_set'
            when deals_ended.opening_close_date > deals_ended.period_end then 'pulled_in'
            -- Due in the period before this one: it slipped. Due before that: it had been forgotten.
            when deals_ended.opening_close_date >= periods.previous_start then 'pushed_in'
            else 'overdue_redated'
        end as way_in,
        case
            when deals_ended.is_in_at_closing then null
            when deals_ended.is_deleted_at_closing then 'deleted'
            when not deals_ended.is_open_at_closing then deals_ended.status_at_closing
            when deals_ended.closing_close_date is null then 'date_cleared'
            when deals_ended.closing_close_date > deals_ended.period_end then 'pushed_out'
            else 'pulled_earlier'
        end as way_out
    from deals_ended
    inner join periods
        on
            deals_ended.period_type = periods.period_type
            and deals_ended.period_start = periods.period_start
),

deals_valued as (
    select
        deals_caused.*,
        teams_at_entry.team as entry_team,
        teams_at_departure.team as departure_team,
        deals_caused.is_in_at_opening
        and (
            deals_caused.entry.owner_key is distinct from deals_caused.departure.owner_key
            or deals_caused.entry.pipeline_id is distinct from deals_caused.departure.pipeline_id
            or teams_at_entry.team is distinct from teams_at_departure.team
        ) as is_transferred,
        coalesce(
            {{ converted('deals_caused.entry.amount', 'rates_at_entry.rate_to_reporting') }}, 0
        ) as entry_value,
        coalesce(
            {{ converted('deals_caused.entry.amount', 'rates_of_entry_later.rate_to_reporting') }}, 0
        ) as entry_value_later,
        coalesce(
            {{ converted('deals_caused.departure.amount', 'rates_at_departure.rate_to_reporting') }},
            0
        ) as departure_value
    from deals_caused
    left join rates as rates_at_entry
        on
            deals_caused.entry.currency = rates_at_entry.currency
            and deals_caused.entry_date = rates_at_entry.rate_date
    left join rates as rates_of_entry_later
        on
            deals_caused.entry.currency = rates_of_entry_later.currency
            and deals_caused.departure_date = rates_of_entry_later.rate_date
    left join rates as rates_at_departure
        on
            deals_caused.departure.currency = rates_at_departure.currency
            and deals_caused.departure_date = rates_at_departure.rate_date
    left join team_periods as teams_at_entry
        on
            deals_caused.entry.owner_key = teams_at_entry.owner_key
            and deals_caused.entry_date >= teams_at_entry.valid_from_date
            and deals_caused.entry_date < teams_at_entry.valid_to_date
    left join team_periods as teams_at_departure
        on
            deals_caused.departure.owner_key = teams_at_departure.owner_key
            and deals_caused.departure_date >= teams_at_departure.valid_from_date
            and deals_caused.departure_date < teams_at_departure.valid_to_date
),

movements as (
    select
        deals_valued.*,
        'opening' as movement,
        deals_valued.entry as place,
        deals_valued.entry_team as team,
        deals_valued.entry['amount'] as amount,
        deals_valued.entry_value as amount_reporting
    from deals_valued
    where deals_valued.is_in_at_opening
    union all
    select
        deals_valued.*,
        'transferred_out' as movement,
        deals_valued.entry as place,
        deals_valued.entry_team as team,
        deals_valued.entry.amount,
        -deals_valued.entry_value as amount_reporting
    from deals_valued
    where deals_valued.is_transferred
    union all
    select
        deals_valued.*,
        'transferred_in' as movement,
        deals_valued.departure as place,
        deals_valued.departure_team as team,
        deals_valued.entry.amount,
        deals_valued.entry_value as amount_reporting
    from deals_valued
    where deals_valued.is_transferred
    union all
    select
        deals_valued.*,
        deals_valued.way_in as movement,
        deals_valued.departure as place,
        deals_valued.departure_team as team,
        deals_valued.entry.amount,
        deals_valued.entry_value as amount_reporting
    from deals_valued
    where deals_valued.way_in is not null
    union all
    select
        deals_valued.*,
        'exchange_rate' as movement,
        deals_valued.departure as place,
        deals_valued.departure_team as team,
        deals_valued.entry.amount,
        deals_valued.entry_value_later - deals_valued.entry_value as amount_reporting
    from deals_valued
    where deals_valued.entry_value_later <> deals_valued.entry_value
    union all
    select
        deals_valued.*,
        case
            when deals_valued.departure_value > deals_valued.entry_value_later then 'increased'
            else 'decreased'
        end as movement,
        deals_valued.departure as place,
        deals_valued.departure_team as team,
        deals_valued.departure.amount,
        deals_valued.departure_value - deals_valued.entry_value_later as amount_reporting
    from deals_valued
    where deals_valued.departure_value <> deals_valued.entry_value_later
    union all
    select
        deals_valued.*,
        deals_valued.way_out as movement,
        deals_valued.departure as place,
        deals_valued.departure_team as team,
        deals_valued.departure.amount,
        -deals_valued.departure_value as amount_reporting
    from deals_valued
    where deals_valued.way_out is not null
    union all
    select
        deals_valued.*,
        'closing' as movement,
        deals_valued.departure as place,
        deals_valued.departure_team as team,
        deals_valued.departure.amount,
        deals_valued.departure_value as amount_reporting
    from deals_valued
    where deals_valued.is_in_at_closing
),

final as (
    select
        movements.deal_key,
        movements.place['owner_key'] as owner_key,
        movements.place['pipeline_id'] as pipeline_id,
        movements.period_type,
        movements.view_name,
        movements.movement,
        movements.team,
        movements.segment,
        movements.place['currency'] as currency,
        movements.amount,
        cast(movements.amount_reporting as decimal(18, 2)) as amount_reporting,
        movements.period_start,
        movements.period_end,
        movements.closing_date
    from movements
)

select * from final
