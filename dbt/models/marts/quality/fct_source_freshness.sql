{#-
    Raw entity, the staged table that reads it, what a record's own time is there, and what narrows
    the table to it.
-#}
{%- set entities = [
    ('hubspot', 'owners', 'stg_hubspot__owners', 'updated_at', none),
    ('hubspot', 'pipelines', 'stg_hubspot__stages', none, none),
    ('hubspot', 'contacts', 'stg_hubspot__contacts', 'updated_at', none),
    ('hubspot', 'companies', 'stg_hubspot__accounts', 'updated_at', none),
    ('hubspot', 'deals', 'stg_hubspot__deals', 'updated_at', none),
    ('hubspot', 'products', 'stg_hubspot__products', 'updated_at', none),
    ('hubspot', 'line_items', 'stg_hubspot__line_items', 'updated_at', none),
    ('hubspot', 'deal_splits', 'stg_hubspot__deal_splits', 'valid_from', none),
    ('hubspot', 'meetings', 'stg_hubspot__activities', 'updated_at', "kind = 'meeting'"),
    ('hubspot', 'calls', 'stg_hubspot__activities', 'updated_at', "kind = 'call'"),
    ('hubspot', 'emails', 'stg_hubspot__activities', 'updated_at', "kind = 'email'"),
    ('hubspot', 'tasks', 'stg_hubspot__activities', 'updated_at', "kind = 'task'"),
    ('google_ads', 'campaigns', 'stg_google_ads__campaigns', none, none),
    ('google_ads', 'ad_group_days', 'stg_google_ads__ad_days', 'date_day', none),
    ('ga4', 'events', 'stg_ga4__web_events', 'event_at', none),
    ('files', 'leads', 'stg_files__leads', 'coalesce(updated_at, created_at)', none),
    ('files', 'contacts', 'stg_files__contacts', 'coalesce(updated_at, created_at)', none),
    ('files', 'accounts', 'stg_files__accounts', 'coalesce(updated_at, created_at)', none),
    ('files', 'deals', 'stg_files__deals', 'coalesce(updated_at, created_at)', none),
    ('files', 'products', 'stg_files__products', 'coalesce(updated_at, created_at)', none),
    ('files', 'line_items', 'stg_files__line_items', 'coalesce(updated_at, created_at)', none),
    ('files', 'deal_splits', 'stg_files__deal_splits', none, none),
    ('files', 'stage_changes', 'stg_files__field_changes', 'changed_at', none),
    ('files', 'owners', 'stg_files__owners', 'coalesce(updated_at, created_at)', none),
    ('files', 'activities', 'stg_files__activities', 'coalesce(updated_at, created_at)', none),
    ('files', 'ad_days', 'stg_files__ad_days', 'date_day', none),
    ('files', 'targets', 'stg_files__targets', none, none),
    ('files', 'budgets', 'stg_files__budgets', none, none),
    ('files', 'rates', 'stg_files__rates', 'rate_date', none),
    ('files', 'holidays', 'stg_files__holidays', none, none),
    ('files', 'fiscal_periods', 'stg_files__fiscal_periods', none, none),
    ('files', 'addressable_accounts', 'stg_files__addressable_accounts', none, none),
    ('files', 'contracts', 'stg_files__contracts', none, none),
    ('files', 'feedback', 'stg_files__feedback', 'answered_date', none),
    ('files', 'forecast_submissions', 'stg_files__forecast_submissions', 'submitted_on', none),
    ('files', 'readings', 'stg_files__readings', none, none),
    ('mappings', 'stages', 'stg_mappings__stages', none, none),
    ('mappings', 'channels', 'stg_mappings__channels', none, none),
    ('mappings', 'pipelines', 'stg_mappings__pipelines', none, none),
    ('mappings', 'loss_reasons', 'stg_mappings__loss_reasons', none, none),
    ('mappings', 'creator_kinds', 'stg_mappings__creator_kinds', none, none),
    ('quality', 'verdicts', 'stg_quality__verdicts', 'judged_at', none),
    ('quality', 'forecasts', 'stg_quality__forecasts', 'sealed_at', none),
] -%}
{#- Days without a time begin at midnight where the company is. -#}
{%- set days = ['date_day', 'rate_date', 'answered_date', 'submitted_on'] -%}
{%- set id_of = {'pipelines': 'pipeline_id', 'deal_splits': 'deal_id'} -%}

with

loads as (
    select * from {{ source('ledger', 'loads') }}
),

load_entities as (
    select * from {{ source('ledger', 'load_entities') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

entities_landed as (
    select
        load_entities.source,
        load_entities.entity,
        count(*) as loads,
        cast(sum(load_entities.row_count) as bigint) as rows_fetched,
        max(load_entities.load_number) as last_load_number,
        max(loads.landed_at) as last_landed_at
    from load_entities
    inner join loads on load_entities.load_number = loads.load_number
    group by all
),

entities_staged as (
    {%- for source_name, entity, model_name, record_time, condition in entities %}
    select
        '{{ source_name }}' as source,
        '{{ entity }}' as entity,
        {%- if entity in id_of and source_name == 'hubspot' %}
        -- A pipeline is one record that is staged as several stages, a split as several parts.
        count(distinct staged.version_order || ':' || staged.{{ id_of[entity] }})
        filter (where staged.reject_reason is null)
            as rows_staged,
        count(distinct staged.version_order || ':' || staged.{{ id_of[entity] }})
        - count(distinct staged.version_order || ':' || staged.{{ id_of[entity] }})
        filter (where staged.reject_reason is null)
            as rows_rejected,
        {%- else %}
        count(*) filter (where staged.reject_reason is null) as rows_staged,
        count(*) filter (where staged.reject_reason is not null) as rows_rejected,
        {%- endif %}
        {% if record_time in days %}max(
            cast({{ record_time }} as timestamp) at time zone run_context.reporting_timezone at time zone 'UTC'
        ) filter (where staged.reject_reason is null)
        {%- elif record_time %}max(cast({{ record_time }} as timestamp)) filter (
            where staged.reject_reason is null
        )
        {%- else %}cast(
            null as timestamp
        ){% endif %}
            as last_record_at
    from {{ ref(model_name) }} as staged
    cross join run_context
    where staged.load_number <= run_context.known_at{{ ' and ' ~ condition if condition }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        entities_staged.source,
        entities_staged.entity,
        coalesce(entities_landed.loads, 0) as loads,
        coalesce(entities_landed.rows_fetched, 0) as rows_fetched,
        entities_staged.rows_staged,
        entities_staged.rows_rejected,
        coalesce(entities_landed.rows_fetched, 0)
        - entities_staged.rows_staged
        - entities_staged.rows_rejected as rows_duplicate,
        entities_landed.last_load_number,
        entities_staged.last_record_at,
        entities_landed.last_landed_at
    from entities_staged
    left join entities_landed
        on
            entities_staged.source = entities_landed.source
            and entities_staged.entity = entities_landed.entity
)

select * from final
