{#- What counts as a conversion, by the events that the company has configured, and whose touches may lead there. -#}
with

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded
),

deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

events as (
    select attribution_events.event
    from {{ source('run', 'attribution_events') }} as attribution_events
),

purposes as (
    select attribution_purposes.purpose
    from {{ source('run', 'attribution_purposes') }} as attribution_purposes
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- The day of a migration says nothing about when a lead or an opportunity came up.
lead_conversions as (
    select
        leads.lead_key as conversion_key,
        leads.person_key,
        cast(null as text) as second_person_key,
        leads.account_key,
        'lead' as conversion_event,
        cast(null as decimal(18, 2)) as amount_reporting,
        leads.created_date as conversion_date,
        leads.created_at as converted_at
    from leads
    where not leads.is_imported
),

-- A deal's contact and the lead it came from are one person, whom two records may name differently.
deals_joined as (
    select
        deals.deal_key as conversion_key,
        coalesce(contacts.person_key, leads.person_key) as person_key,
        case when leads.person_key <> contacts.person_key then leads.person_key end as second_person_key,
        coalesce(deals.account_key, contacts.account_key, leads.account_key) as account_key,
        deals.status,
        deals.amount_reporting,
        deals.is_imported,
        deals.created_date,
        deals.close_day,
        deals.created_at,
        -- Where the close day is a date without an hour, the whole day may have led there.
        coalesce(
            deals.close_event_at,
            cast(deals.close_day + 1 as timestamp) at time zone run_context.reporting_timezone at time zone 'UTC'
            - interval 1 microsecond
        ) as won_at,
        run_context.as_of
    from deals
    inner join purposes on deals.pipeline_purpose = purposes.purpose
    cross join run_context
    left join contacts on deals.contact_key = contacts.contact_key
    left join leads on deals.lead_key = leads.lead_key
),

opportunity_conversions as (
    select
        conversion_key,
        person_key,
        second_person_key,
        account_key,
        'opportunity' as conversion_event,
        amount_reporting,
        created_date as conversion_date,
        created_at as converted_at
    from deals_joined
    where not is_imported
),

-- What is dated after the report's day is not booked yet.
won_conversions as (
    select
        conversion_key,
        person_key,
        second_person_key,
        account_key,
        'won' as conversion_event,
        amount_reporting,
        close_day as conversion_date,
        won_at as converted_at
    from deals_joined
    where status = 'won' and close_day <= as_of
),

conversions as (
    select * from lead_conversions
    union all
    select * from opportunity_conversions
    union all
    select * from won_conversions
),

final as (
    select
        conversions.conversion_key,
        conversions.person_key,
        conversions.second_person_key,
        conversions.account_key,
        conversions.conversion_event,
        conversions.amount_reporting,
        conversions.conversion_date,
        conversions.converted_at
    from conversions
    inner join events on conversions.conversion_event = events.event
)

select * from final
