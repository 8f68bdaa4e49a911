{%- set ways_in = ['created', 'reopened', 'pulled_in', 'pushed_in', 'overdue_redated', 'date_set'] -%}
{%- set ways_out = ['pushed_out', 'pulled_earlier', 'date_cleared', 'won', 'lost', 'deleted'] -%}
{%- set amounts = ['opening'] + ways_in + ['increased', 'decreased'] + ways_out
+ ['transferred', 'exchange_rate', 'closing'] -%}
with

movements as (
    select * from {{ ref('fct_pipeline_movements') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

unknown_deals as (
    select * from {{ ref('int_pipeline_unknown') }}
),

movements_placed as (
    select
        movements.period_type,
        movements.view_name,
        movements.movement,
        movements.deal_key,
        coalesce(movements.team, 'unassigned') as team_member,
        {{ owner_member('owners') }} as owner_member,
        movements.segment as segment_member,
        movements.pipeline_id as pipeline_member,
        movements.amount,
        movements.amount_reporting,
        movements.period_start,
        movements.period_end,
        movements.closing_date
    from movements
    left join owners on movements.owner_key = owners.owner_key
),

unknown_placed as (
    select
        unknown_deals.*,
        unknown_deals.segment as segment_member,
        unknown_deals.pipeline_id as pipeline_member,
        coalesce(team_periods.team, 'unassigned') as team_member,
        {{ owner_member('owners') }} as owner_member
    from unknown_deals
    left join owners on unknown_deals.owner_key = owners.owner_key
    left join team_periods
        on
            unknown_deals.owner_key = team_periods.owner_key
            and unknown_deals.closing_date >= team_periods.valid_from_date
            and unknown_deals.closing_date < team_periods.valid_to_date
),

movements_summed as (
    {%- for level in ['total', 'team', 'owner', 'segment', 'pipeline'] %}
    select
        movements_placed.period_type,
        movements_placed.view_name,
        '{{ level }}' as level,
        {% if level == 'total' %}'total'{% else %}movements_placed.{{ level }}_member{% endif %} as member,
        movements_placed.movement,
        count(*) as deals,
        count(movements_placed.amount) as deals_with_amount,
        sum(movements_placed.amount_reporting) as amount_reporting,
        movements_placed.period_start,
        movements_placed.period_end,
        movements_placed.closing_date
    from movements_placed
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- A deal without an amount is one, whether it is there at the opening, at the closing or at both.
without_amount_summed as (
    {%- for level in ['total', 'team', 'owner', 'segment', 'pipeline'] %}
    select
        movements_placed.period_type,
        movements_placed.view_name,
        '{{ level }}' as level,
        {% if level == 'total' %}'total'{% else %}movements_placed.{{ level }}_member{% endif %} as member,
        count(distinct movements_placed.deal_key) as deals_without_amount,
        movements_placed.period_start
    from movements_placed
    where movements_placed.movement in ('opening', 'closing') and movements_placed.amount is null
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

periods_summed as (
    select
        movements_summed.period_type,
        movements_summed.view_name,
        movements_summed.level,
        movements_summed.member,
        {%- for movement in amounts if movement != 'transferred' %}
        coalesce(
            sum(movements_summed.amount_reporting)
            filter (where movements_summed.movement = '{{ movement }}'),
            0
        ) as {{ movement }}_amount,
        {%- endfor %}
        coalesce(
            sum(movements_summed.amount_reporting) filter (
                where movements_summed.movement in ('transferred_in', 'transferred_out')
            ),
            0
        ) as transferred_amount,
        {%- for movement in ['opening'] + ways_in + ways_out + ['closing'] %}
        cast(
            coalesce(sum(movements_summed.deals) filter (where movements_summed.movement = '{{ movement }}'), 0)
            as bigint
        ) as {{ movement }}_deals,
        {%- endfor %}
        coalesce(any_value(without_amount_summed.deals_without_amount), 0) as deals_without_amount,
        sum(movements_summed.deals_with_amount) as deals_with_amount,
        movements_summed.period_start,
        movements_summed.period_end,
        movements_summed.closing_date
    from movements_summed
    left join without_amount_summed
        on
            movements_summed.period_type = without_amount_summed.period_type
            and movements_summed.view_name = without_amount_summed.view_name
            and movements_summed.level = without_amount_summed.level
            and movements_summed.member = without_amount_summed.member
            and movements_summed.period_start = without_amount_summed.period_start
    group by all
),

unknown_summed as (
    {%- for level in ['total', 'team', 'owner', 'segment', 'pipeline'] %}
    select
        unknown_placed.period_type,
        unknown_placed.view_name,
        '{{ level }}' as level,
        {% if level == 'total' %}'total'{% else %}unknown_placed.{{ level }}_member{% endif %} as member,
        cast(sum(unknown_placed.unknown_deals) as bigint) as unknown_deals,
        unknown_placed.period_start,
        unknown_placed.period_end,
        unknown_placed.closing_date
    from unknown_placed
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Deals without history are left out and counted; where there is nothing else no figure is known.
final as (
    select
        coalesce(periods_summed.period_type, unknown_summed.period_type) as period_type,
        coalesce(periods_summed.view_name, unknown_summed.view_name) as view_name,
        coalesce(periods_summed.level, unknown_summed.level) as level,
        coalesce(periods_summed.member, unknown_summed.member) as member,
        {%- for movement in amounts %}
        cast(
            case
                when unknown_summed.unknown_deals is null or periods_summed.deals_with_amount > 0
                    then periods_summed.{{ movement }}_amount
            end as decimal(18, 2)
        ) as {{ movement }}_amount,
        {%- endfor %}
        {%- for movement in ['opening'] + ways_in + ways_out + ['closing'] %}
        periods_summed.{{ movement }}_deals,
        {%- endfor %}
        periods_summed.deals_without_amount,
        coalesce(unknown_summed.unknown_deals, 0) as unknown_deals,
        coalesce(periods_summed.period_start, unknown_summed.period_start) as period_start,
        coalesce(periods_summed.period_end, unknown_summed.period_end) as period_end,
        coalesce(periods_summed.closing_date, unknown_summed.closing_date) as closing_date
    from periods_summed
    full outer join unknown_summed
        on
            periods_summed.period_type = unknown_summed.period_type
            and periods_summed.view_name = unknown_summed.view_name
            and periods_summed.level = unknown_summed.level
            and periods_summed.member = unknown_summed.member
            and periods_summed.period_start = unknown_summed.period_start
)

select * from final
