{#- The parts of the company by which marts of the funnel are told. -#}

{#- Once for all, once by channel, once by segment: rates, medians and survival do not add. -#}
{% macro funnel_dimensions() -%}
    (values ('all'), ('channel'), ('segment')) as dimensions (dimension)
{%- endmacro %}

{#- The part that a row of `entities` belongs to, beside `funnel_dimensions`. -#}
{% macro funnel_member(entities) -%}
    case dimensions.dimension
        when 'channel' then {{ entities }}.channel
        when 'segment' then {{ entities }}.segment
        else 'all'
    end
{%- endmacro %}
