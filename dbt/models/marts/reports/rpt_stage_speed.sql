with

run_context as (
    select as_of_end
    from {{ source('run', 'run_context') }}
),

deals as (
    select deal_key
    from {{ ref('fct_deals') }}
    where
        not is_excluded
        -- Their first stay begins with the import.
        and not is_imported
        and not is_zero_day_win
        and pipeline_purpose = 'new_business'
),

visits as (
    select
        deal_key,
        stage,
        stage_order,
        days_in_stage,
        is_open,
        exited_at
    from {{ ref('fct_deal_stage_visits') }}
    where
        is_in_velocity
        and entered_at is not null
        and stage not in ('won', 'lost')
),

-- A deal's time in a stage is the sum over its visits there.
stays as (
    select
        visits.deal_key,
        visits.stage,
        min(visits.stage_order) as stage_order,
        sum(visits.days_in_stage) as stay_days,
        bool_or(visits.is_open) as is_open,
        max(visits.exited_at) as left_at
    from visits
    inner join deals on visits.deal_key = deals.deal_key
    group by visits.deal_key, visits.stage
),

stays_dated as (
    select
        stays.*,
        not stays.is_open and stays.left_at >= run_context.as_of_end - interval 6 month
            as is_this_half,
        not stays.is_open
        and stays.left_at < run_context.as_of_end - interval 6 month
        and stays.left_at >= run_context.as_of_end - interval 12 month as is_previous_half
    from stays
    cross join run_context
),

stages as (
    select
        stage,
        min(stage_order) as stage_order,
        count(*) filter (where is_this_half) as completed,
        median(stay_days) filter (where is_this_half) as median_days,
        quantile_cont(stay_days, 0.75) filter (where is_this_half) as p75_days,
        count(*) filter (where is_previous_half) as previous_completed,
        median(stay_days) filter (where is_previous_half) as previous_median_days,
        count(*) filter (where is_open) as open_deals,
        median(stay_days) filter (where is_open) as open_median_days
    from stays_dated
    group by stage
),

-- The survival median lets open stays count as lasting at least as long as they have so far.
stays_counted as (
    select * from stays_dated
    where is_this_half or is_open
),

survival as (
    {{ survival('stays_counted', ['stage'], days='stay_days', ended='is_this_half') }}
),

survival_medians as (
    select
        stage,
        {{ days_until_left(0.5) }} as survival_median_days
    from survival
    group by stage
),

open_beyond as (
    select
        stays_dated.stage,
        count(*) as open_beyond_p75
    from stays_dated
    inner join stages on stays_dated.stage = stages.stage
    where stays_dated.is_open and stays_dated.stay_days > stages.p75_days
    group by stays_dated.stage
),

final as (
    select
        stages.stage,
        cast(stages.stage_order as integer) as stage_order,
        cast(stages.completed as bigint) as completed,
        cast(stages.median_days as decimal(18, 6)) as median_days,
        cast(stages.p75_days as decimal(18, 6)) as p75_days,
        cast(survival_medians.survival_median_days as decimal(18, 6)) as survival_median_days,
        cast(stages.previous_completed as bigint) as previous_completed,
        cast(stages.previous_median_days as decimal(18, 6)) as previous_median_days,
        cast(stages.median_days - stages.previous_median_days as decimal(18, 6)) as change_days,
        cast(stages.open_deals as bigint) as open_deals,
        cast(stages.open_median_days as decimal(18, 6)) as open_median_days,
        cast(coalesce(open_beyond.open_beyond_p75, 0) as bigint) as open_beyond_p75,
        -- A handful of deals does not make a slow stage.
        stages.completed >= 10
        and coalesce(
            stages.median_days
            = max(stages.median_days) filter (where stages.completed >= 10) over (),
            false
        ) as is_slowest
    from stages
    left join survival_medians on stages.stage = survival_medians.stage
    left join open_beyond on stages.stage = open_beyond.stage
)

select * from final
