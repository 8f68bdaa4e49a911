{#-
    What the forecast knows of the past: the deals that may become bookings as they stood at the ends
    of days, in spans that tile the life of each. Deals without a history of their stage have none.

    What is known of today only (an amount without history, a probability of the deal's own) stands
    in a span of its own that begins today, so that nothing of it is told of an earlier day.
-#}
with

states as (
    select * from {{ ref('int_deal_states') }}
    where not is_last_instant
),

pipeline_deals as (
    select * from {{ ref('int_pipeline_deals') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
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

stages as (
    select * from {{ ref('dim_stages') }}
    where object = 'deal'
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A won deal is its owner's at the close, even if it changed hands later.
states_since_close as (
    select
        states.*,
        last_value(case when states.is_close then states.owner_key end ignore nulls) over deal_by_time
            as closing_owner_key,
        last_value(case when states.is_close then states.valid_from_date end ignore nulls) over deal_by_time
            as closed_date
    from states
    window deal_by_time as (
        partition by states.deal_key
        order by states.valid_from
        rows between unbounded preceding and current row
    )
),

spans as (
    select
        states.deal_key,
        case when states.status = 'open' then states.owner_key else states.closing_owner_key end as owner_key,
        pipeline_deals.segment,
        stages.pipeline_label,
        states.stage,
        states.status,
        -- CRMs write the same words as BEST_CASE, Best Case or bestcase.
        case regexp_replace(lower(states.forecast_category), '[^a-z]', '', 'g')
            when 'commit' then 'commit'
            when 'bestcase' then 'best_case'
            when 'pipeline' then 'pipeline'
        end as category,
        states.forecast_probability,
        states.currency,
        states.amount,
        stages.win_probability,
        states.close_date,
        case
            when states.status <> 'won' then null
            when run_context.close_day_rule = 'stage_event' then coalesce(states.closed_date, states.close_date)
            else coalesce(states.close_date, states.closed_date)
        end as won_day,
        states.valid_from_date as valid_from,
        case when states.valid_to_date <= run_context.as_of then states.valid_to_date end as valid_until
    from states_since_close as states
    cross join run_context
    inner join pipeline_deals on states.deal_key = pipeline_deals.deal_key
    inner join stages on states.stage_key = stages.stage_key
    where states.valid_to_date > states.valid_from_date
),

present_values as (
    select
        pipeline_deals.deal_key,
        case when pipeline_deals.is_amount_unknown then deals.amount end as amount,
        case when pipeline_deals.is_amount_unknown then deals.currency end as currency,
        case when pipeline_deals.is_close_date_unknown then deals.close_date end as close_date,
        deals.win_probability
    from pipeline_deals
    inner join deals on pipeline_deals.deal_key = deals.deal_key
    left join stages on deals.stage_key = stages.stage_key
    where
        not pipeline_deals.is_deleted
        and (
            pipeline_deals.is_amount_unknown
            or pipeline_deals.is_close_date_unknown
            or deals.win_probability is distinct from stages.win_probability
        )
),

-- Of a closed deal what it brought is a fact of its close.
spans_with_present as (
    select
        spans.* replace (
            case
                when present_values.deal_key is not null and spans.status = 'won'
                    then coalesce(spans.amount, present_values.amount)
                else spans.amount
            end as amount,
            case
                when present_values.deal_key is not null and spans.status = 'won'
                    then coalesce(spans.currency, present_values.currency)
                else spans.currency
            end as currency,
            case
                when
                    present_values.deal_key is not null
                    and spans.status = 'open'
                    and spans.valid_until is null
                    then run_context.as_of
                else spans.valid_until
            end as valid_until
        )
    from spans
    cross join run_context
    left join present_values on spans.deal_key = present_values.deal_key
    union all
    select
        spans.* replace (
            coalesce(spans.amount, present_values.amount) as amount,
            coalesce(spans.currency, present_values.currency) as currency,
            coalesce(present_values.win_probability, spans.win_probability) as win_probability,
            coalesce(spans.close_date, present_values.close_date) as close_date,
            run_context.as_of as valid_from
        )
    from spans
    cross join run_context
    inner join present_values on spans.deal_key = present_values.deal_key
    where spans.status = 'open' and spans.valid_until is null
),

final as (
    select
        spans_with_present.deal_key,
        spans_with_present.owner_key,
        {{ owner_member('owners') }} as owner,
        coalesce(teams.team, 'unassigned') as team,
        -- A win stays with the team that its owner was in on its day.
        case when spans_with_present.status = 'won' then coalesce(team_periods.team, 'unassigned') end as booked_team,
        spans_with_present.segment,
        coalesce(spans_with_present.pipeline_label, 'Unknown') as pipeline,
        spans_with_present.stage,
        spans_with_present.status,
        spans_with_present.category,
        spans_with_present.forecast_probability,
        spans_with_present.currency,
        spans_with_present.amount as amount_in_currency,
        {{ converted('spans_with_present.amount', 'rates.rate_to_reporting') }} as amount,
        cast(spans_with_present.win_probability as double) as win_probability,
        spans_with_present.close_date,
        spans_with_present.won_day,
        spans_with_present.valid_from,
        spans_with_present.valid_until
    from spans_with_present
    cross join run_context
    left join owners on spans_with_present.owner_key = owners.owner_key
    left join teams on spans_with_present.owner_key = teams.owner_key
    left join team_periods
        on
            spans_with_present.owner_key = team_periods.owner_key
            and spans_with_present.won_day >= team_periods.valid_from_date
            and spans_with_present.won_day < team_periods.valid_to_date
    left join rates
        on
            spans_with_present.currency = rates.currency
            and least(
                coalesce(spans_with_present.won_day, spans_with_present.valid_from), run_context.as_of
            ) = rates.rate_date
    where spans_with_present.valid_until is null or spans_with_present.valid_until > spans_with_present.valid_from
)

select * from final
