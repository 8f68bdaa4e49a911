{#-
    One row per record that another one took over by the end of `as_of`: the one that took it last, and since when it
    is gone. The moment is the first at which a survivor's own history names the record; without one it is the last
    change of the first version that does. Contacts and accounts are one person and one company on every day; a deal is
    a deal of its own until it is merged.
-#}
{%- set objects = {'account': 'accounts', 'contact': 'contacts', 'deal': 'deals'} -%}
with

{% for entity in objects.values() %}
{{ entity }} as (
    select * from {{ ref('int_' ~ entity ~ '_unioned') }}
    where merged_ids is not null
),

{% endfor %}
field_changes as (
    select * from {{ ref('int_field_changes_unioned') }}
    where field = 'merged_ids' and value is not null
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

survivors as (
    {% for object, entity in objects.items() %}
    select
        '{{ object }}' as object,
        {{ entity }}.source_system,
        {{ entity }}.{{ object }}_id as survivor_id,
        {{ entity }}.merged_ids,
        {{ entity }}.version_order,
        coalesce({{ entity }}.updated_at, {{ entity }}.fetched_at) as named_at
    from {{ entity }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {% endfor %}
    union all
    select
        field_changes.object,
        field_changes.source_system,
        field_changes.record_id as survivor_id,
        field_changes.value as merged_ids,
        null as version_order,
        field_changes.changed_at as named_at
    from field_changes
),

merged_ids_unnested as (
    select
        survivors.object,
        survivors.source_system,
        survivors.survivor_id,
        survivors.version_order,
        survivors.named_at,
        trim(unnest(string_split(survivors.merged_ids, ';'))) as merged_id
    from survivors
),

takeovers as (
    select
        merged_ids_unnested.object,
        merged_ids_unnested.source_system,
        merged_ids_unnested.merged_id,
        merged_ids_unnested.survivor_id,
        max(merged_ids_unnested.version_order) as version_order,
        min(merged_ids_unnested.named_at) as merged_at
    from merged_ids_unnested
    where
        merged_ids_unnested.merged_id <> ''
        and merged_ids_unnested.merged_id <> merged_ids_unnested.survivor_id
    group by all
),

-- A survivor of a chain may name its predecessors' merges as well as they do: the newest word
-- counts.
final as (
    select
        takeovers.source_system,
        takeovers.merged_id,
        max_by(takeovers.survivor_id, (takeovers.version_order, takeovers.survivor_id)) as survivor_id,
        takeovers.object,
        min(takeovers.merged_at) as merged_at
    from takeovers
    cross join run_context
    where
        takeovers.version_order is not null
        and (takeovers.object <> 'deal' or takeovers.merged_at < run_context.as_of_end)
    group by all
)

select * from final
