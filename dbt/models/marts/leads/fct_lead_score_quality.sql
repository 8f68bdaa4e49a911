{#- How good the scores were: of leads whose horizon is over, each scored by a model that knew none of its time. -#}
with

lead_scores as (
    select * from {{ ref('fct_lead_scores') }}
    where probability is not null and outcome in ('reached', 'missed')
),

facts as (
    select * from {{ ref('int_lead_score_facts') }}
    where is_horizon_over
),

rules as (
    select * from {{ source('run', 'lead_score_rules') }}
),

leads_known as (
    select
        lead_scores.lead_key,
        lead_scores.probability,
        case when lead_scores.outcome = 'reached' then 1 else 0 end as reached,
        lead_scores.known_at_capture,
        lead_scores.created_date
    from lead_scores
    inner join facts on lead_scores.lead_key = facts.lead_key
),

newest as (
    select max(leads_known.created_date) as newest_date
    from leads_known
),

leads_in_scopes as (
    select
        'all' as scope,
        leads_known.*
    from leads_known
    union all
    select
        'last_12_months' as scope,
        leads_known.*
    from leads_known
    cross join newest
    where leads_known.created_date > newest.newest_date - interval 12 month
),

leads_in_tenths as (
    select
        leads_in_scopes.*,
        ntile(10) over (
            partition by leads_in_scopes.scope order by leads_in_scopes.probability, leads_in_scopes.lead_key
        ) as tenth
    from leads_in_scopes
),

-- The field of each fact, which the gate holds against the list of those that may be read.
facts_read as (
    select distinct unnest(string_split(known_at_capture, '; ')) as fact
    from leads_known
),

fields as (
    select string_agg(distinct split_part(fact, '=', 1), ', ' order by split_part(fact, '=', 1)) as fields_read
    from facts_read
),

chances as (
    select
        scope,
        probability,
        sum(reached) as reached,
        count(*) - sum(reached) as missed
    from leads_in_scopes
    group by scope, probability
),

chances_ranked as (
    select
        chances.scope,
        chances.reached,
        chances.missed,
        -- Twice, so that the half of equal chances stays a whole number.
        2 * sum(chances.missed) over (partition by chances.scope order by chances.probability) - chances.missed
            as twice_missed_below
    from chances
),

aucs as (
    select
        scope,
        {{ ratio('sum(reached * twice_missed_below)', '2 * sum(reached) * sum(missed)') }} as auc
    from chances_ranked
    group by scope
),

counted as (
    select
        scope,
        coalesce(tenth, 0) as tenth,
        count(*) as leads,
        cast(sum(reached) as bigint) as reached,
        sum(probability) as expected,
        min(created_date) as first_created_date,
        max(created_date) as last_created_date
    from leads_in_tenths
    group by grouping sets ((scope, tenth), (scope))
),

totals as (
    select * from counted
    where tenth = 0
),

final as (
    select
        counted.scope,
        rules.target,
        rules.method,
        case when counted.tenth = 0 then fields.fields_read end as fields_read,
        cast(counted.tenth as bigint) as tenth,
        cast(rules.horizon_days as bigint) as horizon_days,
        counted.leads,
        counted.reached,
        cast(counted.expected as decimal(18, 6)) as expected_reached,
        {{ ratio('counted.expected', 'counted.leads') }} as mean_probability,
        {{ ratio('counted.reached', 'counted.leads') }} as observed_rate,
        {{ wilson_low('counted.reached', 'counted.leads') }} as wilson_low,
        {{ wilson_high('counted.reached', 'counted.leads') }} as wilson_high,
        {{ ratio('counted.reached * totals.leads', 'counted.leads * totals.reached') }} as lift,
        case when counted.tenth = 0 then aucs.auc end as auc,
        counted.first_created_date,
        counted.last_created_date
    from counted
    inner join totals on counted.scope = totals.scope
    inner join aucs on counted.scope = aucs.scope
    cross join rules
    cross join fields
)

select * from final
