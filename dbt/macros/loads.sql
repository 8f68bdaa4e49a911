{#-
    A staging model reads each load once. What it has read stands in history.meta.processed_loads,
    written in the same transaction as its rows, so a crash leaves either both or neither.
-#}
{% macro new_loads() -%}
    select
        loads.load_number,
        loads.dlt_load_id
    from history.raw.loads as loads
    where
        not exists (
            select 1
            from history.meta.processed_loads as processed_loads
            where
                processed_loads.model = '{{ this.identifier }}'
                and processed_loads.load_number = loads.load_number
        )
{%- endmacro %}

{#-
    Post-hook of every staging model: marks the loads it was offered as read and notes its size for
    the next start.
-#}
{% macro record_processed_loads() -%}
    {%- if model.config.materialized != 'incremental' -%}{{ return('') }}{%- endif -%}
    insert into history.meta.processed_loads (model, load_number)
    select '{{ this.identifier }}', new_loads.load_number
    from ({{ new_loads() }}) as new_loads;
    insert or replace into history.meta.table_sizes (model, row_count)
    select '{{ this.identifier }}', count(*) from {{ this }}
{%- endmacro %}

{#-
    Post-hook of a table of the history layer that reads staged tables: notes its size for the next
    start.
-#}
{% macro record_size() -%}
    insert or replace into history.meta.table_sizes (model, row_count)
    select '{{ this.identifier }}', count(*) from {{ this }}
{%- endmacro %}

{#-
    The days of a history table by `event_day` that are to be built: those whose events have come since. Each source's day
    comes from one load at a time and newer loads have larger numbers, so their sum tells whether any has changed.
    `events` is a CTE of staged events.
-#}
{% macro changed_days(events) -%}
    select
        days_staged.day_version,
        days_staged.event_day
    from (
        select
            cast(sum(loads_of_days.load_number) as bigint) as day_version,
            loads_of_days.event_day
        from (select distinct source_system, load_number, event_day from {{ events }}) as loads_of_days
        group by loads_of_days.event_day
    ) as days_staged
    {% if is_incremental() -%}
    where
        not exists (
            select 1
            from {{ this }} as days_built
            where days_staged.event_day = days_built.event_day and days_staged.day_version = days_built.day_version
        )
    {%- endif %}
{%- endmacro %}
