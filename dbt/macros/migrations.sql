{#- What a migration brought (`company.migrations`): of which days, and of which ways to note it. -#}

{#- The declared days as moments in UTC, `began_at` up to before `ended_at`. Needs `run_context`. -#}
{% macro migration_spans() -%}
    {%- set zone = 'run_context.reporting_timezone' -%}
    select
        migrations.source_system,
        migrations.source_types,
        cast(cast(migrations.first_day as date) as timestamp) at time zone {{ zone }} at time zone 'UTC' as began_at,
        cast(cast(migrations.last_day as date) + 1 as timestamp) at time zone {{ zone }} at time zone 'UTC' as ended_at
    from {{ source('run', 'migrations') }} as migrations
    cross join run_context
{%- endmacro %}

{#- Whether a record was created in its source on the days of a row of `migrations`. -#}
{% macro created_in_migration(record) -%}
    {{ record }}.source_system = migrations.source_system
    and {{ record }}.created_at >= migrations.began_at
    and {{ record }}.created_at < migrations.ended_at
{%- endmacro %}

{#- Whether the way in which the source notes a record's first stage is one of the declared ones; all are, if none is. -#}
{% macro noted_as(source_types, first_source_type) -%}
    ({{ source_types }} = '' or list_contains(string_split({{ source_types }}, ' '), upper({{ first_source_type }})))
{%- endmacro %}
