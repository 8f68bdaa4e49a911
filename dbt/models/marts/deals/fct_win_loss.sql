with

deals as (
    select * from {{ ref('fct_deals') }}
    where status in ('won', 'lost')
),

deals_current as (
    select * from {{ ref('int_deals') }}
),

visits as (
    select
        deal_key,
        stage_key,
        stage_label,
        stage,
        visit_no,
        days_in_stage
    from {{ ref('fct_deal_stage_visits') }}
),

-- A closed deal ends in visits to its outcome (won goes on into fulfilment); what came just before
-- them is the stage that decided.
visits_before_close as (
    select
        deals.deal_key,
        max_by(visits.stage_key, visits.visit_no) as closed_from_stage_key,
        max_by(visits.stage_label, visits.visit_no) as closed_from_stage_label,
        max_by(visits.stage, visits.visit_no) as closed_from_stage,
        max(visits.visit_no) as last_visit_no
    from deals
    inner join visits on deals.deal_key = visits.deal_key and deals.status <> visits.stage
    group by all
),

-- Without a stage history the days between the two dates are what is known.
deals_timed as (
    select
        deals.*,
        case
            when deals.closed_at is not null then deals.age_days
            else cast(deals.close_day - deals.created_date as decimal(18, 6))
        end as days_open
    from deals
),

final as (
    select
        deals_timed.deal_key,
        deals_timed.account_key,
        deals_timed.owner_key,
        visits_before_close.closed_from_stage_key,
        deals_timed.deal_id,
        deals_timed.source_system,
        deals_timed.pipeline_id,
        deals_timed.pipeline_purpose,
        deals_timed.segment,
        deals_timed.channel,
        deals_timed.status,
        visits_before_close.closed_from_stage_label,
        visits_before_close.closed_from_stage,
        deals_timed.lost_reason,
        deals_timed.loss_reason,
        deals_current.competitor,
        deals_timed.exclusion_reason,
        deals_timed.history_basis,
        deals_timed.amount_reporting,
        -- An import is dated by itself, and nothing closes before it begins.
        case
            when not deals_timed.is_imported and deals_timed.days_open >= 0
                then deals_timed.days_open
        end as days_to_close,
        visits.days_in_stage as days_in_closing_stage,
        deals_timed.is_excluded,
        not deals_timed.is_excluded
        and deals_timed.pipeline_purpose = 'new_business'
        and deals_timed.is_qualified
        and not deals_timed.is_zero_day_win as is_in_win_rate,
        deals_timed.close_day
    from deals_timed
    inner join deals_current on deals_timed.deal_key = deals_current.deal_key
    left join visits_before_close on deals_timed.deal_key = visits_before_close.deal_key
    left join visits
        on
            visits_before_close.deal_key = visits.deal_key
            and visits_before_close.last_visit_no = visits.visit_no
)

select * from final
