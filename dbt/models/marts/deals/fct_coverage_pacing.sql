{#-
    The present row shows what is open today; a past one what was open at the end of the day on
    which the same share of its period's working days was over, as the days of the deals tell.
    Where a deal's stage, amount or date of then is unknown, so is what was open.
-#}
{%- set levels = ['total', 'team', 'owner'] -%}
with

period_days as (
    select * from {{ ref('int_period_days') }}
    where period_start <= current_period_start
),

deals as (
    select * from {{ ref('fct_deals') }}
    -- Bookings and what may become one: an onboarding deal repeats a sale already counted.
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

deal_days as (
    select * from {{ ref('fct_deal_days') }}
    where status = 'open'
),

pipeline_deals as (
    select * from {{ ref('int_pipeline_deals') }}
),

splits as (
    select * from {{ ref('fct_deal_splits') }}
    where kind = 'revenue' and not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

owners as (
    select * from {{ ref('dim_owners') }}
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

targets as (
    select * from {{ ref('fct_targets') }}
    where measure = 'bookings'
),

forecast as (
    select * from {{ ref('fct_forecast') }}
    where measure = 'bookings' and method = 'saleshouse'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

periods as (
    select
        period_days.period_type,
        period_days.period_label,
        period_days.is_current,
        max(period_days.elapsed_working_days) as elapsed_working_days,
        max(period_days.working_days) as working_days,
        max(least(period_days.date_day, run_context.as_of)) as same_day,
        period_days.period_start,
        period_days.period_end
    from period_days
    cross join run_context
    where period_days.is_to_date
    group by all
),

owners_placed as (
    select
        owners.owner_key,
        {{ owner_member('owners') }} as owner_member
    from owners
),

-- A win dated in the future is no booking yet. Who shares a deal has a share of it, and one of them the deal.
won_deals as (
    select
        periods.period_type,
        splits.owner_key,
        splits.amount_reporting as won_final,
        case when splits.close_day <= periods.same_day then splits.amount_plan_rate end
            as won_plan_rate,
        case when splits.close_day <= periods.same_day then splits.amount_reporting end
            as won_reporting,
        cast(splits.is_counted and splits.close_day <= periods.same_day as integer) as won_deals,
        splits.close_day,
        periods.period_start
    from splits
    cross join run_context
    inner join period_days on splits.close_day = period_days.date_day
    inner join periods
        on
            period_days.period_type = periods.period_type
            and period_days.period_start = periods.period_start
    where splits.status = 'won' and splits.close_day <= run_context.as_of
),

open_now as (
    select
        periods.period_type,
        deals.owner_key,
        deals.amount_reporting,
        deals.close_date,
        0 as unknown_deals,
        periods.same_day,
        periods.period_start,
        periods.period_end
    from periods
    inner join deals on deals.status = 'open'
    where periods.is_current
),

open_then as (
    select
        periods.period_type,
        deal_days.owner_key,
        deal_days.amount_reporting,
        deal_days.close_date,
        cast(
            (pipeline_deals.is_amount_unknown or pipeline_deals.is_close_date_unknown)
            and periods.same_day < coalesce(pipeline_deals.seen_date, date '9999-12-31') as integer
        ) as unknown_deals,
        periods.same_day,
        periods.period_start,
        periods.period_end
    from periods
    inner join deal_days on periods.same_day = deal_days.date_day
    inner join pipeline_deals on deal_days.deal_key = pipeline_deals.deal_key
    where not periods.is_current
),

open_deals as (
    select * from open_now
    union all
    select * from open_then
),

-- Counted before they are spread over the periods that they may have been open in.
deals_without_stage_history as (
    select
        pipeline_deals.owner_key,
        count(*) as unknown_deals,
        coalesce(pipeline_deals.created_date, date '0001-01-01') as first_day,
        least(
            case
                when pipeline_deals.status = 'open' then date '9999-12-31'
                else coalesce(pipeline_deals.close_day - 1, date '9999-12-31')
            end,
            coalesce(
                {{ day_in_zone('pipeline_deals.deleted_at', 'run_context.reporting_timezone') }} - 1,
                date '9999-12-31'
            ),
            coalesce(pipeline_deals.seen_date - 1, date '9999-12-31')
        ) as last_day
    from pipeline_deals
    cross join run_context
    where
        pipeline_deals.is_stage_unknown
        and (not pipeline_deals.is_deleted or pipeline_deals.deleted_at is not null)
    group by all
),

facts as (
    select
        won_deals.period_type,
        won_deals.owner_key,
        won_deals.won_reporting,
        won_deals.won_final,
        won_deals.won_plan_rate,
        won_deals.won_deals,
        cast(null as decimal(18, 2)) as open_due,
        cast(null as decimal(18, 2)) as overdue_open,
        cast(null as decimal(18, 2)) as dateless_open,
        cast(null as decimal(18, 2)) as later_open,
        0 as due_open_deals,
        0 as overdue_open_deals,
        0 as dateless_open_deals,
        0 as later_open_deals,
        0 as amountless_open_deals,
        0 as unknown_deals,
        won_deals.close_day as placed_on,
        won_deals.period_start
    from won_deals
    union all
    select
        open_deals.period_type,
        open_deals.owner_key,
        null as won_reporting,
        null as won_final,
        null as won_plan_rate,
        0 as won_deals,
        case
            when open_deals.close_date between open_deals.same_day and open_deals.period_end
                then open_deals.amount_reporting
        end as open_due,
        case
            when open_deals.close_date < open_deals.same_day then open_deals.amount_reporting
        end as overdue_open,
        case when open_deals.close_date is null then open_deals.amount_reporting end
            as dateless_open,
        case
            when open_deals.close_date > open_deals.period_end then open_deals.amount_reporting
        end as later_open,
        cast(
            coalesce(
                open_deals.close_date between open_deals.same_day and open_deals.period_end, false
            ) as integer
        ) as due_open_deals,
        cast(coalesce(open_deals.close_date < open_deals.same_day, false) as integer)
            as overdue_open_deals,
        cast(open_deals.close_date is null as integer) as dateless_open_deals,
        cast(coalesce(open_deals.close_date > open_deals.period_end, false) as integer)
            as later_open_deals,
        cast(open_deals.amount_reporting is null as integer) as amountless_open_deals,
        open_deals.unknown_deals,
        open_deals.same_day as placed_on,
        open_deals.period_start
    from open_deals
    union all
    select
        periods.period_type,
        deals_without_stage_history.owner_key,
        null as won_reporting,
        null as won_final,
        null as won_plan_rate,
        0 as won_deals,
        null as open_due,
        null as overdue_open,
        null as dateless_open,
        null as later_open,
        0 as due_open_deals,
        0 as overdue_open_deals,
        0 as dateless_open_deals,
        0 as later_open_deals,
        0 as amountless_open_deals,
        deals_without_stage_history.unknown_deals,
        periods.same_day as placed_on,
        periods.period_start
    from periods
    inner join deals_without_stage_history
        on
            periods.same_day >= deals_without_stage_history.first_day
            and periods.same_day <= deals_without_stage_history.last_day
    where not periods.is_current
),

-- A win stays with the team that its owner was in when it closed, what was open with the team of the day.
facts_placed as (
    select
        facts.*,
        coalesce(team_periods.team, 'unassigned') as team_member,
        coalesce(owners_placed.owner_member, 'unassigned') as owner_member
    from facts
    left join owners_placed on facts.owner_key = owners_placed.owner_key
    left join team_periods
        on
            facts.owner_key = team_periods.owner_key
            and facts.placed_on >= team_periods.valid_from_date
            and facts.placed_on < team_periods.valid_to_date
),

facts_summed as (
    {%- for level in levels %}
    select
        facts_placed.period_type,
        '{{ level }}' as level,
        {% if level == 'total' %}'total'{% else %}facts_placed.{{ level }}_member{% endif %} as member,
        sum(facts_placed.won_reporting) as won_reporting,
        sum(facts_placed.won_final) as won_final,
        sum(facts_placed.won_plan_rate) as won_plan_rate,
        sum(facts_placed.won_deals) as won_deals,
        sum(facts_placed.open_due) as open_due,
        sum(facts_placed.overdue_open) as overdue_open,
        sum(facts_placed.dateless_open) as dateless_open,
        sum(facts_placed.later_open) as later_open,
        sum(facts_placed.due_open_deals) as due_open_deals,
        sum(facts_placed.overdue_open_deals) as overdue_open_deals,
        sum(facts_placed.dateless_open_deals) as dateless_open_deals,
        sum(facts_placed.later_open_deals) as later_open_deals,
        sum(facts_placed.amountless_open_deals) as amountless_open_deals,
        sum(facts_placed.unknown_deals) as unknown_deals,
        facts_placed.period_start
    from facts_placed
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

targets_placed as (
    select
        period_days.period_type,
        case targets.level when 'company' then 'total' else targets.level end as level,
        case targets.level
            when 'company' then 'total'
            when 'owner' then coalesce(owners_placed.owner_member, targets.member)
            else targets.member
        end as member,
        targets.amount_reporting,
        period_days.period_start
    from targets
    inner join period_days on targets.period_start = period_days.date_day
    left join owners_placed on targets.level = 'owner' and targets.member = owners_placed.owner_key
    where targets.level in ('company', 'team', 'owner')
),

targets_summed as (
    select
        targets_placed.period_type,
        targets_placed.level,
        targets_placed.member,
        sum(targets_placed.amount_reporting) as target_reporting,
        targets_placed.period_start
    from targets_placed
    group by all
),

forecast_summed as (
    select
        forecast.period_type,
        forecast.level,
        forecast.member,
        sum(forecast.expected) as forecast_expected,
        max(forecast.chance_of_target) as chance_of_target,
        forecast.period_start
    from forecast
    where forecast.level in ('total', 'team', 'owner')
    group by all
),

members as (
    select
        told.period_type,
        told.level,
        told.member,
        min(told.period_start) as first_period_start
    from (
        select
            facts_summed.period_type,
            facts_summed.level,
            facts_summed.member,
            facts_summed.period_start
        from facts_summed
        union all
        select
            targets_summed.period_type,
            targets_summed.level,
            targets_summed.member,
            targets_summed.period_start
        from targets_summed
        union all
        select
            periods.period_type,
            'total' as level,
            'total' as member,
            periods.period_start
        from periods
    ) as told
    group by all
),

company_begun as (
    select
        min(splits.close_day) as first_win_day,
        exists(select 1 from deals) as has_deals
    from splits
    cross join run_context
    where splits.status = 'won' and splits.close_day <= run_context.as_of
),

-- A period that was over before a company's first win is unknown, not zero. Targets are at plan rate, so what counts
-- towards them is too.
members_of_periods as (
    select
        periods.*,
        members.level,
        members.member,
        targets_summed.target_reporting,
        coalesce(facts_summed.unknown_deals, 0) as unknown_deals,
        case
            when periods.period_end >= company_begun.first_win_day
                then coalesce(facts_summed.won_reporting, 0)
            when periods.is_current and company_begun.has_deals then 0
        end as won_reporting,
        case
            when periods.period_end >= company_begun.first_win_day
                then coalesce(facts_summed.won_plan_rate, 0)
            when periods.is_current and company_begun.has_deals then 0
        end as won_plan_rate,
        case
            when not periods.is_current and periods.period_end >= company_begun.first_win_day
                then coalesce(facts_summed.won_final, 0)
        end as won_final,
        case
            when periods.period_end >= company_begun.first_win_day
                then coalesce(facts_summed.won_deals, 0)
            when periods.is_current and company_begun.has_deals then 0
        end as won_deals,
        {%- for measure in [
            'open_due', 'overdue_open', 'dateless_open', 'later_open', 'due_open_deals', 'overdue_open_deals',
            'dateless_open_deals', 'later_open_deals', 'amountless_open_deals',
        ] %}
        case
            when company_begun.has_deals and coalesce(facts_summed.unknown_deals, 0) = 0
                then coalesce(facts_summed.{{ measure }}, 0)
        end as {{ measure }},
        {%- endfor %}
        forecast_summed.forecast_expected,
        forecast_summed.chance_of_target
    from periods
    cross join company_begun
    inner join members
        on
            periods.period_type = members.period_type
            and periods.period_start >= members.first_period_start
    left join facts_summed
        on
            periods.period_type = facts_summed.period_type
            and periods.period_start = facts_summed.period_start
            and members.level = facts_summed.level
            and members.member = facts_summed.member
    left join targets_summed
        on
            periods.period_type = targets_summed.period_type
            and periods.period_start = targets_summed.period_start
            and members.level = targets_summed.level
            and members.member = targets_summed.member
    left join forecast_summed
        on
            periods.period_type = forecast_summed.period_type
            and periods.period_start = forecast_summed.period_start
            and members.level = forecast_summed.level
            and members.member = forecast_summed.member
),

members_covered as (
    select
        members_of_periods.*,
        members_of_periods.target_reporting - members_of_periods.won_plan_rate as missing,
        case
            when members_of_periods.target_reporting > members_of_periods.won_plan_rate
                then
                    {{ ratio(
                        'members_of_periods.open_due',
                        '(members_of_periods.target_reporting - members_of_periods.won_plan_rate)'
                    ) }}
        end as coverage
    from members_of_periods
),

-- The twelve periods before for pacing, of which two say nothing about a usual course; four for
-- coverage.
members_compared as (
    select
        members_covered.*,
        count(members_covered.won_final) over last_twelve as pacing_periods,
        case
            when count(members_covered.won_final) over last_twelve >= 3
                then
                    {{ ratio(
                        'sum(case when members_covered.won_final is not null then'
                        ~ ' members_covered.won_reporting end) over last_twelve',
                        'sum(members_covered.won_final) over last_twelve'
                    ) }}
        end as pacing_share,
        {{ ratio(
            'sum(case when members_covered.coverage is not null then members_covered.open_due end)'
            ~ ' over last_four',
            'sum(case when members_covered.coverage is not null then members_covered.missing end)'
            ~ ' over last_four'
        ) }} as coverage_previous
    from members_covered
    window
        last_twelve as (
            partition by
                members_covered.period_type, members_covered.level, members_covered.member
            order by members_covered.period_start
            rows between 12 preceding and 1 preceding
        ),
        last_four as (
            partition by
                members_covered.period_type, members_covered.level, members_covered.member
            order by members_covered.period_start
            rows between 4 preceding and 1 preceding
        )
),

final as (
    select
        members_compared.period_type,
        members_compared.period_label,
        members_compared.level,
        members_compared.member,
        cast(members_compared.won_reporting as decimal(18, 2)) as won_reporting,
        cast(members_compared.won_final as decimal(18, 2)) as won_final,
        cast(members_compared.won_plan_rate as decimal(18, 2)) as won_plan_rate,
        cast(members_compared.target_reporting as decimal(18, 2)) as target_reporting,
        cast(members_compared.missing as decimal(18, 2)) as missing,
        cast(members_compared.open_due as decimal(18, 2)) as open_due,
        cast(members_compared.overdue_open as decimal(18, 2)) as overdue_open,
        cast(members_compared.dateless_open as decimal(18, 2)) as dateless_open,
        cast(members_compared.later_open as decimal(18, 2)) as later_open,
        cast(members_compared.won_deals as bigint) as won_deals,
        cast(members_compared.due_open_deals as bigint) as due_open_deals,
        cast(members_compared.overdue_open_deals as bigint) as overdue_open_deals,
        cast(members_compared.dateless_open_deals as bigint) as dateless_open_deals,
        cast(members_compared.later_open_deals as bigint) as later_open_deals,
        cast(members_compared.amountless_open_deals as bigint) as amountless_open_deals,
        cast(members_compared.unknown_deals as bigint) as unknown_deals,
        members_compared.coverage,
        members_compared.coverage_previous,
        cast(members_compared.elapsed_working_days as bigint) as elapsed_working_days,
        cast(members_compared.working_days as bigint) as working_days,
        {{ ratio('members_compared.elapsed_working_days', 'members_compared.working_days') }}
            as elapsed_share,
        members_compared.pacing_periods,
        members_compared.pacing_share,
        cast(
            members_compared.pacing_share * members_compared.target_reporting as decimal(18, 2)
        ) as pacing_expected,
        {{ ratio(
            'members_compared.won_plan_rate',
            '(members_compared.pacing_share * members_compared.target_reporting)'
        ) }} as pacing_ratio,
        cast(members_compared.forecast_expected as decimal(18, 2)) as forecast_expected,
        cast(
            members_compared.forecast_expected - members_compared.target_reporting
            as decimal(18, 2)
        ) as forecast_gap,
        members_compared.chance_of_target,
        members_compared.won_plan_rate >= members_compared.target_reporting as is_target_met,
        members_compared.is_current,
        members_compared.same_day,
        members_compared.period_start,
        members_compared.period_end
    from members_compared
)

select * from final
