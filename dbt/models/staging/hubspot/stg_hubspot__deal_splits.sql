{%- set columns = ['id', 'splits'] -%}
{{ config(meta={'reads': columns}) }}

with

splits_landed as (
    {{ landed_versions(
        source('raw', 'hubspot__deal_splits'), id=['id'], id_in_this=['deal_id'], columns=columns,
    ) }}
),

splits_parsed as (
    select
        splits_landed.*,
        try(from_json(
            splits_landed.splits,
            '[{
                "properties": {"hubspot_owner_id": "VARCHAR", "hs_deal_split_percentage": "VARCHAR"},
                "createdAt": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR"
            }]'
        )) as splits_read
    from splits_landed
),

-- A deal that is split no more stays as one row that names nobody.
splits_unnested as (
    select
        splits_parsed.*,
        unnest(case when len(splits_parsed.splits_read) > 0 then splits_parsed.splits_read else [null] end) as split
    from splits_parsed
),

splits_read as (
    select
        splits_unnested.*,
        {{ to_decimal('splits_unnested.split.properties.hs_deal_split_percentage', 9) }} as share_read,
        {{ to_timestamp('coalesce(splits_unnested.split.updatedAt, splits_unnested.split.createdAt)') }} as changed_at
    from splits_unnested
),

splits_judged as (
    select
        splits_read.*,
        case
            when {{ given('splits_read.id') }} is null then 'deal_id is missing'
            when splits_read.splits_read is null then 'splits is not a list'
            when splits_read.split is null then null
            when {{ given('splits_read.split.properties.hubspot_owner_id') }} is null then 'owner_id is missing'
            when splits_read.share_read is null then 'percent is not a number'
            when splits_read.share_read <= 0 or splits_read.share_read > 1 then 'percent is not between 0 and 100'
            when splits_read.changed_at is null then 'updated_at is not a time'
        end as reject_reason
    from splits_read
),

final as (
    select
        'hubspot' as source_system,
        splits_judged.id as deal_id,
        cast(null as text) as deal_system,
        {{ given('splits_judged.split.properties.hubspot_owner_id') }} as owner_id,
        'revenue' as kind,
        splits_judged.reject_reason,
        {{ rejected_record(columns, 'splits_judged') }} as rejected_record,
        splits_judged.load_number,
        splits_judged.version_order,
        splits_judged.version_order as statement_no,
        splits_judged.content_hash,
        cast(splits_judged.share_read as decimal(18, 9)) as share,
        splits_judged.fetched_at,
        -- A split is agreed as a whole: HubSpot replaces all of its rows at once. When one ends it does not say.
        coalesce(
            max(splits_judged.changed_at) over (partition by splits_judged.id, splits_judged.version_order),
            splits_judged.fetched_at
        ) as valid_from
    from splits_judged
)

select * from final
