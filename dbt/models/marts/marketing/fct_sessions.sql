{#- What media are called by web analytics and by most links; the company's list goes before. -#}
{%- set usual_media = {
    'paid_search': ['cpc', 'ppc', 'paidsearch'],
    'display': ['display', 'cpm', 'banner'],
    'paid_social': ['paid_social', 'paidsocial'],
    'email': ['email'],
    'organic_social': ['social'],
    'organic_search': ['organic'],
    'referral': ['referral'],
    'direct': ['(none)', '(direct)'],
    'partner': ['affiliate', 'partner'],
    'unknown': ['(not set)'],
} -%}
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
        min(slices.source_system) as source_system,
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

canonical_names as (
    select canonical_channels.channel as name
    from {{ ref('canonical_channels') }} as canonical_channels
    where canonical_channels.channel not in ('unmapped', 'not_stated', 'unattributed')
),

channel_mappings as (
    {{ newest_mapping('channels') }}
),

rules as (
    {{ channel_rules('channel_mappings', 'canonical_names') }}
    {%- for channel, media in usual_media.items() %}
    union all
    select
        null as source_system,
        unnest({{ media }}) as label,
        null as detail,
        '{{ channel }}' as target,
        -1 as specificity,
        0 as row_number,
        null as valid_from
    {%- endfor %}
),

traffic as (
    select distinct
        sessions_merged.source_system,
        lower(trim(sessions_merged.medium)) as own_name,
        lower(trim(sessions_merged.source)) as detail_matched
    from sessions_merged
    where sessions_merged.medium is not null
),

channel_periods as (
    {{ mapped_periods(
        things='traffic',
        keys=['source_system', 'own_name', 'detail_matched'],
        rules='rules',
        matches="things.own_name = rules.label
            and (rules.source_system is null or things.source_system = rules.source_system)
            and (rules.detail is null or things.detail_matched = rules.detail)",
        canonical='canonical_names',
        own_name='own_name',
    ) }}
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
        sessions_joined.session_key,
        sessions_joined.source_system,
        sessions_joined.contact_key,
        sessions_joined.person_key,
        sessions_joined.visitor_id,
        -- An ad click's id says more than what somebody typed into a link.
        case
            when sessions_joined.gclid is not null then 'paid_search'
            else coalesce(channel_periods.target, 'not_stated')
        end as channel,
        sessions_joined.source,
        sessions_joined.medium,
        sessions_joined.campaign,
        sessions_joined.landing_page,
        sessions_joined.device,
        sessions_joined.country,
        sessions_joined.currency,
        sessions_joined.events,
        sessions_joined.page_views,
        sessions_joined.engagement_seconds,
        sessions_joined.purchases,
        cast(sessions_joined.revenue as decimal(18, 2)) as revenue,
        cast(sessions_joined.revenue_reporting as decimal(18, 2)) as revenue_reporting,
        sessions_joined.is_engaged,
        -- Flagged, never dropped: who counts visitors leaves these out.
        sessions_joined.page_views >= 30 and sessions_joined.engagement_seconds = 0 as is_bot,
        sessions_joined.has_add_to_cart,
        sessions_joined.purchases > 0 as has_purchase,
        sessions_joined.session_date,
        sessions_joined.started_at,
        sessions_joined.ended_at
    from sessions_joined
    left join channel_periods
        on
            sessions_joined.source_system = channel_periods.source_system
            and lower(trim(sessions_joined.medium)) = channel_periods.own_name
            and lower(trim(sessions_joined.source)) is not distinct from channel_periods.detail_matched
            and sessions_joined.session_date >= channel_periods.valid_from
            and sessions_joined.session_date < channel_periods.valid_to
)

select * from final
