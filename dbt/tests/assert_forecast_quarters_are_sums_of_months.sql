-- What: the next quarter's forecast is the sum of its months where the months are shown.
-- Why: months and quarters are computed from the same cells; a cent's difference would mean two
-- computations.
-- A returned row: a quarter, method, member and part that differs from its months.
with

forecast as (
    select * from {{ ref('fct_forecast') }}
),

months_of_quarters as (
    select
        quarters.forecast_key,
        quarters.expected,
        sum(months.expected) as months_expected,
        count(*) as months
    from forecast as quarters
    inner join forecast as months
        on
            months.period_type = 'month'
            and quarters.method = months.method
            and quarters.level = months.level
            and quarters.member = months.member
            and quarters.part = months.part
            and months.period_start between quarters.period_start and quarters.period_end
    where quarters.period_type = 'quarter'
    group by quarters.forecast_key, quarters.expected
)

select *
from months_of_quarters
where months = 3 and expected <> months_expected
