with

targets as (
    select * from {{ ref('fct_targets') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

-- A month without any working day spreads over all of its days, so that no target is lost.
days_numbered as (
    select
        dates.date_day,
        dates.month_start,
        row_number() over (partition by dates.month_start order by dates.date_day) as day_no,
        count(*) over (partition by dates.month_start) as days
    from dates
    where dates.is_working_day or dates.working_days_in_month = 0
),

-- Equal shares in whole cents; the cents that are left over go to the first days.
targets_cut as (
    select
        targets.target_key,
        targets.level,
        targets.member,
        targets.measure,
        cast(targets.amount_reporting * 100 as bigint) as cents,
        days_numbered.days,
        days_numbered.day_no,
        days_numbered.date_day
    from targets
    inner join days_numbered on targets.period_start = days_numbered.month_start
),

final as (
    select
        targets_cut.target_key,
        targets_cut.level,
        targets_cut.member,
        targets_cut.measure,
        cast(
            cast(
                targets_cut.cents // targets_cut.days
                + case when targets_cut.day_no <= targets_cut.cents % targets_cut.days then 1 else 0 end
                as decimal(18, 0)
            ) * 0.01 as decimal(18, 2)
        ) as amount_reporting,
        targets_cut.date_day
    from targets_cut
)

select * from final
