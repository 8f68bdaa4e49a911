{%- set parts = ['tcv', 'acv', 'arr', 'one_time_amount'] -%}
with

deals as (
    select * from {{ ref('int_deals') }}
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
),

pushes as (
    select * from {{ ref('int_deal_pushes') }}
),

leads as (
    select * from {{ ref('int_leads') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

stages as (
    select * from {{ ref('dim_stages') }}
    where object = 'deal'
),

reason_periods as (
    select * from {{ ref('int_loss_reason_periods') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

plan_rates as (
    select * from {{ ref('int_rates_plan') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

visits_compared as (
    select
        visits.deal_key,
        visits.stage_key,
        visits.stage,
        visits.stage_order,
        visits.direction,
        visits.is_open,
        visits.is_life_known,
        visits.entered_at,
        lag(visits.stage)
            over (partition by visits.deal_key order by visits.visit_no)
            as stage_before
    from visits
),

-- Moving on within won (fulfilment, whatever the vendor calls it) neither reopens nor closes again.
deals_visited as (
    select
        visits_compared.deal_key,
        max(visits_compared.stage_key) filter (where visits_compared.is_open) as stage_key,
        max(visits_compared.entered_at) filter (
            where visits_compared.stage = 'won'
            and visits_compared.stage_before is distinct from 'won'
        ) as won_at,
        max(visits_compared.entered_at) filter (
            where visits_compared.stage = 'lost'
            and visits_compared.stage_before is distinct from 'lost'
        ) as lost_at,
        count(*) filter (
            where visits_compared.stage_before in ('won', 'lost')
            and visits_compared.stage not in ('won', 'lost')
        ) as reopens,
        count(*) filter (where visits_compared.direction = 'backward') as backward_moves,
        bool_or(visits_compared.stage_order between 2 and 7) as is_qualified,
        -- A skipped stage counts as reached at the moment of the skip.
        bool_and(visits_compared.is_life_known) as is_life_known,
        case
            when bool_and(visits_compared.is_life_known)
                then min(visits_compared.entered_at) filter (where visits_compared.stage_order between 2 and 7)
        end as qualified_at
    from visits_compared
    group by all
),

-- A person with several lead episodes: the deal belongs to the first of them.
leads_of_contacts as (
    select
        leads.contact_key_stated as contact_key,
        min_by(
            {
                'lead_key': leads.lead_key,
                'channel': leads.channel,
                'campaign_key': leads.campaign_key
            },
            (coalesce(leads.created_at, timestamp '9999-12-31'), leads.lead_key)
        ) as lead
    from leads
    where leads.contact_key_stated is not null
    group by all
),

deals_joined as (
    select
        deals.*,
        accounts.account_key as account_key_known,
        contacts.contact_key as contact_key_known,
        leads_of_contacts.lead.lead_key,
        leads_of_contacts.lead.campaign_key,
        coalesce(leads_of_contacts.lead.channel, 'unattributed') as channel,
        coalesce(accounts.segment, 'unknown') as segment,
        deals_visited.stage_key,
        stages.pipeline_id as pipeline_id_visited,
        stages.pipeline_label as pipeline_label_visited,
        stages.pipeline_purpose,
        stages.stage_label,
        stages.stage,
        coalesce(deals.win_probability, stages.win_probability) as win_probability_known,
        case
            when stages.is_won then 'won'
            when stages.is_lost then 'lost'
            else 'open'
        end as status,
        case
            when stages.is_won then deals_visited.won_at
            when stages.is_lost then deals_visited.lost_at
        end as closed_at,
        deals_visited.reopens,
        deals_visited.backward_moves,
        deals_visited.is_life_known,
        -- Who keeps no history of stages says of a lost deal only that it is lost. Left out as never
        -- worked, it would leave the won ones alone among the closed.
        coalesce(deals_visited.is_qualified, false)
        or (not deals.has_stage_history and stages.is_lost) as is_qualified,
        deals_visited.qualified_at,
        coalesce(
            accounts.exclusion_reason = 'test'
            or contacts.exclusion_reason = 'test'
            or stages.pipeline_purpose = 'test',
            false
        ) as is_test
    from deals
    inner join deals_visited on deals.deal_key = deals_visited.deal_key
    inner join stages on deals_visited.stage_key = stages.stage_key
    left join accounts on deals.account_key = accounts.account_key
    left join contacts on deals.contact_key = contacts.contact_key
    left join leads_of_contacts on deals.contact_key = leads_of_contacts.contact_key
),

deals_dated as (
    select
        deals_joined.*,
        {{ day_in_zone('deals_joined.closed_at', 'run_context.reporting_timezone') }}
            as stage_close_date
    from deals_joined
    cross join run_context
),

deals_closed as (
    select
        deals_dated.*,
        case
            when deals_dated.status = 'open' then null
            when run_context.close_day_rule = 'stage_event'
                then coalesce(deals_dated.stage_close_date, deals_dated.close_date)
            else coalesce(deals_dated.close_date, deals_dated.stage_close_date)
        end as close_day,
        -- A date of the CRM has no hour.
        case
            when run_context.close_day_rule = 'stage_event' or deals_dated.close_date is null
                then deals_dated.closed_at
        end as close_event_at
    from deals_dated
    cross join run_context
),

deals_converted as (
    select
        {%- for money in ['amount'] + parts %}
        {{ converted('deals_closed.' ~ money, 'rates.rate_to_reporting') }} as {{ money }}_reporting,
        {{ converted('deals_closed.' ~ money, 'plan_rates.rate_to_reporting') }} as {{ money }}_plan_rate,
        {%- endfor %}
        deals_closed.*
    from deals_closed
    cross join run_context
    left join rates
        on
            deals_closed.currency = rates.currency
            and least(coalesce(deals_closed.close_day, run_context.as_of), run_context.as_of)
            = rates.rate_date
    left join plan_rates
        on
            deals_closed.currency = plan_rates.currency
            and plan_rates.valid_from <= coalesce(deals_closed.close_day, run_context.as_of)
            and coalesce(deals_closed.close_day, run_context.as_of) < plan_rates.valid_to
),

-- From creation to the final close; where the close day is a date without an hour, the days between the two dates are
-- what is known.
deals_timed as (
    select
        deals_converted.*,
        case
            when deals_converted.close_event_at is not null
                then {{ days_between('deals_converted.created_at', 'deals_converted.close_event_at') }}
            else cast(deals_converted.close_day - deals_converted.created_date as decimal(18, 6))
        end as days_to_close,
        case
            when deals_converted.close_event_at is not null
                then {{ days_between('deals_converted.qualified_at', 'deals_converted.close_event_at') }}
            else
                cast(
                    deals_converted.close_day
                    - {{ day_in_zone('deals_converted.qualified_at', 'run_context.reporting_timezone') }}
                    as decimal(18, 6)
                )
        end as days_from_qualified,
        coalesce(
            deals_converted.status = 'won' and deals_converted.created_date = deals_converted.close_day, false
        ) as is_zero_day_win
    from deals_converted
    cross join run_context
),

deals_judged as (
    select
        deals_timed.*,
        case
            when deals_timed.status <> 'won' then null
            when deals_timed.days_to_close is null then 'unknown'
            when deals_timed.days_to_close < 0 then 'closed_before_created'
            when deals_timed.is_imported then 'imported'
            when deals_timed.is_zero_day_win then 'zero_day'
        end as cycle_reject_reason,
        reason_periods.loss_reason,
        case
            when deals_timed.is_merged then 'merged'
            when deals_timed.is_deleted then 'deleted'
            when deals_timed.is_test then 'test'
            -- Of a deal that was entered twice the other one is open, won or lost.
            when reason_periods.loss_reason = 'duplicate' then 'duplicate'
        end as exclusion_reason
    from deals_timed
    cross join run_context
    left join reason_periods
        on
            deals_timed.status = 'lost'
            and deals_timed.source_system = reason_periods.source_system
            and deals_timed.lost_reason = reason_periods.lost_reason
            and reason_periods.valid_from <= coalesce(deals_timed.close_day, run_context.as_of)
            and coalesce(deals_timed.close_day, run_context.as_of) < reason_periods.valid_to
),

-- With which sale an account became a customer.
first_sales as (
    select
        deals_judged.account_key_known as account_key,
        min_by(
            deals_judged.deal_key,
            (
                deals_judged.close_day,
                coalesce(deals_judged.created_at, timestamp '9999-12-31'),
                deals_judged.deal_key
            )
        ) as deal_key,
        min(deals_judged.close_day) as close_day
    from deals_judged
    where
        deals_judged.status = 'won'
        and deals_judged.pipeline_purpose = 'new_business'
        and deals_judged.exclusion_reason is null
        and deals_judged.account_key_known is not null
        and deals_judged.close_day is not null
    group by deals_judged.account_key_known
),

final as (
    select
        deals_judged.deal_key,
        deals_judged.account_key_known as account_key,
        deals_judged.contact_key_known as contact_key,
        deals_judged.lead_key,
        deals_judged.owner_key,
        deals_judged.campaign_key,
        deals_judged.stage_key,
        first_sales.deal_key as original_deal_key,
        deals_judged.deal_id,
        deals_judged.source_system,
        deals_judged.deal_name,
        deals_judged.pipeline_id_visited as pipeline_id,
        deals_judged.pipeline_label_visited as pipeline_label,
        deals_judged.pipeline_purpose,
        deals_judged.stage_label,
        deals_judged.stage,
        deals_judged.status,
        deals_judged.deal_type,
        deals_judged.segment,
        deals_judged.channel,
        deals_judged.currency,
        deals_judged.forecast_category,
        deals_judged.next_step,
        case when deals_judged.status = 'lost' then deals_judged.lost_reason end as lost_reason,
        deals_judged.loss_reason,
        deals_judged.exclusion_reason,
        case when deals_judged.has_stage_history then 'field_history' else deals_judged.landed_basis end
            as history_basis,
        case when deals_judged.has_amount_history then 'field_history' else deals_judged.landed_basis end
            as amount_history_basis,
        deals_judged.cycle_reject_reason,
        case
            when deals_judged.status = 'open' then null
            when deals_judged.status = 'won' and deals_judged.close_date > run_context.as_of then 'future_dated'
            when deals_judged.close_date < deals_judged.stage_close_date then 'back_dated'
            when deals_judged.close_date > deals_judged.stage_close_date then 'dated_later'
        end as close_day_flag,
        {%- for money in ['amount'] + parts %}
        deals_judged.{{ money }},
        deals_judged.{{ money }}_reporting,
        deals_judged.{{ money }}_plan_rate,
        {%- endfor %}
        cast(deals_judged.win_probability_known as decimal(9, 6)) as win_probability,
        -- A date without history may have been moved unseen; a deal that never had one was not.
        {%- for measure in ['pushes', 'pushed_days'] %}
        coalesce(
            pushes.{{ measure }},
            case when deals_judged.has_close_date_history or deals_judged.close_date is null then 0 end
        ) as {{ measure }},
        {%- endfor %}
        case
            when deals_judged.status <> 'open'
                then cast(deals_judged.close_date - deals_judged.stage_close_date as bigint)
        end as close_day_gap_days,
        deals_judged.reopens,
        case when deals_judged.is_life_known then deals_judged.backward_moves end as backward_moves,
        case
            when deals_judged.status = 'won' and deals_judged.cycle_reject_reason is null
                then deals_judged.days_to_close
        end as cycle_days,
        case
            when
                deals_judged.status = 'won'
                and deals_judged.cycle_reject_reason is null
                and deals_judged.days_from_qualified >= 0
                then deals_judged.days_from_qualified
        end as cycle_days_from_qualified,
        case
            when deals_judged.status = 'open'
                then {{ days_between('deals_judged.created_at', 'run_context.as_of_end') }}
            else deals_judged.days_to_close
        end as age_days,
        deals_judged.exclusion_reason is not null as is_excluded,
        deals_judged.is_deleted,
        deals_judged.is_zero_day_win,
        deals_judged.is_qualified,
        deals_judged.is_imported,
        deals_judged.created_date,
        deals_judged.close_date,
        deals_judged.stage_close_date,
        deals_judged.close_day,
        deals_judged.created_at,
        deals_judged.closed_at,
        deals_judged.close_event_at,
        case when deals_judged.is_deleted then deals_judged.deleted_at end as deleted_at
    from deals_judged
    cross join run_context
    left join pushes on deals_judged.deal_key = pushes.deal_key
    left join first_sales
        on
            deals_judged.pipeline_purpose in ('renewal', 'upsell')
            and deals_judged.account_key_known = first_sales.account_key
            and deals_judged.created_date >= first_sales.close_day
)

select * from final
