{#-
    One row per period, view, owner, segment and pipeline with the deals that may have been in the
    pipeline then, but whose stage, amount or date of that day nobody has kept. A period that began before a deal was first
    seen does not know what it began with.
-#}
with

deals as (
    select * from {{ ref('int_pipeline_deals') }}
    where is_stage_unknown or is_amount_unknown or is_close_date_unknown
),

periods as (
    select * from {{ ref('int_pipeline_periods') }}
),

deals_in_periods as (
    select
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.closing_date,
        coalesce(deals.created_at, timestamp '0001-01-01') < periods.starts_at as is_before_opening,
        deals.*
    from periods
    inner join deals
        on
            periods.ends_at > coalesce(deals.created_at, timestamp '0001-01-01')
            and periods.starts_at <= coalesce(deals.deleted_at, timestamp '9999-12-31')
            and periods.starts_at <= coalesce(deals.seen_at, timestamp '9999-12-31')
            and periods.period_start <= case
                when deals.status = 'open' then date '9999-12-31'
                else coalesce(deals.close_day, date '9999-12-31')
            end
    where not deals.is_deleted or deals.deleted_at is not null
),

views as (
    select
        'all_open' as view_name,
        deals_in_periods.*
    from deals_in_periods
    where deals_in_periods.is_stage_unknown or deals_in_periods.is_amount_unknown
    union all
    select
        'due_in_period' as view_name,
        deals_in_periods.*
    from deals_in_periods
),

final as (
    select
        views.period_type,
        views.view_name,
        views.owner_key,
        views.segment,
        views.pipeline_id,
        count(*) as unknown_deals,
        count(*) filter (where views.is_before_opening) as unknown_opening_deals,
        views.period_start,
        views.period_end,
        views.closing_date
    from views
    group by all
)

select * from final
