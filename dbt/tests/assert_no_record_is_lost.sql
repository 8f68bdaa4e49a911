-- What: every accepted contact, company, lead and deal stands in its mart, was merged away, or is
-- yet to be created.
-- Why: joins lose rows in silence; a deal whose stage or currency is unknown still is a deal.
-- A returned row: a record that vanished on the way.
{%- set entities = {
    'accounts': ('account_id', 'dim_accounts', 'account_key', 'account'),
    'contacts': ('contact_id', 'dim_contacts', 'contact_key', 'contact'),
    'leads': ('lead_id', 'fct_leads', 'lead_key', 'contact'),
    'deals': ('deal_id', 'fct_deals', 'deal_key', 'deal'),
} %}
{%- for entity, (id, mart, key, object) in entities.items() %}
select
    '{{ entity }}' as entity,
    records.source_system || ':' || records.{{ id }} as record_key
from (
    select
        unioned.source_system,
        unioned.{{ id }},
        max_by(unioned.created_at, unioned.version_order) as created_at
    from {{ ref('int_' ~ entity ~ '_unioned') }} as unioned
    group by all
) as records
cross join {{ source('run', 'run_context') }} as run_context
anti join {{ ref(mart) }} as marts on records.source_system || ':' || records.{{ id }} = marts.{{ key }}
anti join {{ ref('int_survivors') }} as survivors
    on
        survivors.object = '{{ object }}'
        and records.source_system = survivors.source_system
        and records.{{ id }} = survivors.merged_id
where records.created_at is null or records.created_at < run_context.as_of_end
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
