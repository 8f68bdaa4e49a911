with

run_context as (
    select
        as_of,
        as_of_end,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

deals as (
    select
        deal_key,
        account_key,
        contact_key,
        owner_key,
        deal_id,
        source_system,
        deal_name,
        stage_label,
        stage,
        status,
        segment,
        currency,
        next_step,
        amount,
        amount_reporting,
        pushes,
        age_days,
        close_date,
        created_at
    from {{ ref('fct_deals') }}
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

visits as (
    select
        deal_key,
        stage,
        exited_at
    from {{ ref('fct_deal_stage_visits') }}
    where is_completed and not is_bulk_update
),

accounts as (
    select
        account_key,
        account_name
    from {{ ref('dim_accounts') }}
),

owners as (
    select
        owner_key,
        rollup_owner_name
    from {{ ref('dim_owners') }}
),

deal_changes as (
    select
        deal_key,
        field,
        value
    from {{ ref('int_deal_changes') }}
    where is_past
),

deal_activities as (
    select
        deal_key,
        source_system,
        last_activity_at,
        next_activity_at
    from {{ ref('int_deal_activities') }}
),

rates as (
    select
        currency,
        rate_to_reporting,
        rate_date
    from {{ ref('int_rates_daily') }}
),

-- How old deals that were won in the end were when they left each stage: of a segment where it has
-- won enough, since a large customer takes longer, else of all.
won_ages as (
    select
        visits.stage,
        deals.segment,
        grouping(deals.segment) = 1 as is_of_all_segments,
        quantile_cont(
            {{ days_between('deals.created_at', 'visits.exited_at') }}, 0.9
        ) as won_p90_age_days
    from visits
    inner join deals on visits.deal_key = deals.deal_key
    where deals.status = 'won'
    group by grouping sets ((visits.stage, deals.segment), (visits.stage))
    having count(distinct visits.deal_key) >= 20
),

-- Whether a source fills a field at all decides whether its absence says something about a deal.
fields_in_use as (
    select
        source_system,
        count(next_step) > 0 as uses_next_step,
        count(contact_key) > 0 as uses_contacts
    from deals
    group by source_system
),

sources_with_activities as (
    select distinct source_system
    from deal_activities
),

-- An amount that changed its currency cannot be compared with what it was.
highest_amounts as (
    select
        deal_key,
        max(case when field = 'amount' then cast(value as decimal(18, 2)) end) as highest_amount
    from deal_changes
    group by deal_key
    having count(distinct value) filter (where field = 'currency') <= 1
),

deals_flagged as (
    select
        deals.deal_key,
        deals.deal_id,
        deals.source_system,
        deals.deal_name,
        accounts.account_name,
        owners.rollup_owner_name as owner_name,
        deals.stage,
        deals.stage_label,
        deals.amount_reporting,
        deals.age_days,
        deals.pushes,
        deals.close_date,
        case
            when highest_amounts.highest_amount > deals.amount
                then
                    {{ converted(
                        'highest_amounts.highest_amount - deals.amount', 'rates.rate_to_reporting'
                    ) }}
        end as amount_cut_reporting,
        date_diff(
            'day',
            {{ day_in_zone(
                'deal_activities.last_activity_at', 'run_context.reporting_timezone'
            ) }},
            run_context.as_of
        ) as days_since_activity,
        -- Three weeks without a word, and nothing in the diary. A source that records no activities
        -- says nothing.
        coalesce(
            sources_with_activities.source_system is not null
            and deal_activities.next_activity_at is null
            and coalesce(deal_activities.last_activity_at, deals.created_at)
            < run_context.as_of_end - interval 21 day,
            false
        ) as is_idle,
        case
            when deals.close_date < run_context.as_of
                then date_diff('day', deals.close_date, run_context.as_of)
        end as days_past_close,
        coalesce(deals.close_date < run_context.as_of, false) as is_past_close_date,
        coalesce(won_ages.won_p90_age_days, won_ages_of_all.won_p90_age_days) as won_p90_age_days,
        coalesce(
            deals.age_days
            > coalesce(won_ages.won_p90_age_days, won_ages_of_all.won_p90_age_days),
            false
        ) as is_older_than_won,
        coalesce(deals.pushes >= 2, false) as is_pushed_twice,
        deals.next_step is null and fields_in_use.uses_next_step as is_without_next_step,
        deals.contact_key is null and fields_in_use.uses_contacts as is_without_contact
    from deals
    cross join run_context
    inner join fields_in_use on deals.source_system = fields_in_use.source_system
    left join deal_activities on deals.deal_key = deal_activities.deal_key
    left join sources_with_activities
        on deals.source_system = sources_with_activities.source_system
    left join highest_amounts on deals.deal_key = highest_amounts.deal_key
    left join rates
        on deals.currency = rates.currency and run_context.as_of = rates.rate_date
    left join won_ages
        on
            deals.stage = won_ages.stage
            and deals.segment = won_ages.segment
            and not won_ages.is_of_all_segments
    left join won_ages as won_ages_of_all
        on deals.stage = won_ages_of_all.stage and won_ages_of_all.is_of_all_segments
    left join accounts on deals.account_key = accounts.account_key
    left join owners on deals.owner_key = owners.owner_key
    where deals.status = 'open'
),

reasons_counted as (
    select
        *,
        amount_cut_reporting is not null as is_amount_cut,
        cast(is_past_close_date as integer)
        + cast(is_idle as integer)
        + cast(is_older_than_won as integer)
        + cast(is_pushed_twice as integer)
        + cast(amount_cut_reporting is not null as integer)
        + cast(is_without_next_step as integer)
        + cast(is_without_contact as integer) as reasons
    from deals_flagged
),

final as (
    select
        deal_key,
        deal_id,
        source_system,
        deal_name,
        account_name,
        owner_name,
        stage,
        stage_label,
        cast(amount_reporting as decimal(18, 2)) as amount_reporting,
        cast(age_days as decimal(18, 6)) as age_days,
        cast(won_p90_age_days as decimal(18, 6)) as won_p90_age_days,
        cast(days_past_close as bigint) as days_past_close,
        cast(days_since_activity as bigint) as days_since_activity,
        cast(pushes as bigint) as pushes,
        cast(amount_cut_reporting as decimal(18, 2)) as amount_cut_reporting,
        cast(reasons as bigint) as reasons,
        is_past_close_date,
        is_idle,
        is_older_than_won,
        is_pushed_twice,
        is_amount_cut,
        is_without_next_step,
        is_without_contact,
        close_date
    from reasons_counted
)

select * from final
