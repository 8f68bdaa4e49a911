{%- set levels = ['total', 'team', 'owner', 'segment', 'pipeline'] -%}
{%- set outcomes = ['still_open', 'closed_later', 'won', 'lost', 'deleted'] -%}
with

slips as (
    select * from {{ ref('fct_deal_slips') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

-- What was due stands with the team that the owner was in at the end of the day before the period.
team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

periods as (
    select * from {{ ref('int_pipeline_periods') }}
),

unknown_deals as (
    select * from {{ ref('int_pipeline_unknown') }}
    where view_name = 'due_in_period' and unknown_opening_deals > 0
),

slips_placed as (
    select
        slips.*,
        slips.segment as segment_member,
        slips.pipeline_id as pipeline_member,
        coalesce(team_periods.team, 'unassigned') as team_member,
        {{ owner_member('owners') }} as owner_member
    from slips
    left join owners on slips.owner_key = owners.owner_key
    left join team_periods
        on
            slips.owner_key = team_periods.owner_key
            and slips.period_start > team_periods.valid_from_date
            and slips.period_start <= team_periods.valid_to_date
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
            and unknown_deals.period_start > team_periods.valid_from_date
            and unknown_deals.period_start <= team_periods.valid_to_date
),

periods_summed as (
    {%- for level in levels %}
    select
        slips_placed.period_type,
        '{{ level }}' as level,
        {% if level == 'total' %}'total'{% else %}slips_placed.{{ level }}_member{% endif %} as member,
        coalesce(sum(slips_placed.amount_reporting), 0) as due_amount,
        {%- for outcome in outcomes %}
        coalesce(
            sum(slips_placed.amount_reporting)
            filter (where slips_placed.outcome = '{{ outcome }}'),
            0
        ) as {{ outcome }}_amount,
        {%- endfor %}
        count(*) as due_deals,
        {%- for outcome in outcomes %}
        count(*) filter (where slips_placed.outcome = '{{ outcome }}') as {{ outcome }}_deals,
        {%- endfor %}
        count(*) filter (where slips_placed.amount_reporting is null) as deals_without_amount,
        count(slips_placed.amount_reporting) as deals_with_amount,
        sum(slips_placed.pushes) as pushes,
        sum(slips_placed.pushed_days) as pushed_days,
        slips_placed.period_start
    from slips_placed
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

unknown_summed as (
    {%- for level in levels %}
    select
        unknown_placed.period_type,
        '{{ level }}' as level,
        {% if level == 'total' %}'total'{% else %}unknown_placed.{{ level }}_member{% endif %} as member,
        cast(sum(unknown_placed.unknown_opening_deals) as bigint) as unknown_deals,
        unknown_placed.period_start
    from unknown_placed
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Deals without history are left out and counted; where there is nothing else no figure is known.
members_joined as (
    select
        coalesce(periods_summed.period_type, unknown_summed.period_type) as period_type,
        coalesce(periods_summed.level, unknown_summed.level) as level,
        coalesce(periods_summed.member, unknown_summed.member) as member,
        {%- for outcome in ['due'] + outcomes %}
        case
            when unknown_summed.unknown_deals is null or periods_summed.deals_with_amount > 0
                then periods_summed.{{ outcome }}_amount
        end as {{ outcome }}_amount,
        periods_summed.{{ outcome }}_deals,
        {%- endfor %}
        periods_summed.deals_without_amount,
        periods_summed.pushes,
        periods_summed.pushed_days,
        coalesce(unknown_summed.unknown_deals, 0) as unknown_deals,
        coalesce(periods_summed.period_start, unknown_summed.period_start) as period_start
    from periods_summed
    full outer join unknown_summed
        on
            periods_summed.period_type = unknown_summed.period_type
            and periods_summed.level = unknown_summed.level
            and periods_summed.member = unknown_summed.member
            and periods_summed.period_start = unknown_summed.period_start
),

-- Before its end nobody knows what will have slipped.
members_judged as (
    select
        members_joined.*,
        case
            when periods.is_complete
                then members_joined.still_open_deals + members_joined.closed_later_deals
        end as slipped_deals,
        case
            when periods.is_complete
                then members_joined.still_open_amount + members_joined.closed_later_amount
        end as slipped_amount,
        periods.is_complete,
        periods.period_end,
        periods.closing_date
    from members_joined
    inner join periods
        on
            members_joined.period_type = periods.period_type
            and members_joined.period_start = periods.period_start
),

final as (
    select
        members_judged.period_type,
        members_judged.level,
        members_judged.member,
        cast(members_judged.due_amount as decimal(18, 2)) as due_amount,
        cast(members_judged.slipped_amount as decimal(18, 2)) as slipped_amount,
        {%- for outcome in outcomes %}
        cast(members_judged.{{ outcome }}_amount as decimal(18, 2)) as {{ outcome }}_amount,
        {%- endfor %}
        members_judged.due_deals,
        members_judged.slipped_deals,
        {%- for outcome in outcomes %}
        members_judged.{{ outcome }}_deals,
        {%- endfor %}
        members_judged.deals_without_amount,
        members_judged.unknown_deals,
        cast(members_judged.pushes as bigint) as pushes,
        cast(members_judged.pushed_days as bigint) as pushed_days,
        {{ ratio('members_judged.slipped_deals', 'members_judged.due_deals') }} as slip_rate,
        {{ ratio('members_judged.slipped_amount', 'members_judged.due_amount') }}
            as slip_rate_value,
        {{ ratio('members_judged.pushes', 'members_judged.due_deals') }} as pushes_per_deal,
        {{ ratio('members_judged.pushed_days', 'members_judged.due_deals') }}
            as pushed_days_per_deal,
        members_judged.is_complete,
        members_judged.period_start,
        members_judged.period_end,
        members_judged.closing_date
    from members_judged
)

select * from final
