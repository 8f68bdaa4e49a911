{#-
    How much less often past deals and leads with a flag were won (converted) than those without it: by stage, and over all
    stages. An association: what else such deals had in common is not taken out of it but for the stage.
-#}
{%- set flags = {
    'deal': [
        'past_close_date', 'idle', 'older_than_won', 'pushed_twice', 'amount_cut', 'without_next_step', 'single_contact',
        'without_contact',
    ],
    'lead': ['answered_late', 'without_owner', 'idle', 'worked_again'],
} -%}
{%- set without_history = ['single_contact', 'without_contact'] -%}
with

past_deals as (
    select * from {{ ref('int_past_deal_flags') }}
),

open_deals as (
    select * from {{ ref('fct_deal_health') }}
),

lead_flags as (
    select * from {{ ref('int_lead_flags') }}
),

run_context as (
    select as_of from {{ source('run', 'run_context') }}
),

-- Stages of today's that no past deal was seen at have a row, too: all stages speak for them.
deals_moments as (
    select
        past_deals.pipeline_purpose,
        past_deals.stage,
        {%- for flag in flags['deal'] if flag not in without_history %}
        past_deals.is_{{ flag }},
        {%- endfor %}
        past_deals.is_won as is_reached
    from past_deals
    union all
    select distinct
        open_deals.pipeline_purpose,
        open_deals.stage,
        {%- for flag in flags['deal'] if flag not in without_history %}
        cast(null as boolean) as is_{{ flag }},
        {%- endfor %}
        cast(null as boolean) as is_reached
    from open_deals
),

leads_moments as (
    select
        lead_flags.stage,
        lead_flags.age_band,
        {%- for flag in flags['lead'] %}
        case when not lead_flags.is_open then lead_flags.is_{{ flag }} end as is_{{ flag }},
        {%- endfor %}
        lead_flags.is_reached
    from lead_flags
),

deals_counted as (
    select
        pipeline_purpose,
        stage,
        {%- for flag in flags['deal'] if flag not in without_history %}
        count(*) filter (where is_{{ flag }}) as with_{{ flag }},
        count(*) filter (where is_{{ flag }} and is_reached) as with_{{ flag }}_reached,
        count(*) filter (where not is_{{ flag }}) as without_{{ flag }},
        count(*) filter (where not is_{{ flag }} and is_reached) as without_{{ flag }}_reached,
        {%- endfor %}
        count(*) as moments
    from deals_moments
    group by all
),

leads_counted as (
    select
        stage,
        age_band,
        {%- for flag in flags['lead'] %}
        count(*) filter (where is_{{ flag }}) as with_{{ flag }},
        count(*) filter (where is_{{ flag }} and is_reached) as with_{{ flag }}_reached,
        count(*) filter (where not is_{{ flag }}) as without_{{ flag }},
        count(*) filter (where not is_{{ flag }} and is_reached) as without_{{ flag }}_reached,
        {%- endfor %}
        count(*) as moments
    from leads_moments
    group by all
),

strata as (
    {%- for kind in flags %}
    {%- set outer_first = loop.first %}
    {%- for flag in flags[kind] %}
    {{ 'union all' if not (outer_first and loop.first) }}
    select
        '{{ kind }}' as entity_kind,
        '{{ flag }}' as flag,
        {{ 'pipeline_purpose' if kind == 'deal' else 'null' }} as pipeline_purpose,
        stage,
        {{ 'age_band' if kind == 'lead' else 'null' }} as age_band,
        {%- if flag in without_history %}
        0 as cases_with,
        0 as reached_with,
        0 as cases_without,
        0 as reached_without
        {%- else %}
        with_{{ flag }} as cases_with,
        with_{{ flag }}_reached as reached_with,
        without_{{ flag }} as cases_without,
        without_{{ flag }}_reached as reached_without
        {%- endif %}
    from {{ kind }}s_counted
    {%- endfor %}
    {%- endfor %}
),

-- The variance of a difference of two rates by one case of either outcome more on each side (Agresti and Caffo, 2000):
-- with it none of forty is not taken for never.
strata_compared as (
    select
        strata.*,
        cast(strata.reached_with as double) / strata.cases_with
        - cast(strata.reached_without as double) / strata.cases_without as difference_own,
        cast(strata.cases_with as double) * strata.cases_without
        / (strata.cases_with + strata.cases_without) as weight,
        (strata.reached_with + 1.0e0) / (strata.cases_with + 2)
        * (strata.cases_with - strata.reached_with + 1) / (strata.cases_with + 2) / (strata.cases_with + 2)
        + (strata.reached_without + 1.0e0) / (strata.cases_without + 2)
        * (strata.cases_without - strata.reached_without + 1) / (strata.cases_without + 2)
        / (strata.cases_without + 2) as variance_own
    from strata
    where strata.cases_with > 0 and strata.cases_without > 0
),

-- Over all stages the differences within stages by their cases (Mantel and Haenszel): a flag that is frequent at stages
-- where few are won is not blamed for the stage.
pooled as (
    select
        strata.entity_kind,
        strata.flag,
        sum(strata.cases_with) as cases_with,
        sum(strata.reached_with) as reached_with,
        sum(strata.cases_without) as cases_without,
        sum(strata.reached_without) as reached_without
    from strata
    group by all
),

pooled_differences as (
    select
        strata_compared.entity_kind,
        strata_compared.flag,
        sum(strata_compared.weight * strata_compared.difference_own) / sum(strata_compared.weight) as difference,
        sum(strata_compared.weight * strata_compared.weight * strata_compared.variance_own)
        / (sum(strata_compared.weight) * sum(strata_compared.weight)) as variance,
        count(*) as stages,
        sum(1 / strata_compared.variance_own) as precisions,
        sum(1 / (strata_compared.variance_own * strata_compared.variance_own)) as precisions_squared,
        sum(strata_compared.difference_own / strata_compared.variance_own) as differences_weighed,
        sum(strata_compared.difference_own * strata_compared.difference_own / strata_compared.variance_own)
            as squares_weighed
    from strata_compared
    group by all
),

-- By how much stages differ beyond chance (DerSimonian and Laird, 1986): not at all where they do not.
spreads as (
    select
        pooled_differences.*,
        case
            when pooled_differences.stages > 1
                then greatest(
                    0,
                    (
                        pooled_differences.squares_weighed
                        - pooled_differences.differences_weighed * pooled_differences.differences_weighed
                        / pooled_differences.precisions
                        - (pooled_differences.stages - 1)
                    )
                    / (
                        pooled_differences.precisions
                        - pooled_differences.precisions_squared / pooled_differences.precisions
                    )
                )
            else 0
        end as spread
    from pooled_differences
),

-- What a stage's own cases weigh beside all stages' grows with their number and with how much stages differ.
strata_weighed as (
    select
        strata.*,
        coalesce(spreads.spread / (spreads.spread + strata_compared.variance_own), 0) as own_weight,
        strata_compared.difference_own,
        strata_compared.variance_own,
        spreads.difference as difference_of_all,
        spreads.variance as variance_of_all,
        spreads.spread
    from strata
    left join strata_compared
        on
            strata.entity_kind = strata_compared.entity_kind
            and strata.flag = strata_compared.flag
            and strata.pipeline_purpose is not distinct from strata_compared.pipeline_purpose
            and strata.stage = strata_compared.stage
            and strata.age_band is not distinct from strata_compared.age_band
    left join spreads on strata.entity_kind = spreads.entity_kind and strata.flag = spreads.flag
),

strata_shrunk as (
    select
        entity_kind,
        flag,
        pipeline_purpose,
        stage,
        age_band,
        cases_with,
        reached_with,
        cases_without,
        reached_without,
        own_weight,
        difference_of_all + own_weight * (coalesce(difference_own, 0) - difference_of_all) as difference,
        coalesce(spread * variance_own / (spread + variance_own), spread)
        + (1 - own_weight) * (1 - own_weight) * variance_of_all as variance
    from strata_weighed
),

together as (
    select * from strata_shrunk
    union all
    select
        pooled.entity_kind,
        pooled.flag,
        null as pipeline_purpose,
        null as stage,
        null as age_band,
        pooled.cases_with,
        pooled.reached_with,
        pooled.cases_without,
        pooled.reached_without,
        null as own_weight,
        spreads.difference,
        spreads.variance
    from pooled
    left join spreads on pooled.entity_kind = spreads.entity_kind and pooled.flag = spreads.flag
),

judged as (
    select
        together.*,
        case
            when pooled.cases_with + pooled.cases_without = 0 then 'no_history'
            when pooled.cases_with < 20 or pooled.cases_without < 20 or together.difference is null
                then 'not_enough_history'
            when together.difference + 1.959963984540054 * sqrt(together.variance) < 0 then 'less_often'
            when together.difference - 1.959963984540054 * sqrt(together.variance) > 0 then 'more_often'
            else 'not_told_apart'
        end as association
    from together
    inner join pooled on together.entity_kind = pooled.entity_kind and together.flag = pooled.flag
),

final as (
    select
        concat_ws(
            ':',
            judged.entity_kind, judged.flag, judged.pipeline_purpose, coalesce(judged.stage, 'all'), judged.age_band
        ) as association_key,
        judged.entity_kind,
        judged.flag,
        judged.pipeline_purpose,
        judged.stage,
        judged.age_band,
        judged.association,
        cast(judged.cases_with as bigint) as cases_with,
        cast(judged.reached_with as bigint) as reached_with,
        cast(judged.cases_without as bigint) as cases_without,
        cast(judged.reached_without as bigint) as reached_without,
        {{ ratio('judged.reached_with', 'judged.cases_with') }} as rate_with,
        {{ ratio('judged.reached_without', 'judged.cases_without') }} as rate_without,
        {%- for name, value in [
            ('own_weight', 'judged.own_weight'),
            ('difference', 'judged.difference'),
            ('difference_low', 'judged.difference - 1.959963984540054 * sqrt(judged.variance)'),
            ('difference_high', 'judged.difference + 1.959963984540054 * sqrt(judged.variance)'),
        ] %}
        cast(
            case when judged.association in ('less_often', 'more_often', 'not_told_apart') then {{ value }} end
            as decimal(18, 9)
        ) as {{ name }},
        {%- endfor %}
        judged.stage is null as is_of_all_stages,
        run_context.as_of
    from judged
    cross join run_context
)

select * from final
