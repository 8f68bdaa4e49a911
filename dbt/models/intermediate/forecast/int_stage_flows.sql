{#-
    What is known of each stage of each pipeline that is forecast: how many come on from it, how long they stay, and how
    much of what is won comes through it. A deal comes through a stage that it has stood in, or that it has skipped on its
    way from an earlier one. Orders of a day and deals that begin in a later stage do not: unlike in the funnel they are
    left out, since nothing that is done in the stage would touch them.

    Conversion is of the deals that came to it in the twelve newest mature months: nine tenths of those who come to the
    stage have come to an end by that age. The notes say why a stage cannot be judged.
-#}
{%- set enough_entered, enough_progressed, enough_stays = 30, 5, 10 -%}
with

run_context as (
    select * from {{ source('run', 'run_context') }}
),

stages as (
    select * from {{ ref('dim_stages') }}
    where
        object = 'deal'
        and pipeline_purpose in ('new_business', 'renewal', 'upsell')
        and not is_won
        and not is_lost
        and is_mapped
),

pipeline_deals as (
    select * from {{ ref('int_pipeline_deals') }}
),

all_deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
    where is_life_known
),

stages_listed as (
    select
        coalesce(stages.pipeline_label, 'Unknown') as pipeline,
        stages.stage,
        min(stages.stage_order) as stage_order
    from stages
    where stages.stage <> 'unmapped'
    group by all
),

deals as (
    select
        all_deals.deal_key,
        coalesce(all_deals.pipeline_label, 'Unknown') as pipeline,
        all_deals.status,
        all_deals.amount_reporting,
        all_deals.is_zero_day_win,
        all_deals.is_imported,
        all_deals.close_day,
        case when all_deals.status in ('won', 'lost') then all_deals.closed_at end as ended_at
    from all_deals
    inner join pipeline_deals on all_deals.deal_key = pipeline_deals.deal_key
),

visits_followed as (
    select
        visits.deal_key,
        deals.pipeline,
        visits.stage,
        visits.days_in_stage,
        visits.is_completed and visits.is_in_velocity as is_counted,
        visits.exited_at
    from visits
    inner join deals on visits.deal_key = deals.deal_key
    where not deals.is_zero_day_win and not deals.is_imported
),

stays as (
    select
        visits_followed.pipeline,
        visits_followed.stage,
        count(*) as completed_visits,
        median(greatest(visits_followed.days_in_stage, 0)) as median_days
    from visits_followed
    cross join run_context
    where
        visits_followed.is_counted
        and visits_followed.exited_at >= run_context.as_of_end - interval 12 month
    group by all
),

-- Exits are numbered from 90 on, and where an unmapped stage lies nobody knows.
deals_reaching as (
    select
        deals.deal_key,
        any_value(deals.pipeline) as pipeline,
        any_value(deals.ended_at) as ended_at,
        any_value(deals.is_zero_day_win or deals.is_imported) as is_left_out,
        any_value(
            case
                when
                    deals.status = 'won'
                    and deals.close_day between run_context.as_of - interval 12 month + interval 1 day
                    and run_context.as_of
                    then greatest(deals.amount_reporting, 0)
            end
        ) as won_amount,
        any_value(deals.is_zero_day_win) as is_zero_day_win,
        max(visits.stage_order) as furthest_order,
        min(visits.stage_order) as nearest_order,
        min(visits.entered_at) filter (where visits.stage_order >= 1) as reached_1_at,
        min(visits.entered_at) filter (where visits.stage_order >= 2) as reached_2_at,
        min(visits.entered_at) filter (where visits.stage_order >= 3) as reached_3_at,
        min(visits.entered_at) filter (where visits.stage_order >= 4) as reached_4_at,
        min(visits.entered_at) filter (where visits.stage_order >= 5) as reached_5_at,
        min(visits.entered_at) filter (where visits.stage_order >= 6) as reached_6_at
    from deals
    cross join run_context
    inner join visits on deals.deal_key = visits.deal_key and visits.stage_order < 90
    group by deals.deal_key
),

entries as (
    select
        stages_listed.pipeline,
        stages_listed.stage,
        deals_reaching.furthest_order > stages_listed.stage_order as has_progressed,
        deals_reaching.ended_at,
        case stages_listed.stage_order
            when 1 then deals_reaching.reached_1_at
            when 2 then deals_reaching.reached_2_at
            when 3 then deals_reaching.reached_3_at
            when 4 then deals_reaching.reached_4_at
            when 5 then deals_reaching.reached_5_at
            when 6 then deals_reaching.reached_6_at
        end as reached_at
    from stages_listed
    inner join deals_reaching
        on
            stages_listed.pipeline = deals_reaching.pipeline
            and stages_listed.stage_order between deals_reaching.nearest_order and deals_reaching.furthest_order
    where not deals_reaching.is_left_out
),

