{#-
    From the newest commit for a period to our figure, deal by deal. Both hold what is won, and what the
    commit holds beyond the deals that carry it is a row of its own, as is what does not exist yet.
-#}
with

submissions as (
    select * from {{ ref('fct_forecast_submissions') }}
    where category = 'commit' and is_newest
),

forecast as (
    select * from {{ ref('fct_forecast') }}
    where method = 'saleshouse' and level = 'total' and measure = 'bookings'
),

forecast_deals as (
    select * from {{ ref('fct_forecast_deals') }}
),

spans as (
    select * from {{ ref('int_forecast_spans') }}
    where status = 'open' and valid_until is null
),

deals as (
    select * from {{ ref('int_forecast_deals') }}
    where status = 'open'
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

periods as (
    select
        forecast.period_type,
        forecast.period_start,
        forecast.period_end,
        sum(forecast.expected) filter (where forecast.part = 'won') as won,
        sum(forecast.expected) filter (where forecast.part = 'not_created') as not_created,
        sum(forecast.expected) filter (where forecast.part = 'open') as of_open,
        sum(forecast.expected) filter (where forecast.part = 'renewals') as of_renewals
    from forecast
    group by all
),

-- What the head of sales says, else the teams together, else the owners, else the CRM's categories.
commits_ranked as (
    select
        submissions.period_type,
        submissions.period_start,
        case
            when submissions.origin = 'crm' then 'crm'
            else 'file_' || submissions.level
        end as commit_source,
        sum(submissions.amount_reporting) as commit_reporting,
        max(submissions.submitted_on) as submitted_on,
        case
            when submissions.origin = 'crm' then 4
            when submissions.level = 'total' then 1
            when submissions.level = 'team' then 2
            else 3
        end as choice
    from submissions
    cross join run_context
    where submissions.origin = 'file' or (submissions.level = 'total' and submissions.submitted_on = run_context.as_of)
    group by all
),

commits as (
    select *
    from commits_ranked
    qualify row_number() over (partition by period_type, period_start order by choice) = 1
),

periods_committed as (
    select
        periods.*,
        commits.commit_source,
        commits.commit_reporting,
        commits.submitted_on
    from periods
    inner join commits
        on periods.period_type = commits.period_type and periods.period_start = commits.period_start
),

expected_of_deals as (
    select
        periods_committed.period_type,
        periods_committed.period_start,
        forecast_deals.deal_key,
        sum(forecast_deals.expected) as expected,
        -- A deal is won once, so the chances of its months add up.
        sum(forecast_deals.chance) as chance
    from periods_committed
    inner join forecast_deals
        on forecast_deals.month_start between periods_committed.period_start and periods_committed.period_end
    group by all
),

deal_rows as (
    select
        periods_committed.period_type,
        periods_committed.period_start,
        periods_committed.period_end,
        periods_committed.commit_source,
        'deal' as line,
        deals.deal_key,
        deals.part,
        spans.category,
        deals.close_date,
        deals.amount,
        expected_of_deals.chance,
        -- What is overdue is due in the period that comes next, and in none after it.
        coalesce(
            spans.category = 'commit'
            and deals.close_date <= periods_committed.period_end
            and (
                deals.close_date >= periods_committed.period_start
                or periods_committed.period_start <= run_context.as_of + 1
            ),
            false
        ) as is_in_commit,
        coalesce(expected_of_deals.expected, 0) as expected
    from periods_committed
    cross join deals
    cross join run_context
    left join spans on deals.deal_key = spans.deal_key
    left join expected_of_deals
        on
            periods_committed.period_type = expected_of_deals.period_type
            and periods_committed.period_start = expected_of_deals.period_start
            and deals.deal_key = expected_of_deals.deal_key
),

deals_summed as (
    select
        period_type,
        period_start,
        sum(amount) filter (where is_in_commit) as commit_amount,
        coalesce(sum(expected) filter (where part = 'open'), 0) as of_open,
        coalesce(sum(expected) filter (where part = 'renewals'), 0) as of_renewals
    from deal_rows
    group by all
),

other_rows as (
    select
        periods_committed.*,
        coalesce(deals_summed.commit_amount, 0) as committed_in_deals,
        coalesce(deals_summed.of_open, 0) as of_open_deals,
        coalesce(deals_summed.of_renewals, 0) as of_renewal_deals
    from periods_committed
    left join deals_summed
        on
            periods_committed.period_type = deals_summed.period_type
            and periods_committed.period_start = deals_summed.period_start
),

lines as (
    select
        period_type,
        period_start,
        period_end,
        commit_source,
        line,
        deal_key,
        category,
        case
            when is_in_commit and close_date < run_context.as_of then 'committed_overdue'
            when is_in_commit then 'committed'
            when category = 'commit' and close_date < period_start then 'committed_for_earlier'
            when category = 'commit' then 'committed_for_later'
            when category is not null then 'not_committed_' || category
            else 'not_committed'
        end as reason,
        amount,
        chance,
        case when is_in_commit then coalesce(amount, 0) else 0 end as commit_amount,
        expected
    from deal_rows
    cross join run_context
    where is_in_commit or expected <> 0
    union all
    select
        other_rows.period_type,
        other_rows.period_start,
        other_rows.period_end,
        other_rows.commit_source,
        rest.line,
        null as deal_key,
        null as category,
        rest.line as reason,
        null as amount,
        null as chance,
        case rest.line
            when 'won' then other_rows.won
            when 'without_deal'
                then other_rows.commit_reporting - other_rows.won - other_rows.committed_in_deals
            else 0
        end as commit_amount,
        case rest.line
            when 'won' then other_rows.won
            when 'won_later' then other_rows.of_open - other_rows.of_open_deals
            when 'not_created' then other_rows.not_created + other_rows.of_renewals - other_rows.of_renewal_deals
            else 0
        end as expected
    from other_rows
    cross join (values ('won'), ('without_deal'), ('not_created'), ('won_later')) as rest (line)
),

final as (
    select
        concat_ws(':', lines.period_type, lines.period_start, lines.line, lines.deal_key) as bridge_key,
        lines.deal_key,
        lines.period_type,
        lines.commit_source,
        lines.line,
        lines.category,
        lines.reason,
        cast(lines.amount as decimal(18, 2)) as amount_reporting,
        cast(lines.chance as decimal(18, 9)) as chance,
        cast(lines.commit_amount as decimal(18, 2)) as commit_reporting,
        cast(lines.expected as decimal(18, 2)) as expected,
        cast(lines.expected - lines.commit_amount as decimal(18, 2)) as difference,
        run_context.as_of,
        lines.period_start,
        lines.period_end
    from lines
    cross join run_context
    where lines.line <> 'won_later' or lines.expected <> 0
)

select * from final
