{%- set levels = {
    'total': "'total'", 'team': 'team', 'owner': 'owner', 'segment': 'segment', 'pipeline': 'pipeline',
} -%}
with

results as (
    select * from {{ ref('int_forecast_results') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

-- A method speaks of a period only when it can speak of each of its months.
periods as (
    select
        method,
        period_type,
        period_start,
        period_end
    from results
    where result = 'period'
),

-- Some hold for all of a method's periods and name none.
notes as (
    select
        periods.method,
        periods.period_type,
        periods.period_start,
        string_agg(distinct results.code, ', ' order by results.code) as notes,
        min(results.value) filter (where results.code = 'few_wins') as wins
    from periods
    inner join results
        on
            results.result = 'note'
            and periods.method = results.method
            and coalesce(results.period_type, periods.period_type) = periods.period_type
            and coalesce(results.period_start, periods.period_start) = periods.period_start
            -- A twentieth of the series does not make it another method.
            and (results.code <> 'blended_with_series' or results.value >= 0.1)
    group by all
),

cells as (
    select
        method,
        part,
        owner,
        team,
        segment,
        pipeline,
        expected_cents,
        month_start
    from results
    where result = 'cell'
),

-- A handful of wins says what deals bring and not by how much that varies: no range is better than a narrow one.
intervals as (
    select
        results.method,
        results.period_type,
        results.period_start,
        results.level,
        results.member,
        results.target_cents,
        case when notes.wins < 5 then null else results.p10_cents end as p10_cents,
        case when notes.wins < 5 then null else results.p50_cents end as p50_cents,
        case when notes.wins < 5 then null else results.p90_cents end as p90_cents,
        case when notes.wins < 5 then null else results.chance_of_target end as chance_of_target
    from results
    left join notes
        on
            results.method = notes.method
            and results.period_type = notes.period_type
            and results.period_start = notes.period_start
    where results.result = 'interval'
),

parts as (
    select parts.part
    from (values ('won'), ('open'), ('not_created'), ('renewals')) as parts (part)
),

cells_of_periods as (
    select
        cells.*,
        periods.period_type,
        periods.period_start
    from cells
    inner join periods
        on
            cells.method = periods.method
            and cells.month_start between periods.period_start and periods.period_end
),

summed as (
    {%- for level, member in levels.items() %}
    select
        method,
        period_type,
        period_start,
        '{{ level }}' as level,
        {{ member }} as member,
        part,
        sum(expected_cents) as expected_cents
    from cells_of_periods
    group by all
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Whoever had a deal, also where nothing is expected of anybody.
members as (
    select distinct
        level,
        member
    from results
    where result = 'interval'
),

-- Every member has every part, if only as 0, so that a missing row is never taken for nothing expected.
rows_wanted as (
    select
        periods.*,
        members.level,
        members.member,
        parts.part
    from periods
    cross join parts
    cross join members
),

final as (
    select
        concat_ws(
            ':', run_context.as_of, rows_wanted.period_type, rows_wanted.period_start,
            rows_wanted.method, rows_wanted.level, rows_wanted.member, rows_wanted.part
        ) as forecast_key,
        rows_wanted.period_type,
        rows_wanted.method,
        rows_wanted.level,
        rows_wanted.member,
        case rows_wanted.level
            when 'total' then 'Total'
            when 'owner' then coalesce(owners.owner_name, 'Unassigned')
            else rows_wanted.member
        end as member_name,
        'bookings' as measure,
        rows_wanted.part,
        notes.notes,
        {{ from_cents('coalesce(summed.expected_cents, 0)') }} as expected,
        {{ from_cents('intervals.p10_cents') }} as p10,
        {{ from_cents('intervals.p50_cents') }} as p50,
        {{ from_cents('intervals.p90_cents') }} as p90,
        {{ from_cents('intervals.target_cents') }} as target_reporting,
        intervals.chance_of_target,
        run_context.as_of,
        rows_wanted.period_start,
        rows_wanted.period_end
    from rows_wanted
    cross join run_context
    left join summed
        on
            rows_wanted.method = summed.method
            and rows_wanted.period_type = summed.period_type
            and rows_wanted.period_start = summed.period_start
            and rows_wanted.level = summed.level
            and rows_wanted.member = summed.member
            and rows_wanted.part = summed.part
    left join intervals
        on
            rows_wanted.method = intervals.method
            and rows_wanted.period_type = intervals.period_type
            and rows_wanted.period_start = intervals.period_start
            and rows_wanted.level = intervals.level
            and rows_wanted.member = intervals.member
    left join notes
        on
            rows_wanted.method = notes.method
            and rows_wanted.period_type = notes.period_type
            and rows_wanted.period_start = notes.period_start
    left join owners on rows_wanted.level = 'owner' and rows_wanted.member = owners.owner_key
)

select * from final