entries_timed as (
    select
        entries.*,
        cast(
            date_trunc('month', {{ day_in_zone('entries.reached_at', 'run_context.reporting_timezone') }}) as date
        ) as entry_month,
        greatest(
            {{ days_between('entries.reached_at', 'coalesce(entries.ended_at, run_context.as_of_end)') }}, 0
        ) as lasted_days
    from entries
    cross join run_context
),

survival as (
    {{ survival('entries_timed', ['pipeline', 'stage'], days='lasted_days', ended='ended_at is not null') }}
),

maturity_ages as (
    select
        pipeline,
        stage,
        {{ days_until_left(0.1) }} as p90_days_to_outcome
    from survival
    group by all
),

cohorts as (
    select
        entries_timed.pipeline,
        entries_timed.stage,
        count(*) as entered,
        count(*) filter (where entries_timed.has_progressed) as progressed,
        entries_timed.entry_month
    from entries_timed
    group by all
),

-- The youngest of a cohort decides: those who entered on its month's last day.
cohorts_mature as (
    select
        cohorts.*,
        row_number() over (
            partition by cohorts.pipeline, cohorts.stage
            order by cohorts.entry_month desc
        ) as months_ago
    from cohorts
    cross join run_context
    inner join maturity_ages
        on cohorts.pipeline = maturity_ages.pipeline and cohorts.stage = maturity_ages.stage
    where run_context.as_of - last_day(cohorts.entry_month) >= maturity_ages.p90_days_to_outcome
),

conversions as (
    select
        pipeline,
        stage,
        cast(sum(entered) as bigint) as deals_entered,
        cast(sum(progressed) as bigint) as deals_progressed,
        min(entry_month) as cohort_from,
        max(entry_month) as cohort_to
    from cohorts_mature
    where months_ago <= 12
    group by all
),

won as (
    select
        stages_listed.pipeline,
        stages_listed.stage,
        sum(deals_reaching.won_amount) as won_amount,
        sum(deals_reaching.won_amount) filter (
            where not deals_reaching.is_zero_day_win and deals_reaching.nearest_order <= stages_listed.stage_order
        ) as won_through
    from stages_listed
    inner join deals_reaching on stages_listed.pipeline = deals_reaching.pipeline
    group by all
),

pipelines_followed as (
    select distinct pipeline
    from deals_reaching
),

joined as (
    select
        stages_listed.pipeline,
        stages_listed.stage,
        stages_listed.stage_order,
        coalesce(conversions.deals_entered, 0) as deals_entered,
        coalesce(conversions.deals_progressed, 0) as deals_progressed,
        {{ ratio('conversions.deals_progressed', 'conversions.deals_entered') }} as conversion_rate,
        {{ wilson_low('conversions.deals_progressed', 'conversions.deals_entered') }} as wilson_low,
        {{ wilson_high('conversions.deals_progressed', 'conversions.deals_entered') }} as wilson_high,
        coalesce(stays.completed_visits, 0) as completed_visits,
        cast(stays.median_days as decimal(18, 6)) as median_days,
        {{ ratio('coalesce(won.won_through, 0)', 'won.won_amount') }} as won_share,
        pipelines_followed.pipeline is not null as has_history,
        conversions.cohort_from,
        conversions.cohort_to
    from stages_listed
    left join conversions
        on stages_listed.pipeline = conversions.pipeline and stages_listed.stage = conversions.stage
    left join stays on stages_listed.pipeline = stays.pipeline and stages_listed.stage = stays.stage
    left join won on stages_listed.pipeline = won.pipeline and stages_listed.stage = won.stage
    left join pipelines_followed on stages_listed.pipeline = pipelines_followed.pipeline
),

final as (
    select
        pipeline,
        stage,
        case
            when not has_history then 'no_stage_history'
            when deals_entered < {{ enough_entered }} or deals_progressed < {{ enough_progressed }}
                then 'too_few_deals'
            when won_share is null then 'nothing_won'
            when conversion_rate > 0.99 then 'nearly_all_come_on'
        end as point_note,
        case
            when not has_history then 'no_stage_history'
            when completed_visits < {{ enough_stays }} then 'too_few_deals'
            when won_share is null then 'nothing_won'
            when median_days < 1 then 'shorter_than_a_day'
        end as day_note,
        stage_order,
        deals_entered,
        deals_progressed,
        conversion_rate,
        wilson_low,
        wilson_high,
        completed_visits,
        median_days,
        won_share,
        cohort_from,
        cohort_to
    from joined
)

select * from final
