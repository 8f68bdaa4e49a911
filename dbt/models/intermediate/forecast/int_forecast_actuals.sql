{#-
    What was booked in each month and quarter by everyone whom forecasts speak of: as known today,
    and as it stood at the end of the day on which the period was frozen, which is what forecasts
    are scored against. What came later, or was taken back, is the difference.
-#}
{%- set levels = {
    'total': "'total'", 'team': 'team', 'owner': 'owner', 'segment': 'segment', 'pipeline': 'pipeline',
} -%}
with

months as (
    select * from {{ ref('int_forecast_months') }}
),

deals as (
    {{ credited(ref('int_forecast_deals')) }}
),

spans as (
    {{ credited(ref('int_forecast_spans')) }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

periods as (
    select
        'month' as period_type,
        month_start as period_start,
        month_end as period_end,
        month_start,
        month_end,
        frozen_day
    from months
    union all
    select
        'quarter' as period_type,
        months.quarter_start as period_start,
        months.quarter_end as period_end,
        months.month_start,
        months.month_end,
        last_months.frozen_day
    from months
    inner join months as last_months on months.quarter_end = last_months.month_end
),

-- A booking stays with the team that whoever is credited was in when it closed.
bookings_of_today as (
    select
        months.month_start,
        deals.* replace (coalesce(team_periods.team, 'unassigned') as team)
    from deals
    cross join run_context
    inner join months on deals.won_day between months.month_start and months.month_end
    left join team_periods
        on
            deals.owner_key = team_periods.owner_key
            and deals.won_day >= team_periods.valid_from_date
            and deals.won_day < team_periods.valid_to_date
    where deals.won_day <= run_context.as_of
),

bookings_of_then as (
    select
        months.month_start,
        spans.* replace (coalesce(team_periods.team, 'unassigned') as team)
    from spans
    inner join months on spans.won_day between months.month_start and months.month_end
    left join team_periods
        on
            spans.owner_key = team_periods.owner_key
            and spans.won_day >= team_periods.valid_from_date
            and spans.won_day < team_periods.valid_to_date
),

deals_with_history as (
    select distinct deal_key
    from spans
),

-- Without a history of its stage a deal is taken to have stood as it stands.
bookings as (
    select
        periods.period_type,
        periods.period_start,
        bookings_of_today.owner,
        bookings_of_today.team,
        bookings_of_today.segment,
        bookings_of_today.pipeline,
        bookings_of_today.amount as amount_now,
        case when deals_with_history.deal_key is null then bookings_of_today.amount else 0 end
            as amount_frozen
    from bookings_of_today
    inner join periods on bookings_of_today.month_start = periods.month_start
    left join deals_with_history on bookings_of_today.deal_key = deals_with_history.deal_key
    union all
    select
        periods.period_type,
        periods.period_start,
        bookings_of_then.owner,
        bookings_of_then.team,
        bookings_of_then.segment,
        bookings_of_then.pipeline,
        0 as amount_now,
        bookings_of_then.amount as amount_frozen
    from bookings_of_then
    inner join periods
        on
            bookings_of_then.month_start = periods.month_start
            and bookings_of_then.valid_from <= periods.frozen_day
            and coalesce(bookings_of_then.valid_until, date '9999-12-31') > periods.frozen_day
),

periods_over as (
    select distinct
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.frozen_day,
        periods.frozen_day <= run_context.as_of as is_frozen
    from periods
    cross join run_context
    where periods.period_end <= run_context.as_of
),

summed as (
    {%- for level, member in levels.items() %}
    select
        period_type,
        period_start,
        '{{ level }}' as level,
        {{ member }} as member,
        sum(amount_now) as actual_now,
        sum(amount_frozen) as actual_frozen
    from bookings
    group by all
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        summed.period_type,
        summed.level,
        summed.member,
        cast(coalesce(summed.actual_now, 0) as decimal(18, 2)) as actual_now,
        cast(
            case when periods_over.is_frozen then coalesce(summed.actual_frozen, 0) end as decimal(18, 2)
        ) as actual_frozen,
        periods_over.period_start,
        periods_over.period_end,
        periods_over.frozen_day
    from summed
    inner join periods_over
        on
            summed.period_type = periods_over.period_type
            and summed.period_start = periods_over.period_start
)

select * from final
