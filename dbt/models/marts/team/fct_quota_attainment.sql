{%- set measures = {
    'bookings': 'amount_plan_rate', 'tcv': 'tcv_plan_rate', 'acv': 'acv_plan_rate', 'arr': 'arr_plan_rate',
    'one_time_amount': 'one_time_amount_plan_rate',
} -%}
{%- set levels = {'owner': 'credits.owner_key', 'team': 'credits.team', 'company': "'company'"} -%}
with

quotas as (
    select * from {{ ref('int_owner_months') }}
    where quota is not null
),

targets as (
    select * from {{ ref('fct_targets') }}
    where level in ('team', 'company') and measure <> 'pipeline_created' and amount_reporting is not null
),

splits as (
    select * from {{ ref('fct_deal_splits') }}
    where
        kind = 'revenue'
        and status = 'won'
        and not is_excluded
        and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

rep_months as (
    select * from {{ ref('fct_rep_months') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

months as (
    select distinct dates.month_start
    from dates
    cross join run_context
    where dates.month_end >= run_context.start_date and dates.month_start <= run_context.as_of
),

-- A win stays with the team that its owner was in when it closed, as in fct_coverage_pacing.
splits_placed as (
    select
        splits.*,
        coalesce(team_periods.team, 'unassigned') as team,
        dates.month_start
    from splits
    cross join run_context
    inner join dates on splits.close_day = dates.date_day
    left join team_periods
        on
            splits.owner_key = team_periods.owner_key
            and splits.close_day >= team_periods.valid_from_date
            and splits.close_day < team_periods.valid_to_date
    where splits.close_day <= run_context.as_of
),

credits as (
    {%- for measure, money in measures.items() %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ measure }}' as measure,
        coalesce(splits_placed.owner_key, 'unassigned') as owner_key,
        splits_placed.team,
        splits_placed.month_start,
        splits_placed.{{ money }} as won_plan_rate,
        splits_placed.is_counted
    from splits_placed
    {%- endfor %}
),

-- Parts sum to the deal, and one of them counts it, so the company has every deal once.
won as (
    {%- for level, member in levels.items() %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ level }}' as level,
        {{ member }} as member,
        credits.measure,
        credits.month_start,
        sum(credits.won_plan_rate) as won_plan_rate,
        count(*) filter (where credits.is_counted) as won_deals,
        count(*) filter (where credits.is_counted and credits.won_plan_rate is null) as won_deals_without_amount
    from credits
    group by all
    {%- endfor %}
),

-- Whoever set a team's or the company's target knew who would be there, so it is asked whole.
quotas_leveled as (
    select
        'owner' as level,
        quotas.owner_key as member,
        quotas.owner_key,
        quotas.measure,
        quotas.quota_stated,
        quotas.ramp_share,
        quotas.quota,
        quotas.month_start
    from quotas
    union all
    select
        targets.level,
        case targets.level when 'company' then 'company' else targets.member end as member,
        null as owner_key,
        targets.measure,
        sum(targets.amount_reporting) as quota_stated,
        1 as ramp_share,
        sum(targets.amount_reporting) as quota,
        targets.period_start as month_start
    from targets
    group by all
),

final as (
    select
        quotas_leveled.level,
        quotas_leveled.member,
        quotas_leveled.owner_key,
        quotas_leveled.measure,
        rep_months.team,
        case when quotas_leveled.level = 'owner' then coalesce(owners.rollup_owner_name, 'Unassigned') end
            as rollup_owner_name,
        cast(quotas_leveled.quota_stated as decimal(18, 2)) as quota_stated,
        cast(quotas_leveled.ramp_share as decimal(9, 6)) as ramp_share,
        cast(quotas_leveled.quota as decimal(18, 2)) as quota,
        cast(coalesce(won.won_plan_rate, 0) as decimal(18, 2)) as won_plan_rate,
        coalesce(won.won_deals, 0) as won_deals,
        coalesce(won.won_deals_without_amount, 0) as won_deals_without_amount,
        {{ ratio('coalesce(won.won_plan_rate, 0)', 'quotas_leveled.quota') }} as attainment,
        quotas_leveled.month_start
    from quotas_leveled
    inner join months on quotas_leveled.month_start = months.month_start
    left join rep_months
        on
            quotas_leveled.owner_key = rep_months.owner_key
            and quotas_leveled.month_start = rep_months.month_start
    left join owners on quotas_leveled.owner_key = owners.owner_key
    left join won
        on
            quotas_leveled.level = won.level
            and quotas_leveled.member = won.member
            and quotas_leveled.measure = won.measure
            and quotas_leveled.month_start = won.month_start
)

select * from final
