-- What: of every load, fetched = staged + rejected + exact duplicates, per entity of records.
-- Why: rows may be lost nowhere. Duplicates are counted as what is left over, so each is shown here
-- to be one: the same record was staged with the same content, by this load or an earlier one.
-- A returned row: a landed row that is neither staged nor rejected nor a duplicate, or a load with
-- more staged rows than landed. Only loads that a model read in this build and that left rows over
-- are looked at again.
-- Records are those of every raw table whose folder declares what their id is staged as.
{%- set entities = landed_entities(with_id=true) %}

with
{% for landed in entities %}
{%- set raw_table = landed.source ~ '__' ~ landed.entity %}
{{ raw_table }}_staged as (
    select
        staged.load_number,
        count(distinct staged.version_order || ':' || coalesce(staged.{{ landed.id_column }}, '')) as rows_staged
    from {{ ref('stg_' ~ landed.model) }} as staged
    {%- if landed.condition %}
    where {{ landed.condition }}
    {%- endif %}
    group by staged.load_number
),

{{ raw_table }}_compared as (
    select
        loads.load_number,
        loads.dlt_load_id,
        load_entities.row_count as rows_landed,
        coalesce(staged.rows_staged, 0) as rows_staged
    from {{ source('ledger', 'load_entities') }} as load_entities
    inner join {{ source('ledger', 'loads') }} as loads on load_entities.load_number = loads.load_number
    left join {{ raw_table }}_staged as staged on load_entities.load_number = staged.load_number
    where load_entities.source || '__' || load_entities.entity = '{{ raw_table }}'
),

{{ raw_table }}_left_over as (
    select
        '{{ raw_table }}' as raw_table,
        compared.load_number,
        raw_rows.id
    from {{ landed.relation }} as raw_rows
    inner join {{ raw_table }}_compared as compared
        on raw_rows._dlt_load_id = compared.dlt_load_id and compared.rows_landed > compared.rows_staged
    anti join {{ ref('stg_' ~ landed.model) }} as staged
        on
            raw_rows.id is not distinct from staged.{{ landed.id_column }}
            and {{ content_hash(landed.reads or ['id'], 'raw_rows') }} = staged.content_hash
            and compared.load_number >= staged.load_number
    union all
    select
        '{{ raw_table }}' as raw_table,
        compared.load_number,
        'more rows staged than landed' as id
    from {{ raw_table }}_compared as compared
    where compared.rows_staged > compared.rows_landed
),
{% endfor %}
left_over as (
    {%- for landed in entities %}
    select * from {{ landed.source }}__{{ landed.entity }}_left_over
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from left_over
