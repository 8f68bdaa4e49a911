{#-
    A call is for its whole period: what is won in it so far, and of what is open and due by its end
    the deals that carry the category or a surer one. Files hold the calls themselves; of the CRM's
    categories they are added up at each month's end for the periods of the next day, and today. What is won is of
    those who share it, what is open of its owner, as the CRM shows it. `weighted` is what sellers'
    own probabilities make of their deals: amounts times probability.
-#}
{%- set categories = {
    'commit': "('commit')", 'best_case': "('commit', 'best_case')", 'pipeline': "('commit', 'best_case', 'pipeline')",
} -%}
{%- set levels = {'total': "'total'", 'team': 'team', 'owner': 'owner'} -%}
with

submissions as (
    {{ union_staged('forecast_submissions') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

spans as (
    {{ credited(ref('int_forecast_spans')) }}
    union all
    select * exclude (credits) from {{ ref('int_forecast_spans') }}
    where status = 'open'
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

months as (
    select * from {{ ref('int_forecast_months') }}
),

actuals as (
    select * from {{ ref('int_forecast_actuals') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

owner_names as (
    select
        names.name,
        min(names.owner_key) as owner_key
    from (
        select
            owners.owner_key,
            unnest([lower(owners.owner_id), lower(owners.owner_key), lower(owners.email), lower(owners.owner_name)])
                as name
        from owners
    ) as names
    where names.name is not null
    group by names.name
),

-- Said again for the same day, the newer row counts.
calls_of_files as (
    select
        submissions.source_system,
        case submissions.level when 'company' then 'total' else submissions.level end as level,
        case submissions.level
            when 'company' then 'total'
            when 'owner' then coalesce(owner_names.owner_key, submissions.member)
            else submissions.member
        end as member,
        submissions.period_type,
        submissions.category,
        submissions.currency,
        submissions.amount,
        {{ converted('submissions.amount', 'rates.rate_to_reporting') }} as amount_reporting,
        cast(null as bigint) as deals,
        submissions.submitted_on,
        case submissions.period_type when 'month' then dates.month_start else dates.quarter_start end as period_start,
        case submissions.period_type when 'month' then dates.month_end else dates.quarter_end end as period_end
    from submissions
    cross join run_context
    inner join dates on submissions.period_start = dates.date_day
    left join rates
        on submissions.currency = rates.currency and submissions.submitted_on = rates.rate_date
    left join owner_names
        on submissions.level = 'owner' and lower(submissions.member) = owner_names.name
    where submissions.submitted_on <= run_context.as_of
    qualify
        row_number() over (
            partition by
                submissions.level,
                submissions.member,
                submissions.period_type,
                submissions.category,
                submissions.submitted_on,
                case submissions.period_type when 'month' then dates.month_start else dates.quarter_start end
            order by submissions.version_order desc
        ) = 1
),

-- The periods in which the next day lies.
origins as (
    select
        dates.date_day as submitted_on,
        periods.period_type,
        case periods.period_type when 'month' then following.month_start else following.quarter_start end
            as period_start,
        case periods.period_type when 'month' then following.month_end else following.quarter_end end
            as period_end
    from dates
    cross join run_context
    inner join dates as following on dates.date_day + 1 = following.date_day
    cross join (values ('month'), ('quarter')) as periods (period_type)
    where
        dates.date_day = run_context.as_of
        or (dates.date_day < run_context.as_of and dates.date_day = dates.month_end)
),

standings as (
    select
        origins.submitted_on,
        origins.period_type,
        origins.period_start,
        origins.period_end,
        spans.status,
        spans.category,
        spans.forecast_probability,
        spans.owner,
        -- A call is that of the team of the day, and what it had won stays with the team that won it.
        coalesce(team_periods.team, 'unassigned') as team,
        case
            when spans.status = 'won' then spans.amount
            else {{ converted('spans.amount_in_currency', 'rates.rate_to_reporting') }}
        end as amount,
        spans.status = 'open' and spans.close_date <= origins.period_end as is_due
    from origins
    inner join spans
        on
            origins.submitted_on >= spans.valid_from
            and origins.submitted_on < coalesce(spans.valid_until, date '9999-12-31')
            -- No quarter is longer: what was won before that is in none of the periods.
            and (spans.won_day is null or origins.submitted_on < spans.won_day + 100)
    left join team_periods
        on
            spans.owner_key = team_periods.owner_key
            and coalesce(spans.won_day, origins.submitted_on) >= team_periods.valid_from_date
            and coalesce(spans.won_day, origins.submitted_on) < team_periods.valid_to_date
    left join rates
        on spans.currency = rates.currency and origins.submitted_on = rates.rate_date
    where
        spans.status = 'open'
        or spans.won_day between origins.period_start and origins.submitted_on
),

standings_summed as (
    {%- for level, member in levels.items() %}
    select
        submitted_on,
        period_type,
        period_start,
        period_end,
        '{{ level }}' as level,
        {{ member }} as member,
        {%- for category, words in categories.items() %}
        coalesce(sum(amount) filter (where is_due and category in {{ words }}), 0) as {{ category }},
        count(*) filter (where is_due and category in {{ words }}) as {{ category }}_deals,
        {%- endfor %}
        coalesce(
            sum(cast(amount * forecast_probability as decimal(18, 2))) filter (where is_due), 0
        ) as weighted,
        count(*) filter (where is_due and forecast_probability is not null) as weighted_deals,
        count(*) filter (where status = 'open' and forecast_probability is not null) as deals_with_probability,
        coalesce(sum(amount) filter (where status = 'won'), 0) as won,
        count(*) filter (where status = 'open' and category is not null) as deals_with_category
    from standings
    group by all
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Who has said nothing of any deal has made no call.
calls_of_crm as (
    {%- for category in (categories | list) + ['weighted'] %}
    select
        cast(null as text) as source_system,
        standings_summed.level,
        standings_summed.member,
        standings_summed.period_type,
        '{{ category }}' as category,
        run_context.reporting_currency as currency,
        standings_summed.won + standings_summed.{{ category }} as amount,
        standings_summed.won + standings_summed.{{ category }} as amount_reporting,
        standings_summed.{{ category }}_deals as deals,
        standings_summed.submitted_on,
        standings_summed.period_start,
        standings_summed.period_end
    from standings_summed
    cross join run_context
    where standings_summed.{{ 'deals_with_probability' if category == 'weighted' else 'deals_with_category' }} > 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

calls as (
    select
        'file' as origin,
        *
    from calls_of_files
    union all
    select
        'crm' as origin,
        *
    from calls_of_crm
),

final as (
    select
        concat_ws(
            ':', calls.origin, calls.period_type, calls.period_start, calls.level, calls.member, calls.category,
            calls.submitted_on
        ) as submission_key,
        calls.origin,
        calls.source_system,
        calls.period_type,
        calls.level,
        calls.member,
        calls.category,
        calls.currency,
        cast(calls.amount as decimal(18, 2)) as amount,
        cast(calls.amount_reporting as decimal(18, 2)) as amount_reporting,
        case when months.frozen_day <= run_context.as_of then coalesce(actuals.actual_frozen, 0) end
            as actual_frozen,
        case when calls.period_end <= run_context.as_of then coalesce(actuals.actual_now, 0) end as actual_now,
        cast(
            case
                when months.frozen_day <= run_context.as_of
                    then calls.amount_reporting - coalesce(actuals.actual_frozen, 0)
            end as decimal(18, 2)
        ) as error_reporting,
        calls.deals,
        cast(calls.period_end - calls.submitted_on as bigint) as days_left,
        calls.submitted_on = max(calls.submitted_on) over (
            partition by
                calls.origin, calls.period_type, calls.period_start, calls.level, calls.member,
                calls.category
        ) as is_newest,
        calls.submitted_on,
        calls.period_start,
        calls.period_end
    from calls
    cross join run_context
    left join months on calls.period_end = months.month_end
    left join actuals
        on
            calls.period_type = actuals.period_type
            and calls.period_start = actuals.period_start
            and calls.level = actuals.level
            and calls.member = actuals.member
)

select * from final
