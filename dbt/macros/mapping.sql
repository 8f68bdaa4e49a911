{#-
    What the company's list says about each of `things`, as periods that tile all time: the most
    specific rule wins, among equals the newest `valid_from` up to the day, among those the later
    row. A thing without a rule is what it calls itself, if that is a canonical name, else
    `unmapped`.

    things:     relation with the columns `keys`
    rules:      relation with `specificity`, `valid_from` (NULL: always), `row_number` and `target`
    matches:    condition over `things` and `rules`
    canonical:  relation with `name`; own_name: the column of `things` that may be such a name
-#}
{% macro mapped_periods(things, keys, rules, matches, canonical, own_name) -%}
    {%- set always = "date '0001-01-01'" -%}
    select
        {%- for key in keys %}
        periods.{{ key }},
        {%- endfor %}
        coalesce(periods.target, canonical.name, 'unmapped') as target,
        periods.valid_from,
        periods.valid_to
    from (
        select
            {%- for key in keys %}
            decided.{{ key }},
            {%- endfor %}
            decided.target,
            decided.break_at as valid_from,
            lead(decided.break_at, 1, date '9999-12-31') over (
                partition by {% for key in keys %}decided.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
                order by decided.break_at
            ) as valid_to
        from (
            select
                {%- for key in keys %}
                candidates.{{ key }},
                {%- endfor %}
                candidates.break_at,
                max_by(
                    candidates.target,
                    (candidates.specificity, candidates.valid_from, candidates.row_number)
                ) as target
            from (
                select
                    {%- for key in keys %}
                    breaks.{{ key }},
                    {%- endfor %}
                    breaks.break_at,
                    rules.target,
                    rules.specificity,
                    coalesce(rules.valid_from, {{ always }}) as valid_from,
                    rules.row_number
                from (
                    select
                        {%- for key in keys %}
                        things.{{ key }},
                        {%- endfor %}
                        {{ always }} as break_at
                    from {{ things }} as things
                    union
                    select
                        {%- for key in keys %}
                        things.{{ key }},
                        {%- endfor %}
                        rules.valid_from as break_at
                    from {{ things }} as things
                    inner join {{ rules }} as rules on {{ matches }}
                    where rules.valid_from is not null
                ) as breaks
                inner join {{ things }} as things
                    on
                        {%- for key in keys %}
                        {{ 'and ' if not loop.first }}breaks.{{ key }} is not distinct from things.{{ key }}
                        {%- endfor %}
                left join {{ rules }} as rules
                    on
                        {{ matches }}
                        and coalesce(rules.valid_from, {{ always }}) <= breaks.break_at
            ) as candidates
            group by all
        ) as decided
    ) as periods
    left join {{ canonical }} as canonical on lower(periods.{{ own_name }}) = canonical.name
{%- endmacro %}

{#-
    The rows of the newest landing of one of the company's lists, as known at the run's watermark, or
    at a later one where the past is read as it would be read today.
-#}
{% macro newest_mapping(entity) -%}
    select mappings.*
    from {{ ref('stg_mappings__' ~ entity) }} as mappings
    where
        mappings.reject_reason is null
        and mappings.load_number = (
            select max(landings.load_number)
            from {{ ref('stg_mappings__' ~ entity) }} as landings
            cross join {{ source('run', 'run_context') }} as run_context
            where
                landings.load_number
                <= coalesce(run_context.mappings_known_at, run_context.known_at)
        )
{%- endmacro %}

{#- The company's list of channels as rules for `mapped_periods`: a label, more specific with a source or a detail. -#}
{% macro channel_rules(channel_mappings, canonical_names) -%}
    select
        {{ channel_mappings }}.source_system,
        lower({{ channel_mappings }}.label) as label,
        lower({{ channel_mappings }}.detail) as detail,
        {{ channel_mappings }}.channel as target,
        cast({{ channel_mappings }}.source_system is not null as integer)
        + 2 * cast({{ channel_mappings }}.detail is not null as integer) as specificity,
        {{ channel_mappings }}.row_number,
        {{ channel_mappings }}.valid_from
    from {{ channel_mappings }}
    inner join {{ canonical_names }} on {{ channel_mappings }}.channel = {{ canonical_names }}.name
    where {{ channel_mappings }}.label is not null
{%- endmacro %}
