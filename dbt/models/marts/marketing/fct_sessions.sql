with

slices as (
    select * from {{ ref('hist_session_slices') }}
),

purchases as (
    select * from {{ ref('int_purchases') }}
),

visitor_contacts as (
    select * from {{ ref('int_visitor_contacts') }}
),

run_context as (
    select
        as_of_end,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

-- Over midnight, and over the end of the export's day, a session stays one. Its slices never share a moment, so the
-- earliest value is one value.
sessions_merged as (
    select
        slices.visitor_id || ':' || slices.session_id as session_key,
        slices.visitor_id,
        slices.session_id,
        min_by(slices.first_source.value, slices.first_source.happened_at) as source,
        min_by(slices.first_medium.value, slices.first_medium.happened_at) as medium,
        min_by(slices.first_campaign.value, slices.first_campaign.happened_at) as campaign,
        min_by(slices.first_gclid.value, slices.first_gclid.happened_at) as gclid,
        min_by(slices.first_page_location.value, slices.first_page_location.happened_at) as landing_page,
        min_by(slices.first_device.value, slices.first_device.happened_at) as device,
        min_by(slices.first_country.value, slices.first_country.happened_at) as country,
        cast(sum(slices.events) as bigint) as events,
        cast(sum(slices.page_views) as bigint) as page_views,
        cast(sum(slices.engagement_ms) / 1000 as decimal(18, 3)) as engagement_seconds,
        bool_or(slices.is_engaged) as is_engaged,
        bool_or(slices.has_add_to_cart) as has_add_to_cart,
        min(slices.started_at) as started_at,
        max(slices.ended_at) as ended_at
    from slices
    inner join run_context on slices.slice_start < run_context.as_of_end
    group by slices.visitor_id, slices.session_id
),

purchases_summed as (
    select
        visitor_id,
        session_id,
        min_by(currency, (purchased_at, currency)) as currency,
        count(*) as purchases,
        -- Amounts of two currencies have no sum.
        case when count(distinct currency) <= 1 then sum(revenue) end as revenue,
        sum(revenue_reporting) as revenue_reporting
    from purchases
    group by visitor_id, session_id
),

sessions_joined as (
    select
        sessions_merged.*,
        visitor_contacts.contact_key,
        visitor_contacts.person_key,
        lower(sessions_merged.medium) as medium_lower,
        purchases_summed.currency,
        coalesce(purchases_summed.purchases, 0) as purchases,
        case when purchases_summed.purchases is null then 0 else purchases_summed.revenue end
            as revenue,
        case
            when purchases_summed.purchases is null then 0 else purchases_summed.revenue_reporting
        end as revenue_reporting,
        {{ day_in_zone('sessions_merged.started_at', '(select reporting_timezone from run_context)') }}
            as session_date
    from sessions_merged
    left join purchases_summed
        on
            sessions_merged.visitor_id = purchases_summed.visitor_id
            and sessions_merged.session_id = purchases_summed.session_id
    left join visitor_contacts on sessions_merged.visitor_id = visitor_contacts.visitor_id
),

final as (
    select
        session_key,
        contact_key,
        person_key,
        visitor_id,
        -- An ad click's id says more than what somebody typed into a link.
        case
            when gclid is not null or medium_lower in ('cpc', 'ppc', 'paidsearch') then 'paid_search'
            when medium_lower in ('display', 'cpm', 'banner') then 'display'
            when medium_lower in ('paid_social', 'paidsocial') then 'paid_social'
            when medium_lower = 'email' then 'email'
            when medium_lower = 'social' then 'organic_social'
            when medium_lower = 'organic' then 'organic_search'
            when medium_lower = 'referral' then 'referral'
            when medium_lower in ('(none)', '(direct)') then 'direct'
            when medium_lower in ('affiliate', 'partner') then 'partner'
            else 'unknown'
        end as channel,
        source,
        medium,
        campaign,
        landing_page,
        device,
        country,
        currency,
        events,
        page_views,
        engagement_seconds,
        purchases,
        cast(revenue as decimal(18, 2)) as revenue,
        cast(revenue_reporting as decimal(18, 2)) as revenue_reporting,
        is_engaged,
        -- Flagged, never dropped: who counts visitors leaves these out.
        page_views >= 30 and engagement_seconds = 0 as is_bot,
        has_add_to_cart,
        purchases > 0 as has_purchase,
        session_date,
        started_at,
        ended_at
    from sessions_joined
)

select * from final
