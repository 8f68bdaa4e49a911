{#- A flag is NULL where the source does not tell what it takes to know. -#}
{%- set flags = [
    'past_close_date', 'idle', 'older_than_won', 'pushed_twice', 'amount_cut', 'without_next_step', 'single_contact',
    'without_contact',
] -%}
with

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
    where is_completed and is_in_velocity
),

deal_changes as (
    select * from {{ ref('int_deal_changes') }}
    where is_past
),

deal_activities as (
    select * from {{ ref('int_deal_activities') }}
),

deal_contacts as (
    select * from {{ ref('int_deal_contacts') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

deal_health as (
    select cast(idle_days as integer) as idle_days
    from {{ source('run', 'deal_health') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- How old deals that were won in the end were when they left each stage: of a segment where it has
-- won enough, since a large customer takes longer, else of all. What a migration brought is older than it says.
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
    where deals.status = 'won' and not deals.is_imported
    group by grouping sets ((visits.stage, deals.segment), (visits.stage))
    having count(distinct visits.deal_key) >= 20
),

-- Whether a source fills a field at all decides whether its absence says something about a deal.
fields_in_use as (
    select
        deals.source_system,
        count(deals.next_step) > 0 as uses_next_step,
        count(deals.contact_key) > 0 as uses_contacts
    from deals
    group by deals.source_system
),

sources_with_activities as (
    select distinct deal_activities.source_system
    from deal_activities
),

-- An amount that changed its currency cannot be compared with what it was.
highest_amounts as (
    select
        deal_changes.deal_key,
        max(case when deal_changes.field = 'amount' then cast(deal_changes.value as decimal(18, 2)) end)
            as highest_amount,
        count(distinct deal_changes.value) filter (where deal_changes.field = 'currency') <= 1
            as is_comparable,
        coalesce(bool_or(deal_changes.is_first_seen) filter (where deal_changes.field = 'amount'), false)
            as is_seen_late
    from deal_changes
    group by deal_changes.deal_key
),

deals_measured as (
    select
        deals.*,
        deal_activities.last_activity_at,
        deal_activities.next_activity_at,
        deal_contacts.contacts,
        run_context.as_of,
        run_context.as_of_end - to_days(deal_health.idle_days) as idle_since,
        sources_with_activities.source_system is not null as has_activities,
        fields_in_use.uses_next_step,
        fields_in_use.uses_contacts,
        coalesce(won_ages.won_p90_age_days, won_ages_of_all.won_p90_age_days) as won_p90_age_days,
        case
            when highest_amounts.is_comparable and highest_amounts.highest_amount > deals.amount
                then
                    {{ converted(
                        'highest_amounts.highest_amount - deals.amount', 'rates.rate_to_reporting'
                    ) }}
        end as amount_cut_reporting,
        case
            when deals.amount is null then false
            -- Whether it was cut before it was first seen nobody knows.
            when
                highest_amounts.is_comparable
                and (highest_amounts.highest_amount > deals.amount or not highest_amounts.is_seen_late)
                then highest_amounts.highest_amount > deals.amount
        end as is_amount_cut,
        date_diff(
            'day',
            {{ day_in_zone(
                'deal_activities.last_activity_at', 'run_context.reporting_timezone'
            ) }},
            run_context.as_of
        ) as days_since_activity
    from deals
    cross join run_context
    cross join deal_health
    inner join fields_in_use on deals.source_system = fields_in_use.source_system
    left join deal_activities on deals.deal_key = deal_activities.deal_key
    left join deal_contacts on deals.deal_key = deal_contacts.deal_key
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
    where deals.status = 'open'
),

deals_flagged as (
    select
        deals_measured.*,
        coalesce(deals_measured.close_date < deals_measured.as_of, false) as is_past_close_date,
        -- Nothing for so long, and nothing in the diary.
        case
            when deals_measured.has_activities
                then
                    deals_measured.next_activity_at is null
                    and coalesce(deals_measured.last_activity_at, deals_measured.created_at)
                    < deals_measured.idle_since
        end as is_idle,
        deals_measured.age_days > deals_measured.won_p90_age_days as is_older_than_won,
        deals_measured.pushes >= 2 as is_pushed_twice,
        case when deals_measured.uses_next_step then deals_measured.next_step is null end
            as is_without_next_step,
        deals_measured.contacts = 1 as is_single_contact,
        case when deals_measured.uses_contacts then deals_measured.contact_key is null end
            as is_without_contact
    from deals_measured
),

final as (
    select
        deals_flagged.deal_key,
        deals_flagged.account_key,
        deals_flagged.contact_key,
        deals_flagged.owner_key,
        deals_flagged.stage_key,
        deals_flagged.pipeline_id,
        deals_flagged.pipeline_purpose,
        deals_flagged.segment,
        deals_flagged.stage,
        nullif(
            concat_ws(
                ', '
                {%- for flag in flags %},
                case when deals_flagged.is_{{ flag }} then '{{ flag }}' end
                {%- endfor %}
            ),
            ''
        ) as reasons_named,
        deals_flagged.amount_reporting,
        cast(deals_flagged.amount_cut_reporting as decimal(18, 2)) as amount_cut_reporting,
        cast(
            0
            {%- for flag in flags %}
            + coalesce(cast(deals_flagged.is_{{ flag }} as integer), 0)
            {%- endfor %} as bigint
        ) as reasons,
        cast(
            case
                when deals_flagged.is_past_close_date
                    then deals_flagged.as_of - deals_flagged.close_date
            end as bigint
        ) as days_past_close,
        cast(deals_flagged.days_since_activity as bigint) as days_since_activity,
        deals_flagged.pushes,
        deals_flagged.pushed_days,
        deals_flagged.contacts,
        deals_flagged.age_days,
        cast(deals_flagged.won_p90_age_days as decimal(18, 6)) as won_p90_age_days,
        {%- for flag in flags %}
        deals_flagged.is_{{ flag }},
        {%- endfor %}
        deals_flagged.close_date,
        deals_flagged.last_activity_at,
        deals_flagged.next_activity_at
    from deals_flagged
)

select * from final
