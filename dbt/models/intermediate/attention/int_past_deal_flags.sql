{#-
    One row per deal that has been won or lost, as it stood at the end of one month in which it was open: the flags of
    fct_deal_health by what was known on that day, and what became of it.

    Each deal counts once, at a month's end drawn by its key from all those that it was open at, so cases do not depend on
    each other and a deal that lingers is no louder than one that does not. A flag is NULL where nobody knows how it was
    then: links to contacts have no history in any source, so the two flags about them are not here.
-#}
with

deals as (
    select * from {{ ref('fct_deals') }}
    where
        not is_excluded
        and not is_imported
        and status in ('won', 'lost')
        and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

deals_current as (
    select * from {{ ref('int_deals') }}
),

states as (
    select * from {{ ref('int_deal_states') }}
    where status = 'open' and not is_last_instant and valid_to_date > valid_from_date
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
    where is_completed and is_in_velocity
),

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
    where is_past and field in ('amount', 'currency', 'next_step')
),

pushes as (
    select * from {{ ref('int_close_dates_pushed') }}
),

activities as (
    select * from {{ ref('int_activities') }}
    where deal_key is not null and occurred_at is not null and not is_deleted
),

dates as (
    select * from {{ ref('dim_dates') }}
),

deal_health as (
    select cast(idle_days as integer) as idle_days
    from {{ source('run', 'deal_health') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Three years: what was before says little of how the company sells today.
months as (
    select distinct
        dates.month_end,
        cast(dates.month_end + 1 as timestamp)
        at time zone run_context.reporting_timezone at time zone 'UTC' as month_ends_at
    from dates
    cross join run_context
    where dates.month_end < run_context.as_of and dates.month_end >= run_context.as_of - interval 36 month
),

month_ends_numbered as (
    select
        states.deal_key,
        states.stage,
        states.amount,
        states.close_date,
        months.month_end,
        months.month_ends_at,
        row_number() over (partition by states.deal_key order by months.month_end) as month_no,
        count(*) over (partition by states.deal_key) as months_open
    from states
    inner join months
        on states.valid_from_date <= months.month_end and states.valid_to_date > months.month_end
),

moments as (
    select
        deals.deal_key,
        deals.source_system,
        deals.pipeline_purpose,
        deals.segment,
        month_ends_numbered.stage,
        deals.status = 'won' as is_won,
        month_ends_numbered.amount,
        deals.close_date is null or deals_current.has_close_date_history as has_close_date_history,
        month_ends_numbered.close_date,
        deals.created_at,
        month_ends_numbered.month_end,
        month_ends_numbered.month_ends_at
    from month_ends_numbered
    inner join deals on month_ends_numbered.deal_key = deals.deal_key
    inner join deals_current on month_ends_numbered.deal_key = deals_current.deal_key
    where
        month_ends_numbered.month_no
        = 1 + {{ drawn_number('month_ends_numbered.deal_key', 'month_ends_numbered.months_open') }}
),

-- How old won deals were when they left each stage, as far as they had been won by the moment of each win.
won_ages as (
    select
        visits.stage,
        deals.segment,
        deals.deal_key,
        {{ days_between('deals.created_at', 'visits.exited_at') }} as age_days,
        -- A deal counts once at a stage that it came back to.
        row_number() over (partition by deals.deal_key, visits.stage order by visits.exited_at) = 1 as is_first,
        deals.closed_at
    from visits
    inner join deals on visits.deal_key = deals.deal_key
    where deals.status = 'won'
),

{% for group, columns in [('segment', 'stage, segment'), ('all', 'stage')] -%}
won_ages_of_{{ group }} as (
    select distinct
        {{ columns }},
        quantile_cont(age_days, 0.9) over won_so_far as won_p90_age_days,
        sum(cast(is_first as integer)) over won_so_far as won_deals,
        closed_at
    from won_ages
    window won_so_far as (
        partition by {{ columns }} order by closed_at range between unbounded preceding and current row
    )
),

{% endfor -%}
moments_aged as (
    select
        moments.*,
        case
            when won_ages_of_segment.won_deals >= 20 then won_ages_of_segment.won_p90_age_days
            when won_ages_of_all.won_deals >= 20 then won_ages_of_all.won_p90_age_days
        end as won_p90_age_days
    from moments
    asof left join won_ages_of_segment
        on
            moments.stage = won_ages_of_segment.stage
            and moments.segment = won_ages_of_segment.segment
            and moments.month_ends_at > won_ages_of_segment.closed_at
    asof left join won_ages_of_all
        on
            moments.stage = won_ages_of_all.stage
            and moments.month_ends_at > won_ages_of_all.closed_at
),

values_then as (
    select
        moments.deal_key,
        -- Whether an amount was cut before it was first seen nobody knows.
        count(*) filter (where deal_changes.field = 'amount') > 0
        and not coalesce(bool_or(deal_changes.is_first_seen) filter (where deal_changes.field = 'amount'), false)
            as has_amount_history,
        max(case when deal_changes.field = 'amount' then cast(deal_changes.value as decimal(18, 2)) end)
            as highest_amount,
        count(distinct deal_changes.value) filter (where deal_changes.field = 'currency') <= 1 as is_comparable,
        nullif(
            max_by(
                coalesce(deal_changes.value, ''), (deal_changes.changed_at, coalesce(deal_changes.value, ''))
            ) filter (where deal_changes.field = 'next_step'),
            ''
        ) as next_step
    from moments
    inner join deal_changes
        on moments.deal_key = deal_changes.deal_key and moments.month_ends_at > deal_changes.changed_at
    group by moments.deal_key
),

pushes_then as (
    select
        moments.deal_key,
        count(*) as pushes
    from moments
    inner join pushes on moments.deal_key = pushes.deal_key and moments.month_ends_at > pushes.pushed_at
    group by moments.deal_key
),

activities_then as (
    select
        moments.deal_key,
        {{ last_activity_before('activities', 'moments.month_ends_at') }} as last_activity_at,
        {{ is_next_planned_at('activities', 'moments.month_ends_at') }} as is_next_planned
    from moments
    inner join activities on moments.deal_key = activities.deal_key
    where activities.created_at is null or activities.created_at < moments.month_ends_at
    group by moments.deal_key
),

-- From when on a source told of what: before it, silence says nothing.
activities_told as (
    select
        activities.source_system,
        min(coalesce(activities.created_at, activities.occurred_at)) as told_from
    from activities
    group by activities.source_system
),

next_steps_told as (
    select
        deal_changes.source_system,
        min(deal_changes.changed_at) as told_from
    from deal_changes
    where deal_changes.field = 'next_step' and deal_changes.value <> ''
    group by deal_changes.source_system
),

final as (
    select
        moments_aged.deal_key,
        moments_aged.pipeline_purpose,
        moments_aged.stage,
        moments_aged.is_won,
        case
            when moments_aged.has_close_date_history
                then coalesce(moments_aged.close_date < moments_aged.month_end, false)
        end as is_past_close_date,
        case
            when activities_told.told_from < moments_aged.month_ends_at
                then
                    not coalesce(activities_then.is_next_planned, false)
                    and coalesce(activities_then.last_activity_at, moments_aged.created_at)
                    < moments_aged.month_ends_at - to_days(deal_health.idle_days)
        end as is_idle,
        {{ days_between('moments_aged.created_at', 'moments_aged.month_ends_at') }}
        > cast(moments_aged.won_p90_age_days as decimal(18, 6)) as is_older_than_won,
        case when moments_aged.has_close_date_history then coalesce(pushes_then.pushes, 0) >= 2 end
            as is_pushed_twice,
        case
            when not coalesce(values_then.has_amount_history, false) then null
            when moments_aged.amount is null then false
            when values_then.is_comparable then values_then.highest_amount > moments_aged.amount
        end as is_amount_cut,
        case when next_steps_told.told_from < moments_aged.month_ends_at then values_then.next_step is null end
            as is_without_next_step,
        moments_aged.month_end
    from moments_aged
    cross join deal_health
    left join values_then on moments_aged.deal_key = values_then.deal_key
    left join pushes_then on moments_aged.deal_key = pushes_then.deal_key
    left join activities_then on moments_aged.deal_key = activities_then.deal_key
    left join activities_told on moments_aged.source_system = activities_told.source_system
    left join next_steps_told on moments_aged.source_system = next_steps_told.source_system
)

select * from final
