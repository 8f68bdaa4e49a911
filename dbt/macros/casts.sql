{#-
    Reading text. A value that cannot be read becomes NULL; `unreadable` tells it from a value that
    was not given.
-#}

{% macro given(text) -%}
    nullif(trim({{ text }}), '')
{%- endmacro %}

{#-
    Names and labels for people to read: without control, zero-width and direction marks, which hide
    or forge text.
-#}
{% macro clean_text(text) -%}
    nullif(
        trim(regexp_replace({{ text }}, '[\x00-\x1F\x7F\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FEFF}]', '', 'g')),
        ''
    )
{%- endmacro %}

{#-
    ISO text with or without an offset (without: UTC) to a UTC timestamp. DuckDB's cast to timestamp
    drops offsets other than Z, so only Z takes that quick way; 'infinity' and years that dates
    cannot hold are unreadable.
-#}
{% macro to_timestamp(text) -%}
    case
        when {{ text }} like '____-__-__T%Z' then try_cast({{ text }} as timestamp)
        when {{ text }} like '____-__-__%' then try_cast({{ text }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}

{% macro to_date(text) -%}
    case when {{ text }} like '____-__-__' then try_cast({{ text }} as date) end
{%- endmacro %}

{#- Decimal casts refuse NaN, inf and 1e400, which a cast to double lets through. -#}
{% macro to_decimal(text, scale=2) -%}
    try_cast({{ given(text) }} as decimal(18, {{ scale }}))
{%- endmacro %}

{% macro to_bigint(text) -%}
    try_cast({{ given(text) }} as bigint)
{%- endmacro %}

{% macro to_boolean(text) -%}
    case lower({{ given(text) }})
        when 'true' then true
        when 'false' then false
    end
{%- endmacro %}

{% macro unreadable(text, value) -%}
    ({{ given(text) }} is not null and {{ value }} is null)
{%- endmacro %}
