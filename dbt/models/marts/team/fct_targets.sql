with

targets as (
    {{ union_staged('targets') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

plan_rates as (
    select * from {{ ref('int_rates_plan') }}
),

dates as (
    select
        date_day,
        month_start,
        fiscal_year * 12 + fiscal_month as month_number
    from {{ ref('dim_dates') }}
),

fiscal_months as (
    select distinct
        month_number,
        month_start
    from dates
),

owner_names as (
    select
        names.name,
        min(names.owner_key) as owner_key
    from (
        select
            owner_key,
            lower(owner_id) as name
        from owners
        union
        select
            owner_key,
            lower(owner_key) as name
        from owners
        union
        select
            owner_key,
            lower(email) as name
        from owners
        union
        select
            owner_key,
            lower(owner_name) as name
        from owners
    ) as names
    where names.name is not null
    group by names.name
),

-- A list may write a team in its own way, unless two teams are told apart by nothing else.
team_names as (
    select
        lower(team_periods.team) as name,
        min(team_periods.team) as team
    from team_periods
    group by lower(team_periods.team)
    having count(distinct team_periods.team) = 1
),

-- Outside the calendar that is told months are the calendar's.
targets_dated as (
    select
        targets.level,
        coalesce(owner_names.owner_key, team_names.team, {{ given('targets.member') }}, 'company') as member,
        targets.measure,
        targets.currency,
        targets.period_type,
        targets.amount,
        targets.version_order,
        dates.month_number,
        targets.period_start as stated_for,
        coalesce(dates.month_start, cast(date_trunc('month', targets.period_start) as date)) as period_start
    from targets
    left join dates on targets.period_start = dates.date_day
    left join owner_names
        on targets.level = 'owner' and lower({{ given('targets.member') }}) = owner_names.name
    left join team_names
        on targets.level = 'team' and lower({{ given('targets.member') }}) = team_names.name
),

targets_newest as (
    select *
    from targets_dated
    qualify
        row_number() over (
            partition by level, member, measure, period_type, period_start
            order by version_order desc
        ) = 1
),

months_of_targets as (
    select
        targets_newest.*,
        months.month_no,
        coalesce(
            fiscal_months.month_start, cast(targets_newest.period_start + to_months(months.month_no) as date)
        ) as month_start
    from targets_newest
    inner join (values (0), (1), (2)) as months (month_no)
        on months.month_no = 0 or targets_newest.period_type = 'quarter'
    left join fiscal_months on targets_newest.month_number + months.month_no = fiscal_months.month_number
),

-- A quarter's cents that do not divide by three go to its first months.
months_split as (
    select
        level,
        member,
        measure,
        currency,
        period_type,
        month_start,
        -- A fiscal month may begin before the day that the list names, under the plan of the year before.
        case when month_no = 0 then stated_for else month_start end as rate_day,
        case period_type
            when 'month' then amount
            else
                cast(
                    (cast(amount * 100 as bigint) // 3)
                    + case when cast(amount * 100 as bigint) % 3 > month_no then 1 else 0 end
                    as decimal(18, 0)
                ) * 0.01
        end as amount
    from months_of_targets
),

-- Where a month has a target of its own, its share of the quarter's would count it twice.
months_once as (
    select *
    from months_split
    qualify
        row_number() over (
            partition by level, member, measure, month_start
            order by period_type
        ) = 1
),

final as (
    select
        concat_ws(
            ':', months_once.level, months_once.member, months_once.measure, months_once.month_start
        ) as target_key,
        months_once.level,
        months_once.member,
        months_once.measure,
        months_once.currency,
        cast(months_once.amount as decimal(18, 2)) as amount,
        {{ converted('months_once.amount', 'plan_rates.rate_to_reporting') }} as amount_reporting,
        months_once.month_start as period_start
    from months_once
    left join plan_rates
        on
            months_once.currency = plan_rates.currency
            and months_once.rate_day >= plan_rates.valid_from
            and months_once.rate_day < plan_rates.valid_to
)

select * from final
