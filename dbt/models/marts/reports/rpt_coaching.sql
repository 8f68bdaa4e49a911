with

stage_conversions as (
    select * from {{ ref('fct_rep_stage_conversions') }}
),

rep_months as (
    select * from {{ ref('fct_rep_months') }}
    where open_deals > 0
),

owners as (
    select * from {{ ref('dim_owners') }}
),

-- How many were looked at says how seldom a hint comes, also where there is none.
topics as (
    select
        'compared' as topic,
        'all' as owner_key,
        count(stage_conversions.comparisons) as comparisons
    from stage_conversions
    union all by name
    select
        'stage' as topic,
        stage_conversions.owner_key,
        owners.owner_name,
        stage_conversions.team,
        stage_conversions.stage,
        stage_conversions.peer_basis,
        stage_conversions.comparisons,
        stage_conversions.decided,
        stage_conversions.progressed,
        stage_conversions.peer_decided,
        stage_conversions.peer_progressed,
        stage_conversions.deals_short,
        stage_conversions.conversion_rate,
        stage_conversions.interval_low,
        stage_conversions.interval_high,
        stage_conversions.peer_conversion_rate,
        stage_conversions.conversion_rate_shrunk
    from stage_conversions
    inner join owners on stage_conversions.owner_key = owners.owner_key
    where stage_conversions.is_coaching_hint
    union all by name
    select
        'leaver' as topic,
        rep_months.owner_key,
        owners.owner_name,
        owners.team,
        rep_months.open_deals,
        rep_months.open_reporting
    from rep_months
    inner join owners on rep_months.owner_key = owners.owner_key
    where owners.kind = 'person' and not owners.is_active
),

final as (
    select
        topics.owner_key,
        topics.topic,
        topics.owner_name,
        topics.team,
        topics.stage,
        topics.peer_basis,
        topics.comparisons,
        topics.decided,
        topics.progressed,
        topics.peer_decided,
        topics.peer_progressed,
        topics.open_deals,
        topics.open_reporting,
        topics.deals_short,
        topics.conversion_rate,
        topics.interval_low,
        topics.interval_high,
        topics.peer_conversion_rate,
        topics.conversion_rate_shrunk
    from topics
)

select * from final
