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

-- Looked at are people who work there, at stages where ten of their deals are decided: who has left needs no coach.
comparisons as (
    select
        priors.*,
        priors.decided * (priors.others_rate - priors.own_rate) as short_by,
        coalesce(
            owners.kind = 'person' and owners.is_active and priors.others_rate is not null and priors.decided >= 10,
            false
        ) as is_compared
    from priors
    left join owners on priors.owner_key = owners.owner_key
),

-- Of many comparisons some fall out badly by chance, so each interval is as wide as their number asks for (Bonferroni):
-- that any of them errs has a chance of 5 %.
comparisons_counted as (
    select
        comparisons.*,
        count(*) filter (where comparisons.is_compared) over () as comparisons,
        {{ normal_quantile('0.025 / greatest(1, count(*) filter (where comparisons.is_compared) over ())') }} as z
    from comparisons
),

intervals as (
    select
        counted.*,
        {{ wilson_at('-', 'counted.own_rate', 'counted.decided', 'counted.z') }} as own_low,
        {{ wilson_at('+', 'counted.own_rate', 'counted.decided', 'counted.z') }} as own_high,
        {{ wilson_at('-', 'counted.others_rate', 'counted.peer_decided', 'counted.z') }} as others_low
    from comparisons_counted as counted
    where counted.is_compared
),

-- The owner's interval lies below the others' rate, and still does where that rate is no surer than the others' deals
-- make it (R. G. Newcombe's interval of a difference, 1998).
hints as (
    select
        intervals.owner_key,
        intervals.stage
    from intervals
    where
        intervals.others_rate - intervals.own_rate > sqrt(
            (intervals.own_high - intervals.own_rate) * (intervals.own_high - intervals.own_rate)
            + (intervals.others_rate - intervals.others_low) * (intervals.others_rate - intervals.others_low)
        )
    qualify row_number() over (
        partition by intervals.owner_key order by intervals.short_by desc, intervals.stage_order asc
    ) = 1
),

final as (
    select
        comparisons_counted.owner_key,
        comparisons_counted.team,
        comparisons_counted.rollup_owner_name,
        comparisons_counted.stage,
        comparisons_counted.peer_basis,
        comparisons_counted.stage_order,
        comparisons_counted.decided,
        comparisons_counted.progressed,
        cast(comparisons_counted.peer_decided as bigint) as peer_decided,
        cast(comparisons_counted.peer_progressed as bigint) as peer_progressed,
        {{ ratio('comparisons_counted.progressed', 'comparisons_counted.decided') }} as conversion_rate,
        {{ wilson_low('comparisons_counted.progressed', 'comparisons_counted.decided') }} as wilson_low,
        {{ wilson_high('comparisons_counted.progressed', 'comparisons_counted.decided') }} as wilson_high,
        {{ ratio('comparisons_counted.peer_progressed', 'comparisons_counted.peer_decided') }} as peer_conversion_rate,
        cast(
            (comparisons_counted.progressed + comparisons_counted.prior_deals * comparisons_counted.others_rate)
            / (comparisons_counted.decided + comparisons_counted.prior_deals) as decimal(18, 9)
        ) as conversion_rate_shrunk,
        case when comparisons_counted.is_compared then comparisons_counted.comparisons end as comparisons,
        cast(intervals.own_low as decimal(18, 9)) as interval_low,
        cast(intervals.own_high as decimal(18, 9)) as interval_high,
        cast(comparisons_counted.short_by as decimal(18, 6)) as deals_short,
        hints.owner_key is not null as is_coaching_hint
    from comparisons_counted
    left join intervals
        on comparisons_counted.owner_key = intervals.owner_key and comparisons_counted.stage = intervals.stage
    left join hints
        on comparisons_counted.owner_key = hints.owner_key and comparisons_counted.stage = hints.stage
)

select * from final
