{#- Every model hands out the whole of each conversion: a touch gets the share that is due up to it, in nine decimals,
    less what is due before it, so that shares sum to 1 whatever rounding does. The amount is handed out in cents the same
    way. Weights are whole numbers, so that no order of adding changes a share. -#}
{#- The least number that 1 to 24 touches of a channel share without rest. -#}
{%- set channel_weight = 5354228880 -%}
{%- set models = ['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'markov', 'shapley'] -%}
with

conversions as (
    select * from {{ ref('int_attribution_conversions') }}
),

paths as (
    select * from {{ ref('int_attribution_paths') }}
    where is_converted
),

removals as (
    select * from {{ ref('int_attribution_removals') }}
),

rules as (
    select cast(attribution_rules.half_life_days as double) as half_life_days
    from {{ source('run', 'attribution_rules') }} as attribution_rules
),

levels as (
    select unnest(['contact', 'account']) as level
),

-- A number names what is handed out, for a number is grouped by faster than three texts. It is in no column.
conversions_numbered as (
    select
        row_number() over () as conversion_no,
        conversions.conversion_key,
        conversions.conversion_event,
        levels.level,
        conversions.amount_reporting,
        cast(conversions.amount_reporting * 100 as double) as cents,
        conversions.conversion_date
    from conversions
    cross join levels
),

path_touches as (
    select
        conversions_numbered.conversion_no,
        paths.touch_key,
        paths.channel,
        paths.place,
        paths.touches,
        paths.touched_at,
        paths.touch_date,
        removals.removal_effect
    from paths
    inner join conversions_numbered
        on
            paths.path_key = conversions_numbered.conversion_key
            and paths.conversion_event = conversions_numbered.conversion_event
            and paths.level = conversions_numbered.level
    left join removals
        on
            paths.conversion_event = removals.conversion_event
            and paths.level = removals.level
            and paths.channel = removals.channel
),

touches_compared as (
    select
        path_touches.*,
        -- A channel's touches share what the channel gets.
        cast(
            {{ channel_weight }}
            // count(*) over (partition by path_touches.conversion_no, path_touches.channel) as double
        ) as shapley_weight,
        -- Against the last touch instead of the conversion: the shares are the same and none is too small to be told.
        date_diff('microsecond', path_touches.touched_at, max(path_touches.touched_at) over whole_path)
        / 86400000000.0 as days_to_last,
        max(path_touches.place) filter (where path_touches.channel <> 'direct') over whole_path
            as last_non_direct_place
    from path_touches
    window whole_path as (partition by path_touches.conversion_no)
),

weights as (
    select
        touches_compared.*,
        cast(place = 1 as double) as first_weight,
        cast(place = touches as double) as last_weight,
        cast(place = coalesce(last_non_direct_place, touches) as double) as last_non_direct_weight,
        cast(1 as double) as linear_weight,
        -- 40 % each for the first and the last, 20 % for those between; of two each has a half.
        case when place in (1, touches) then greatest(2 * (touches - 2), 1) else 1 end as position_weight,
        round({{ channel_weight }} * pow(0.5, days_to_last / rules.half_life_days))
            as time_decay_weight,
        -- Who touched alone gets all, also where the channel could be done without.
        case when touches = 1 then 1 else round(removal_effect * shapley_weight) end as markov_weight
    from touches_compared
    cross join rules
),

weights_added as (
    select
        {%- for model in models %}
        sum({{ model }}_weight) over up_to_touch as {{ model }}_until,
        sum({{ model }}_weight) over whole_path as {{ model }}_of_all,
        {%- endfor %}
        *
    from weights
    window
        whole_path as (partition by conversion_no),
        up_to_touch as (
            partition by conversion_no
            order by place
            rows between unbounded preceding and current row
        )
),

-- A row for each model: what is due up to the touch, and up to the one before it.
due as (
    select
        conversion_no,
        touch_key,
        channel,
        touch_date,
        unnest([
            {%- for model in models %}
            {
                'model': '{{ model }}',
                'weight': {{ model }}_weight,
                'until': {{ model }}_until / {{ model }}_of_all,
                'before': ({{ model }}_until - {{ model }}_weight) / {{ model }}_of_all
            }{{ ',' if not loop.last }}
            {%- endfor %}
        ]) as share
    from weights_added
),

credited as (
    select
        conversions_numbered.conversion_key,
        due.touch_key,
        conversions_numbered.conversion_event,
        conversions_numbered.level,
        due.share.model,
        due.channel,
        cast(due.share.until as decimal(18, 9)) - cast(due.share.before as decimal(18, 9)) as credit,
        cast(
            (
                round(conversions_numbered.cents * due.share.until)
                - round(conversions_numbered.cents * due.share.before)
            ) / 100 as decimal(18, 2)
        ) as credited_amount_reporting,
        due.touch_date,
        conversions_numbered.conversion_date
    from due
    inner join conversions_numbered on due.conversion_no = conversions_numbered.conversion_no
    where due.share.weight > 0
),

unattributed as (
    select
        conversions_numbered.conversion_key,
        cast(null as text) as touch_key,
        conversions_numbered.conversion_event,
        conversions_numbered.level,
        unnest({{ models }}) as model,
        'unattributed' as channel,
        cast(1 as decimal(18, 9)) as credit,
        conversions_numbered.amount_reporting as credited_amount_reporting,
        cast(null as date) as touch_date,
        conversions_numbered.conversion_date
    from conversions_numbered
    anti join paths
        on
            conversions_numbered.conversion_key = paths.path_key
            and conversions_numbered.conversion_event = paths.conversion_event
            and conversions_numbered.level = paths.level
),

all_credits as (
    select * from credited
    union all by name
    select * from unattributed
),

final as (
    select
        all_credits.conversion_key,
        all_credits.touch_key,
        all_credits.conversion_event,
        all_credits.level,
        all_credits.model,
        all_credits.channel,
        all_credits.credit,
        all_credits.credited_amount_reporting,
        all_credits.touch_date,
        all_credits.conversion_date
    from all_credits
)

select * from final
