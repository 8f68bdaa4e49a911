{#-
    One row per reason that deals were lost for, in its source's words, and period of days in which it means one
    canonical reason.
-#}
{%- set reasons = [
    'price', 'no_budget', 'no_decision', 'timing', 'competitor', 'product_gap', 'no_contact', 'bad_fit', 'duplicate',
    'other',
] -%}
with

deals as (
    select * from {{ ref('int_deals') }}
),

reason_mappings as (
    {{ newest_mapping('loss_reasons') }}
),

canonical_reasons as (
    select unnest({{ reasons }}) as name -- noqa: RF04
),

reasons_stated as (
    select distinct
        deals.source_system,
        deals.lost_reason,
        lower(deals.source_system) as source_system_matched,
        lower(trim(deals.lost_reason)) as own_name
    from deals
    where deals.lost_reason is not null
),

rules as (
    select
        reason_mappings.source_system,
        lower(reason_mappings.label) as label,
        reason_mappings.reason as target,
        cast(reason_mappings.source_system is not null as integer) as specificity,
        reason_mappings.row_number,
        reason_mappings.valid_from
    from reason_mappings
    inner join canonical_reasons on reason_mappings.reason = canonical_reasons.name
),

periods as (
    {{ mapped_periods(
        things='reasons_stated',
        keys=['source_system', 'lost_reason', 'own_name'],
        rules='rules',
        matches="things.own_name = rules.label
            and (rules.source_system is null or things.source_system_matched = rules.source_system)",
        canonical='canonical_reasons',
        own_name='own_name',
    ) }}
),

final as (
    select
        periods.source_system,
        periods.lost_reason,
        periods.target as loss_reason,
        periods.valid_from,
        periods.valid_to
    from periods
)

select * from final
