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
