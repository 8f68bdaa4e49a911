with

feedback as (
    select * from {{ ref('int_feedback') }}
),

dates as (
    select
        date_day,
        month_start,
        quarter_start
    from {{ ref('dim_dates') }}
),

mrr as (
    select * from {{ ref('int_customer_mrr') }}
),

feedback_minimum as (
    select * from {{ source('run', 'feedback_minimum') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Recurring revenue goes by the calendar's months, answers by the company's.
feedback_dated as (
    select
        feedback.*,
        dates.month_start,
        dates.quarter_start,
        cast(date_trunc('month', feedback.answered_date) as date) as calendar_month
    from feedback
    inner join dates on feedback.answered_date = dates.date_day
),

-- Whether who answered paid in that month, and still does twelve months later, once these are over.
answers_followed as (
    select
        feedback_dated.*,
        case
            when
                mrr.customer_key is not null
                and cast(feedback_dated.calendar_month + interval 12 month as date)
                <= cast(date_trunc('month', run_context.as_of) as date)
                then feedback_dated.customer_key
        end as followed_customer_key,
        case when later_mrr.customer_key is not null then feedback_dated.customer_key end as kept_customer_key
    from feedback_dated
    cross join run_context
    left join mrr
        on
            feedback_dated.customer_key = mrr.customer_key
            and feedback_dated.calendar_month = mrr.month_start
    left join mrr as later_mrr
        on
            feedback_dated.customer_key = later_mrr.customer_key
            and cast(feedback_dated.calendar_month + interval 12 month as date) = later_mrr.month_start
),

answers_by_period as (
    select
        answers_followed.*,
        unnest(['month', 'quarter']) as period_type
    from answers_followed
),

answers_by_level as (
    select
        answers_by_period.*,
        unnest(['total', 'segment']) as level
    from answers_by_period
),

answers_by_cell as (
    select
        answers_by_level.kind,
        answers_by_level.period_type,
        answers_by_level.level,
        case answers_by_level.level when 'segment' then answers_by_level.segment else 'total' end as member,
        unnest(['all', answers_by_level.answer_group]) as answer_group,
        case answers_by_level.period_type
            when 'month' then answers_by_level.month_start
            else answers_by_level.quarter_start
        end as period_start,
        answers_by_level.answer_group as own_group,
        answers_by_level.customer_key,
        answers_by_level.followed_customer_key,
        case
            when answers_by_level.followed_customer_key is not null then answers_by_level.kept_customer_key
        end as kept_customer_key
    from answers_by_level
),

summed as (
    select
        answers_by_cell.kind,
        answers_by_cell.period_type,
        answers_by_cell.level,
        answers_by_cell.member,
        answers_by_cell.answer_group,
        answers_by_cell.period_start,
        count(*) as answers,
        count(*) filter (where answers_by_cell.own_group in ('promoter', 'satisfied')) as answers_good,
        count(*) filter (where answers_by_cell.own_group in ('detractor', 'dissatisfied')) as answers_bad,
        count(distinct answers_by_cell.customer_key) as customers,
        count(distinct answers_by_cell.followed_customer_key) as customers_followed,
        count(distinct answers_by_cell.kept_customer_key) as customers_kept
    from answers_by_cell
    group by all
),

summed_judged as (
    select
        summed.*,
        summed.answers < cast(feedback_minimum.answers as bigint) as is_below_minimum,
        summed.customers_followed < cast(feedback_minimum.answers as bigint) as is_retention_below_minimum
    from summed
    cross join feedback_minimum
),

final as (
    select
        summed_judged.kind,
        summed_judged.period_type,
        summed_judged.level,
        summed_judged.member,
        summed_judged.answer_group,
        summed_judged.answers,
        summed_judged.answers_good,
        summed_judged.answers_bad,
        summed_judged.customers,
        summed_judged.customers_followed,
        summed_judged.customers_kept,
        case
            when
                summed_judged.kind = 'nps'
                and summed_judged.answer_group = 'all'
                and not summed_judged.is_below_minimum
                then {{ ratio('summed_judged.answers_good - summed_judged.answers_bad', 'summed_judged.answers') }}
        end as nps,
        case
            when
                summed_judged.kind = 'csat'
                and summed_judged.answer_group = 'all'
                and not summed_judged.is_below_minimum
                then {{ ratio('summed_judged.answers_good', 'summed_judged.answers') }}
        end as csat,
        case
            when not summed_judged.is_retention_below_minimum
                then {{ ratio('summed_judged.customers_kept', 'summed_judged.customers_followed') }}
        end as retention_rate,
        summed_judged.is_below_minimum,
        summed_judged.period_start
    from summed_judged
)

select * from final
