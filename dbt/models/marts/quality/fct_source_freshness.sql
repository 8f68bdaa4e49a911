-- A line per landed entity that a source's own folder declares as staged (`landed_entities`).
with

loads as (
    select * from {{ source('ledger', 'loads') }}
),

load_entities as (
    select * from {{ source('ledger', 'load_entities') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

entities_landed as (
    select
        load_entities.source,
        load_entities.entity,
        count(*) as loads,
        cast(sum(load_entities.row_count) as bigint) as rows_fetched,
        max(load_entities.load_number) as last_load_number,
        max(loads.landed_at) as last_landed_at
    from load_entities
    inner join loads on load_entities.load_number = loads.load_number
    group by all
),

-- By load first, so that what the newest one brought can be told beside the whole.
entities_staged as (
    {%- for landed in landed_entities() %}
    select
        '{{ landed.source }}' as source,
        '{{ landed.entity }}' as entity,
        nullif('{{ landed.staged_as or '' }}', '') as staged_as,
        coalesce(cast(sum(by_load.rows_staged) as bigint), 0) as rows_staged,
        coalesce(cast(sum(by_load.rows_read - by_load.rows_staged) as bigint), 0) as rows_rejected,
        max(by_load.load_number) as last_rows_load_number,
        max_by(by_load.rows_staged, by_load.load_number) as last_rows_staged,
        max_by(by_load.rows_read - by_load.rows_staged, by_load.load_number) as last_rows_rejected,
        cast({{ landed.in_parts or false }} as boolean) as is_staged_in_parts,
        max(by_load.last_record_at) as last_record_at
    from (
        select
            staged.load_number,
            {%- if landed.in_parts %}
            -- One landed record is several staged rows; it was read if any of them was.
            count(distinct staged.version_order || ':' || coalesce(staged.{{ landed.id_column }}, '')) as rows_read,
            count(distinct staged.version_order || ':' || coalesce(staged.{{ landed.id_column }}, ''))
            filter (where staged.reject_reason is null)
                as rows_staged,
            {%- else %}
            count(*) as rows_read,
            count(*) filter (where staged.reject_reason is null) as rows_staged,
            {%- endif %}
            {% if landed.day %}max(
                -- Days without a time begin at midnight where the company is.
                cast({{ landed.day }} as timestamp) at time zone run_context.reporting_timezone at time zone 'UTC'
            ) filter (where staged.reject_reason is null)
            {%- elif landed.time %}max(cast({{ landed.time }} as timestamp)) filter (
                where staged.reject_reason is null
            )
            {%- else %}cast(
                null as timestamp
            ){% endif %}
                as last_record_at
        from {{ ref('stg_' ~ landed.model) }} as staged
        cross join run_context
        where staged.load_number <= run_context.known_at{{ ' and ' ~ landed.condition if landed.condition }}
        group by staged.load_number
    ) as by_load
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        entities_staged.source,
        entities_staged.entity,
        entities_staged.staged_as,
        coalesce(entities_landed.loads, 0) as loads,
        coalesce(entities_landed.rows_fetched, 0) as rows_fetched,
        entities_staged.rows_staged,
        entities_staged.rows_rejected,
        coalesce(entities_landed.rows_fetched, 0)
        - entities_staged.rows_staged
        - entities_staged.rows_rejected as rows_duplicate,
        entities_landed.last_load_number,
        entities_staged.last_rows_load_number,
        entities_staged.last_rows_staged,
        entities_staged.last_rows_rejected,
        entities_staged.is_staged_in_parts,
        entities_staged.last_record_at,
        entities_landed.last_landed_at
    from entities_staged
    left join entities_landed
        on
            entities_staged.source = entities_landed.source
            and entities_staged.entity = entities_landed.entity
)

select * from final
