{#- What each model says that a channel brought, beside what was spent for it. A touch stands in the month in which it
    was, as the spend that bought it does; what nothing led to stands in the month of the conversion. -#}
with

attribution as (
    select * from {{ ref('fct_attribution') }}
),

ad_performance as (
    select * from {{ ref('fct_ad_performance_daily') }}
),

run_context as (
    select
        as_of,
        cast(as_of - interval 12 month + interval 1 day as date) as year_start
    from {{ source('run', 'run_context') }}
),

credits_dated as (
    select
        attribution.conversion_event,
        attribution.level,
        attribution.model,
        attribution.channel,
        attribution.credit,
        attribution.credited_amount_reporting,
        case when attribution.touch_key is null then attribution.conversion_date else attribution.touch_date end
            as day
    from attribution
),

credits_by_period as (
    select
        'month' as period_type,
        credits_dated.*,
        cast(date_trunc('month', credits_dated.day) as date) as period_start
    from credits_dated
    union all
    select
        'trailing_12_months' as period_type,
        credits_dated.*,
        run_context.year_start as period_start
    from credits_dated
    cross join run_context
    where credits_dated.day between run_context.year_start and run_context.as_of
),

credits_summed as (
    select
        period_type,
        conversion_event,
        level,
        model,
        channel,
        sum(credit) as conversions,
        coalesce(sum(credit) filter (where credited_amount_reporting is null), 0) as conversions_without_amount,
        sum(credited_amount_reporting) as amount_reporting,
        period_start
    from credits_by_period
    group by all
),

spend_summed as (
    select
        'month' as period_type,
        ad_performance.channel,
        sum(ad_performance.spend_reporting) as spend_reporting,
        cast(date_trunc('month', ad_performance.date_day) as date) as period_start
    from ad_performance
    group by all
    union all
    select
        'trailing_12_months' as period_type,
        ad_performance.channel,
        sum(ad_performance.spend_reporting) as spend_reporting,
        run_context.year_start as period_start
    from ad_performance
    cross join run_context
    where ad_performance.date_day between run_context.year_start and run_context.as_of
    group by all
),

compared as (
    select distinct
        conversion_event,
        level,
        model
    from attribution
),

-- Spend that brought nothing stands in the table too.
spend_of_models as (
    select
        spend_summed.*,
        compared.conversion_event,
        compared.level,
        compared.model
    from spend_summed
    cross join compared
),

joined as (
    select
        coalesce(credits_summed.period_type, spend_of_models.period_type) as period_type,
        coalesce(credits_summed.conversion_event, spend_of_models.conversion_event) as conversion_event,
        coalesce(credits_summed.level, spend_of_models.level) as level,
        coalesce(credits_summed.model, spend_of_models.model) as model,
        coalesce(credits_summed.channel, spend_of_models.channel) as channel,
        coalesce(credits_summed.conversions, 0) as conversions,
        coalesce(credits_summed.conversions_without_amount, 0) as conversions_without_amount,
        credits_summed.amount_reporting,
        spend_of_models.spend_reporting,
        case
            when credits_summed.channel is not null then credits_summed.period_start
            else spend_of_models.period_start
        end as period_start
    from credits_summed
    full outer join spend_of_models
        on
            credits_summed.period_type = spend_of_models.period_type
            and credits_summed.conversion_event = spend_of_models.conversion_event
            and credits_summed.level = spend_of_models.level
            and credits_summed.model = spend_of_models.model
            and credits_summed.channel = spend_of_models.channel
            and credits_summed.period_start = spend_of_models.period_start
),

-- Leads have no amount. What an opportunity may bring is no return yet.
final as (
    select
        joined.period_type,
        joined.conversion_event,
        joined.level,
        joined.model,
        joined.channel,
        cast(joined.conversions as decimal(18, 9)) as credited_conversions,
        cast(joined.conversions_without_amount as decimal(18, 9)) as conversions_without_amount,
        case
            when joined.conversion_event <> 'lead'
                then cast(coalesce(joined.amount_reporting, 0) as decimal(18, 2))
        end as credited_amount_reporting,
        cast(joined.spend_reporting as decimal(18, 6)) as spend_reporting,
        -- What is left to a touch long before, a millionth of a win, has no price.
        case
            when joined.conversions >= 0.01
                then {{ ratio('joined.spend_reporting', 'joined.conversions', 6) }}
        end as cost_per_conversion,
        case
            when joined.conversion_event = 'won'
                then {{ ratio('coalesce(joined.amount_reporting, 0)', 'joined.spend_reporting') }}
        end as roas,
        joined.period_start
    from joined
)

select * from final
