-- What: of every landing of a file, each row is staged or rejected, and none twice.
-- Why: rows may be lost nowhere. A row that a crash appended twice counts once; all others have
-- their own number.
-- A returned row: an entity and a load that this build read, whose staged rows are not the landed
-- ones.
{%- set entities = landed_entities(only_source='files', canonical=true) %}

with

landed as (
    {%- for landed in entities %}
    select
        '{{ landed.entity }}' as entity,
        raw_rows._dlt_load_id as dlt_load_id,
        count(distinct concat_ws(':', raw_rows.mapping_name, raw_rows.file_name, raw_rows.row_number)) as rows_landed
    from {{ landed.relation }} as raw_rows
    group by raw_rows._dlt_load_id
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

staged as (
    {%- for landed in entities %}
    select
        '{{ landed.entity }}' as entity,
        staged.load_number,
        count(*) as rows_staged
    from {{ ref('stg_' ~ landed.model) }} as staged
    group by staged.load_number
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    landed.entity,
    loads.load_number,
    landed.rows_landed,
    staged.rows_staged
from landed
inner join {{ source('ledger', 'loads') }} as loads on landed.dlt_load_id = loads.dlt_load_id
left join staged on landed.entity = staged.entity and loads.load_number = staged.load_number
where landed.rows_landed is distinct from staged.rows_staged
