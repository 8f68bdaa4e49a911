{%- set moments = ['mql_at', 'sql_lead_at', 'opportunity_at', 'customer_at', 'exited_at', 'episode_started_at'] -%}
with

leads as (
    select * from {{ ref('int_leads') }}
),

lead_moves as (
    select * from {{ ref('int_lead_moves') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
),

lead_moves_compared as (
    select
        lead_moves.*,
        -- A lead that comes back from an exit is worked again.
        lead_moves.visit_no = 1
        or (
            not lead_moves.is_exit
            and lag(lead_moves.is_exit) over (
                partition by lead_moves.lead_key order by lead_moves.visit_no
            )
        ) as is_episode_start
    from lead_moves
),

-- Once reached, a stage stays reached: skipping counts and moving back does not take away.
leads_visited as (
    select
        lead_moves.lead_key,
        any_value(lead_moves.history_basis) as history_basis,
        count(*) filter (where lead_moves.is_episode_start) as episodes,
        count(*) filter (where lead_moves.stage in ('disqualified', 'duplicate', 'spam')) as disqualifications,
        count(*) filter (where lead_moves.stage = 'recycled') as recycles,
        max(lead_moves.entered_at) filter (where lead_moves.is_episode_start) as episode_started_at,
        max(lead_moves.label) filter (where lead_moves.is_last and lead_moves.is_exit) as exit_label,
        max(lead_moves.stage_order) filter (where lead_moves.stage_order <= 6) as furthest_order,
        max_by(lead_moves.stage, lead_moves.visit_no) filter (where lead_moves.stage_order <= 6)
            as lifecycle_stage,
        max(lead_moves.stage) filter (where lead_moves.is_last and lead_moves.is_exit)
            as exit_reason,
        bool_or(lead_moves.is_exit) as has_exited,
        min(lead_moves.entered_at) filter (where lead_moves.stage_order between 3 and 6) as mql_at,
        min(lead_moves.entered_at) filter (where lead_moves.stage_order between 4 and 6)
            as sql_lead_at,
        min(lead_moves.entered_at) filter (where lead_moves.stage_order between 5 and 6)
            as opportunity_at,
        min(lead_moves.entered_at) filter (where lead_moves.stage_order = 6) as customer_at,
        max(lead_moves.entered_at) filter (where lead_moves.is_last and lead_moves.is_exit)
            as exited_at
    from lead_moves_compared as lead_moves
    group by all
),

deals_of_leads as (
    select
        deals.lead_key,
        min_by(
            deals.deal_key, (coalesce(deals.created_at, timestamp '9999-12-31'), deals.deal_key)
        ) as first_deal_key,
        count(*) as deals_count,
        count(*) filter (where deals.status = 'won') as won_deals_count,
        count(*) filter (where deals.status = 'won' and deals.amount_reporting is null) as won_deals_without_amount,
        sum(deals.amount_reporting) filter (where deals.status = 'won') as won_amount_reporting
    from deals
    where not deals.is_excluded and deals.lead_key is not null
    group by all
),

-- What its source calls spam, or one more record of somebody it has already, is no lead while it says so.
leads_judged as (
    select
        leads.* replace (
            coalesce(
                leads.exclusion_reason,
                case when leads_visited.exit_reason in ('duplicate', 'spam') then leads_visited.exit_reason end
            ) as exclusion_reason
        )
    from leads
    inner join leads_visited on leads.lead_key = leads_visited.lead_key
),

-- Where a source makes a new record of a lead that is worked again, the person tells that it is the same.
people_of_several_leads as (
    select leads.person_key
    from leads
    where leads.created_at is not null
    group by leads.person_key
    having count(*) > 1
),

leads_of_people as (
    select
        leads.lead_key,
        leads.person_key,
        leads.created_at,
        leads.brought_until,
        leads.exclusion_reason
    from leads_judged as leads
    semi join people_of_several_leads on leads.person_key = people_of_several_leads.person_key
    where leads.created_at is not null
),

leads_after_leads as (
    select
        later.lead_key,
        later.created_at,
        earlier.lead_key as earlier_lead_key,
        earlier.created_at as earlier_created_at
    from leads_of_people as later
    inner join leads_of_people as earlier
        on later.person_key = earlier.person_key and later.created_at > earlier.created_at
    -- What a migration brought did not come about on its day.
    where earlier.exclusion_reason is null and later.brought_until is null
),

stays_out as (
    select
        lead_moves.lead_key,
        lead_moves.is_exit,
        lead_moves.entered_at,
        coalesce(
            lead(lead_moves.entered_at) over (partition by lead_moves.lead_key order by lead_moves.visit_no),
            timestamp '9999-12-31'
        ) as left_at
    from lead_moves
    semi join leads_of_people on lead_moves.lead_key = leads_of_people.lead_key
),

leads_out_before as (
    select
        leads_after_leads.lead_key,
        leads_after_leads.earlier_lead_key,
        leads_after_leads.earlier_created_at
    from leads_after_leads
    inner join stays_out
        on
            leads_after_leads.earlier_lead_key = stays_out.lead_key
            and stays_out.is_exit
            and leads_after_leads.created_at >= stays_out.entered_at
            and leads_after_leads.created_at < stays_out.left_at
    union all
    select
        leads_after_leads.lead_key,
        leads_after_leads.earlier_lead_key,
        leads_after_leads.earlier_created_at
    from leads_after_leads
    inner join deals
        on
            leads_after_leads.earlier_lead_key = deals.lead_key
            and not deals.is_excluded
            and leads_after_leads.created_at >= deals.created_at
    group by all
    having bool_and(coalesce(deals.status = 'lost' and deals.closed_at <= leads_after_leads.created_at, false))
),

leads_recycled as (
    select
        leads_out_before.lead_key,
        max_by(
            leads_out_before.earlier_lead_key,
            (leads_out_before.earlier_created_at, leads_out_before.earlier_lead_key)
        ) as recycled_from_lead_key
    from leads_out_before
    group by leads_out_before.lead_key
),

leads_joined as (
    select
        leads.*,
        leads_visited.history_basis,
        leads_visited.lifecycle_stage,
        leads_visited.has_exited,
        leads_visited.exit_reason,
        leads_visited.exit_label,
        -- Where only the present is known, nobody knows how often a lead was there before.
        case when leads_visited.history_basis = 'field_history' then leads_visited.episodes end
            as episodes,
        case when leads_visited.history_basis = 'field_history' then leads_visited.disqualifications end
            as disqualifications,
        case when leads_visited.history_basis = 'field_history' then leads_visited.recycles end
            as recycles,
        -- What a lead had behind it when a migration brought it happened nobody knows when.
        {%- for moment in moments %}
        case
            when leads.brought_until is null or leads_visited.{{ moment }} >= leads.brought_until
                then leads_visited.{{ moment }}
        end as {{ moment }},
        {%- endfor %}
        -- A source that only says "converted" says that a deal began.
        greatest(
            coalesce(leads_visited.furthest_order, 0),
            case
                when
                    leads.is_converted and leads_visited.history_basis = 'assumed_current'
                    then 5
                else 0
            end
        ) as furthest_order
    from leads_judged as leads
    inner join leads_visited on leads.lead_key = leads_visited.lead_key
),

final as (
    select
        leads_joined.lead_key,
        leads_joined.person_key,
        leads_joined.contact_key,
        leads_joined.account_key,
        leads_joined.owner_key,
        leads_joined.campaign_key,
        deals_of_leads.first_deal_key,
        leads_recycled.recycled_from_lead_key,
        leads_joined.lead_id,
        leads_joined.source_system,
        leads_joined.channel,
        leads_joined.source_label,
        leads_joined.source_detail,
        coalesce(
            leads_joined.lifecycle_stage,
            case when leads_joined.has_exited then 'lead' else 'unmapped' end
        )
            as lifecycle_stage,
        leads_joined.temperature,
        leads_joined.exit_reason,
        leads_joined.exit_label,
        leads_joined.exclusion_reason,
        case
            when leads_joined.history_basis = 'assumed_current' then leads_joined.landed_basis
            else leads_joined.history_basis
        end as history_basis,
        cast(coalesce(deals_of_leads.won_amount_reporting, 0) as decimal(18, 2))
            as won_amount_reporting,
        coalesce(deals_of_leads.deals_count, 0) as deals_count,
        coalesce(deals_of_leads.won_deals_count, 0) as won_deals_count,
        coalesce(deals_of_leads.won_deals_without_amount, 0) as won_deals_without_amount,
        leads_joined.episodes,
        leads_joined.disqualifications,
        leads_joined.recycles,
        leads_joined.furthest_order >= 3 as is_mql,
        leads_joined.furthest_order >= 4 as is_sql_lead,
        leads_joined.furthest_order >= 5 as is_opportunity,
        leads_joined.furthest_order >= 6 as is_customer,
        leads_joined.exclusion_reason is not null as is_excluded,
        leads_joined.is_deleted,
        leads_joined.brought_until is not null as is_imported,
        case when leads_joined.brought_until is null then leads_joined.created_date end as created_date,
        case when leads_joined.brought_until is null then leads_joined.created_at end as created_at,
        leads_joined.mql_at,
        leads_joined.sql_lead_at,
        leads_joined.opportunity_at,
        leads_joined.customer_at,
        leads_joined.exited_at,
        leads_joined.episode_started_at
    from leads_joined
    left join deals_of_leads on leads_joined.lead_key = deals_of_leads.lead_key
    left join leads_recycled on leads_joined.lead_key = leads_recycled.lead_key
)

select * from final
