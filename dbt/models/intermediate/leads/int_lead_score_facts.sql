{#- What was known of a lead in the moment in which it was captured, and what became of it within the horizon.

    Only what cannot have been filled in later is here: where the lead came from, which the source sets with the lead and
    does not change, the moment itself, and the visits up to it where a visit made the lead, so that its browser was known.
    What a record may have been given since (owner, stage, temperature, title, country, account) has no place. -#}
with

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded
),

sessions as (
    select * from {{ ref('fct_sessions') }}
    where contact_key is not null and not is_bot
),

rules as (
    select
        lead_score_rules.target,
        lead_score_rules.method,
        cast(lead_score_rules.horizon_days as integer) as horizon_days
    from {{ source('run', 'lead_score_rules') }} as lead_score_rules
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

visits_before as (
    select
        leads.lead_key,
        leads.created_at,
        sessions.device,
        sessions.country,
        sessions.started_at,
        sessions.ended_at,
        row_number() over (
            partition by leads.lead_key order by sessions.started_at desc, sessions.session_key desc
        ) as visits_back,
        count(*) over (partition by leads.lead_key) as visits,
        min(sessions.started_at) over (partition by leads.lead_key) as first_visit_at
    from leads
    inner join sessions
        on
            leads.contact_key = sessions.contact_key
            and leads.created_at >= sessions.started_at
),

-- A form is sent from a browser that is on the site; half an hour without an event ends a visit.
capturing_visits as (
    select
        visits_before.lead_key,
        visits_before.device,
        visits_before.country,
        visits_before.visits,
        {{ days_between('visits_before.first_visit_at', 'visits_before.created_at') }} as days_on_site
    from visits_before
    where
        visits_before.visits_back = 1
        and visits_before.created_at <= visits_before.ended_at + interval 30 minute
),

leads_reached as (
    select
        leads.lead_key,
        leads.person_key,
        leads.channel,
        leads.source_detail,
        leads.history_basis,
        leads.is_imported,
        leads.created_date,
        leads.created_at,
        case when rules.target = 'won' then leads.customer_at else leads.opportunity_at end as reached_at,
        leads.created_at at time zone 'UTC' at time zone run_context.reporting_timezone as created_local,
        leads.created_at + to_days(rules.horizon_days) as outcome_at,
        run_context.as_of_end,
        rules.horizon_days
    from leads
    cross join rules
    cross join run_context
),

facts as (
    select
        leads_reached.lead_key,
        [
            'channel=' || leads_reached.channel,
            'source_detail=' || coalesce(leads_reached.source_detail, 'none'),
            'capture_visits=' || case
                when capturing_visits.visits is null then 'no visit'
                when capturing_visits.visits < 4 then cast(capturing_visits.visits as text)
                else '4 or more'
            end,
            'days_on_site=' || case
                when capturing_visits.days_on_site is null then 'no visit'
                when capturing_visits.days_on_site < 1 then 'under 1'
                when capturing_visits.days_on_site < 7 then '1 to 6'
                else '7 or more'
            end,
            'device=' || case
                when capturing_visits.lead_key is null then 'no visit'
                else coalesce(capturing_visits.device, 'unknown')
            end,
            'visit_country=' || case
                when capturing_visits.lead_key is null then 'no visit'
                else coalesce(capturing_visits.country, 'unknown')
            end,
            'capture_time=' || case
                when isodow(leads_reached.created_local) > 5 then 'weekend'
                when hour(leads_reached.created_local) between 8 and 17 then 'working day'
                else 'evening or night'
            end,
            'known_before=' || case
                when
                    row_number() over (
                        partition by leads_reached.person_key order by leads_reached.created_at, leads_reached.lead_key
                    ) > 1
                    then 'yes'
                else 'no'
            end
        ] as known_at_capture,
        case
            when leads_reached.is_imported then 'brought_by_migration'
            when leads_reached.created_at is null then 'no_creation_date'
            when leads_reached.history_basis <> 'field_history' then 'no_stage_history'
            when leads_reached.reached_at <= leads_reached.created_at then 'reached_at_capture'
        end as not_scored_reason,
        date_diff('day', leads_reached.created_at, leads_reached.reached_at) as days_to_reached,
        date_diff('day', leads_reached.created_at, leads_reached.as_of_end) as age_days,
        leads_reached.horizon_days,
        coalesce(leads_reached.reached_at <= leads_reached.outcome_at, false) as is_reached,
        coalesce(leads_reached.outcome_at < leads_reached.as_of_end, false) as is_horizon_over,
        -- A model is made on the first day of each quarter, of leads whose horizon was over before.
        cast(date_trunc('quarter', leads_reached.created_date) as date) as scored_by,
        cast(
            date_trunc('quarter', leads_reached.created_date + leads_reached.horizon_days) + interval 3 month as date
        ) as learned_from,
        leads_reached.created_date,
        leads_reached.created_at
    from leads_reached
    left join capturing_visits on leads_reached.lead_key = capturing_visits.lead_key
),

final as (
    select
        facts.lead_key,
        facts.known_at_capture,
        facts.not_scored_reason,
        facts.days_to_reached,
        facts.age_days,
        facts.horizon_days,
        facts.is_reached,
        facts.is_horizon_over,
        facts.scored_by,
        facts.learned_from,
        facts.created_date,
        facts.created_at
    from facts
)

select * from final
