{#-
    Under whom figures by rep count: queues, integrations and people who left, and who is not known, are one row.
-#}
{% macro owner_member(owners) -%}
    case when {{ owners }}.kind = 'person' and {{ owners }}.is_active then {{ owners }}.owner_key else 'unassigned' end
{%- endmacro %}
