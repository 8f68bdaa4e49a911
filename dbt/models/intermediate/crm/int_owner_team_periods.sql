{#-
    One row per owner and period with one team and one manager, up to the end of `as_of`. Sources tell only where an
    owner is now, so a change is known from the landing that first showed it; what was before the first landing is
    assumed. The periods of an owner tile all time.
-#}
with

owners as (
    {{ union_staged('owners', every_landing=true) }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Of several rows about one owner in one landing the last counts.
owners_by_landing as (
    select
        owners.source_system,
        owners.owner_id,
        max_by(struct_pack(team := owners.team, manager_id := owners.manager_id), owners.version_order) as place,
        max(owners.version_order) as version_order,
        owners.fetched_at
    from owners
    group by all
),

places_compared as (
    select
        owners_by_landing.*,
        lag(owners_by_landing.place) over owner_by_landing as place_before,
        row_number() over owner_by_landing as landing_no
    from owners_by_landing
    window
        owner_by_landing as (
            partition by owners_by_landing.source_system, owners_by_landing.owner_id
            order by owners_by_landing.fetched_at, owners_by_landing.version_order
        )
),

periods_begun as (
    select
        places_compared.source_system,
        places_compared.owner_id,
        places_compared.place,
        'landed_version' as history_basis,
        places_compared.fetched_at as valid_from
    from places_compared
    cross join run_context
    where
        (places_compared.landing_no = 1 or places_compared.place is distinct from places_compared.place_before)
        and places_compared.fetched_at < run_context.as_of_end
    union all
    select
        places_compared.source_system,
        places_compared.owner_id,
        places_compared.place,
        'assumed_current' as history_basis,
        timestamp '0001-01-01' as valid_from
    from places_compared
    where places_compared.landing_no = 1
),

final as (
    select
        periods_begun.source_system || ':' || periods_begun.owner_id as owner_key,
        periods_begun.source_system || ':' || periods_begun.place.manager_id as manager_key,
        periods_begun.place.team,
        periods_begun.history_basis,
        row_number() over owner_by_period = count(*) over (
            partition by periods_begun.source_system, periods_begun.owner_id
        ) as is_last,
        periods_begun.valid_from,
        lead(periods_begun.valid_from, 1, timestamp '9999-12-31') over owner_by_period as valid_to
    from periods_begun
    window
        owner_by_period as (
            partition by periods_begun.source_system, periods_begun.owner_id order by periods_begun.valid_from
        )
)

select * from final
