with

scores as (
    select * from {{ ref('fct_lead_scores') }}
    where call_rank is not null
),

leads as (
    select
        lead_key,
        channel
    from {{ ref('fct_leads') }}
),

contacts as (
    select
        contact_key,
        full_name
    from {{ ref('dim_contacts') }}
),

owners as (
    select
        owner_key,
        rollup_owner_name
    from {{ ref('dim_owners') }}
),

-- Queues and people who have left are one row of owners, whose leads somebody has to take.
scores_ranked as (
    select
        scores.*,
        coalesce(owners.rollup_owner_name, 'Unassigned') as owner_name,
        row_number() over (
            partition by coalesce(owners.rollup_owner_name, 'Unassigned')
            order by scores.chance_left desc, scores.created_date desc, scores.lead_key asc
        ) as owner_rank
    from scores
    left join owners on scores.owner_key = owners.owner_key
),

final as (
    select
        scores_ranked.lead_key,
        contacts.full_name as lead_name,
        scores_ranked.owner_name,
        leads.channel,
        scores_ranked.grade,
        scores_ranked.reason_1,
        scores_ranked.reason_2,
        scores_ranked.owner_rank,
        scores_ranked.chance_left,
        scores_ranked.reason_1_leads,
        scores_ranked.reason_1_reached,
        scores_ranked.reason_2_leads,
        scores_ranked.reason_2_reached,
        scores_ranked.created_date
    from scores_ranked
    inner join leads on scores_ranked.lead_key = leads.lead_key
    left join contacts on scores_ranked.contact_key = contacts.contact_key
    where scores_ranked.owner_rank <= 3
)

select * from final
