{#- One home for each formula that several marts use. -#}

{#- Days with a fraction from one timestamp to a later one. -#}
{% macro days_between(earlier, later) -%}
    cast(date_diff('microsecond', {{ earlier }}, {{ later }}) / 86400000000.0 as decimal(18, 6))
{%- endmacro %}

{#-
    Business time from the beginning of the calendar to a UTC timestamp, in microseconds, by the row
    of `int_business_days` of its day; the difference of two is the business time between them.
-#}
{% macro business_position(timestamp_utc, business_days) -%}
    ({{ business_days }}.business_microseconds_before + greatest(0, least(
        {{ business_days }}.business_microseconds,
        date_diff('microsecond', {{ business_days }}.opens_at, {{ timestamp_utc }})
    )))
{%- endmacro %}

{#-
    Microseconds as hours, 0 where the second moment lies before the first. greatest() would make 0 of
    a NULL as well.
-#}
{% macro elapsed_hours(microseconds) -%}
    cast(
        case when {{ microseconds }} < 0 then 0 else ({{ microseconds }}) / 3600000000.0 end
        as decimal(18, 6)
    )
{%- endmacro %}

{#-
    The day on which a UTC timestamp falls in `zone`, an IANA name. DuckDB looks a zone up once for a single value and
    for each row of a column that other joins have touched, five times as dear: with many rows give a scalar subquery.
-#}
{% macro day_in_zone(timestamp_utc, zone) -%}
    cast({{ timestamp_utc }} at time zone 'UTC' at time zone {{ zone }} as date)
{%- endmacro %}

{#- A ratio of sums; NULL where there is nothing to divide by. -#}
{% macro ratio(numerator, denominator, scale=9) -%}
    cast(cast({{ numerator }} as double) / nullif({{ denominator }}, 0) as decimal(18, {{ scale }}))
{%- endmacro %}

{#-
    Bounds of the 95 % Wilson score interval of a share (E. B. Wilson, 1927); NULL without trials.
-#}
{% macro wilson_low(successes, trials) -%}
    {{ _wilson_bound(successes, trials, '-') }}
{%- endmacro %}

{% macro wilson_high(successes, trials) -%}
    {{ _wilson_bound(successes, trials, '+') }}
{%- endmacro %}

{% macro _wilson_bound(successes, trials, sign) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set n = 'nullif(cast(' ~ trials ~ ' as double), 0)' -%}
    {%- set p = '(' ~ successes ~ ' / ' ~ n ~ ')' -%}
    {#- greatest() and least() pass over a NULL, so without trials they would give 0 or 1. -#}
    case
        when {{ trials }} > 0
            then cast(greatest(0, least(1, (
                {{ p }} + {{ z * z / 2 }} / {{ n }}
                {{ sign }} {{ z }} * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + {{ z * z / 4 }} / ({{ n }} * {{ n }}))
            ) / (1 + {{ z * z }} / {{ n }}))) as decimal(18, 9))
    end
{%- endmacro %}

{#-
    How many trials of the others a rate is weighed against: moments of the beta-binomial (J. C. Kleinman, 1973).
    The less the groups differ beyond chance, the more a rate is drawn to the others'. Between 1 and 199 trials. `spread`:
    the sum of trials x (rate - pooled)^2 over the groups, `squares`: the sum of their squared trials.
-#}
{% macro prior_trials(spread, pooled, groups, trials, squares) -%}
    1 / least(0.5, greatest(0.005, coalesce(
        ({{ spread }} - {{ pooled }} * (1 - {{ pooled }}) * ({{ groups }} - 1))
        / nullif(
            {{ pooled }} * (1 - {{ pooled }})
            * greatest(
                {{ trials }} - {{ squares }} / nullif(cast({{ trials }} as double), 0) - ({{ groups }} - 1), 0
            ),
            0
        ),
        0.005
    ))) - 1
{%- endmacro %}

{#- Money in another currency, rounded per row so that sums of rows are exact. -#}
{% macro converted(amount, rate, scale=2) -%}
    case
        when {{ rate }} = 1 then cast({{ amount }} as decimal(18, {{ scale }}))
        -- Casting the product rounds as well and takes three times as long.
        else cast(
            round(cast({{ amount }} as decimal(20, {{ scale }})) * cast({{ rate }} as decimal(18, 9)), {{ scale }})
            as decimal(18, {{ scale }})
        )
    end
{%- endmacro %}

{#-
    Of a deal's amounts the one that the company has chosen as its headline; the CRM's own unless it has chosen.
    Needs `run_context`.
-#}
{% macro headline_amount(relation) -%}
    case run_context.headline_amount
        {%- for part in ['tcv', 'acv', 'arr'] %}
        when '{{ part }}' then {{ relation }}.{{ part }}
        {%- endfor %}
        else {{ relation }}.amount
    end
{%- endmacro %}

{#- Whole cents as money. -#}
{% macro from_cents(cents) -%}
    cast(cast({{ cents }} as decimal(18, 0)) * 0.01 as decimal(18, 2))
{%- endmacro %}

{#-
    A number from 0 to below `count` that is the key's own: a draw that every build repeats, from the last eight bytes of
    the key's MD5. All 128 bits would take ten times as long.
-#}
{% macro drawn_number(key, count) -%}
    cast(md5_number_lower({{ key }}) % cast({{ count }} as ubigint) as bigint)
{%- endmacro %}

{#-
    The standard normal's value that is exceeded with a chance of `tail`, at most .025 (P. J. Acklam's rational
    approximation, good to eight digits): what an interval is widened to where many are looked at.
-#}
{% macro normal_quantile(tail) -%}
    {%- set q = 'sqrt(-2 * ln(' ~ tail ~ '))' -%}
    -(
        (((((-7.784894002430293e-03 * {{ q }} - 3.223964580411365e-01) * {{ q }} - 2.400758277161838e+00) * {{ q }}
        - 2.549732539343734e+00) * {{ q }} + 4.374664141464968e+00) * {{ q }} + 2.938163982698783e+00)
        / ((((7.784695709041462e-03 * {{ q }} + 3.224671290700398e-01) * {{ q }} + 2.445134137142996e+00) * {{ q }}
        + 3.754408661907416e+00) * {{ q }} + 1)
    )
{%- endmacro %}

{#- A bound ('-' or '+') of a Wilson interval that is `z` standard errors wide, `z` being an expression; trials above 0. -#}
{% macro wilson_at(sign, rate, trials, z) -%}
    (
        {{ rate }} + {{ z }} * {{ z }} / (2 * {{ trials }})
        {{ sign }} {{ z }} * sqrt(
            {{ rate }} * (1 - {{ rate }}) / {{ trials }} + {{ z }} * {{ z }} / (4.0 * {{ trials }} * {{ trials }})
        )
    ) / (1 + {{ z }} * {{ z }} / {{ trials }})
{%- endmacro %}

{#-
    Per `keys` and end of one of the rows of `waits`, the share of them that is left after so many days: Kaplan and Meier
    (1958), the product of the shares that outlive each end. Of ends on the same day each outlives the one before, which
    comes to the same. What has not `ended` is censored after its days, and was still at risk on the last of them.
    A number stands for the keys, since all rows are sorted by it.
-#}
{% macro survival(waits, keys, ended, days='days') -%}
    select
        {{ keys | join(', ') }},
        days,
        exp(
            sum(case when at_risk > 1 then ln(1 - 1.0 / at_risk) else -1e3 end) over (
                partition by curve_no
                order by turn
                rows between unbounded preceding and current row
            )
        ) as share_left
    from (
        select
            curves.*,
            waits.{{ days }} as days,
            {{ ended }} as has_ended,
            row_number() over ends_in_turn as turn,
            curves.waits - row_number() over ends_in_turn + 1 as at_risk
        from {{ waits }} as waits
        inner join (
            select
                {{ keys | join(', ') }},
                count(*) as waits,
                row_number() over () as curve_no
            from {{ waits }}
            group by {{ keys | join(', ') }}
        ) as curves
            on
            {%- for key in keys %}
                waits.{{ key }} is not distinct from curves.{{ key }}{{ ' and' if not loop.last }}
            {%- endfor %}
        window ends_in_turn as (partition by curves.curve_no order by waits.{{ days }}, {{ ended }} desc)
    ) as taken_in_turn
    where has_ended
{%- endmacro %}

{#- Of `survival`: the day on which no more than this share is left. A hair more is no more: the product is a float. -#}
{% macro days_until_left(share) -%}
    min(days) filter (where share_left <= {{ share }} + 1e-9)
{%- endmacro %}

{#- What is won, one row for each who is credited with a part of it. -#}
{% macro credited(relation) -%}
    select * exclude (credits)
    from {{ relation }}
    where status = 'won' and credits is null
    union all
    select
        shared.* exclude (credits, credit) replace (
            shared.credit.owner_key as owner_key, shared.credit.owner as owner, shared.credit.amount as amount
        )
    from (
        select
            *,
            unnest(credits) as credit
        from {{ relation }}
        where status = 'won' and credits is not null
    ) as shared
{%- endmacro %}

{#-
    Who still waits on each day on which a wait of a cohort ends, and who goes which way then: `at_risk`, those who go on
    (`progressed`) and out (`departed`), and the share that still waited before. Aalen and Johansen (1978): of those who
    still wait, the share that goes each way, added up: sum(share_waiting_before * progressed / at_risk).

    waits: relation with the columns `keys` and `days`; progressed, departed: conditions over it.
-#}
{% macro competing_outcomes(waits, keys, progressed, departed) -%}
    select
        counted.*,
        coalesce(
            exp(
                sum(
                    case
                        when counted.progressed + counted.departed < counted.at_risk
                            then ln(1 - (counted.progressed + counted.departed) / counted.at_risk)
                        else -1e3
                    end
                ) over (
                    partition by {% for key in keys %}counted.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
                    order by counted.days
                    rows between unbounded preceding and 1 preceding
                )
            ),
            1
        ) as share_waiting_before
    from (
        select
            {{ keys | join(', ') }},
            days,
            count(*) filter (where {{ progressed }}) as progressed,
            count(*) filter (where {{ departed }}) as departed,
            -- Whoever is censored on a day was still at risk on it.
            sum(count(*)) over (partition by {{ keys | join(', ') }} order by days desc) as at_risk
        from {{ waits }}
        group by {{ keys | join(', ') }}, days
    ) as counted
{%- endmacro %}
