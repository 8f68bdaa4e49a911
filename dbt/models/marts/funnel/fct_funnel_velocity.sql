with

-- What a migration brought was in its first stage before.
leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded and not is_imported
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

lead_visits as (
    select * from {{ ref('fct_lead_stages') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded and not is_imported and pipeline_purpose = 'new_business'
),

deal_visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

steps as (
    select * from {{ ref('int_funnel_steps') }}
    where not is_last
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

lead_visits_followed as (
    select
        'lead' as funnel,
        lead_visits.lead_key as entity_key,
        leads.channel,
        coalesce(accounts.segment, 'unknown') as segment,
        lead_visits.stage,
        lead(lead_visits.direction) over lead_by_visit as next_direction,
        lead_visits.days_in_stage,
        lead_visits.is_open,
        true as is_in_velocity,
        lead_visits.entered_at
    from lead_visits
    inner join leads on lead_visits.lead_key = leads.lead_key
    left join accounts on leads.account_key = accounts.account_key
    window lead_by_visit as (partition by lead_visits.lead_key order by lead_visits.visit_no)
),

deal_visits_followed as (
    select
        'deal' as funnel,
        deal_visits.deal_key as entity_key,
        deals.channel,
        deals.segment,
        deal_visits.stage,
        lead(deal_visits.direction) over deal_by_visit as next_direction,
        deal_visits.days_in_stage,
        deal_visits.is_open,
        deal_visits.is_in_velocity,
        deal_visits.entered_at
    from deal_visits
    inner join deals on deal_visits.deal_key = deals.deal_key
    window deal_by_visit as (partition by deal_visits.deal_key order by deal_visits.visit_no)
),

visits_united as (
    select * from lead_visits_followed
    union all
    select * from deal_visits_followed
),

visits_dated as (
    select
        visits_united.funnel,
        visits_united.entity_key,
        visits_united.channel,
        visits_united.segment,
        visits_united.stage,
        steps.stage_order,
        greatest(visits_united.days_in_stage, 0) as days,
        not visits_united.is_open as is_completed,
        coalesce(visits_united.next_direction = 'backward', false) as is_regressed,
        cast(
            date_trunc(
                'month', {{ day_in_zone('visits_united.entered_at', 'run_context.reporting_timezone') }}
            ) as date
        ) as entry_month
    from visits_united
    cross join run_context
    inner join steps on visits_united.funnel = steps.funnel and visits_united.stage = steps.stage
    where visits_united.entered_at is not null and visits_united.is_in_velocity
),

visits as (
    select
        visits_dated.*,
        dimensions.dimension,
        {{ funnel_member('visits_dated') }} as member
    from visits_dated
    cross join {{ funnel_dimensions() }}
),

cells as (
    select
        funnel,
        stage,
        dimension,
        member,
        stage_order,
        count(*) as visits,
        count(*) filter (where is_completed) as completed_visits,
        count(distinct entity_key) as entities_entered,
        count(distinct entity_key) filter (where is_regressed) as entities_regressed,
        median(days) filter (where is_completed) as median_days_completed,
        entry_month
    from visits
    group by all
),

survival as (
    {{ survival('visits', ['funnel', 'stage', 'dimension', 'member', 'entry_month'], ended='is_completed') }}
),

quantiles as (
    select
        funnel,
        stage,
        dimension,
        member,
        {{ days_until_left(0.5) }} as survival_median_days,
        {{ days_until_left(0.1) }} as p90_days,
        entry_month
    from survival
    group by all
),

cells_timed as (
    select
        cells.*,
        quantiles.survival_median_days,
        quantiles.p90_days
    from cells
    left join quantiles
        on
            cells.funnel = quantiles.funnel
            and cells.stage = quantiles.stage
            and cells.dimension = quantiles.dimension
            and cells.member = quantiles.member
            and cells.entry_month = quantiles.entry_month
),

-- Ten completed visits are the least that a stage is called slow by.
cells_ranked as (
    select
        cells_timed.*,
        cells_timed.completed_visits >= 10
        and cells_timed.survival_median_days is not null as is_judged,
        row_number() over (
            partition by
                cells_timed.funnel,
                cells_timed.dimension,
                cells_timed.member,
                cells_timed.entry_month,
                cells_timed.completed_visits >= 10 and cells_timed.survival_median_days is not null
            order by cells_timed.survival_median_days desc nulls last, cells_timed.stage_order asc
        ) as slowness
    from cells_timed
),

final as (
    select
        cells_ranked.funnel,
        cells_ranked.stage,
        cells_ranked.dimension,
        cells_ranked.member,
        cells_ranked.stage_order,
        cells_ranked.visits,
        cells_ranked.completed_visits,
        cells_ranked.visits - cells_ranked.completed_visits as censored_visits,
        cells_ranked.entities_entered,
        cells_ranked.entities_regressed,
        {{ ratio('cells_ranked.entities_regressed', 'cells_ranked.entities_entered') }} as regression_rate,
        cast(cells_ranked.median_days_completed as decimal(18, 6)) as median_days_completed,
        cast(cells_ranked.survival_median_days as decimal(18, 6)) as survival_median_days,
        cast(cells_ranked.p90_days as decimal(18, 6)) as p90_days,
        cast(
            cells_ranked.survival_median_days - months_before.survival_median_days as decimal(18, 6)
        ) as survival_median_change_days,
        cells_ranked.is_judged and cells_ranked.slowness = 1 as is_slowest,
        cells_ranked.entry_month
    from cells_ranked
    left join cells_timed as months_before
        on
            cells_ranked.funnel = months_before.funnel
            and cells_ranked.stage = months_before.stage
            and cells_ranked.dimension = months_before.dimension
            and cells_ranked.member = months_before.member
            and cells_ranked.entry_month = months_before.entry_month + interval 1 month
)

select * from final
