{#- The touches before each conversion within the lookback window, in order, and those of everybody who has touched
    and not converted, which the chain of channels needs as well. An account's path is that of all its people and of the
    conversion's own, wherever these belong by now; who belongs to no account is one alone. -#}
with

-- Paths have numbers here, which they are sorted by faster than by texts: of the contact and of the account of each
-- conversion, and below 0 of those without one. They are in no column.
conversions as (
    select
        attribution_conversions.*,
        row_number() over () as conversion_no
    from {{ ref('int_attribution_conversions') }} as attribution_conversions
),

touches as (
    select * from {{ ref('fct_touches') }}
    where touch_no is not null
),

rules as (
    select cast(attribution_rules.lookback_days as integer) as lookback_days
    from {{ source('run', 'attribution_rules') }} as attribution_rules
),

events as (
    select attribution_events.event as conversion_event
    from {{ source('run', 'attribution_events') }} as attribution_events
),

touch_units as (
    select
        touch_key,
        'contact' as level,
        'person:' || person_key as unit_key,
        channel,
        touch_date,
        touched_at
    from touches
    union all
    select
        touch_key,
        'account' as level,
        coalesce('account:' || account_key, 'person:' || person_key) as unit_key,
        channel,
        touch_date,
        touched_at
    from touches
),

conversion_units as (
    select
        conversion_key,
        conversion_event,
        conversion_no,
        'contact' as level,
        'person:' || person_key as unit_key,
        converted_at
    from conversions
    union all
    select
        conversion_key,
        conversion_event,
        conversion_no,
        'contact' as level,
        'person:' || second_person_key as unit_key,
        converted_at
    from conversions
    where second_person_key is not null
    union all
    select
        conversion_key,
        conversion_event,
        conversion_no,
        'account' as level,
        coalesce('account:' || account_key, 'person:' || person_key) as unit_key,
        converted_at
    from conversions
),

touches_of_units as (
    select
        conversion_units.conversion_key,
        conversion_units.conversion_event,
        conversion_units.conversion_no,
        conversion_units.level,
        touch_units.touch_key,
        touch_units.channel,
        touch_units.touch_date,
        touch_units.touched_at
    from conversion_units
    inner join touch_units
        on
            conversion_units.level = touch_units.level
            and conversion_units.unit_key = touch_units.unit_key
            and conversion_units.converted_at >= touch_units.touched_at
    cross join rules
    where touch_units.touched_at >= conversion_units.converted_at - to_days(rules.lookback_days)
),

-- A deal's own contact may belong to no account or have gone to another one.
own_touches_of_accounts as (
    select
        of_people.conversion_key,
        of_people.conversion_event,
        of_people.conversion_no,
        'account' as level,
        of_people.touch_key,
        of_people.channel,
        of_people.touch_date,
        of_people.touched_at
    from touches_of_units as of_people
    anti join touches_of_units as of_accounts
        on
            of_accounts.level = 'account'
            and of_people.conversion_no = of_accounts.conversion_no
            and of_people.touch_key = of_accounts.touch_key
    where of_people.level = 'contact'
),

conversion_touches as (
    select
        2 * of_all.conversion_no + case of_all.level when 'contact' then 0 else 1 end as path_no,
        of_all.conversion_key as path_key,
        of_all.touch_key,
        of_all.conversion_event,
        of_all.level,
        of_all.channel,
        of_all.touch_date,
        true as is_converted,
        of_all.touched_at
    from (
        select * from touches_of_units
        union all by name
        select * from own_touches_of_accounts
    ) as of_all
),

-- Who has converted as a person is no account of one that has not.
units_converted as (
    select
        level,
        unit_key,
        conversion_event
    from conversion_units
    union all
    select
        'account' as level,
        unit_key,
        conversion_event
    from conversion_units
    where level = 'contact'
),

last_touches as (
    select
        level,
        unit_key,
        max(touched_at) as last_touched_at
    from touch_units
    group by level, unit_key
),

units_without_conversion as (
    select
        -row_number() over () as path_no,
        last_touches.level,
        last_touches.unit_key,
        events.conversion_event,
        last_touches.last_touched_at
    from last_touches
    cross join events
    anti join units_converted
        on
            last_touches.level = units_converted.level
            and last_touches.unit_key = units_converted.unit_key
            and events.conversion_event = units_converted.conversion_event
),

other_touches as (
    select
        units_without_conversion.path_no,
        units_without_conversion.unit_key as path_key,
        touch_units.touch_key,
        units_without_conversion.conversion_event,
        units_without_conversion.level,
        touch_units.channel,
        touch_units.touch_date,
        false as is_converted,
        touch_units.touched_at
    from units_without_conversion
    inner join touch_units
        on
            units_without_conversion.level = touch_units.level
            and units_without_conversion.unit_key = touch_units.unit_key
    cross join rules
    where touch_units.touched_at >= units_without_conversion.last_touched_at - to_days(rules.lookback_days)
),

paths as (
    select * from conversion_touches
    union all
    select * from other_touches
),

final as (
    select
        paths.path_key,
        paths.touch_key,
        paths.conversion_event,
        paths.level,
        paths.channel,
        row_number() over (partition by paths.path_no order by paths.touched_at, paths.touch_key) as place,
        count(*) over (partition by paths.path_no) as touches,
        paths.is_converted,
        paths.touch_date,
        paths.touched_at
    from paths
)

select * from final
