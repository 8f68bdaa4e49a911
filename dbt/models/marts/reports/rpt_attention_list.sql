{#- A flag, its value, the value from which on it is one, and the unit of both. -#}
{%- set deal_flags = [
    ('past_close_date', 'days_past_close', '0', 'days'),
    ('idle', 'days_since_activity', 'idle_days', 'days'),
    ('older_than_won', 'age_days', 'won_p90_age_days', 'days'),
    ('pushed_twice', 'pushes', '2', 'times'),
    ('amount_cut', 'amount_cut_reporting', 'null', 'money'),
    ('without_next_step', 'null', 'null', none),
    ('single_contact', 'contacts', 'null', 'contacts'),
    ('without_contact', 'null', 'null', none),
] -%}
{%- set lead_flags = [
    ('answered_late', 'hours_to_answer', 'sla_hours', 'hours'),
    ('without_owner', 'null', 'null', none),
    ('idle', 'days_idle', 'idle_days', 'days'),
    ('worked_again', 'null', 'null', none),
] -%}
with

health as (
    select * from {{ ref('fct_deal_health') }}
),

lead_flags as (
    select * from {{ ref('int_lead_flags') }}
    where is_open
),

associations as (
    select * from {{ ref('fct_flag_associations') }}
),

forecast_deals as (
    select
        deal_key,
        sum(chance) as chance,
        cast(sum(expected) as decimal(18, 2)) as expected
    from {{ ref('fct_forecast_deals') }}
    group by deal_key
),

scores as (
    select * from {{ ref('fct_lead_scores') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

win_rates as (
    select * from {{ ref('rpt_win_rates') }}
    where window_name = 'trailing_12_months'
),

deal_health as (
    select cast(idle_days as integer) as idle_days
    from {{ source('run', 'deal_health') }}
),

run_context as (
    select as_of from {{ source('run', 'run_context') }}
),

deals_by_flag as (
    {%- for flag, value, threshold, unit in deal_flags %}
    {{ 'union all' if not loop.first }}
    select
        health.deal_key,
        '{{ flag }}' as flag,
        {{ "'" ~ unit ~ "'" if unit else 'null' }} as flag_unit,
        cast({{ value }} as decimal(18, 2)) as flag_value,
        cast({{ threshold }} as decimal(18, 2)) as flag_threshold
    from health
    cross join deal_health
    where health.is_{{ flag }}
    {%- endfor %}
),

leads_by_flag as (
    {%- for flag, value, threshold, unit in lead_flags %}
    {{ 'union all' if not loop.first }}
    select
        lead_flags.lead_key,
        '{{ flag }}' as flag,
        {{ "'" ~ unit ~ "'" if unit else 'null' }} as flag_unit,
        cast({{ value }} as decimal(18, 2)) as flag_value,
        cast({{ threshold }} as decimal(18, 2)) as flag_threshold
    from lead_flags
    cross join deal_health
    where lead_flags.is_{{ flag }}
    {%- endfor %}
),

-- An opportunity is not yet a deal that was won: of those the usual share is.
lead_values as (
    select
        scores.lead_key,
        scores.contact_key,
        scores.chance_left as chance,
        cast(
            scores.chance_left
            * case when scores.target = 'won' then 1 else cast(win_rates.win_rate as double) end
            * win_rates.mean_deal_size as decimal(18, 2)
        ) as expected
    from scores
    cross join win_rates
),

entities as (
    select
        'deal' as entity_kind,
        deals_by_flag.deal_key as entity_key,
        health.owner_key,
        deals.deal_id as entity_id,
        deals.source_system,
        deals.deal_name as entity_name,
        accounts.account_name,
        health.pipeline_purpose,
        health.stage,
        deals.stage_label,
        cast(null as text) as age_band,
        deals_by_flag.flag,
        deals_by_flag.flag_unit,
        health.amount_reporting,
        forecast_deals.chance,
        forecast_deals.expected,
        deals_by_flag.flag_value,
        deals_by_flag.flag_threshold,
        cast(floor(health.age_days) as bigint) as days_open,
        health.close_date
    from deals_by_flag
    inner join health on deals_by_flag.deal_key = health.deal_key
    inner join deals on deals_by_flag.deal_key = deals.deal_key
    left join accounts on health.account_key = accounts.account_key
    left join forecast_deals on deals_by_flag.deal_key = forecast_deals.deal_key
    union all
    select
        'lead' as entity_kind,
        leads_by_flag.lead_key as entity_key,
        leads.owner_key,
        cast(null as text) as entity_id,
        leads.source_system,
        contacts.full_name as entity_name,
        cast(null as text) as account_name,
        cast(null as text) as pipeline_purpose,
        lead_flags.stage,
        cast(null as text) as stage_label,
        lead_flags.age_band,
        leads_by_flag.flag,
        leads_by_flag.flag_unit,
        cast(null as decimal(18, 2)) as amount_reporting,
        lead_values.chance,
        lead_values.expected,
        leads_by_flag.flag_value,
        leads_by_flag.flag_threshold,
        lead_flags.age_days as days_open,
        cast(null as date) as close_date
    from leads_by_flag
    inner join lead_flags on leads_by_flag.lead_key = lead_flags.lead_key
    inner join leads on leads_by_flag.lead_key = leads.lead_key
    left join lead_values on leads_by_flag.lead_key = lead_values.lead_key
    left join contacts on lead_values.contact_key = contacts.contact_key
),

-- A stage's own counts are shown where they are enough to be read, else those of all stages.
entities_with_evidence as (
    select
        entities.*,
        coalesce(owners.rollup_owner_name, 'Unassigned') as owner_name,
        associations.association,
        associations.difference,
        associations.difference_low,
        associations.difference_high,
        {%- set is_enough = 'associations.cases_with >= 20 and associations.cases_without >= 20' %}
        case when {{ is_enough }} then 'stage' else 'all_stages' end as evidence_basis,
        {%- for count in ['cases_with', 'reached_with', 'cases_without', 'reached_without'] %}
        case
            when {{ is_enough }} then associations.{{ count }} else associations_of_all.{{ count }}
        end as {{ count }},
        {%- endfor %}
        -- Where nothing speaks for fewer wins there is no value at risk; where nobody knows, no figure.
        case
            when associations.association = 'less_often'
                then cast(round(entities.expected * -associations.difference, 2) as decimal(18, 2))
            when associations.association in ('more_often', 'not_told_apart') and entities.expected is not null
                then cast(0 as decimal(18, 2))
        end as value_at_risk
    from entities
    inner join associations
        on
            entities.entity_kind = associations.entity_kind
            and entities.flag = associations.flag
            and not associations.is_of_all_stages
            and entities.pipeline_purpose is not distinct from associations.pipeline_purpose
            and entities.stage = associations.stage
            and entities.age_band is not distinct from associations.age_band
    inner join associations as associations_of_all
        on
            entities.entity_kind = associations_of_all.entity_kind
            and entities.flag = associations_of_all.flag
            and associations_of_all.is_of_all_stages
    left join owners on entities.owner_key = owners.owner_key
),

-- Flags go together (what is overdue is often idle), so an entity's is the largest of them and no sum.
entities_valued as (
    select
        entities_with_evidence.*,
        max(entities_with_evidence.value_at_risk) over (
            partition by entities_with_evidence.entity_kind, entities_with_evidence.entity_key
        ) as entity_value_at_risk,
        row_number() over (
            partition by entities_with_evidence.entity_kind, entities_with_evidence.entity_key
            order by
                coalesce(entities_with_evidence.value_at_risk, 0) desc,
                entities_with_evidence.difference asc nulls last,
                entities_with_evidence.flag asc
        ) as flag_rank
    from entities_with_evidence
),

final as (
    select
        entities_valued.entity_kind,
        entities_valued.entity_key,
        entities_valued.owner_key,
        entities_valued.entity_id,
        entities_valued.source_system,
        entities_valued.entity_name,
        entities_valued.account_name,
        entities_valued.owner_name,
        entities_valued.stage,
        entities_valued.stage_label,
        entities_valued.flag,
        entities_valued.flag_unit,
        entities_valued.association,
        entities_valued.evidence_basis,
        {%- set ranks = {'attention_rank': '', 'kind_rank': 'partition by entities_valued.entity_kind'} %}
        {%- for rank, partition in ranks.items() %}
        dense_rank() over (
            {{ partition }}
            order by
                coalesce(entities_valued.entity_value_at_risk, 0) desc,
                entities_valued.expected desc nulls last,
                entities_valued.amount_reporting desc nulls last,
                entities_valued.entity_kind asc,
                entities_valued.entity_key asc
        ) as {{ rank }},
        {%- endfor %}
        entities_valued.flag_rank,
        entities_valued.amount_reporting,
        cast(entities_valued.chance as decimal(18, 9)) as chance,
        entities_valued.expected,
        entities_valued.value_at_risk,
        entities_valued.entity_value_at_risk,
        entities_valued.flag_value,
        entities_valued.flag_threshold,
        entities_valued.cases_with,
        entities_valued.reached_with,
        entities_valued.cases_without,
        entities_valued.reached_without,
        entities_valued.difference,
        entities_valued.difference_low,
        entities_valued.difference_high,
        entities_valued.days_open,
        entities_valued.close_date,
        run_context.as_of
    from entities_valued
    cross join run_context
)

select * from final
