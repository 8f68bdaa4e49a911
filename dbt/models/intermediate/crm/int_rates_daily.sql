{#-
    One row per currency and day with the rate at which an amount of that day is converted: the
    newest daily rate on or before it. The reporting currency has 1; a currency has no row before
    its first rate, so that what cannot be converted stays NULL and fails the test
    `assert_exchange_rates_are_complete`. Nothing after `as_of` is known.
-#}
with

rates as (
    {{ union_staged('rates') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

daily_rates as (
    select
        rates.currency,
        rates.rate_date,
        max_by(rates.rate_to_reporting, rates.version_order) as rate_to_reporting
    from rates
    cross join run_context
    where
        rates.kind = 'daily'
        and rates.rate_date <= run_context.as_of
        and rates.currency <> run_context.reporting_currency
    group by all
    union all
    select
        run_context.reporting_currency as currency,
        date '2000-01-01' as rate_date,
        cast(1 as decimal(18, 9)) as rate_to_reporting
    from run_context
),

rate_periods as (
    select
        daily_rates.currency,
        daily_rates.rate_to_reporting,
        daily_rates.rate_date as valid_from,
        lead(daily_rates.rate_date, 1, cast(run_context.as_of + interval 3 year as date)) over (
            partition by daily_rates.currency
            order by daily_rates.rate_date
        ) as valid_to
    from daily_rates
    cross join run_context
),

final as (
    select
        rate_periods.currency,
        rate_periods.rate_to_reporting,
        cast(unnest(generate_series(
            rate_periods.valid_from,
            cast(rate_periods.valid_to - interval 1 day as date),
            interval 1 day
        )) as date) as rate_date
    from rate_periods
)

select * from final
