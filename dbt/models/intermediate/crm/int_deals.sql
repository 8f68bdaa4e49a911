{#-
    One row per deal as it stood at the end of `as_of`: fields with a history from that history, the
    others from the newest version that had landed for the day. Deals that are created later do not exist; one that another
    took over is gone from that moment on, as a deleted one is, and was a deal of its own before.
-#}
{%- set parts = ['tcv', 'acv', 'arr'] -%}
{%- set fields = [
    'stage', 'amount', 'tcv', 'acv', 'arr', 'close_date', 'owner', 'currency', 'forecast_category', 'next_step',
    'lost_reason',
] -%}
{%- set values = [
    'stage_id', 'stage_label', 'amount', 'close_date', 'owner_id', 'currency', 'forecast_category', 'win_probability',
    'next_step', 'lost_reason', 'tcv', 'acv', 'arr', 'one_time_amount',
] -%}
{%- set links = ['contact_id', 'contact_ids', 'account_id', 'pipeline_id', 'pipeline_label'] -%}
with

deals as (
    select * from {{ ref('int_deals_unioned') }}
),

deal_changes as (
    select * from {{ ref('int_deal_changes_stated') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
),

line_items as (
    select * from {{ ref('int_line_items') }}
    where coalesce(line_outcome, '') <> 'lost'
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

migrations as (
    {{ migration_spans() }}
),

newest_versions as (
    select
        deals.source_system,
        deals.deal_id,
        max(deals.version_order) as version_order,
        min(deals.fetched_at) as first_fetched_at
    from deals
    group by all
),

deals_current as (
    select
        deals.*,
        newest_versions.first_fetched_at,
        deals.source_system || ':' || deals.deal_id as deal_key
    from deals
    inner join newest_versions
        on
            deals.source_system = newest_versions.source_system
            and deals.deal_id = newest_versions.deal_id
            and deals.version_order = newest_versions.version_order
),

-- Where a merge makes a record with an id of its own, that record has been since the creation of the one that it goes
-- on with, whose days would count twice.
continued as (
    select
        deals_current.source_system,
        deals_current.deal_id
    from deals_current
    inner join survivors
        on
            survivors.object = 'deal'
            and deals_current.source_system = survivors.source_system
            and deals_current.deal_id = survivors.merged_id
    inner join deals_current as heirs
        on
            survivors.source_system = heirs.source_system
            and survivors.survivor_id = heirs.deal_id
            and deals_current.created_at = heirs.created_at
            and survivors.merged_at <= heirs.first_fetched_at
),

deals_existing as (
    select
        deals_current.*,
        survivors.merged_at
    from deals_current
    cross join run_context
    left join survivors
        on
            survivors.object = 'deal'
            and deals_current.source_system = survivors.source_system
            and deals_current.deal_id = survivors.merged_id
    anti join continued
        on
            deals_current.source_system = continued.source_system
            and deals_current.deal_id = continued.deal_id
    where deals_current.created_at is null or deals_current.created_at < run_context.as_of_end
),

-- A field whose first change is still to come has a history and no value yet. Of two values of one
-- moment the larger text counts, so that the choice is the same in every build.
values_at_as_of as (
    select
        deal_changes.deal_key,
        {%- for field in fields %}
        bool_or(deal_changes.field = '{{ field }}') as has_{{ field }}_history,
        nullif(
            max_by(
                coalesce(deal_changes.value, ''),
                (deal_changes.changed_at, coalesce(deal_changes.value, ''))
            )
            filter (where deal_changes.field = '{{ field }}' and deal_changes.is_past),
            ''
        ) as {{ field }}_at_as_of,
        {%- endfor %}
        min_by(deal_changes.source_type, deal_changes.changed_at) filter (
            where deal_changes.field = 'stage'
        )
            as first_source_type
    from deal_changes
    group by all
),

told_by_the_day as (
    {{ told_by_the_day('deals', 'deal_id', values + links + ['is_deleted', 'deleted_at']) }}
),

-- No source tells since when records are linked: a past day has the links that had landed for it. Before the first
-- landing they are taken to have been what they are, or no deal of that time would have an account or a lead.
deals_linked as (
    select
        deals_existing.* replace (
            {%- for value in values %}
            {{ told_value(value, 'deals_existing') }} as {{ value }},
            {%- endfor %}
            {%- for link in links %}
            {{ as_told(link, 'deals_existing') }} as {{ link }},
            {%- endfor %}
            {{ lies_deleted('deals_existing') }} as is_deleted,
            {{ lies_deleted_since('deals_existing') }} as deleted_at
        ),
        -- CRMs link nothing to a deleted record, on whatever day it was deleted.
        coalesce({{ as_told('is_deleted', 'deals_existing') }}, false) as is_unlinked,
        told_by_the_day.told is not null as is_told
    from deals_existing
    cross join run_context
    left join told_by_the_day
        on
            deals_existing.source_system = told_by_the_day.source_system
            and deals_existing.deal_id = told_by_the_day.deal_id
),

deals_joined as (
    select
        deals_linked.*,
        coalesce(contact_survivors.survivor_id, deals_linked.contact_id) as contact_id_surviving,
        coalesce(account_survivors.survivor_id, deals_linked.account_id) as account_id_surviving,
        {%- for field in fields %}
        coalesce(values_at_as_of.has_{{ field }}_history, false) as has_{{ field }}_history,
        values_at_as_of.{{ field }}_at_as_of,
        {%- endfor %}
        -- Either the source notes it itself, or the company has said on which days it was so.
        coalesce(values_at_as_of.first_source_type in ('IMPORT', 'MIGRATION'), false)
        or migrations.source_system is not null as is_imported
    from deals_linked
    left join values_at_as_of on deals_linked.deal_key = values_at_as_of.deal_key
    left join migrations
        on
            {{ created_in_migration('deals_linked') }}
            and {{ noted_as('migrations.source_types', 'values_at_as_of.first_source_type') }}
    left join survivors as contact_survivors
        on
            contact_survivors.object = 'contact'
            and deals_linked.source_system = contact_survivors.source_system
            and deals_linked.contact_id = contact_survivors.merged_id
    left join survivors as account_survivors
        on
            account_survivors.object = 'account'
            and deals_linked.source_system = account_survivors.source_system
            and deals_linked.account_id = account_survivors.merged_id
),

-- Who tells of each line that was ordered how it is billed tells what is paid once.
paid_once as (
    select
        line_items.deal_key,
        min(line_items.currency) filter (where line_items.billing_frequency = 'one_time') as currency,
        cast(
            coalesce(sum(line_items.amount) filter (where line_items.billing_frequency = 'one_time'), 0)
            as decimal(18, 2)
        ) as amount
    from line_items
    group by line_items.deal_key
    having
        bool_and(
            line_items.billing_frequency is not null
            and (line_items.billing_frequency <> 'one_time' or line_items.amount is not null)
        )
        and count(distinct line_items.currency) filter (where line_items.billing_frequency = 'one_time') <= 1
),

final as (
    select
        deals_joined.deal_key,
        deals_joined.source_system || ':' || deals_joined.account_id_surviving as account_key,
        deals_joined.source_system || ':' || deals_joined.contact_id_surviving as contact_key,
        deals_joined.source_system || ':' || case
            when deals_joined.has_owner_history then deals_joined.owner_at_as_of
            else deals_joined.owner_id
        end as owner_key,
        deals_joined.deal_id,
        deals_joined.source_system,
        deals_joined.deal_name,
        coalesce(deals_joined.pipeline_id, deals_joined.pipeline_label, 'default') as pipeline_id,
        deals_joined.pipeline_label,
        -- Exports name a stage by its label, also in their list of changes; HubSpot by its id.
        case
            when deals_joined.has_stage_history then deals_joined.stage_at_as_of
            else coalesce(deals_joined.stage_label, deals_joined.stage_id)
        end as stage_id,
        case
            when deals_joined.has_currency_history then deals_joined.currency_at_as_of
            else deals_joined.currency
        end as currency,
        deals_joined.deal_type,
        case
            when
                deals_joined.has_forecast_category_history
                then deals_joined.forecast_category_at_as_of
            else deals_joined.forecast_category
        end as forecast_category,
        {%- for field in ['next_step', 'lost_reason'] %}
        case
            when deals_joined.has_{{ field }}_history then deals_joined.{{ field }}_at_as_of
            else deals_joined.{{ field }}
        end as {{ field }},
        {%- endfor %}
        deals_joined.created_by,
        deals_joined.competitor,
        deals_joined.contact_ids,
        case
            when
                deals_joined.has_amount_history
                then cast(deals_joined.amount_at_as_of as decimal(18, 2))
            else {{ headline_amount('deals_joined') }}
        end as amount,
        {%- for part in parts %}
        case
            when deals_joined.has_{{ part }}_history then cast(deals_joined.{{ part }}_at_as_of as decimal(18, 2))
            else deals_joined.{{ part }}
        end as {{ part }},
        {%- endfor %}
        case
            when deals_joined.one_time_amount is not null then deals_joined.one_time_amount
            when
                not deals_joined.is_unlinked
                and coalesce(
                    paid_once.currency = case
                        when deals_joined.has_currency_history then deals_joined.currency_at_as_of
                        else deals_joined.currency
                    end,
                    paid_once.currency is null
                )
                then paid_once.amount
        end as one_time_amount,
        deals_joined.win_probability,
        deals_joined.has_stage_history,
        deals_joined.has_amount_history,
        deals_joined.has_close_date_history,
        deals_joined.has_currency_history,
        -- What no history tells is known of a past day by what had landed for it.
        case
            when deals_joined.is_told or not run_context.is_past_day then 'landed_version' else 'assumed_current'
        end as landed_basis,
        deals_joined.is_imported,
        deals_joined.is_unlinked,
        deals_joined.merged_at is not null or deals_joined.is_deleted as is_deleted,
        deals_joined.merged_at is not null as is_merged,
        case
            when
                deals_joined.has_close_date_history
                then cast(deals_joined.close_date_at_as_of as date)
            else deals_joined.close_date
        end as close_date,
        {{ day_in_zone('deals_joined.created_at', 'run_context.reporting_timezone') }}
            as created_date,
        deals_joined.created_at,
        deals_joined.updated_at,
        least(deals_joined.deleted_at, deals_joined.merged_at) as deleted_at
    from deals_joined
    cross join run_context
    left join paid_once on deals_joined.deal_key = paid_once.deal_key
)

select * from final
