{#-
    A layer's schema is its name, with no prefix of the target: catalogues already keep the stores
    apart.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}
