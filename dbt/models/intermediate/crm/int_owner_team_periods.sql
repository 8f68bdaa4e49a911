{#-
    One row per owner and period with one team and one manager, up to the end of `as_of`. Sources tell only where an
    owner is now, so a change counts from the day whose landing first showed it; what was before the first landing is
    assumed. The periods of an owner tile all time, and begin and end with days where the company reports.
-#}
with

owners as (
    {{ union_staged('owners', every_landing=true) }}
),

loads as (
    select * from {{ source('ledger', 'loads') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

owners_dated as (
    select
        owners.source_system,
        owners.owner_id,
        owners.manager_id,
        owners.team,
        owners.version_order,
        {{ told_day_shown() }} as told_day
    from owners
    cross join run_context
    inner join loads on owners.load_number = loads.load_number
),

-- Of several rows about one owner for one day the last counts.
owners_by_day as (
    select
        owners_dated.source_system,
        owners_dated.owner_id,
        max_by(
            struct_pack(team := owners_dated.team, manager_id := owners_dated.manager_id), owners_dated.version_order
        ) as place,
        owners_dated.told_day
    from owners_dated
    group by all
),

places_compared as (
    select
        owners_by_day.*,
        lag(owners_by_day.place) over owner_by_day as place_before,
        row_number() over owner_by_day as landing_no
    from owners_by_day
    window
        owner_by_day as (
            partition by owners_by_day.source_system, owners_by_day.owner_id order by owners_by_day.told_day
        )
),

periods_begun as (
    select
        places_compared.source_system,
        places_compared.owner_id,
        places_compared.place,
        'landed_version' as history_basis,
        places_compared.told_day as valid_from_date
    from places_compared
    cross join run_context
    where
        (places_compared.landing_no = 1 or places_compared.place is distinct from places_compared.place_before)
        and places_compared.told_day <= run_context.as_of
    union all
    select
        places_compared.source_system,
        places_compared.owner_id,
        places_compared.place,
        'assumed_current' as history_basis,
        date '0001-01-01' as valid_from_date
    from places_compared
    where places_compared.landing_no = 1
),

periods_ended as (
    select
        periods_begun.*,
        lead(periods_begun.valid_from_date, 1, date '9999-12-31') over (
            partition by periods_begun.source_system, periods_begun.owner_id order by periods_begun.valid_from_date
        ) as valid_to_date
    from periods_begun
),

final as (
    select
        periods_ended.source_system || ':' || periods_ended.owner_id as owner_key,
        periods_ended.source_system || ':' || periods_ended.place.manager_id as manager_key,
        periods_ended.place.team,
        periods_ended.history_basis,
        periods_ended.valid_to_date = date '9999-12-31' as is_last,
        {%- for bound, open_end in [('valid_from', '0001-01-01'), ('valid_to', '9999-12-31')] %}
        case
            when periods_ended.{{ bound }}_date = date '{{ open_end }}' then timestamp '{{ open_end }}'
            else
                cast(periods_ended.{{ bound }}_date as timestamp)
                at time zone run_context.reporting_timezone at time zone 'UTC'
        end as {{ bound }},
        {%- endfor %}
        periods_ended.valid_from_date,
        periods_ended.valid_to_date
    from periods_ended
    cross join run_context
)

select * from final
