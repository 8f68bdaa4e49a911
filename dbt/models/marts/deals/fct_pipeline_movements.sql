{#-
    Per period and view a deal has one way in, one net change of amount, one effect of exchange
    rates and one way out, so that the sum of its rows is its closing value. Each is computed from
    the deal's states, none as what is left over.

    It follows the period, not the day: a deal that was lost and reopened within a month has not
    moved in that month, and whether a date brings it in or takes it out depends on the period.
-#}
{#- Takes what no number of states comes near off a state's number for each day. -#}
{%- set later_day = "1000000000000 * (entered_on - date '2000-01-01')" -%}
with

states as (
    select * from {{ ref('int_deal_states') }}
),

-- Deals, periods and states have numbers here, which are grouped by and met faster than texts. They are in no column.
deals as (
    select
        pipeline_deals.*,
        row_number() over () as deal_no
    from {{ ref('int_pipeline_deals') }} as pipeline_deals
),

periods as (
    select
        pipeline_periods.*,
        row_number() over () as period_no
    from {{ ref('int_pipeline_periods') }} as pipeline_periods
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

-- Later states of a deal have larger numbers.
open_states as (
    select
        deals.deal_no,
        row_number() over (order by deals.deal_no, states.valid_from, states.valid_to) as state_no,
        states.close_date,
        deals.is_stage_unknown,
        deals.is_close_date_unknown,
        deals.seen_at,
        states.valid_from,
        states.valid_to,
        {{ day_in_zone('states.valid_from', '(select reporting_timezone from run_context)') }} as entered_on,
        {{ day_in_zone('states.valid_to', '(select reporting_timezone from run_context)') }} as left_on,
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

-- A period that began before a deal was first seen does not know what it began with: what had been kept of the deal
-- counts there, and what it was first seen with is no movement.
states_in_periods as (
    select
        periods.period_no,
        open_states.deal_no,
        open_states.state_no,
        open_states.entered_on,
        case
            when open_states.is_close_date_unknown and open_states.seen_at >= periods.starts_at then null
            else open_states.close_date
        end as close_date,
        open_states.valid_from < periods.starts_at as is_opening,
        open_states.valid_to >= periods.ends_at as is_closing,
        periods.period_start,
        periods.period_end
    from periods
    inner join open_states
        on
            periods.ends_at > open_states.valid_from
            and periods.starts_at <= open_states.valid_to
    where not open_states.is_stage_unknown or open_states.seen_at < periods.starts_at
),

states_due as (
    select
        *,
        coalesce(close_date between period_start and period_end, false) as is_due
    from states_in_periods
),

-- What is entered on the day on which a deal comes in is what it comes in with: the last state of its first day.
deals_in_periods as (
    select
        period_no,
        deal_no,
        bool_or(is_opening) as is_open_at_opening,
        bool_or(is_closing) as is_open_at_closing,
        max(close_date) filter (where is_opening) as opening_close_date,
        max(close_date) filter (where is_closing) as closing_close_date,
        max(state_no) filter (where is_opening) as opening_state_no,
        max_by(state_no, state_no - {{ later_day }}) as first_day_state_no,
        max(state_no) as last_state_no,
        max(state_no) filter (where is_opening and is_due) as due_opening_state_no,
        max_by(state_no, state_no - {{ later_day }}) filter (where is_due) as due_first_day_state_no,
        max(state_no) filter (where is_due) as due_last_state_no,
        coalesce(bool_or(is_closing) filter (where is_due), false) as is_due_at_closing
    from states_due
    group by period_no, deal_no
),

-- The dates at both ends tell why a deal is in or out, whether or not they fall due in the period.
deals_in_views as (
    select
        'all_open' as view_name,
        *,
        opening_state_no is not null as is_in_at_opening,
        is_open_at_closing as is_in_at_closing,
        coalesce(opening_state_no, first_day_state_no) as entry_state_no,
        last_state_no as departure_state_no
    from deals_in_periods
    union all
    select
        'due_in_period' as view_name,
        *,
        due_opening_state_no is not null as is_in_at_opening,
        is_due_at_closing as is_in_at_closing,
        coalesce(due_opening_state_no, due_first_day_state_no) as entry_state_no,
        due_last_state_no as departure_state_no
    from deals_in_periods
    where due_last_state_no is not null
),

deals_dated as (
    select
        deals_in_views.view_name,
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.previous_start,
        periods.closing_date,
        periods.starts_at,
        periods.ends_at,
        deals.deal_key,
        deals.segment,
        deals_in_views.is_in_at_opening,
        deals_in_views.is_in_at_closing,
        {%- for end in ['entry', 'departure'] %}
        case
            when deals.seen_at >= periods.starts_at
                then {
                    'owner_key': case when not deals.is_owner_unknown then states_at_{{ end }}.state.owner_key end,
                    'pipeline_id': states_at_{{ end }}.state.pipeline_id,
                    'currency': states_at_{{ end }}.state.currency,
                    'amount': case when not deals.is_amount_unknown then states_at_{{ end }}.state.amount end
                }
            else states_at_{{ end }}.state
        end as {{ end }},
        {%- endfor %}
        greatest(deals.created_at, lives.begins_at) as created_at,
        coalesce(deals.withdrawn_at < periods.ends_at, false) as is_withdrawn_at_closing,
        deals_in_views.is_open_at_opening,
        deals_in_views.is_open_at_closing,
        deals_in_views.opening_close_date,
        deals_in_views.closing_close_date,
        case
            when deals_in_views.is_in_at_opening then periods.period_start - 1 else states_at_entry.entered_on
        end as entry_date,
        case
            when deals_in_views.is_in_at_closing then periods.closing_date else states_at_departure.left_on
        end as departure_date
    from deals_in_views
    inner join periods on deals_in_views.period_no = periods.period_no
    inner join deals on deals_in_views.deal_no = deals.deal_no
    inner join lives on deals.deal_key = lives.deal_key
    inner join open_states as states_at_entry on deals_in_views.entry_state_no = states_at_entry.state_no
    inner join open_states as states_at_departure
        on deals_in_views.departure_state_no = states_at_departure.state_no
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
            when deals_ended.opening_close_date >= deals_ended.previous_start then 'pushed_in'
            else 'overdue_redated'
        end as way_in,
        case
            when deals_ended.is_in_at_closing then null
            when deals_ended.is_withdrawn_at_closing then 'deleted'
            when not deals_ended.is_open_at_closing then deals_ended.status_at_closing
            when deals_ended.closing_close_date is null then 'date_cleared'
            when deals_ended.closing_close_date > deals_ended.period_end then 'pushed_out'
            else 'pulled_earlier'
        end as way_out
    from deals_ended
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
