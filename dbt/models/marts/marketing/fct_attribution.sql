{#- Each conversion is worth a thousand million parts, which every model hands out whole: by whole-numbered weights, so
    that no order of adding changes a part, and what rounding down leaves goes to the largest remainders, of equal ones
    to the earlier touch. Its amount is handed out in cents the same way. -#}
{%- set whole = 1000000000 -%}
{#- The least number that 1 to 24 touches of a channel share without rest; times `whole` it is a bigint still. -#}
{%- set channel_weight = 5354228880 -%}
{%- set models = "['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'markov', 'shapley']" -%}
{%- set one_sharing = 'partition by conversion_no, model' -%}
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

touches as (
    select * from {{ ref('fct_touches') }}
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
        removals.removal_effect,
        paths.touched_at
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

-- One touch that gets all of it.
chosen as (
    select
        conversion_no,
        place,
        unnest(
            case
                when touches = 1
                    then {{ models }}
                when place = 1 then ['first']
                when place = touches then ['last']
            end
        ) as model
    from path_touches
    union all
    select
        conversion_no,
        coalesce(max(place) filter (where channel <> 'direct'), max(place)) as place,
        'last_non_direct' as model
    from path_touches
    where touches > 1
    group by conversion_no
),

shared_touches as (
    select
        path_touches.conversion_no,
        path_touches.place,
        path_touches.touches,
        path_touches.removal_effect,
        -- A channel's touches share what the channel gets.
        {{ channel_weight }}
        // count(*) over (partition by path_touches.conversion_no, path_touches.channel) as channel_weight,
        -- Against the last touch instead of the conversion: the shares are the same and none is too small to be told.
        date_diff(
            'microsecond',
            path_touches.touched_at,
            max(path_touches.touched_at) over (partition by path_touches.conversion_no)
        ) / 86400000000.0 as days_to_last
    from path_touches
    where path_touches.touches > 1
),

weights as (
    select
        conversion_no,
        place,
        unnest(['linear', 'position', 'time_decay', 'markov', 'shapley']) as model,
        unnest([
            cast(1 as bigint),
            -- 40 % each for the first and the last, 20 % for those between; of two each has a half.
            case when place in (1, touches) then greatest(2 * (touches - 2), 1) else 1 end,
            cast(round({{ channel_weight }} * pow(0.5, days_to_last / rules.half_life_days)) as bigint),
            cast(round(removal_effect * channel_weight) as bigint),
            channel_weight
        ]) as weight
    from shared_touches
    cross join rules
),

weights_totalled as (
    select
        weights.*,
        cast(sum(weights.weight) over ({{ one_sharing }}) as bigint) as weight_of_all
    from weights
    where weights.weight > 0
),

parts as (
    select
        conversion_no,
        place,
        model,
        weight * {{ whole }} // weight_of_all as parts_whole,
        weight * {{ whole }} % weight_of_all as remainder
    from weights_totalled
),

parts_ranked as (
    select
        parts.*,
        sum(parts.parts_whole) over ({{ one_sharing }}) as parts_given,
        row_number() over ({{ one_sharing }} order by parts.remainder desc, parts.place asc) as turn
    from parts
),

credits as (
    select
        conversion_no,
        place,
        model,
        parts_whole + case when turn <= {{ whole }} - parts_given then 1 else 0 end as credit_parts
    from parts_ranked
    union all
    select
        conversion_no,
        place,
        model,
        {{ whole }} as credit_parts
    from chosen
    where model is not null
),

cents as (
    select
        credits.conversion_no,
        credits.place,
        credits.model,
        sign(conversions_numbered.amount_reporting) as amount_sign,
        cast(abs(conversions_numbered.amount_reporting) * 100 as bigint) as cents_of_all,
        credits.credit_parts
    from credits
    inner join conversions_numbered on credits.conversion_no = conversions_numbered.conversion_no
    where conversions_numbered.amount_reporting is not null
),

-- Cents times parts may be too many for a bigint, so what is above the whole is multiplied apart.
cents_cut as (
    select
        cents.*,
        cents.cents_of_all // {{ whole }} * cents.credit_parts
        + cents.cents_of_all % {{ whole }} * cents.credit_parts // {{ whole }} as cents_whole,
        cents.cents_of_all % {{ whole }} * cents.credit_parts % {{ whole }} as remainder
    from cents
),

cents_ranked as (
    select
        cents_cut.*,
        sum(cents_cut.cents_whole) over ({{ one_sharing }}) as cents_given,
        row_number() over ({{ one_sharing }} order by cents_cut.remainder desc, cents_cut.place asc) as turn
    from cents_cut
),

amounts as (
    select
        conversion_no,
        place,
        model,
        amount_sign * (cents_whole + case when turn <= cents_of_all - cents_given then 1 else 0 end)
            as credited_cents
    from cents_ranked
),

credited as (
    select
        conversions_numbered.conversion_key,
        path_touches.touch_key,
        conversions_numbered.conversion_event,
        conversions_numbered.level,
        credits.model,
        path_touches.channel,
        cast(cast(credits.credit_parts as decimal(18, 0)) * 0.000000001 as decimal(18, 9)) as credit,
        cast(cast(amounts.credited_cents as decimal(18, 0)) * 0.01 as decimal(18, 2)) as credited_amount_reporting,
        touches.touch_date,
        conversions_numbered.conversion_date
    from credits
    inner join conversions_numbered on credits.conversion_no = conversions_numbered.conversion_no
    inner join path_touches
        on credits.conversion_no = path_touches.conversion_no and credits.place = path_touches.place
    inner join touches on path_touches.touch_key = touches.touch_key
    left join amounts
        on
            credits.conversion_no = amounts.conversion_no
            and credits.place = amounts.place
            and credits.model = amounts.model
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
    anti join path_touches on conversions_numbered.conversion_no = path_touches.conversion_no
),

all_credits as (
    select * from credited
    union all
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
