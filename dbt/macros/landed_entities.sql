{#-
    Every landed entity that is staged, as the source's own folder declares it (`meta.staged` of its raw table, see
    docs/sources.md): where it was landed, the model that stages it, and how its rows are counted. `only_source`: of that
    one; `canonical`: without what enters no union; `with_id`: records that are told apart by an id. While dbt parses
    nothing is declared yet: then it is every model, so that what asks refers to all of them.
-#}
{% macro landed_entities(only_source=none, canonical=false, with_id=false) -%}
    {%- set found = [] -%}
    {%- if not execute -%}
        {%- for source_name, entity in staged_models() if only_source in (none, source_name) -%}
            {%- do found.append({'model': source_name ~ '__' ~ entity}) -%}
        {%- endfor -%}
        {{ return(found) }}
    {%- endif -%}
    {%- for table in graph.sources.values() if table.source_name == 'raw' and table.meta.get('staged') -%}
        {%- set source_name, entity = table.name.split('__', 1) -%}
        {%- set declared = table.meta['staged'] -%}
        {%- set model_name = source_name ~ '__' ~ declared['as'] -%}
        {%- set is_canonical = declared['as'] in var('staged').get(source_name, []) -%}
        {%- if not is_canonical and declared['as'] not in var('staged_apart').get(source_name, []) -%}
            {{ exceptions.raise_compiler_error(
                table.name ~ ' is staged as ' ~ declared['as'] ~ ', but the line ' ~ source_name ~ ' of vars.staged in '
                ~ 'dbt_project.yml does not name that: its rows would enter no union; add it there (docs/sources.md)'
            ) }}
        {%- endif -%}
        {%- if only_source in (none, source_name) and (is_canonical or not canonical) and (declared.get('id') or not with_id) -%}
            {%- do found.append({
                'source': source_name,
                'entity': entity,
                'relation': table.relation_name,
                'model': model_name,
                'reads': graph.nodes['model.' ~ project_name ~ '.stg_' ~ model_name].config.meta.get('reads', []),
                'staged_as': ([declared['as']] + declared.get('also_as', [])) | join(', ') if is_canonical else none,
                'id_column': declared.get('id'),
                'in_parts': declared.get('in_parts', false),
                'time': declared.get('time'),
                'day': declared.get('day'),
                'condition': declared.get('where'),
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
