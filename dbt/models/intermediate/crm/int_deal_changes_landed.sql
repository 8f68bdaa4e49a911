{#-
    One row per deal, field and day from whose landing on it has another value, for fields of which the source tells no
    history of this deal. A change counts from the beginning of the day that the landing tells of; of several landings for one
    day the last counts.

    What landed first is the deal's own beginning if it was created since the landing before: it is dated back to the
    creation. Otherwise the deal was there, with values that nobody has kept: it was first seen, which is no change.
-#}
{%- set fields = {
    'stage': 'coalesce(versions.stage_label, versions.stage_id)',
    'pipeline': "coalesce(versions.pipeline_id, versions.pipeline_label, 'default')",
    'amount': headline_amount('versions'),
    'currency': 'versions.currency',
    'close_date': 'versions.close_date',
    'owner': 'versions.owner_id',
    'forecast_category': 'versions.forecast_category',
} -%}
with

versions as (
    {{ union_staged('deals', every_landing=true) }}
),

loads as (
    select * from {{ source('ledger', 'loads') }}
),

changes_stated as (
    select * from {{ ref('int_deal_changes_stated') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- A deleted record is often told without its values.
versions_dated as (
    select
        versions.source_system,
        versions.source_system || ':' || versions.deal_id as deal_key,
        {%- for field, value in fields.items() %}
        cast({{ value }} as text) as {{ field }},
        {%- endfor %}
        versions.version_order,
        versions.created_at,
        {{ told_day_shown() }} as told_day
    from versions
    cross join run_context
    inner join loads on versions.load_number = loads.load_number
    where
        not coalesce(versions.is_deleted, false)
        and {{ told_day_shown() }} <= run_context.as_of
),

-- Nearly all of a list is as it was in the list before, and is left out first: by numbers, which are set side by side
-- in a third of the time that texts take.
versions_hashed as (
    select
        versions_dated.deal_key,
        versions_dated.told_day,
        versions_dated.version_order,
        hash(versions_dated.{{ fields.keys() | join(', versions_dated.') }}, versions_dated.created_at) as told_hash
    from versions_dated
),

turns as (
    select
        versions_hashed.deal_key,
        versions_hashed.version_order
    from versions_hashed
    qualify
        versions_hashed.told_hash is distinct from lag(versions_hashed.told_hash) over (
            partition by versions_hashed.deal_key order by versions_hashed.told_day, versions_hashed.version_order
        )
),

versions_turned as (
    select versions_dated.*
    from versions_dated
    semi join turns
        on
            versions_dated.deal_key = turns.deal_key
            and versions_dated.version_order = turns.version_order
),

versions_by_day as (
    select
        versions_turned.source_system,
        versions_turned.deal_key,
        versions_turned.told_day,
        max_by(
            {
                {%- for column in fields %}
                '{{ column }}': versions_turned.{{ column }},
                {%- endfor %}
                'created_at': versions_turned.created_at
            },
            versions_turned.version_order
        ) as told
    from versions_turned
    group by versions_turned.source_system, versions_turned.deal_key, versions_turned.told_day
),

landing_days as (
    select
        versions_dated.source_system,
        versions_dated.told_day,
        lag(versions_dated.told_day) over (
            partition by versions_dated.source_system order by versions_dated.told_day
        ) as previous_day
    from versions_dated
    group by versions_dated.source_system, versions_dated.told_day
),

versions_compared as (
    select
        versions_by_day.*,
        lag(versions_by_day.told) over deal_by_day as told_before,
        row_number() over deal_by_day = 1 as is_first,
        coalesce(
            {{ day_in_zone('versions_by_day.told.created_at', 'run_context.reporting_timezone') }}
            >= coalesce(landing_days.previous_day, versions_by_day.told_day),
            landing_days.previous_day is not null
        ) as is_created_since
    from versions_by_day
    cross join run_context
    inner join landing_days
        on
            versions_by_day.source_system = landing_days.source_system
            and versions_by_day.told_day = landing_days.told_day
    window deal_by_day as (partition by versions_by_day.deal_key order by versions_by_day.told_day)
),

changes as (
    {%- for field in fields %}
    select
        versions_compared.deal_key,
        versions_compared.source_system,
        '{{ field }}' as field,
        versions_compared.told['{{ field }}'] as value,
        versions_compared.is_first and not versions_compared.is_created_since as is_first_seen,
        case
            when versions_compared.is_first and versions_compared.is_created_since
                then versions_compared.told.created_at
        end as began_at,
        versions_compared.told_day
    from versions_compared
    where
        versions_compared.is_first
        or versions_compared.told['{{ field }}'] is distinct from versions_compared.told_before['{{ field }}']
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

fields_stated as (
    select distinct
        changes_stated.deal_key,
        -- A deal's pipeline follows from its stage where that is told.
        unnest(
            case when changes_stated.field = 'stage' then ['stage', 'pipeline'] else [changes_stated.field] end
        ) as field
    from changes_stated
),

final as (
    select
        changes.deal_key,
        changes.source_system,
        changes.field,
        changes.value,
        changes.is_first_seen,
        coalesce(
            changes.began_at,
            cast(changes.told_day as timestamp) at time zone run_context.reporting_timezone at time zone 'UTC'
        ) as changed_at
    from changes
    cross join run_context
    anti join fields_stated
        on
            changes.deal_key = fields_stated.deal_key
            and changes.field = fields_stated.field
    -- What never had a value has never changed.
    qualify count(changes.value) over (partition by changes.deal_key, changes.field) > 0
)

select * from final
