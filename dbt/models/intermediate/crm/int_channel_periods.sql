{#-
    One row per source that leads name (label and detail) and period of days in which it means one
    channel.
-#}
with

leads as (
    select * from {{ ref('int_leads_current') }}
),

canonical_names as (
    select canonical_channels.channel as name
    from {{ ref('canonical_channels') }} as canonical_channels
    where canonical_channels.channel not in ('unmapped', 'not_stated', 'unattributed')
),

channel_mappings as (
    {{ newest_mapping('channels') }}
),

sources as (
    select distinct
        leads.source_system,
        leads.source_label,
        leads.source_detail,
        lower(leads.source_system) as source_system_matched,
        lower(trim(leads.source_label)) as own_name,
        lower(trim(leads.source_detail)) as detail_matched
    from leads
    where leads.source_label is not null
),

rules as (
    {{ channel_rules('channel_mappings', 'canonical_names') }}
),

periods as (
    {{ mapped_periods(
        things='sources',
        keys=['source_system', 'source_label', 'source_detail', 'own_name'],
        rules='rules',
        matches="things.own_name = rules.label
            and (rules.source_system is null or things.source_system_matched = rules.source_system)
            and (rules.detail is null or things.detail_matched = rules.detail)",
        canonical='canonical_names',
        own_name='own_name',
    ) }}
),

final as (
    select
        periods.source_system,
        periods.source_label,
        periods.source_detail,
        periods.target as channel,
        periods.valid_from,
        periods.valid_to
    from periods
)

select * from final
