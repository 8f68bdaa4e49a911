{#-
    A deal as it stood at the end of each day on which something of it changed, beside how it stood
    before: what was changed and changed back within a day is no change. Neither is what was there before it was first seen.
-#}
{%- set changes = [
    'created', 'won', 'lost', 'reopened', 'moved', 'amount', 'close_date', 'forecast_category', 'owner', 'deleted', 'restored',
] -%}
with

states as (
    select * from {{ ref('int_deal_states') }}
    where not is_last_instant
),

deals as (
    select * from {{ ref('fct_deals') }}
    where is_deleted and deleted_at is not null
),

sightings as (
    select * from {{ ref('int_deal_sightings') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

states_at_ends_of_days as (
    select
        states.deal_key,
        states.owner_key,
        states.stage_key,
        states.pipeline_id,
        states.stage,
        states.status,
        states.forecast_category,
        states.currency,
        states.amount,
        case
            when states.amount is not null
                then concat_ws(' ', cast(states.amount as text), states.currency)
        end as amount_in_currency,
        states.close_date,
        states.valid_from_date as date_day,
        states.valid_from
    from states
    where states.valid_to_date > states.valid_from_date and states.status <> 'deleted'
),

gone as (
    select
        deals.deal_key,
        deals.deleted_at
    from deals
    union all
    select
        states.deal_key,
        states.valid_from as deleted_at
    from states
    where states.status = 'deleted'
),

-- A deal that is deleted is gone: what stood last is what it is deleted with.
deletions as (
    select
        states_at_ends_of_days.deal_key,
        states_at_ends_of_days.owner_key,
        states_at_ends_of_days.stage_key,
        states_at_ends_of_days.pipeline_id,
        states_at_ends_of_days.stage,
        'deleted' as status,
        states_at_ends_of_days.forecast_category,
        states_at_ends_of_days.currency,
        states_at_ends_of_days.amount,
        states_at_ends_of_days.amount_in_currency,
        states_at_ends_of_days.close_date,
        {{ day_in_zone('gone.deleted_at', '(select reporting_timezone from run_context)') }} as date_day,
        gone.deleted_at as valid_from
    from gone
    asof inner join states_at_ends_of_days
        on
            gone.deal_key = states_at_ends_of_days.deal_key
            and gone.deleted_at > states_at_ends_of_days.valid_from
),

days as (
    select * from states_at_ends_of_days
    union all
    select * from deletions
),

days_compared as (
    select
        days.*,
        {%- for column in [
            'owner_key', 'stage_key', 'stage', 'status', 'forecast_category', 'currency', 'amount',
            'amount_in_currency', 'close_date',
        ] %}
        lag(days.{{ column }}) over deal_by_time as {{ column }}_before,
        {%- endfor %}
        {%- for field in ['stage', 'amount', 'close_date', 'forecast_category', 'owner'] %}
        coalesce(
            sightings.is_{{ field }}_seen
            and days.valid_from >= sightings.seen_at
            and coalesce(lag(days.valid_from) over deal_by_time < sightings.seen_at, true),
            false
        ) as is_{{ field }}_seen,
        {%- endfor %}
        row_number() over deal_by_time = 1 as is_first
    from days
    left join sightings on days.deal_key = sightings.deal_key
    window deal_by_time as (partition by days.deal_key order by days.valid_from)
),

changes_named as (
    select
        names.change,
        days_compared.*
    from days_compared
    cross join (
        values
        {%- for change in changes %}
        ('{{ change }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as names (change)
    where
        case names.change
            when 'created' then days_compared.is_first and not days_compared.is_stage_seen
            when 'won'
                then
                    days_compared.status = 'won'
                    and not days_compared.is_stage_seen
                    and coalesce(days_compared.status_before, 'open') not in ('won', 'deleted')
            when 'lost'
                then
                    days_compared.status = 'lost'
                    and not days_compared.is_stage_seen
                    and coalesce(days_compared.status_before, 'open') not in ('lost', 'deleted')
            when 'reopened'
                then days_compared.status = 'open' and days_compared.status_before in ('won', 'lost')
            when 'deleted' then days_compared.status = 'deleted'
            when 'restored' then days_compared.status <> 'deleted' and days_compared.status_before = 'deleted'
            when 'moved'
                then
                    days_compared.status = days_compared.status_before
                    and days_compared.stage_key <> days_compared.stage_key_before
            when 'amount'
                then
                    not days_compared.is_first
                    and not days_compared.is_amount_seen
                    and days_compared.amount_in_currency
                    is distinct from days_compared.amount_in_currency_before
            when 'close_date'
                then
                    not days_compared.is_first
                    and not days_compared.is_close_date_seen
                    and days_compared.close_date is distinct from days_compared.close_date_before
            when 'forecast_category'
                then
                    not days_compared.is_first
                    and not days_compared.is_forecast_category_seen
                    and days_compared.forecast_category
                    is distinct from days_compared.forecast_category_before
            when 'owner'
                then
                    not days_compared.is_first
                    and not days_compared.is_owner_seen
                    and days_compared.owner_key is distinct from days_compared.owner_key_before
        end
),

changes_converted as (
    select
        changes_named.*,
        {{ converted('changes_named.amount', 'rates.rate_to_reporting') }} as amount_reporting,
        {{ converted('changes_named.amount_before', 'rates_before.rate_to_reporting') }}
            as amount_before_reporting
    from changes_named
    left join rates
        on
            changes_named.currency = rates.currency
            and changes_named.date_day = rates.rate_date
    left join rates as rates_before
        on
            changes_named.currency_before = rates_before.currency
            and changes_named.date_day = rates_before.rate_date
),

final as (
    select
        changes_converted.deal_key,
        changes_converted.owner_key,
        changes_converted.stage_key,
        changes_converted.pipeline_id,
        changes_converted.change,
        case changes_converted.change
            when 'amount' then changes_converted.amount_in_currency_before
            when 'close_date' then cast(changes_converted.close_date_before as text)
            when 'forecast_category' then changes_converted.forecast_category_before
            when 'owner' then changes_converted.owner_key_before
            when 'restored' then null
            else changes_converted.stage_key_before
        end as old_value,
        case changes_converted.change
            when 'amount' then changes_converted.amount_in_currency
            when 'close_date' then cast(changes_converted.close_date as text)
            when 'forecast_category' then changes_converted.forecast_category
            when 'owner' then changes_converted.owner_key
            when 'deleted' then null
            else changes_converted.stage_key
        end as new_value,
        changes_converted.stage_before as old_stage,
        changes_converted.stage,
        changes_converted.status,
        changes_converted.forecast_category,
        changes_converted.currency,
        changes_converted.amount_before as old_amount,
        changes_converted.amount,
        changes_converted.amount_reporting,
        case
            when changes_converted.change = 'amount'
                then
                    cast(
                        coalesce(changes_converted.amount_reporting, 0)
                        - coalesce(changes_converted.amount_before_reporting, 0) as decimal(18, 2)
                    )
        end as amount_change_reporting,
        case
            when changes_converted.change = 'close_date'
                then
                    cast(
                        changes_converted.close_date - changes_converted.close_date_before as bigint
                    )
        end as days_moved,
        changes_converted.date_day,
        changes_converted.close_date
    from changes_converted
)

select * from final
