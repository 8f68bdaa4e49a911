with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

win_loss as (
    select
        deal_key,
        is_in_win_rate
    from {{ ref('fct_win_loss') }}
),

deals as (
    select
        deals.status,
        deals.amount_reporting,
        deals.cycle_days,
        win_loss.is_in_win_rate,
        deals.close_day
    from {{ ref('fct_deals') }} as deals
    inner join win_loss on deals.deal_key = win_loss.deal_key
    where not deals.is_excluded and deals.pipeline_purpose = 'new_business'
),

open_deals as (
    select count(*) filter (where status = 'open' and is_qualified) as qualified_open_deals
    from {{ ref('fct_deals') }}
    where not is_excluded and pipeline_purpose = 'new_business'
),

windows as (
    select
        'trailing_12_months' as window_name,
        cast(as_of - interval 12 month + interval 1 day as date) as first_day,
        as_of as last_day
    from run_context
    union all
    select
        'previous_12_months' as window_name,
        cast(as_of - interval 24 month + interval 1 day as date) as first_day,
        cast(as_of - interval 12 month as date) as last_day
    from run_context
),

windows_counted as (
    select
        windows.window_name,
        windows.first_day,
        windows.last_day,
        count(*) filter (where deals.status = 'won' and deals.is_in_win_rate) as won_deals,
        count(*) filter (where deals.status = 'lost' and deals.is_in_win_rate) as lost_deals,
        sum(deals.amount_reporting) filter (where deals.status = 'won' and deals.is_in_win_rate) as won_amount,
        sum(deals.amount_reporting) filter (where deals.status = 'lost' and deals.is_in_win_rate) as lost_amount,
        avg(deals.amount_reporting) filter (
            where deals.status = 'won' and deals.amount_reporting > 0
        ) as mean_deal_size,
        median(deals.amount_reporting) filter (
            where deals.status = 'won' and deals.amount_reporting > 0
        ) as median_deal_size,
        median(deals.cycle_days) as median_cycle_days,
        avg(deals.cycle_days) as mean_cycle_days
    from windows
    inner join deals on deals.close_day between windows.first_day and windows.last_day
    group by all
),

-- What is open is known of the reported day only, and qualified deals alone are won at that rate.
windows_with_open_deals as (
    select
        windows_counted.*,
        case
            when windows_counted.window_name = 'trailing_12_months' then open_deals.qualified_open_deals
        end as qualified_open_deals
    from windows_counted
    cross join open_deals
),

final as (
    select
        window_name,
        cast(won_deals as bigint) as won_deals,
        cast(lost_deals as bigint) as lost_deals,
        cast(qualified_open_deals as bigint) as qualified_open_deals,
        {{ ratio('won_deals', 'won_deals + lost_deals') }} as win_rate,
        {{ wilson_low('won_deals', '(won_deals + lost_deals)') }} as wilson_low,
        {{ wilson_high('won_deals', '(won_deals + lost_deals)') }} as wilson_high,
        {{ ratio('coalesce(won_amount, 0)', '(coalesce(won_amount, 0) + coalesce(lost_amount, 0))') }}
            as win_rate_by_value,
        cast(mean_deal_size as decimal(18, 2)) as mean_deal_size,
        cast(median_deal_size as decimal(18, 2)) as median_deal_size,
        cast(median_cycle_days as decimal(18, 6)) as median_cycle_days,
        cast(
            cast(qualified_open_deals as double)
            * won_deals
            / nullif(won_deals + lost_deals, 0)
            * mean_deal_size
            / nullif(mean_cycle_days, 0) as decimal(18, 2)
        ) as sales_velocity_per_day,
        first_day,
        last_day
    from windows_with_open_deals
)

select * from final
