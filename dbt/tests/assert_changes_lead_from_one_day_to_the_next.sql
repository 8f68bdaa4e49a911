-- What: from each end of a week to the next, and to as_of, how a deal stood plus what
-- fct_deal_changes tells in between is how it stands then, as fct_deal_days has it.
-- Why: the list of changes is read instead of two snapshots, so it must say all that they differ in.
-- What a deal was first seen with is no change: in that week nothing leads there.
-- A returned row: a deal, the two days, and what the changes lead to beside what stands there.
with

changes as (
    select * from {{ ref('fct_deal_changes') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

sightings as (
    select
        sightings.*,
        {{ day_in_zone('sightings.seen_at', 'run_context.reporting_timezone') }} as seen_date
    from {{ ref('int_deal_sightings') }} as sightings
    cross join run_context
),

ends as (
    select distinct least(dates.week_start + 6, run_context.as_of) as last_day
    from {{ ref('dim_dates') }} as dates
    cross join run_context
    where dates.date_day <= run_context.as_of
),

weeks as (
    select
        ends.last_day,
        lag(ends.last_day, 1, date '0001-01-01') over (order by ends.last_day) as first_day
    from ends
),

days as (
    select
        weeks.last_day,
        days.deal_key,
        {
            'stage': days.stage_key,
            'amount':
            case
                when days.amount is not null
                    then concat_ws(' ', cast(days.amount as text), days.currency)
            end,
            'close_date': cast(days.close_date as text),
            'forecast_category': days.forecast_category,
            'owner': days.owner_key
        } as standing
    from {{ ref('fct_deal_days') }} as days
    inner join weeks on days.date_day = weeks.last_day
    where days.status = 'open'
),

changes_in_weeks as (
    select
        weeks.last_day,
        changes.deal_key,
        case
            when changes.change in ('created', 'won', 'lost', 'reopened', 'moved', 'deleted', 'restored')
                then 'stage'
            else changes.change
        end as field,
        min_by(
            { 'value': changes.old_value }, (changes.date_day, changes.change <> 'created')
        ) as old_value,
        max_by(
            { 'value': changes.new_value }, (changes.date_day, changes.change <> 'created')
        ) as new_value,
        max_by(
            { 'value': changes.status }, (changes.date_day, changes.change <> 'created')
        ) as status,
        max_by(
            {
                'stage': changes.stage_key,
                'amount':
                case
                    when changes.amount is not null
                        then concat_ws(' ', cast(changes.amount as text), changes.currency)
                end,
                'close_date': cast(changes.close_date as text),
                'forecast_category': changes.forecast_category,
                'owner': changes.owner_key
            },
            changes.date_day
        ) filter (where changes.change = 'created') as created
    from changes
    inner join {{ ref('dim_dates') }} as dates on changes.date_day = dates.date_day
    cross join run_context
    inner join weeks on least(dates.week_start + 6, run_context.as_of) = weeks.last_day
    group by all
),

changes_per_deal as (
    select
        changes_in_weeks.last_day,
        changes_in_weeks.deal_key,
        max(changes_in_weeks.created) as created,
        {%- for field in ['stage', 'amount', 'close_date', 'forecast_category', 'owner'] %}
        max(changes_in_weeks.old_value) filter (where changes_in_weeks.field = '{{ field }}')
            as old_{{ field }},
        max(changes_in_weeks.new_value) filter (where changes_in_weeks.field = '{{ field }}')
            as new_{{ field }},
        {%- endfor %}
        max(changes_in_weeks.status) filter (where changes_in_weeks.field = 'stage') as status
    from changes_in_weeks
    group by all
),

openings as (
    select
        weeks.last_day,
        days.deal_key,
        days.standing
    from weeks
    inner join days on weeks.first_day = days.last_day
),

two_days as (
    select
        coalesce(openings.deal_key, closings.deal_key) as deal_key,
        coalesce(openings.last_day, closings.last_day) as last_day,
        openings.standing as standing_before,
        closings.standing as standing_after
    from openings
    full outer join days as closings
        on openings.deal_key = closings.deal_key and openings.last_day = closings.last_day
),

-- Of a deal that was closed on the first day nothing stands there, only what has changed since.
led_to as (
    select
        two_days.deal_key,
        two_days.last_day,
        two_days.standing_before,
        two_days.standing_after,
        {%- for field in ['stage', 'amount', 'close_date', 'forecast_category', 'owner'] %}
        coalesce(
            sightings.is_{{ field }}_seen
            and sightings.seen_date > weeks.first_day
            and sightings.seen_date <= weeks.last_day,
            false
        ) as is_{{ field }}_seen,
        {%- endfor %}
        {%- for field in ['stage', 'amount', 'close_date', 'forecast_category', 'owner'] %}
        case
            when changes_per_deal.new_{{ field }} is not null
                then changes_per_deal.new_{{ field }}['value']
            when changes_per_deal.created is not null then changes_per_deal.created['{{ field }}']
            when two_days.standing_before is not null
                then two_days.standing_before['{{ field }}']
            else two_days.standing_after['{{ field }}']
        end as {{ field }},
        coalesce(
            changes_per_deal.old_{{ field }}['value']
            is distinct from two_days.standing_before['{{ field }}']
            and changes_per_deal.old_{{ field }} is not null
            and two_days.standing_before is not null,
            false
        ) as is_{{ field }}_from_elsewhere,
        {%- endfor %}
        coalesce(
            changes_per_deal.status['value'],
            case when two_days.standing_before is not null then 'open' end
        ) as status
    from two_days
    inner join weeks on two_days.last_day = weeks.last_day
    left join sightings on two_days.deal_key = sightings.deal_key
    left join changes_per_deal
        on
            two_days.deal_key = changes_per_deal.deal_key
            and two_days.last_day = changes_per_deal.last_day
)

select led_to.*
from led_to
where
    (not led_to.is_stage_seen and led_to.standing_after is null and led_to.status = 'open')
    or (
        not led_to.is_stage_seen
        and led_to.standing_after is not null
        and led_to.status is distinct from 'open'
    )
{%- for field in ['stage', 'amount', 'close_date', 'forecast_category', 'owner'] %}
or (
    not led_to.is_{{ field }}_seen
    and led_to.standing_after is not null
    and led_to.{{ field }} is distinct from led_to.standing_after['{{ field }}']
)
or (not led_to.is_{{ field }}_seen and led_to.is_{{ field }}_from_elsewhere)
{%- endfor %}
