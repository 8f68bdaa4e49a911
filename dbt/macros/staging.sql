{#-
    The rows of a raw table that this model has not read, without those that equal the version
    before them.

    Vendors send the same record again and again (overlaps, retries, crashes): a row is an exact duplicate when the
    landing before it said the same, so the earliest landing stays. It is compared with the version before, not with
    all: a record that is deleted and restored returns to what it was, and that is news.

    `version_order` sorts the versions of one record: by load, then as they were fetched within the
    load. The hash is only ever compared with hashes of the same record, and a changed DuckDB that
    hashes differently costs one repeated version per record, never a number in a mart.
-#}
{% macro landed_versions(raw_table, id, columns, order_by=['fetched_at'], id_in_this=none) -%}
    select
        versions.load_number,
        versions.load_number * 10000000000 + versions.version_in_batch as version_order,
        versions.content_hash,
        versions.fetched_at
        {%- for column in columns %},
        versions.{{ column }}
        {%- endfor %}
    from (
        select
            landed.*,
            row_number() over record_by_landing as version_in_batch,
            lag(landed.content_hash) over record_by_landing as content_hash_before
        from (
            select
                new_loads.load_number,
                {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at,
                {{ content_hash(columns, 'raw_rows') }} as content_hash
                {%- for column in columns %},
                raw_rows.{{ column }}
                {%- endfor %}
            from {{ raw_table }} as raw_rows
            inner join ({{ new_loads() }}) as new_loads on raw_rows._dlt_load_id = new_loads.dlt_load_id
        ) as landed
        window record_by_landing as (
            partition by {% for column in id %}landed.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by
                landed.load_number
                {%- for column in order_by %},
                landed.{{ column }}
                {%- endfor %},
                landed.content_hash
        )
    ) as versions
    {%- if is_incremental() %}
    left join (
        select
            {% for column in id %}staged.{{ (id_in_this or id)[loop.index0] }} as {{ column }},
            {% endfor %}max_by(staged.content_hash, staged.version_order) as content_hash
        from {{ this }} as staged
        group by all
    ) as staged_versions
        on
            {%- for column in id %}
            {{ 'and ' if not loop.first }}versions.{{ column }} is not distinct from staged_versions.{{ column }}
            {%- endfor %}
    {%- endif %}
    where
        versions.content_hash is distinct from coalesce(
            versions.content_hash_before
            {%- if is_incremental() %},
            staged_versions.content_hash
            {%- endif %}
        )
{%- endmacro %}

{% macro content_hash(columns, relation) -%}
    hash({% for column in columns %}{{ relation }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#-
    The row as it came, as JSON text, evaluated for rejected rows only; what the files source
    refused it has kept itself.
-#}
{% macro rejected_record(columns, relation, kept=none) -%}
    case
        {%- if kept %}
        when {{ relation }}.{{ kept }} is not null then {{ relation }}.{{ kept }}
        {%- endif %}
        when {{ relation }}.reject_reason is not null
            then cast(json_object({% for column in columns %}'{{ column }}', {{ relation }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %}) as text)
    end
{%- endmacro %}

{#-
    Columns of each canonical entity, in order: the one list that staging fills and the unions read.
-#}
{% macro canonical_columns(entity) -%}
    {%- set columns = {
        'owners': [
            'owner_id', 'user_id', 'manager_id', 'owner_name', 'email', 'team', 'role', 'kind', 'is_active', 'created_at',
            'updated_at',
        ],
        'accounts': [
            'account_id', 'owner_id', 'parent_account_id', 'account_name', 'domain', 'industry', 'country', 'segment',
            'merged_ids', 'employee_count', 'is_deleted', 'created_at', 'updated_at', 'deleted_at',
        ],
        'contacts': [
            'contact_id', 'account_id', 'owner_id', 'visitor_id', 'gclid', 'full_name', 'email', 'lifecycle_label',
            'lead_status_label', 'source_label', 'source_detail', 'country', 'job_title', 'purchase_timeframe',
            'merged_ids', 'is_deleted', 'created_at', 'updated_at', 'deleted_at',
        ],
        'leads': [
            'lead_id', 'contact_id', 'account_id', 'owner_id', 'full_name', 'email', 'company_name', 'source_label',
            'source_detail', 'stage_label', 'status_label', 'purchase_timeframe', 'country', 'is_converted', 'is_test',
            'is_deleted', 'created_at', 'updated_at', 'deleted_at',
        ],
        'deals': [
            'deal_id', 'account_id', 'contact_id', 'owner_id', 'pipeline_id', 'stage_id', 'deal_name', 'pipeline_label',
            'stage_label', 'currency', 'deal_type', 'lost_reason', 'competitor', 'forecast_category', 'next_step', 'created_by',
            'contact_ids', 'merged_ids', 'amount', 'tcv', 'acv', 'arr', 'one_time_amount', 'win_probability', 'is_deleted',
            'close_date', 'created_at', 'updated_at', 'deleted_at',
        ],
        'products': [
            'product_id', 'product_name', 'sku', 'billing_frequency', 'currency', 'unit_price', 'is_deleted',
            'created_at', 'updated_at', 'deleted_at',
        ],
        'line_items': [
            'line_item_id', 'deal_id', 'product_id', 'line_name', 'billing_frequency', 'line_outcome', 'currency',
            'quantity', 'unit_price', 'amount', 'is_deleted', 'created_at', 'updated_at', 'deleted_at',
        ],
        'deal_splits': ['deal_id', 'deal_system', 'owner_id', 'kind', 'statement_no', 'share', 'valid_from'],
        'stages': [
            'object', 'pipeline_id', 'stage_id', 'pipeline_label', 'stage_label', 'win_probability', 'display_order',
            'is_closed', 'is_won',
        ],
        'field_changes': ['object', 'record_id', 'field', 'value', 'changed_by', 'source_type', 'changed_at'],
        'activities': [
            'activity_id', 'owner_id', 'contact_id', 'deal_id', 'account_id', 'kind', 'subject', 'direction', 'outcome',
            'duration_seconds', 'is_completed', 'is_deleted', 'occurred_at', 'created_at', 'updated_at',
        ],
        'ad_days': [
            'ad_account_id', 'campaign_id', 'ad_group_id', 'platform', 'campaign_name', 'ad_group_name', 'channel_type',
            'campaign_status', 'currency', 'file_name', 'impressions', 'clicks', 'spend', 'conversions_claimed',
            'conversion_value_claimed', 'date_day',
        ],
        'ad_windows': ['ad_account_id', 'platform', 'window_start', 'window_end'],
        'campaigns': [
            'ad_account_id', 'campaign_id', 'platform', 'campaign_name', 'channel_type', 'channel', 'campaign_status',
            'start_date',
        ],
        'web_events': [
            'visitor_id', 'user_id', 'session_id', 'transaction_id', 'event_name', 'page_location',
            'source', 'medium', 'campaign', 'gclid', 'device', 'country', 'currency',
            'engagement_ms', 'revenue', 'is_engaged', 'event_day', 'event_at',
        ],
        'targets': ['level', 'member', 'measure', 'currency', 'period_type', 'amount', 'period_start'],
        'budgets': ['campaign_id', 'channel', 'currency', 'amount', 'period_start'],
        'rates': ['currency', 'kind', 'rate_to_reporting', 'rate_date'],
        'holidays': ['region', 'name', 'holiday_date'],
        'fiscal_periods': ['fiscal_year', 'fiscal_month', 'fiscal_year_label', 'period_start', 'period_end'],
        'addressable_accounts': ['segment', 'country', 'account_name', 'domain'],
        'feedback': [
            'feedback_id', 'account_id', 'account_system', 'contact_id', 'kind', 'answer_group', 'score', 'is_deleted',
            'answered_date', 'deleted_at',
        ],
        'forecast_submissions': [
            'level', 'member', 'period_type', 'category', 'currency', 'amount', 'period_start', 'submitted_on',
        ],
        'contracts': [
            'contract_id', 'account_id', 'account_system', 'deal_id', 'amount_period', 'currency', 'amount',
            'signed_date', 'start_date', 'end_date', 'renewal_date', 'notice_date',
        ],
    } -%}
    {{ return(columns[entity]) }}
{%- endmacro %}

{#-
    Accepted rows of an entity from every source that stages it (var `staged`), as known at the
    run's watermark. Of exported files only the newest landing of each file counts: it replaces the
    earlier ones as a whole. A past day has the records beside it that only the landing for that day held: what a newer file
    leaves out was there. `every_landing`: all earlier ones as well, for what a file said in the past.
-#}
{% macro union_staged(entity, every_landing=false) -%}
    {%- for source_name in sources_of(entity) %}
    {%- set staged = ref('stg_' ~ source_name ~ '__' ~ entity) %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        staged.source_system,
        {%- for column in canonical_columns(entity) %}
        staged.{{ column }},
        {%- endfor %}
        staged.load_number,
        staged.version_order,
        staged.fetched_at
    from {{ staged }} as staged
    {%- if source_name == 'files' and not every_landing %}
    inner join (
        select
            files.mapping_name,
            files.file_name,
            max(files.load_number) as load_number
        from {{ staged }} as files
        where files.load_number <= (select run_context.known_at from {{ source('run', 'run_context') }} as run_context)
        group by all
        {%- if entity in ['accounts', 'contacts', 'leads', 'deals', 'activities', 'line_items'] %}
        union
        {{ files_for_the_day(staged) }}
        {%- endif %}
    ) as newest_files
        on
            staged.mapping_name = newest_files.mapping_name
            and staged.file_name = newest_files.file_name
            and staged.load_number = newest_files.load_number
    {%- endif %}
    where
        staged.reject_reason is null
        and staged.load_number <= (select run_context.known_at from {{ source('run', 'run_context') }} as run_context)
    {%- endfor %}
{%- endmacro %}

{#-
    Of a past day: the newest version of each record that had landed for it, as `told`, from every source that stages
    the entity; a file counts as its newest landing for the day said. On the present day there is none.
-#}
{% macro told_by_the_day(entity, id, columns) -%}
    select
        versions.source_system,
        versions.{{ id }},
        max_by(
            {
                {%- for column in columns %}
                '{{ column }}': versions.{{ column }}{{ ',' if not loop.last }}
                {%- endfor %}
            },
            versions.version_order
        ) as told
    from (
        {%- for source_name in sources_of(entity) %}
        {%- set staged = ref('stg_' ~ source_name ~ '__' ~ entity) %}
        {%- if not loop.first %}
        union all
        {%- endif %}
        select
            staged.source_system,
            staged.{{ id }},
            {%- for column in columns %}
            staged.{{ column }},
            {%- endfor %}
            staged.version_order
        from {{ staged }} as staged
        inner join ({{ loads_for_the_day() }}) as loads on staged.load_number = loads.load_number
        {%- if source_name == 'files' %}
        inner join (
            {{ files_for_the_day(staged) }}
        ) as newest_files
            on
                staged.mapping_name = newest_files.mapping_name
                and staged.file_name = newest_files.file_name
                and staged.load_number = newest_files.load_number
        {%- endif %}
        where staged.reject_reason is null
        {%- endfor %}
    ) as versions
    group by all
{%- endmacro %}

{#- The newest landing for a past day of each exported file. -#}
{% macro files_for_the_day(staged) -%}
    select
        files.mapping_name,
        files.file_name,
        max(files.load_number) as load_number
    from {{ staged }} as files
    inner join ({{ loads_for_the_day() }}) as file_loads on files.load_number = file_loads.load_number
    group by all
{%- endmacro %}

{#- Loads that tell of a past day: of it or of an earlier one, known at the run's watermark. -#}
{% macro loads_for_the_day() -%}
    select ledger_loads.load_number
    from {{ source('ledger', 'loads') }} as ledger_loads
    inner join {{ source('run', 'run_context') }} as this_run
        on
            ledger_loads.told_day <= this_run.as_of
            and ledger_loads.load_number <= this_run.known_at
    where this_run.is_past_day
{%- endmacro %}

{#-
    The day of which a load tells. What has landed is shown today, even if it landed in the morning after; a past day knows
    what had landed for it. Needs `loads` and `run_context`.
-#}
{% macro told_day_shown() -%}
    case when run_context.is_past_day then loads.told_day else least(loads.told_day, run_context.as_of) end
{%- endmacro %}

{#-
    A value of which no history is kept: on a past day what had landed for it, or nothing, since today's would leak.
    Needs `run_context` and `told_by_the_day`.
-#}
{% macro told_value(column, relation) -%}
    case when run_context.is_past_day then told_by_the_day.told.{{ column }} else {{ relation }}.{{ column }} end
{%- endmacro %}

{#-
    Whether a record lies deleted at the end of the day. One that was restored later lay deleted for who read it then; of
    a deletion that nobody dates the landing for the day tells. Needs `run_context` and `told_by_the_day`.
-#}
{% macro lies_deleted(relation) -%}
    coalesce(
        case
            when {{ relation }}.is_deleted
                then coalesce(
                    {{ relation }}.deleted_at < run_context.as_of_end, told_by_the_day.told.is_deleted, true
                )
            else
                told_by_the_day.told.is_deleted
                and coalesce(told_by_the_day.told.deleted_at < run_context.as_of_end, true)
        end,
        false
    )
{%- endmacro %}

{#- When a record was deleted that lies deleted or will. -#}
{% macro lies_deleted_since(relation) -%}
    case
        when {{ relation }}.is_deleted then {{ relation }}.deleted_at else told_by_the_day.told.deleted_at
    end
{%- endmacro %}

{#- A link of the day: what had landed for it, else what is known now. `told` is a row of `told_by_the_day`. -#}
{% macro as_told(column, relation, told='told_by_the_day') -%}
    case when {{ told }}.told is not null then {{ told }}.told.{{ column }} else {{ relation }}.{{ column }} end
{%- endmacro %}

{#-
    The rows of files that this model has not read. A file is one fact, so a newer landing of it
    replaces the older as a whole (`union_staged` sees to it) and unchanged rows are no duplicates
    of their predecessors; only what a crash appended twice is one row.
-#}
{% macro landed_file_rows(raw_table, columns) -%}
    select
        file_rows.load_number,
        file_rows.load_number * 10000000000 + row_number() over (
            partition by file_rows.load_number
            order by file_rows.mapping_name, file_rows.file_name, file_rows.row_number
        ) as version_order,
        file_rows.fetched_at,
        file_rows.system,
        file_rows.mapping_name,
        file_rows.file_name,
        file_rows.row_number,
        file_rows.raw_reject_reason,
        file_rows.raw_rejected_record
        {%- for column in columns %},
        file_rows.{{ column }}
        {%- endfor %}
    from (
        select distinct
            new_loads.load_number,
            {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at,
            raw_rows.system,
            raw_rows.mapping_name,
            raw_rows.file_name,
            {{ to_bigint('raw_rows.row_number') }} as row_number,
            raw_rows.reject_reason as raw_reject_reason,
            raw_rows.rejected_record as raw_rejected_record
            {%- for column in columns %},
            {{ given('raw_rows.' ~ column) }} as {{ column }}
            {%- endfor %}
        from {{ raw_table }} as raw_rows
        inner join ({{ new_loads() }}) as new_loads on raw_rows._dlt_load_id = new_loads.dlt_load_id
    ) as file_rows
{%- endmacro %}

{#-
    The rows of a mapping file's landings that this model has not read; the whole file lands
    whenever it changed.
-#}
{% macro landed_mapping_rows(raw_table, columns) -%}
    select distinct
        new_loads.load_number,
        {{ to_timestamp('raw_rows.fetched_at') }} as fetched_at,
        raw_rows.file_name,
        {{ to_bigint('raw_rows.row_number') }} as row_number
        {%- for column in columns %},
        {{ given('raw_rows.' ~ column) }} as {{ column }}
        {%- endfor %}
    from {{ raw_table }} as raw_rows
    inner join ({{ new_loads() }}) as new_loads on raw_rows._dlt_load_id = new_loads.dlt_load_id
{%- endmacro %}

{#- The sources that stage a canonical entity, in the order of var `staged`. -#}
{% macro sources_of(entity) -%}
    {%- set sources = [] -%}
    {%- for source_name, entities in var('staged').items() if entity in entities -%}
        {%- do sources.append(source_name) -%}
    {%- endfor -%}
    {{ return(sources) }}
{%- endmacro %}

{#-
    All (source, entity) pairs that have a staged table of their own, what enters no union included. A view holds no
    rows but those of the table that it sees otherwise: leads of a source that keeps them as contacts.
-#}
{% macro staged_models() -%}
    {%- set models = [] -%}
    {%- for list in [var('staged'), var('staged_apart')] -%}
        {%- for source_name, entities in list.items() -%}
            {%- for entity in entities -%}
                {%- set key = 'model.' ~ project_name ~ '.stg_' ~ source_name ~ '__' ~ entity -%}
                {%- if not execute or graph.nodes[key].config.materialized != 'view' -%}
                    {%- do models.append((source_name, entity)) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(models) }}
{%- endmacro %}

{#- Whether a source keeps no leads beside its contacts, so that each contact is one. -#}
{% macro contacts_are_leads(source_system) -%}
    {%- set sources = [] -%}
    {%- for landed in landed_entities() if landed.staged_as == 'contacts, leads' -%}
        {%- do sources.append("'" ~ landed.source ~ "'") -%}
    {%- endfor -%}
    {{ source_system }} in ({{ sources | join(', ') or "''" }})
{%- endmacro %}
