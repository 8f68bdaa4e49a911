{#- What brought somebody closer, as far as the sources tell: visits of known people, and where their leads came from.
    A lead that was made in a visit by the same channel is that visit's, so that one touch is not counted twice. -#}
with

sessions as (
    select * from {{ ref('fct_sessions') }}
    where contact_key is not null
),

leads as (
    select * from {{ ref('fct_leads') }}
    where channel <> 'not_stated'
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

channels as (
    select * from {{ ref('dim_channels') }}
),

run_context as (
    select reporting_timezone
    from {{ source('run', 'run_context') }}
),

-- As for leads: two campaigns of one name cannot be told apart by the name alone.
campaigns_by_name as (
    select
        lower(trim(campaign_name)) as campaign_name,
        min(campaign_key) as campaign_key
    from campaigns
    where campaign_key <> 'unattributed'
    group by lower(trim(campaign_name))
),

-- A visit is over after half an hour without an event, so what a form makes may come a little after its last one.
leads_of_sessions as (
    select
        leads.lead_key,
        leads.created_at,
        max_by(sessions.session_key, (sessions.started_at, sessions.session_key)) as session_key
    from leads
    inner join sessions
        on
            leads.contact_key = sessions.contact_key
            and leads.channel = sessions.channel
            and leads.created_at >= sessions.started_at
            and leads.created_at <= sessions.ended_at + interval 30 minute
    group by leads.lead_key, leads.created_at
),

first_leads_of_sessions as (
    select
        session_key,
        min_by(lead_key, (created_at, lead_key)) as lead_key
    from leads_of_sessions
    group by session_key
),

session_touches as (
    select
        'session:' || sessions.session_key as touch_key,
        sessions.contact_key,
        sessions.person_key,
        contacts.account_key,
        first_leads_of_sessions.lead_key,
        sessions.session_key,
        campaigns_by_name.campaign_key,
        case when channels.is_paid then 'ad_click' else 'session' end as touch_kind,
        sessions.channel,
        sessions.source,
        sessions.campaign as source_detail,
        case when sessions.is_bot then 'bot' else contacts.exclusion_reason end as exclusion_reason,
        channels.is_paid,
        sessions.started_at as touched_at
    from sessions
    inner join contacts on sessions.contact_key = contacts.contact_key
    inner join channels on sessions.channel = channels.channel
    left join campaigns_by_name
        on
            channels.is_paid
            and lower(trim(sessions.campaign)) = campaigns_by_name.campaign_name
    left join first_leads_of_sessions on sessions.session_key = first_leads_of_sessions.session_key
),

lead_touches as (
    select
        'lead:' || leads.lead_key as touch_key,
        leads.contact_key,
        leads.person_key,
        leads.account_key,
        leads.lead_key,
        cast(null as text) as session_key,
        leads.campaign_key,
        case
            when leads.channel in ('trade_show', 'webinar', 'other_event') then 'event'
            else 'lead_source'
        end as touch_kind,
        leads.channel,
        leads.source_label as source,
        leads.source_detail,
        leads.exclusion_reason,
        channels.is_paid,
        leads.created_at as touched_at
    from leads
    inner join channels on leads.channel = channels.channel
    anti join leads_of_sessions on leads.lead_key = leads_of_sessions.lead_key
),

touches as (
    select * from session_touches
    union all
    select * from lead_touches
),

final as (
    select
        touches.touch_key,
        touches.contact_key,
        touches.person_key,
        touches.account_key,
        touches.lead_key,
        touches.session_key,
        touches.campaign_key,
        touches.touch_kind,
        touches.channel,
        touches.source,
        touches.source_detail,
        touches.exclusion_reason,
        case
            when touches.exclusion_reason is null and touches.touched_at is not null
                then
                    row_number() over (
                        partition by touches.person_key, touches.exclusion_reason is null
                        order by touches.touched_at, touches.touch_key
                    )
        end as touch_no,
        touches.is_paid,
        touches.channel = 'direct' as is_direct,
        touches.exclusion_reason is not null as is_excluded,
        {{ day_in_zone('touches.touched_at', '(select reporting_timezone from run_context)') }} as touch_date,
        touches.touched_at
    from touches
)

select * from final
