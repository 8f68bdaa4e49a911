{%- set measures = {
    'bookings': 'amount_plan_rate', 'tcv': 'tcv_plan_rate', 'acv': 'acv_plan_rate', 'arr': 'arr_plan_rate',
    'one_time_amount': 'one_time_amount_plan_rate',
} -%}
with

quotas as (
    select * from {{ ref('int_owner_months') }}
    where quota is not null
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

splits_dated as (
    select
        splits.*,
        dates.month_start
    from splits
    cross join run_context
    inner join dates on splits.close_day = dates.date_day
    where splits.close_day <= run_context.as_of
),

credits as (
    {%- for measure, money in measures.items() %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ measure }}' as measure,
        coalesce(splits_dated.owner_key, 'unassigned') as owner_key,
        splits_dated.month_start,
        splits_dated.{{ money }} as won_plan_rate,
        splits_dated.is_counted
    from splits_dated
    {%- endfor %}
),

won as (
    select
        credits.measure,
        credits.owner_key,
        credits.month_start,
        sum(credits.won_plan_rate) as won_plan_rate,
        count(*) filter (where credits.is_counted) as won_deals,
        count(*) filter (where credits.is_counted and credits.won_plan_rate is null) as won_deals_without_amount
    from credits
    group by all
),

final as (
    select
        quotas.owner_key,
        quotas.measure,
        rep_months.team,
        coalesce(owners.rollup_owner_name, 'Unassigned') as rollup_owner_name,
        quotas.quota_stated,
        quotas.ramp_share,
        quotas.quota,
        cast(coalesce(won.won_plan_rate, 0) as decimal(18, 2)) as won_plan_rate,
        coalesce(won.won_deals, 0) as won_deals,
        coalesce(won.won_deals_without_amount, 0) as won_deals_without_amount,
        {{ ratio('coalesce(won.won_plan_rate, 0)', 'quotas.quota') }} as attainment,
        quotas.month_start
    from quotas
    inner join months on quotas.month_start = months.month_start
    left join rep_months
        on
            quotas.owner_key = rep_months.owner_key
            and quotas.month_start = rep_months.month_start
    left join owners on quotas.owner_key = owners.owner_key
    left join won
        on
            quotas.measure = won.measure
            and quotas.owner_key = won.owner_key
            and quotas.month_start = won.month_start
)

select * from final
