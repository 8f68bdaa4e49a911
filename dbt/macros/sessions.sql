{#-
    The earliest value that was given, as (happened_at, value): mergeable with `min`, and of two
    values of one microsecond the smaller, so that every build finds the same.
-#}
{% macro first_given(value, happened_at) -%}
    min(struct_pack(happened_at := {{ happened_at }}, value := {{ value }})) filter (where {{ value }} is not null)
{%- endmacro %}
