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

final as (
    select
        deals.deal_key,
        deals.account_key,
        deals.owner_key,
        visits_before_close.closed_from_stage_key,
        deals.deal_id,
        deals.source_system,
        deals.pipeline_id,
        deals.pipeline_purpose,
        deals.segment,
        deals.channel,
        deals.status,
        visits_before_close.closed_from_stage_label,
        visits_before_close.closed_from_stage,
        deals.lost_reason,
        deals.loss_reason,
        deals_current.competitor,
        deals.exclusion_reason,
        deals.history_basis,
        deals.amount_reporting,
        -- An import is dated by itself, and nothing closes before it begins.
        case
            when not deals.is_imported and deals.age_days >= 0
                then deals.age_days
        end as days_to_close,
        visits.days_in_stage as days_in_closing_stage,
        deals.is_excluded,
        not deals.is_excluded
        and deals.pipeline_purpose = 'new_business'
        and deals.is_qualified
        and not deals.is_zero_day_win as is_in_win_rate,
        deals.close_day
    from deals
    inner join deals_current on deals.deal_key = deals_current.deal_key
    left join visits_before_close on deals.deal_key = visits_before_close.deal_key
    left join visits
        on
            visits_before_close.deal_key = visits.deal_key
            and visits_before_close.last_visit_no = visits.visit_no
)

select * from final
