-- What: of every load, fetched = staged + rejected + exact duplicates, per entity of records.
-- Why: rows may be lost nowhere. Duplicates are counted as what is left over, so each is shown here
-- to be one: the same record was staged with the same content, by this load or an earlier one.
-- A returned row: a landed row that is neither staged nor rejected nor a duplicate, or a load with
-- more staged rows than landed. Only loads that a model read in this build and that left rows over
-- are looked at again.
{%- set tables = [
    ('hubspot__owners', 'stg_hubspot__owners', 'owner_id', none),
    ('hubspot__pipelines', 'stg_hubspot__stages', 'pipeline_id', none),
    ('hubspot__contacts', 'stg_hubspot__contacts', 'contact_id', none),
    ('hubspot__companies', 'stg_hubspot__accounts', 'account_id', none),
    ('hubspot__deals', 'stg_hubspot__deals', 'deal_id', none),
    ('hubspot__products', 'stg_hubspot__products', 'product_id', none),
    ('hubspot__line_items', 'stg_hubspot__line_items', 'line_item_id', none),
    ('hubspot__deal_splits', 'stg_hubspot__deal_splits', 'deal_id', none),
    ('hubspot__meetings', 'stg_hubspot__activities', 'activity_id', 'meeting'),
    ('hubspot__calls', 'stg_hubspot__activities', 'activity_id', 'call'),
    ('hubspot__emails', 'stg_hubspot__activities', 'activity_id', 'email'),
    ('hubspot__tasks', 'stg_hubspot__activities', 'activity_id', 'task'),
] %}

with
{% for raw_table, model_name, id, kind in tables %}
{{ raw_table }}_staged as (
    select
        staged.load_number,
        count(distinct staged.version_order || ':' || coalesce(staged.{{ id }}, '')) as rows_staged
    from {{ ref(model_name) }} as staged
    {%- if kind %}
    where staged.kind = '{{ kind }}'
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
    from {{ source('raw', raw_table) }} as raw_rows
    inner join {{ raw_table }}_compared as compared
        on raw_rows._dlt_load_id = compared.dlt_load_id and compared.rows_landed > compared.rows_staged
    anti join {{ ref(model_name) }} as staged
        on
            raw_rows.id is not distinct from staged.{{ id }}
            and {{ content_hash(raw_columns(raw_table), 'raw_rows') }} = staged.content_hash
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
    {%- for raw_table, model_name, id, kind in tables %}
    select * from {{ raw_table }}_left_over
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from left_over
