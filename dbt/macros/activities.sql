{#- Aggregates over a record's activities as they were known at a moment. What was in the diary then and was called off
    later was in the diary. -#}
{% macro last_activity_before(activities, moment) -%}
    max({{ activities }}.occurred_at) filter (
        where
        {{ activities }}.occurred_at < {{ moment }}
        and ({{ activities }}.kind <> 'task' or {{ activities }}.is_completed)
    )
{%- endmacro %}

{% macro is_next_planned_at(activities, moment) -%}
    coalesce(bool_or(
        {{ activities }}.occurred_at >= {{ moment }}
        and not (
            {{ activities }}.outcome in ('cancelled', 'rescheduled')
            and coalesce({{ activities }}.updated_at < {{ moment }}, false)
        )
    ), false)
{%- endmacro %}
