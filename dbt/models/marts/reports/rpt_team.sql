with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

dates as (
    select
        date_day,
        month_start,
        quarter_start,
        month_end,
        quarter_end
    from {{ ref('dim_dates') }}
),

-- Who left, a queue or an integration stands in one row.
owners as (
    select
        dim_owners.owner_key,
        {{ owner_member('dim_owners') }} as member,
        dim_owners.rollup_owner_name as member_name,
        case when dim_owners.kind = 'person' and dim_owners.is_active then dim_owners.team end as team
    from {{ ref('dim_owners') }} as dim_owners
),

deals as (
    select
        deal_key,
        owner_key,
        status,
        amount_reporting,
        amount_plan_rate,
        close_date,
        close_day
    from {{ ref('fct_deals') }}
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

win_loss as (
    select
        deal_key,
        is_in_win_rate
    from {{ ref('fct_win_loss') }}
),

-- Of a closed deal its shares: where nobody shares it, it is with who held it when it closed, whoever
-- looks after it today.
splits as (
    select
        deal_key,
        owner_key,
        amount_reporting,
        amount_plan_rate,
        is_counted
    from {{ ref('fct_deal_splits') }}
    where kind = 'revenue'
),

targets as (
    select
        amount_reporting,
        period_start
    from {{ ref('fct_targets') }}
    where measure = 'bookings' and level = 'company'
),

owner_months as (
    select * from {{ ref('int_owner_months') }}
    where measure = 'bookings' and quota is not null
),

current_periods as (
    select
        run_context.as_of,
        cast(run_context.as_of - interval 12 month + interval 1 day as date) as year_start,
        dates.month_start,
        dates.month_end,
        dates.quarter_start,
        dates.quarter_end
    from run_context
    inner join dates on run_context.as_of = dates.date_day
),

-- What is open stays whole with its owner: nothing has been earned yet.
deals_divided as (
    {%- for is_open in [true, false] %}
    select
        {% if is_open %}deals{% else %}splits{% endif %}.owner_key,
        deals.status,
        {% if is_open %}deals{% else %}splits{% endif %}.amount_reporting,
        {% if is_open %}deals{% else %}splits{% endif %}.amount_plan_rate,
        {% if is_open %}true as {% else %}splits.{% endif %}is_counted,
        {% if is_open %}false as {% else %}win_loss.{% endif %}is_in_win_rate,
        deals.close_date,
        deals.close_day
    from deals
    {% if is_open -%}
    where deals.status = 'open'
    union all
    {%- else -%}
    inner join splits on deals.deal_key = splits.deal_key
    inner join win_loss on deals.deal_key = win_loss.deal_key
    {%- endif %}
    {%- endfor %}
),

deals_credited as (
    select
        deals_divided.*,
        owners.team,
        coalesce(owners.member, 'unassigned') as member,
        coalesce(owners.member_name, 'Unassigned') as owner_name
    from deals_divided
    left join owners on deals_divided.owner_key = owners.owner_key
),

deal_facts as (
    select
        deals_credited.member,
        any_value(deals_credited.owner_name) as owner_name,
        any_value(deals_credited.team) as team,
        {%- for period in ['month', 'quarter'] %}
        {%- for amount, ending in [('amount_reporting', ''), ('amount_plan_rate', '_plan_rate')] %}
        sum(deals_credited.{{ amount }}) filter (
            where
            deals_credited.status = 'won'
            and deals_credited.close_day between periods.{{ period }}_start and periods.as_of
        ) as won_{{ period }}{{ ending }},
        {%- endfor %}
        {%- endfor %}
        count(*) filter (
            where
            deals_credited.status = 'won'
            and deals_credited.is_counted
            and deals_credited.close_day between periods.quarter_start and periods.as_of
        ) as won_quarter_deals,
        count(*) filter (where deals_credited.status = 'open') as open_deals,
        sum(deals_credited.amount_reporting) filter (
            where deals_credited.status = 'open'
        ) as open_pipeline,
        sum(deals_credited.amount_reporting) filter (
            where
            deals_credited.status = 'open'
            and deals_credited.close_date between periods.as_of and periods.quarter_end
        ) as open_due_quarter,
        count(*) filter (
            where
            deals_credited.status = 'won'
            and deals_credited.is_counted
            and deals_credited.is_in_win_rate
            and deals_credited.close_day between periods.year_start and periods.as_of
        ) as year_won_deals,
        count(*) filter (
            where
            deals_credited.status = 'lost'
            and deals_credited.is_counted
            and deals_credited.is_in_win_rate
            and deals_credited.close_day between periods.year_start and periods.as_of
        ) as year_lost_deals
    from deals_credited
    cross join current_periods as periods
    group by deals_credited.member
),

-- What an owner is asked for: prorated and ramped, as fct_rep_months tells it of the months until today.
targets_of_owners as (
    select
        owners.member,
        any_value(owners.member_name) as owner_name,
        any_value(owners.team) as team,
        sum(owner_months.quota) filter (
            where owner_months.month_start between periods.month_start and periods.month_end
        ) as target_month,
        sum(owner_months.quota) filter (
            where owner_months.month_start between periods.quarter_start and periods.quarter_end
        ) as target_quarter
    from owner_months
    cross join current_periods as periods
    inner join owners on owner_months.owner_key = owners.owner_key
    group by owners.member
),

targets_of_company as (
    select
        sum(targets.amount_reporting) filter (
            where targets.period_start between periods.month_start and periods.month_end
        ) as target_month,
        sum(targets.amount_reporting) filter (
            where targets.period_start between periods.quarter_start and periods.quarter_end
        ) as target_quarter
    from targets
    cross join current_periods as periods
),

owners_joined as (
    select
        coalesce(deal_facts.member, targets.member) as owner_key,
        coalesce(deal_facts.owner_name, targets.owner_name) as owner_name,
        coalesce(deal_facts.team, targets.team) as team,
        deal_facts.won_month,
        targets.target_month,
        deal_facts.won_quarter,
        deal_facts.won_month_plan_rate,
        deal_facts.won_quarter_plan_rate,
        deal_facts.won_quarter_deals,
        targets.target_quarter,
        deal_facts.open_deals,
        deal_facts.open_pipeline,
        deal_facts.open_due_quarter,
        deal_facts.year_won_deals,
        deal_facts.year_lost_deals,
        false as is_total
    from deal_facts
    full outer join targets_of_owners as targets
        on deal_facts.member = targets.member
    where
        coalesce(deal_facts.won_quarter_deals, 0) > 0
        or coalesce(deal_facts.won_quarter, 0) <> 0
        or coalesce(deal_facts.won_month, 0) <> 0
        or coalesce(deal_facts.open_deals, 0) > 0
        or coalesce(deal_facts.year_won_deals, 0) + coalesce(deal_facts.year_lost_deals, 0) > 0
        or targets.target_quarter is not null
),

rows_with_total as (
    select * from owners_joined
    union all
    select
        'total' as owner_key,
        'Total' as owner_name,
        null as team,
        sum(deal_facts.won_month) as won_month,
        any_value(targets.target_month) as target_month,
        sum(deal_facts.won_quarter) as won_quarter,
        sum(deal_facts.won_month_plan_rate) as won_month_plan_rate,
        sum(deal_facts.won_quarter_plan_rate) as won_quarter_plan_rate,
        sum(deal_facts.won_quarter_deals) as won_quarter_deals,
        any_value(targets.target_quarter) as target_quarter,
        sum(deal_facts.open_deals) as open_deals,
        sum(deal_facts.open_pipeline) as open_pipeline,
        sum(deal_facts.open_due_quarter) as open_due_quarter,
        sum(deal_facts.year_won_deals) as year_won_deals,
        sum(deal_facts.year_lost_deals) as year_lost_deals,
        true as is_total
    from deal_facts
    cross join targets_of_company as targets
    having count(*) > 0
),

final as (
    select
        owner_key,
        owner_name,
        team,
        cast(coalesce(won_month, 0) as decimal(18, 2)) as won_month,
        cast(target_month as decimal(18, 2)) as target_month,
        {{ ratio('coalesce(won_month_plan_rate, 0)', 'target_month') }} as attainment_month,
        cast(coalesce(won_quarter, 0) as decimal(18, 2)) as won_quarter,
        cast(coalesce(won_quarter_deals, 0) as bigint) as won_quarter_deals,
        cast(target_quarter as decimal(18, 2)) as target_quarter,
        {{ ratio('coalesce(won_quarter_plan_rate, 0)', 'target_quarter') }} as attainment_quarter,
        cast(coalesce(open_deals, 0) as bigint) as open_deals,
        cast(coalesce(open_pipeline, 0) as decimal(18, 2)) as open_pipeline,
        cast(coalesce(open_due_quarter, 0) as decimal(18, 2)) as open_due_quarter,
        cast(coalesce(year_won_deals, 0) as bigint) as year_won_deals,
        cast(coalesce(year_lost_deals, 0) as bigint) as year_lost_deals,
        {{ ratio('year_won_deals', '(year_won_deals + year_lost_deals)') }} as win_rate,
        {{ wilson_low('year_won_deals', '(year_won_deals + year_lost_deals)') }} as wilson_low,
        {{ wilson_high('year_won_deals', '(year_won_deals + year_lost_deals)') }} as wilson_high,
        is_total
    from rows_with_total
)

select * from final
