-- What: opening plus all movements is closing, and opening and closing are what the deals stood at
-- on the days before and at the end of the period, read from the days of the deals and not from the
-- ledger.
-- Why: a waterfall with a remainder, or with a column that takes it up, explains nothing.
-- Where no figure is known its amount is NULL, and then nothing may have stood there but deals
-- without an amount.
-- A returned row: a period, view and member with a residual, or with an opening or closing that is
-- not what stood there.
with

waterfall as (
    select * from {{ ref('fct_pipeline_waterfall') }}
),

days as (
    select
        days.deal_key,
        days.amount_reporting,
        coalesce(teams.team, 'unassigned') as team_member,
        case
            when owners.kind = 'person' and owners.is_active then owners.owner_key
            else 'unassigned'
        end as owner_member,
        deals.segment as segment_member,
        days.pipeline_id as pipeline_member,
        deals.is_stage_unknown,
        deals.is_amount_unknown,
        deals.is_close_date_unknown,
        deals.is_owner_unknown,
        days.date_day,
        days.close_date,
        deals.seen_date
    from {{ ref('fct_deal_days') }} as days
    inner join {{ ref('int_pipeline_deals') }} as deals on days.deal_key = deals.deal_key
    left join {{ ref('dim_owners') }} as owners on days.owner_key = owners.owner_key
    left join {{ ref('int_owner_team_periods') }} as teams
        on
            days.owner_key = teams.owner_key
            and days.date_day >= teams.valid_from_date
            and days.date_day < teams.valid_to_date
    where days.status = 'open'
),

periods as (
    select distinct
        waterfall.period_type,
        waterfall.period_start,
        waterfall.period_end,
        waterfall.closing_date
    from waterfall
),

-- Of a period that began before a deal was first seen only what had been kept of it counts.
standing_days as (
    {%- for leg, day in [('opening', 'periods.period_start - 1'), ('closing', 'periods.closing_date')] %}
    select
        periods.period_type,
        periods.period_start,
        periods.period_end,
        '{{ leg }}' as leg,
        'total' as total_member,
        days.segment_member,
        days.pipeline_member,
        {%- for level in ['team', 'owner'] %}
        case
            when days.is_owner_unknown and days.seen_date >= periods.period_start then 'unassigned'
            else days.{{ level }}_member
        end as {{ level }}_member,
        {%- endfor %}
        case
            when not (days.is_amount_unknown and days.seen_date >= periods.period_start)
                then days.amount_reporting
        end as amount_reporting,
        case
            when not (days.is_close_date_unknown and days.seen_date >= periods.period_start)
                then days.close_date
        end as close_date
    from periods
    inner join days on {{ day }} = days.date_day
    where not days.is_stage_unknown or days.seen_date < periods.period_start
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

standing as (
    {%- for level in ['total', 'team', 'owner', 'segment', 'pipeline'] %}
    {%- for view_name in ['all_open', 'due_in_period'] %}
    select
        period_type,
        period_start,
        '{{ view_name }}' as view_name,
        '{{ level }}' as level,
        {{ level }}_member as member,
        leg,
        coalesce(sum(amount_reporting), 0) as amount,
        count(*) as deals
    from standing_days
    {%- if view_name == 'due_in_period' %}
    where close_date between period_start and period_end
    {%- endif %}
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

told as (
    select
        waterfall.period_type,
        waterfall.period_start,
        waterfall.view_name,
        waterfall.level,
        waterfall.member,
        'opening' as leg,
        waterfall.opening_amount as amount,
        waterfall.opening_deals as deals
    from waterfall
    union all
    select
        waterfall.period_type,
        waterfall.period_start,
        waterfall.view_name,
        waterfall.level,
        waterfall.member,
        'closing' as leg,
        waterfall.closing_amount as amount,
        waterfall.closing_deals as deals
    from waterfall
),

legs_compared as (
    select
        coalesce(told.period_type, standing.period_type) as period_type,
        coalesce(told.period_start, standing.period_start) as period_start,
        coalesce(told.view_name, standing.view_name) as view_name,
        coalesce(told.level, standing.level) as level,
        coalesce(told.member, standing.member) as member,
        coalesce(told.leg, standing.leg) as problem,
        coalesce(told.amount, 0) as told_amount,
        coalesce(standing.amount, 0) as standing_amount,
        coalesce(told.deals, 0) as told_deals,
        coalesce(standing.deals, 0) as standing_deals
    from told
    full outer join standing
        on
            told.period_type = standing.period_type
            and told.period_start = standing.period_start
            and told.view_name = standing.view_name
            and told.level = standing.level
            and told.member = standing.member
            and told.leg = standing.leg
),

residuals as (
    select
        waterfall.period_type,
        waterfall.period_start,
        waterfall.view_name,
        waterfall.level,
        waterfall.member,
        'residual' as problem,
        waterfall.opening_amount
        {%- for movement in [
            'created', 'reopened', 'pulled_in', 'pushed_in', 'overdue_redated', 'date_set', 'increased',
            'decreased', 'pushed_out', 'pulled_earlier', 'date_cleared', 'won', 'lost', 'deleted',
            'exchange_rate', 'transferred'
        ] %}
        + waterfall.{{ movement }}_amount
        {%- endfor %} as told_amount,
        waterfall.closing_amount as standing_amount,
        cast(0 as bigint) as told_deals,
        cast(0 as bigint) as standing_deals
    from waterfall
),

compared as (
    select * from legs_compared
    union all
    select * from residuals
)

select *
from compared
where told_amount is distinct from standing_amount or told_deals <> standing_deals
