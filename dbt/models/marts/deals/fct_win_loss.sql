{%- set reasons = [
    'price', 'no_budget', 'no_decision', 'timing', 'competitor', 'product_gap', 'no_contact', 'bad_fit', 'duplicate',
    'other',
] -%}
with

deals as (
    select * from {{ ref('fct_deals') }}
    where status in ('won', 'lost')
),

deals_current as (
    select * from {{ ref('int_deals') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

reason_mappings as (
    {{ newest_mapping('loss_reasons') }}
),

canonical_reasons as (
    select unnest({{ reasons }}) as name -- noqa: RF04
),

reasons_stated as (
    select distinct
        deals.source_system,
        deals.lost_reason,
        lower(deals.source_system) as source_system_matched,
        lower(trim(deals.lost_reason)) as own_name
    from deals
    where deals.lost_reason is not null
),

reason_rules as (
    select
        reason_mappings.source_system,
        lower(reason_mappings.label) as label,
        reason_mappings.reason as target,
        cast(reason_mappings.source_system is not null as integer) as specificity,
        reason_mappings.row_number,
        reason_mappings.valid_from
    from reason_mappings
    inner join canonical_reasons on reason_mappings.reason = canonical_reasons.name
),

reason_periods as (
    {{ mapped_periods(
        things='reasons_stated',
        keys=['source_system', 'lost_reason', 'own_name'],
        rules='reason_rules',
        matches="things.own_name = rules.label
            and (rules.source_system is null or things.source_system_matched = rules.source_system)",
        canonical='canonical_reasons',
        own_name='own_name',
    ) }}
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
        reason_periods.target as loss_reason,
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
        and not deals_timed.is_zero_day_win
        -- Of a deal that was entered twice the other one was won or lost.
        and coalesce(reason_periods.target, '') <> 'duplicate' as is_in_win_rate,
        deals_timed.close_day
    from deals_timed
    cross join run_context
    inner join deals_current on deals_timed.deal_key = deals_current.deal_key
    left join reason_periods
        on
            deals_timed.source_system = reason_periods.source_system
            and deals_timed.lost_reason = reason_periods.lost_reason
            and reason_periods.valid_from <= coalesce(deals_timed.close_day, run_context.as_of)
            and coalesce(deals_timed.close_day, run_context.as_of) < reason_periods.valid_to
    left join visits_before_close on deals_timed.deal_key = visits_before_close.deal_key
    left join visits
        on
            visits_before_close.deal_key = visits.deal_key
            and visits_before_close.last_visit_no = visits.visit_no
)

select * from final
