with

lines as (
    select * from {{ ref('fct_deal_line_items') }}
    where
        not is_excluded
        and pipeline_purpose in ('new_business', 'renewal', 'upsell')
        -- What an open deal has dropped is neither pipeline nor lost yet.
        and not (line_status = 'lost' and close_day is null)
),

win_loss as (
    select * from {{ ref('fct_win_loss') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

dates as (
    select
        date_day,
        month_start
    from {{ ref('dim_dates') }}
),

lines_placed as (
    select
        lines.*,
        coalesce(lines.product_key, case lines.line_kind when 'line' then 'not_listed' else lines.line_kind end)
            as product_member,
        -- An open line counts where its deal is expected, one without a date nowhere.
        -- Beyond the calendar that is told months are the calendar's.
        coalesce(
            dates.month_start,
            cast(date_trunc('month', coalesce(lines.close_day, lines.close_date)) as date)
        ) as month_start,
        coalesce(win_loss.is_in_win_rate, false) as is_in_win_rate,
        case
            when
                lines.line_status = 'won'
                and lines.list_amount_reporting > 0
                and lines.amount_reporting is not null
                then lines.list_amount_reporting
        end as list_amount_compared
    from lines
    left join win_loss on lines.deal_key = win_loss.deal_key
    left join dates on coalesce(lines.close_day, lines.close_date) = dates.date_day
),

-- A deal with two lines of a product is one deal of it, won if any of them was.
deals_of_products as (
    select
        lines_placed.product_member,
        lines_placed.month_start,
        lines_placed.deal_key,
        bool_or(lines_placed.line_status = 'open') as is_open,
        bool_or(lines_placed.line_status = 'won') as is_won,
        bool_or(lines_placed.line_status = 'lost') as is_lost,
        bool_or(lines_placed.is_in_win_rate) as is_in_win_rate,
        sum(lines_placed.amount_reporting) filter (where lines_placed.line_status = 'open') as open_reporting,
        sum(lines_placed.amount_reporting) filter (where lines_placed.line_status = 'won') as won_reporting,
        sum(lines_placed.amount_reporting) filter (where lines_placed.line_status = 'lost') as lost_reporting,
        sum(lines_placed.list_amount_compared) as list_reporting,
        sum(lines_placed.amount_reporting) filter (where lines_placed.list_amount_compared is not null)
            as net_reporting
    from lines_placed
    group by all
),

summed as (
    select
        deals_of_products.product_member,
        deals_of_products.month_start,
        count(*) filter (where deals_of_products.is_open) as open_deals,
        count(*) filter (where deals_of_products.is_won) as won_deals,
        count(*) filter (where deals_of_products.is_lost and not deals_of_products.is_won) as lost_deals,
        count(*) filter (where deals_of_products.is_won and deals_of_products.is_in_win_rate)
            as won_deals_in_rate,
        count(*) filter (
            where deals_of_products.is_lost and not deals_of_products.is_won and deals_of_products.is_in_win_rate
        ) as lost_deals_in_rate,
        coalesce(sum(deals_of_products.open_reporting), 0) as open_reporting,
        coalesce(sum(deals_of_products.won_reporting), 0) as won_reporting,
        coalesce(sum(deals_of_products.lost_reporting), 0) as lost_reporting,
        coalesce(sum(deals_of_products.won_reporting) filter (where deals_of_products.is_in_win_rate), 0)
            as won_reporting_in_rate,
        coalesce(sum(deals_of_products.lost_reporting) filter (where deals_of_products.is_in_win_rate), 0)
            as lost_reporting_in_rate,
        coalesce(sum(deals_of_products.list_reporting), 0) as list_reporting,
        coalesce(sum(deals_of_products.net_reporting), 0) as net_reporting
    from deals_of_products
    group by all
),

final as (
    select
        summed.product_member,
        products.product_key,
        case summed.product_member
            when 'not_listed' then 'Not on the list'
            when 'residual' then 'Not told by lines'
            when 'without_amount' then 'Of deals without an amount'
            else coalesce(products.product_name, products.product_id)
        end as product_name,
        summed.open_deals,
        summed.won_deals,
        summed.lost_deals,
        summed.won_deals_in_rate,
        summed.lost_deals_in_rate,
        cast(summed.open_reporting as decimal(18, 2)) as open_reporting,
        cast(summed.won_reporting as decimal(18, 2)) as won_reporting,
        cast(summed.lost_reporting as decimal(18, 2)) as lost_reporting,
        cast(summed.won_reporting_in_rate as decimal(18, 2)) as won_reporting_in_rate,
        cast(summed.lost_reporting_in_rate as decimal(18, 2)) as lost_reporting_in_rate,
        cast(summed.list_reporting as decimal(18, 2)) as list_reporting,
        cast(summed.net_reporting as decimal(18, 2)) as net_reporting,
        {{ ratio('summed.won_deals_in_rate', 'summed.won_deals_in_rate + summed.lost_deals_in_rate') }} as win_rate,
        {{ ratio(
            'summed.won_reporting_in_rate', 'summed.won_reporting_in_rate + summed.lost_reporting_in_rate'
        ) }} as win_rate_value,
        {{ ratio('summed.list_reporting - summed.net_reporting', 'summed.list_reporting') }} as discount_rate,
        summed.month_start
    from summed
    left join products on summed.product_member = products.product_key
)

select * from final
