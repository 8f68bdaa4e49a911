with

run_context as (
    select
        as_of,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

dates as (
    select
        date_day,
        month_label,
        fiscal_quarter_label,
        is_working_day,
        month_start,
        quarter_start
    from {{ ref('dim_dates') }}
),

deals as (
    select
        deal_key,
        currency,
        status,
        history_basis,
        amount_history_basis,
        exclusion_reason,
        amount,
        amount_reporting,
        close_date,
        close_day,
        created_at,
        deleted_at
    from {{ ref('fct_deals') }}
    where
        pipeline_purpose in ('new_business', 'renewal', 'upsell')
        and coalesce(exclusion_reason, 'deleted') = 'deleted'
),

visits as (
    select
        deal_key,
        stage,
        entered_at,
        exited_at
    from {{ ref('fct_deal_stage_visits') }}
    where stage not in ('won', 'lost') and entered_at is not null
),

deal_changes as (
    select
        deal_key,
        field,
        value,
        changed_at
    from {{ ref('int_deal_changes') }}
    where field in ('amount', 'close_date')
),

rates as (
    select
        currency,
        rate_to_reporting,
        rate_date
    from {{ ref('int_rates_daily') }}
),

targets as (
    select
        period_start,
        amount_reporting
    from {{ ref('fct_targets') }}
    where level = 'company' and measure = 'bookings'
),

days_of_periods as (
    select
        'month' as period_type,
        month_label as period_label,
        is_working_day,
        date_day,
        month_start as period_start
    from dates
    union all
    select
        'quarter' as period_type,
        fiscal_quarter_label as period_label,
        is_working_day,
        date_day,
        quarter_start as period_start
    from dates
),

days_numbered as (
    select
        period_type,
        period_label,
        date_day,
        period_start,
        count(*) filter (where is_working_day) over (
            partition by period_type, period_start
            order by date_day
        ) as elapsed_working_days,
        count(*) filter (where is_working_day) over (
            partition by period_type, period_start
        ) as working_days,
        max(date_day) over (partition by period_type, period_start) as period_end
    from days_of_periods
),

current_days as (
    select days_numbered.*
    from days_numbered
    inner join run_context on days_numbered.date_day = run_context.as_of
),

-- The day of each of the last four periods on which the same share of its working days was over.
same_days as (
    select
        days_numbered.period_type,
        days_numbered.period_label,
        days_numbered.period_start,
        days_numbered.period_end,
        max(days_numbered.date_day) as same_day
    from days_numbered
    inner join current_days on days_numbered.period_type = current_days.period_type
    where
        days_numbered.elapsed_working_days * current_days.working_days
        <= current_days.elapsed_working_days * days_numbered.working_days
        and days_numbered.period_start < current_days.period_start
        and days_numbered.period_start >= current_days.period_start
        - case days_numbered.period_type
            when 'month' then interval 4 month
            else interval 12 month
        end
    group by all
    union all
    select
        period_type,
        period_label,
        period_start,
        period_end,
        date_day as same_day
    from current_days
),

moments as (
    select
        same_days.*,
        same_days.same_day = run_context.as_of as is_current,
        cast(same_days.same_day + 1 as timestamp) at time zone run_context.reporting_timezone
        at time zone 'UTC' as day_end
    from same_days
    cross join run_context
),

open_then as (
    select
        moments.period_type,
        moments.period_start,
        moments.period_end,
        moments.same_day,
        moments.day_end,
        deals.deal_key,
        deals.currency,
        deals.amount,
        deals.amount_history_basis,
        deals.close_date
    from moments
    inner join visits
        on
            moments.day_end > visits.entered_at
            and (visits.exited_at is null or moments.day_end <= visits.exited_at)
    inner join deals on visits.deal_key = deals.deal_key
    where
        not moments.is_current
        and (
            deals.exclusion_reason is null
            or deals.deleted_at >= moments.day_end
        )
),

values_then as (
    select
        open_then.period_type,
        open_then.same_day,
        open_then.deal_key,
        bool_or(deal_changes.field = 'close_date') as has_close_date_history,
        max_by(deal_changes.value, deal_changes.changed_at) filter (
            where
            deal_changes.field = 'close_date' and deal_changes.changed_at < open_then.day_end
        ) as close_date,
        max_by(deal_changes.value, deal_changes.changed_at) filter (
            where
            deal_changes.field = 'amount' and deal_changes.changed_at < open_then.day_end
        ) as amount
    from open_then
    inner join deal_changes on open_then.deal_key = deal_changes.deal_key
    group by all
),

pipeline_then as (
    select
        open_then.period_type,
        open_then.period_start,
        sum(
            {{ converted('cast(values_then.amount as decimal(18, 2))', 'rates.rate_to_reporting') }}
        ) filter (
            where
            cast(values_then.close_date as date) between open_then.same_day and open_then.period_end
        ) as open_due,
        -- What has no history may have been another date or amount then: one such deal and
        -- the figure is unknown.
        count(*) filter (
            where
            (open_then.amount is not null and open_then.amount_history_basis = 'assumed_current')
            or (
                open_then.close_date is not null
                and not coalesce(values_then.has_close_date_history, false)
            )
        ) as unknown_deals
    from open_then
    left join values_then
        on
            open_then.deal_key = values_then.deal_key
            and open_then.period_type = values_then.period_type
            and open_then.same_day = values_then.same_day
    left join rates
        on open_then.currency = rates.currency and open_then.same_day = rates.rate_date
    group by all
),

without_stage_history as (
    select
        moments.period_type,
        moments.period_start,
        count(*) as unknown_deals
    from moments
    inner join deals
        on
            moments.day_end > deals.created_at
            or deals.created_at is null
    where
        deals.history_basis = 'assumed_current'
        and (
            deals.status = 'open'
            or deals.close_day is null
            or deals.close_day > moments.same_day
        )
    group by all
),

pipeline_now as (
    select
        moments.period_type,
        moments.period_start,
        sum(deals.amount_reporting) as open_due
    from moments
    inner join deals on deals.close_date between moments.same_day and moments.period_end
    where moments.is_current and deals.status = 'open' and deals.exclusion_reason is null
    group by all
),

won_to_date as (
    select
        moments.period_type,
        moments.period_start,
        sum(deals.amount_reporting) as won_reporting
    from moments
    inner join deals on deals.close_day between moments.period_start and moments.same_day
    where deals.status = 'won' and deals.exclusion_reason is null
    group by all
),

targets_of_periods as (
    select
        moments.period_type,
        moments.period_start,
        sum(targets.amount_reporting) as target_reporting
    from moments
    inner join targets
        on targets.period_start between moments.period_start and moments.period_end
    group by all
),

periods_joined as (
    select
        moments.period_type,
        moments.period_label,
        targets_of_periods.target_reporting,
        moments.is_current,
        moments.period_start,
        moments.period_end,
        moments.same_day,
        coalesce(won_to_date.won_reporting, 0) as won_reporting,
        case
            when moments.is_current then coalesce(pipeline_now.open_due, 0)
            when
                coalesce(pipeline_then.unknown_deals, 0) = 0
                and coalesce(without_stage_history.unknown_deals, 0) = 0
                then coalesce(pipeline_then.open_due, 0)
        end as open_due,
        targets_of_periods.target_reporting - coalesce(won_to_date.won_reporting, 0) as missing
    from moments
    left join won_to_date
        on
            moments.period_type = won_to_date.period_type
            and moments.period_start = won_to_date.period_start
    left join targets_of_periods
        on
            moments.period_type = targets_of_periods.period_type
            and moments.period_start = targets_of_periods.period_start
    left join pipeline_then
        on
            moments.period_type = pipeline_then.period_type
            and moments.period_start = pipeline_then.period_start
    left join without_stage_history
        on
            moments.period_type = without_stage_history.period_type
            and moments.period_start = without_stage_history.period_start
    left join pipeline_now
        on
            moments.period_type = pipeline_now.period_type
            and moments.period_start = pipeline_now.period_start
),

final as (
    select
        period_type,
        period_label,
        cast(won_reporting as decimal(18, 2)) as won_reporting,
        cast(target_reporting as decimal(18, 2)) as target_reporting,
        cast(open_due as decimal(18, 2)) as open_due,
        cast(missing as decimal(18, 2)) as missing,
        case when missing > 0 then {{ ratio('open_due', 'missing') }} end as coverage,
        is_current,
        same_day,
        period_start,
        period_end
    from periods_joined
)

select * from final
