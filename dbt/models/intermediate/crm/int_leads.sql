{#-
    One row per lead that exists at the end of `as_of`, with where it came from and who is behind
    it.
-#}
with

leads as (
    select * from {{ ref('int_leads_current') }}
),

contacts as (
    select * from {{ ref('int_contacts_current') }}
),

accounts as (
    select * from {{ ref('int_accounts_current') }}
),

channel_periods as (
    select * from {{ ref('int_channel_periods') }}
),

campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

canonical_channels as (
    select * from {{ ref('canonical_channels') }}
),

temperature_labels as (
    select
        temperature_labels.label,
        max(temperature_labels.temperature) as temperature
    from {{ source('run', 'temperature_labels') }} as temperature_labels
    group by all
),

test_email_domains as (
    select distinct test_email_domains.domain
    from {{ source('run', 'test_email_domains') }} as test_email_domains
),

test_names as (
    select distinct test_names.name from {{ source('run', 'test_names') }} as test_names
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

lead_changes as (
    select * from {{ ref('int_lead_changes') }}
),

migrations as (
    {{ migration_spans() }}
),

leads_in_migrations as (
    select
        leads.lead_key,
        migrations.source_types,
        migrations.ended_at
    from leads
    inner join migrations on {{ created_in_migration('leads') }}
),

leads_first_noted as (
    select
        lead_changes.lead_key,
        min_by(lead_changes.source_type, (lead_changes.changed_at, lead_changes.value)) as first_source_type
    from lead_changes
    semi join leads_in_migrations on lead_changes.lead_key = leads_in_migrations.lead_key
    where lead_changes.field = 'stage'
    group by lead_changes.lead_key
),

leads_brought as (
    select
        leads_in_migrations.lead_key,
        leads_in_migrations.ended_at as brought_until
    from leads_in_migrations
    left join leads_first_noted on leads_in_migrations.lead_key = leads_first_noted.lead_key
    where {{ noted_as('leads_in_migrations.source_types', 'leads_first_noted.first_source_type') }}
),

-- Two campaigns of one name cannot be told apart by a lead that knows the name alone.
campaigns_by_name as (
    select
        lower(trim(campaigns.campaign_name)) as campaign_name,
        min(campaigns.campaign_key) as campaign_key
    from campaigns
    where campaigns.campaign_name is not null and campaigns.campaign_key <> 'unattributed'
    group by all
),

leads_with_channel as (
    select
        leads.*,
        -- Saying nothing and saying "unknown" differ.
        coalesce(channel_periods.channel, 'not_stated') as channel
    from leads
    cross join run_context
    left join channel_periods
        on
            leads.source_system = channel_periods.source_system
            and leads.source_label = channel_periods.source_label
            and leads.source_detail is not distinct from channel_periods.source_detail
            and channel_periods.valid_from <= coalesce(leads.created_date, run_context.as_of)
            and coalesce(leads.created_date, run_context.as_of) < channel_periods.valid_to
),

final as (
    select
        leads_with_channel.lead_key,
        coalesce(
            leads_with_channel.email, leads_with_channel.contact_key, leads_with_channel.lead_key
        ) as person_key,
        contacts.contact_key,
        leads_with_channel.contact_key as contact_key_stated,
        accounts.account_key,
        leads_with_channel.owner_key,
        campaigns_by_name.campaign_key,
        leads_with_channel.lead_id,
        leads_with_channel.source_system,
        leads_with_channel.channel,
        leads_with_channel.source_label,
        leads_with_channel.source_detail,
        leads_with_channel.stage_label,
        leads_with_channel.status_label,
        coalesce(
            temperature_labels.temperature,
            case when leads_with_channel.purchase_timeframe is not null then 'cold' end
        ) as temperature,
        case
            when leads_with_channel.is_deleted then 'deleted'
            when
                leads_with_channel.is_test
                or test_email_domains.domain is not null
                or test_names.name is not null
                or contacts.is_test
                then 'test'
        end as exclusion_reason,
        leads_with_channel.is_converted,
        leads_with_channel.is_deleted,
        leads_with_channel.landed_basis,
        leads_with_channel.created_date,
        leads_with_channel.created_at,
        leads_brought.brought_until
    from leads_with_channel
    left join leads_brought on leads_with_channel.lead_key = leads_brought.lead_key
    left join contacts on leads_with_channel.contact_key = contacts.contact_key
    left join accounts on leads_with_channel.account_key = accounts.account_key
    left join canonical_channels on leads_with_channel.channel = canonical_channels.channel
    left join campaigns_by_name
        on
            canonical_channels.is_paid
            and lower(trim(leads_with_channel.source_detail)) = campaigns_by_name.campaign_name
    left join
        temperature_labels
        on lower(trim(leads_with_channel.purchase_timeframe)) = temperature_labels.label
    left join
        test_email_domains
        on split_part(leads_with_channel.email, '@', 2) = test_email_domains.domain
    left join test_names on lower(leads_with_channel.full_name) = test_names.name
)

select * from final
