with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

-- As win rates count: new business that was worked, closed within twelve months.
deals as (
    select
        win_loss.status,
        coalesce(win_loss.loss_reason, 'not_stated') as loss_reason,
        win_loss.competitor,
        win_loss.amount_reporting
    from {{ ref('fct_win_loss') }} as win_loss
    cross join run_context
    where
        win_loss.is_in_win_rate
        and win_loss.close_day between run_context.as_of - interval 12 month + interval 1 day and run_context.as_of
),

members as (
    select
        'reason' as breakdown,
        deals.loss_reason as member,
        deals.status,
        deals.amount_reporting
    from deals
    where deals.status = 'lost'
    union all
    select
        'competitor' as breakdown,
        deals.competitor as member,
        deals.status,
        deals.amount_reporting
    from deals
    where deals.competitor is not null
    union all
    select
        'competitor' as breakdown,
        'total' as member,
        deals.status,
        deals.amount_reporting
    from deals
),

members_counted as (
    select
        members.breakdown,
        members.member,
        count(*) filter (where members.status = 'won') as won_deals,
        count(*) filter (where members.status = 'lost') as lost_deals,
        sum(members.amount_reporting) filter (where members.status = 'won') as won_reporting,
        sum(members.amount_reporting) filter (where members.status = 'lost') as lost_reporting
    from members
    group by all
),

final as (
    select
        members_counted.breakdown,
        members_counted.member,
        members_counted.won_deals,
        members_counted.lost_deals,
        cast(coalesce(members_counted.won_reporting, 0) as decimal(18, 2)) as won_reporting,
        cast(coalesce(members_counted.lost_reporting, 0) as decimal(18, 2)) as lost_reporting,
        case
            when members_counted.breakdown = 'reason'
                then
                    {{ ratio(
                        'members_counted.lost_deals',
                        'sum(members_counted.lost_deals) over (partition by members_counted.breakdown)'
                    ) }}
        end as share_of_lost,
        case
            when members_counted.breakdown = 'competitor'
                then
                    {{ ratio(
                        'members_counted.won_deals', '(members_counted.won_deals + members_counted.lost_deals)'
                    ) }}
        end as win_rate,
        case
            when members_counted.breakdown = 'competitor'
                then
                    {{ wilson_low(
                        'members_counted.won_deals', '(members_counted.won_deals + members_counted.lost_deals)'
                    ) }}
        end as wilson_low,
        case
            when members_counted.breakdown = 'competitor'
                then
                    {{ wilson_high(
                        'members_counted.won_deals', '(members_counted.won_deals + members_counted.lost_deals)'
                    ) }}
        end as wilson_high,
        row_number() over (
            partition by members_counted.breakdown
            order by
                members_counted.member = 'total' asc,
                members_counted.won_deals + members_counted.lost_deals desc,
                members_counted.member asc
        ) as size_rank
    from members_counted
)

select * from final
