-- What: the last twelve months' wins and losses of rpt_win_rates are the rows of fct_win_loss that
-- say they count.
-- Why: a rate and the list of deals behind it are read side by side.
-- A returned row: a window whose rate counts other deals than the list.
with

rates as (
    select * from {{ ref('rpt_win_rates') }}
),

closed as (
    select
        status,
        close_day
    from {{ ref('fct_win_loss') }}
    where is_in_win_rate
),

rates_compared as (
    select
        rates.window_name,
        rates.won_deals,
        rates.lost_deals,
        count(*) filter (where closed.status = 'won') as won_listed,
        count(*) filter (where closed.status = 'lost') as lost_listed
    from rates
    left join closed on closed.close_day between rates.first_day and rates.last_day
    group by all
)

select *
from rates_compared
where won_deals <> won_listed or lost_deals <> lost_listed
