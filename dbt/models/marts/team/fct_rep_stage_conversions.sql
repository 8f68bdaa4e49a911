with

steps_reached as (
    select * from {{ ref('int_funnel_steps_reached') }}
    where funnel = 'deal' and not is_last and reached_at is not null
),

visits as (
    select * from {{ ref('fct_deal_stage_visits') }}
    where stage_order between 1 and 7
),

owners as (
    select * from {{ ref('dim_owners') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Whoever held the deal when it came to the stage or past it.
owners_at_entry as (
    select
        {%- for stage_order in range(1, 7) %}
        min_by(coalesce(visits.owner_key, 'unassigned'), visits.visit_no) filter (
            where visits.stage_order >= {{ stage_order }}
        ) as owner_{{ stage_order }},
        {%- endfor %}
        visits.deal_key
    from visits
    group by visits.deal_key
),

-- Entered within twelve months and decided since; what still waits says nothing yet.
entries as (
    select
        case steps_reached.stage_order
            {%- for stage_order in range(1, 7) %}
            when {{ stage_order }} then owners_at_entry.owner_{{ stage_order }}
            {%- endfor %}
        end as owner_key,
        steps_reached.stage,
        steps_reached.stage_order,
        steps_reached.has_progressed
    from steps_reached
    cross join run_context
    inner join owners_at_entry on steps_reached.entity_key = owners_at_entry.deal_key
    where
        (steps_reached.has_progressed or steps_reached.is_exited)
        and {{ day_in_zone('steps_reached.reached_at', 'run_context.reporting_timezone') }}
        > run_context.as_of - interval 12 month
),

counted as (
    select
        entries.owner_key,
        owners.team,
        coalesce(owners.rollup_owner_name, 'Unassigned') as rollup_owner_name,
        entries.stage,
        entries.stage_order,
        count(*) as decided,
        count(*) filter (where entries.has_progressed) as progressed
    from entries
    left join owners on entries.owner_key = owners.owner_key
    group by all
),

counted_beside_others as (
    select
        counted.*,
        sum(counted.decided) over stage_of_all as decided_of_all,
        sum(counted.progressed) over stage_of_all as progressed_of_all,
        sum(counted.decided) over stage_of_team as decided_of_team,
        sum(counted.progressed) over stage_of_team as progressed_of_team,
        sum(counted.decided * counted.decided) over stage_of_all as decided_squared,
        count(*) over stage_of_all as owners_of_stage
    from counted
    window
        stage_of_all as (partition by counted.stage),
        stage_of_team as (partition by counted.stage, counted.team)
),

-- The others: the team without the owner, where that is nobody the company without the owner.
peers as (
    select
        counted_beside_others.*,
        case
            when
                counted_beside_others.team is not null
                and counted_beside_others.decided_of_team > counted_beside_others.decided
                then 'team'
            when counted_beside_others.decided_of_all > counted_beside_others.decided then 'company'
        end as peer_basis,
        cast(counted_beside_others.progressed_of_all as double) / counted_beside_others.decided_of_all as pooled
    from counted_beside_others
),

peers_summed as (
    select
        peers.*,
        case peers.peer_basis
            when 'team' then peers.decided_of_team - peers.decided
            when 'company' then peers.decided_of_all - peers.decided
        end as peer_decided,
        case peers.peer_basis
            when 'team' then peers.progressed_of_team - peers.progressed
            when 'company' then peers.progressed_of_all - peers.progressed
        end as peer_progressed,
        sum(
            peers.decided
            * (peers.progressed / peers.decided - peers.pooled)
            * (peers.progressed / peers.decided - peers.pooled)
        ) over (partition by peers.stage) as spread
    from peers
),

priors as (
    select
        peers_summed.*,
        peers_summed.progressed / peers_summed.decided as own_rate,
        cast(peers_summed.peer_progressed as double) / peers_summed.peer_decided as others_rate,
        {{ prior_trials(
            'peers_summed.spread', 'peers_summed.pooled', 'peers_summed.owners_of_stage',
            'peers_summed.decided_of_all', 'peers_summed.decided_squared'
        ) }} as prior_deals
    from peers_summed
),

-- By how many standard errors the owner lies below the others. A Wilson interval excludes their rate if it is more than
-- the normal quantile, here that of .975 corrected for the number of the owner's stages (Bonferroni).
gaps as (
    select
        priors.*,
        (priors.others_rate - priors.own_rate)
        / nullif(sqrt(priors.others_rate * (1 - priors.others_rate) / priors.decided), 0) as gap,
        case count(priors.others_rate) over (partition by priors.owner_key)
            when 1 then 1.959963985
            when 2 then 2.241402728
            when 3 then 2.393979800
            when 4 then 2.497705474
            when 5 then 2.575829304
            else 2.638257273
        end as gap_needed
    from priors
),

final as (
    select
        gaps.owner_key,
        gaps.team,
        gaps.rollup_owner_name,
        gaps.stage,
        gaps.peer_basis,
        gaps.stage_order,
        gaps.decided,
        gaps.progressed,
        cast(gaps.peer_decided as bigint) as peer_decided,
        cast(gaps.peer_progressed as bigint) as peer_progressed,
        {{ ratio('gaps.progressed', 'gaps.decided') }} as conversion_rate,
        {{ wilson_low('gaps.progressed', 'gaps.decided') }} as wilson_low,
        {{ wilson_high('gaps.progressed', 'gaps.decided') }} as wilson_high,
        {{ ratio('gaps.peer_progressed', 'gaps.peer_decided') }} as peer_conversion_rate,
        cast(
            (gaps.progressed + gaps.prior_deals * gaps.others_rate)
            / (gaps.decided + gaps.prior_deals) as decimal(18, 9)
        ) as conversion_rate_shrunk,
        coalesce(gaps.gap > gaps.gap_needed, false)
        and row_number() over (partition by gaps.owner_key order by gaps.gap desc nulls last, gaps.stage_order asc) = 1
        and gaps.owner_key <> 'unassigned' as is_coaching_hint
    from gaps
)

select * from final
