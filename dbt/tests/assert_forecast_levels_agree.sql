-- What: for each period, method and part, owners and pipelines add up to the total, to the cent.
-- Why: a manager who adds up the owners and gets another figure believes none of them.
-- A returned row: a period, method and part of which a level differs from the total.
with

forecast as (
    select
        period_type,
        period_start,
        method,
        part,
        sum(expected) filter (where level = 'total') as total_expected,
        sum(expected) filter (where level = 'owner') as owners_expected,
        sum(expected) filter (where level = 'pipeline') as pipelines_expected
    from {{ ref('fct_forecast') }}
    group by all
)

select *
from forecast
where
    total_expected is distinct from owners_expected
    or total_expected is distinct from pipelines_expected
