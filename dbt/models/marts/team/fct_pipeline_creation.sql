{%- set levels = {
    'total': "'total'", 'creator_kind': 'deals_created.creator_kind', 'owner': 'deals_created.owner_member',
} -%}
{%- set kinds = ['sdr', 'ae', 'marketing', 'partner'] -%}
with

-- What a migration brought along nobody created on that day.
deals as (
    select * from {{ ref('fct_deals') }}
    where not is_excluded and not is_imported and pipeline_purpose = 'new_business' and created_date is not null
),

deals_current as (
    select * from {{ ref('int_deals') }}
),

owners as (
    select * from {{ ref('int_owners_unioned') }}
),

owners_rolled as (
    select
        dim_owners.owner_key,
        {{ owner_member('dim_owners') }} as owner_member
    from {{ ref('dim_owners') }} as dim_owners
),

team_periods as (
    select * from {{ ref('int_owner_team_periods') }}
),

targets as (
    select * from {{ ref('fct_targets') }}
    where measure = 'pipeline_created'
),

dates as (
    select * from {{ ref('dim_dates') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

kind_mappings as (
    {{ newest_mapping('creator_kinds') }}
),

canonical_kinds as (
    select unnest({{ kinds }}) as name -- noqa: RF04
),

-- CRMs name the creator by the user's id, which is not the owner's; exports name the owner.
creators as (
    select
        owners.source_system,
        coalesce(owners.user_id, owners.owner_id) as creator_id,
        max_by(owners.owner_id, owners.version_order) as owner_id,
        max_by(owners.role, owners.version_order) as role -- noqa: RF04
    from owners
    group by owners.source_system, coalesce(owners.user_id, owners.owner_id)
),

-- Nobody tells teams of before the first landing, so they are taken to have been what they were then.
deals_with_creator as (
    select
        deals.deal_key,
        deals.source_system,
        deals.channel,
        deals.status,
        deals.is_qualified,
        deals.amount_reporting,
        deals.created_date,
        deals_current.created_by is not null as has_creator,
        coalesce(owners_rolled.owner_member, 'unassigned') as owner_member,
        creators.role,
        team_periods.team,
        coalesce(team_periods.history_basis = 'assumed_current', false) as is_team_assumed
    from deals
    inner join deals_current on deals.deal_key = deals_current.deal_key
    left join creators
        on deals.source_system = creators.source_system and deals_current.created_by = creators.creator_id
    left join owners_rolled on creators.source_system || ':' || creators.owner_id = owners_rolled.owner_key
    left join team_periods
        on
            creators.source_system || ':' || creators.owner_id = team_periods.owner_key
            and deals.created_at >= team_periods.valid_from
            and deals.created_at < team_periods.valid_to
),

creators_told as (
    select distinct
        deals_with_creator.source_system,
        deals_with_creator.role,
        deals_with_creator.team,
        deals_with_creator.channel,
        lower(deals_with_creator.source_system) as source_system_matched,
        lower(trim(deals_with_creator.role)) as own_name,
        lower(trim(deals_with_creator.team)) as team_matched
    from deals_with_creator
),

kind_rules as (
    select
        kind_mappings.source_system,
        lower(kind_mappings.role) as role, -- noqa: RF04
        lower(kind_mappings.team) as team,
        kind_mappings.channel,
        kind_mappings.kind as target,
        cast(kind_mappings.source_system is not null as integer)
        + 2 * cast(kind_mappings.team is not null as integer)
        + 4 * cast(kind_mappings.role is not null as integer)
        + 8 * cast(kind_mappings.channel is not null as integer) as specificity,
        kind_mappings.row_number,
        kind_mappings.valid_from
    from kind_mappings
    inner join canonical_kinds on kind_mappings.kind = canonical_kinds.name
),

kind_periods as (
    {{ mapped_periods(
        things='creators_told',
        keys=['source_system', 'role', 'team', 'channel', 'own_name'],
        rules='kind_rules',
        matches="(rules.source_system is null or things.source_system_matched = rules.source_system)
            and (rules.role is null or things.own_name = rules.role)
            and (rules.team is null or things.team_matched = rules.team)
            and (rules.channel is null or things.channel = rules.channel)",
        canonical='canonical_kinds',
        own_name='own_name',
    ) }}
),

deals_created as (
    select
        deals_with_creator.*,
        case
            when kind_periods.target = 'unmapped' and not deals_with_creator.has_creator then 'not_stated'
            else coalesce(kind_periods.target, 'not_stated')
        end as creator_kind,
        coalesce(dates.month_start, cast(date_trunc('month', deals_with_creator.created_date) as date)) as month_start
    from deals_with_creator
    left join dates on deals_with_creator.created_date = dates.date_day
    left join kind_periods
        on
            deals_with_creator.source_system = kind_periods.source_system
            and deals_with_creator.role is not distinct from kind_periods.role
            and deals_with_creator.team is not distinct from kind_periods.team
            and deals_with_creator.channel = kind_periods.channel
            and deals_with_creator.created_date >= kind_periods.valid_from
            and deals_with_creator.created_date < kind_periods.valid_to
),

deals_summed as (
    {%- for level, member in levels.items() %}
    select
        '{{ level }}' as level,
        {{ member }} as member,
        deals_created.month_start,
        count(*) as created_deals,
        count(*) filter (where deals_created.amount_reporting is null) as amountless_deals,
        count(*) filter (where deals_created.is_qualified) as qualified_deals,
        count(*) filter (where deals_created.status = 'won') as won_deals,
        count(*) filter (where deals_created.is_team_assumed) as assumed_deals,
        sum(deals_created.amount_reporting) as created_reporting,
        sum(deals_created.amount_reporting) filter (where deals_created.is_qualified) as qualified_reporting,
        sum(deals_created.amount_reporting) filter (where deals_created.status = 'won') as won_reporting
    from deals_created
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Each level's own target: teams have none here, since who created a deal is told by kind.
targets_placed as (
    select
        case targets.level when 'company' then 'total' else targets.level end as level,
        -- Kinds are words of ours; an owner's key is the source's, capitals included.
        case targets.level
            when 'company' then 'total'
            when 'creator_kind' then lower(targets.member)
            else coalesce(owners_rolled.owner_member, targets.member)
        end as member,
        targets.period_start as month_start,
        sum(targets.amount_reporting) as target_reporting
    from targets
    cross join run_context
    inner join dates on targets.period_start = dates.date_day
    left join owners_rolled on targets.level = 'owner' and targets.member = owners_rolled.owner_key
    where
        targets.level in ('company', 'creator_kind', 'owner')
        and dates.month_end >= run_context.start_date
        and targets.period_start <= run_context.as_of
    group by all
),

final as (
    select
        coalesce(deals_summed.level, targets_placed.level) as level,
        coalesce(deals_summed.member, targets_placed.member) as member,
        coalesce(deals_summed.created_deals, 0) as created_deals,
        coalesce(deals_summed.amountless_deals, 0) as amountless_deals,
        coalesce(deals_summed.qualified_deals, 0) as qualified_deals,
        coalesce(deals_summed.won_deals, 0) as won_deals,
        coalesce(deals_summed.assumed_deals, 0) as assumed_deals,
        cast(coalesce(deals_summed.created_reporting, 0) as decimal(18, 2)) as created_reporting,
        cast(coalesce(deals_summed.qualified_reporting, 0) as decimal(18, 2)) as qualified_reporting,
        cast(coalesce(deals_summed.won_reporting, 0) as decimal(18, 2)) as won_reporting,
        cast(targets_placed.target_reporting as decimal(18, 2)) as target_reporting,
        {{ ratio('coalesce(deals_summed.created_reporting, 0)', 'targets_placed.target_reporting') }} as attainment,
        coalesce(deals_summed.month_start, targets_placed.month_start) as month_start
    from deals_summed
    full outer join targets_placed
        on
            deals_summed.level = targets_placed.level
            and deals_summed.member = targets_placed.member
            and deals_summed.month_start = targets_placed.month_start
)

select * from final
