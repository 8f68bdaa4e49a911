{#- Each lead's chance as it could be told on the day it was captured: by a model of earlier leads only, from what was
    known then. What has passed since without an outcome takes from the chance that is left. -#}
with

-- A lead that is not scored has no key to a score: as a condition of the join it would have each lead tried with each
-- score.
facts as (
    select
        * exclude (scored_by),
        case when not_scored_reason is null then scored_by end as scored_by
    from {{ ref('int_lead_score_facts') }}
),

scores as (
    select * from {{ ref('int_lead_scores') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
),

rules as (
    select
        lead_score_rules.target,
        cast(lead_score_rules.horizon_days as bigint) as horizon_days
    from {{ source('run', 'lead_score_rules') }} as lead_score_rules
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

-- How soon those who got there did, of the leads whose horizon is over.
reached_by_day as (
    select
        facts.days_to_reached as age_days,
        count(*) as reached
    from facts
    where facts.not_scored_reason is null and facts.is_horizon_over and facts.is_reached
    group by facts.days_to_reached
),

ages as (
    select unnest(range(0, horizon_days + 1)) as age_days
    from rules
),

shares_by_age as (
    select
        ages.age_days,
        sum(coalesce(reached_by_day.reached, 0)) over (order by ages.age_days)
        / cast(nullif(sum(reached_by_day.reached) over (), 0) as double) as share_reached
    from ages
    left join reached_by_day on ages.age_days = reached_by_day.age_days
),

leads_scored as (
    select
        leads.lead_key,
        leads.contact_key,
        leads.owner_key,
        scores.model_version,
        scores.grade,
        coalesce(facts.not_scored_reason, scores.not_scored_reason) as not_scored_reason,
        case
            when facts.is_reached then 'reached'
            when facts.is_horizon_over then 'missed'
            when facts.created_at is not null then 'open'
        end as outcome,
        facts.known_at_capture,
        scores.reasons,
        scores.probability,
        scores.probability * (1 - shares_by_age.share_reached)
        / (1 - scores.probability * shares_by_age.share_reached) as probability_left,
        rules.target,
        rules.horizon_days,
        -- From an opportunity on the deal is worked, and an exit says that nobody is to call.
        not leads.is_opportunity and leads.exit_reason is null and not facts.is_horizon_over
        and leads.lifecycle_stage <> 'unmapped' as is_to_be_worked,
        run_context.as_of,
        leads.created_date,
        leads.created_at
    from facts
    inner join leads on facts.lead_key = leads.lead_key
    cross join rules
    cross join run_context
    left join scores
        on
            facts.scored_by = scores.scored_by
            and facts.known_at_capture = scores.known_at_capture
    left join shares_by_age on facts.age_days = shares_by_age.age_days
),

leads_left as (
    select
        leads_scored.*,
        cast(
            case
                when leads_scored.is_to_be_worked
                    then coalesce(leads_scored.probability_left, leads_scored.probability)
            end as decimal(9, 6)
        ) as chance_left
    from leads_scored
),

final as (
    select
        leads_left.lead_key,
        leads_left.contact_key,
        leads_left.owner_key,
        leads_left.model_version,
        leads_left.target,
        leads_left.grade,
        leads_left.not_scored_reason,
        leads_left.outcome,
        array_to_string(leads_left.known_at_capture, '; ') as known_at_capture,
        leads_left.reasons[1].fact as reason_1,
        leads_left.reasons[2].fact as reason_2,
        leads_left.reasons[3].fact as reason_3,
        leads_left.horizon_days,
        cast(leads_left.probability as decimal(9, 6)) as probability,
        leads_left.chance_left,
        cast(leads_left.reasons[1].effect as decimal(9, 6)) as reason_1_effect,
        cast(leads_left.reasons[2].effect as decimal(9, 6)) as reason_2_effect,
        cast(leads_left.reasons[3].effect as decimal(9, 6)) as reason_3_effect,
        leads_left.reasons[1].leads as reason_1_leads,
        leads_left.reasons[2].leads as reason_2_leads,
        leads_left.reasons[3].leads as reason_3_leads,
        leads_left.reasons[1].reached as reason_1_reached,
        leads_left.reasons[2].reached as reason_2_reached,
        leads_left.reasons[3].reached as reason_3_reached,
        case
            when leads_left.chance_left is not null
                then
                    row_number() over (
                        partition by leads_left.owner_key, leads_left.chance_left is null
                        order by leads_left.chance_left desc, leads_left.created_at desc, leads_left.lead_key asc
                    )
        end as call_rank,
        leads_left.as_of,
        leads_left.created_date
    from leads_left
)

select * from final
