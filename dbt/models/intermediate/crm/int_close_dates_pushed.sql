{#-
    One row per deal and moment at which its close date moved later while the deal was open.
-#}
with

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

close_dates as (
    select
        deal_changes.deal_key,
        max(cast(deal_changes.value as date)) as close_date,
        deal_changes.changed_at
    from deal_changes
    where deal_changes.field = 'close_date' and deal_changes.is_past
    group by all
),

-- A date that was cleared and set again is compared with the one before it was cleared.
close_dates_compared as (
    select
        close_dates.deal_key,
        close_dates.close_date,
        last_value(close_dates.close_date ignore nulls) over (
            partition by close_dates.deal_key
            order by close_dates.changed_at
            rows between unbounded preceding and 1 preceding
        ) as close_date_before,
        close_dates.changed_at
    from close_dates
),

final as (
    select
        close_dates_compared.deal_key,
        close_dates_compared.close_date - close_dates_compared.close_date_before as days_pushed,
        close_dates_compared.changed_at as pushed_at
    from close_dates_compared
    cross join run_context
    inner join visits
        on
            close_dates_compared.deal_key = visits.deal_key
            and visits.stage not in ('won', 'lost')
            and close_dates_compared.changed_at >= visits.entered_at
            and close_dates_compared.changed_at < coalesce(visits.exited_at, run_context.as_of_end)
    where close_dates_compared.close_date > close_dates_compared.close_date_before
)

select * from final
