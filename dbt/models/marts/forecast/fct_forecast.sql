with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

periods as (
    select * from {{ ref('int_forecast_periods') }}
),

months as (
    select * from {{ ref('int_forecast_months') }}
),

cells as (
    select * from {{ ref('int_forecast_cells') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

targets as (
    select * from {{ ref('fct_targets') }}
    where measure = 'bookings'
),

parts as (
    select parts.part
    from (values ('won'), ('open'), ('not_created'), ('renewals')) as parts (part)
),

methods as (
    select distinct method
    from months
),

-- A method speaks of a period only when it can speak of each of its months.
periods_by_method as (
    select
        periods.period_type,
        methods.method,
        periods.period_start,
        periods.period_end
    from periods
    cross join methods
    left join months
        on methods.method = months.method and periods.month_offset = months.month_offset
    group by all
    having count(*) = count(months.method)
),

cells_by_level as (
    select
        method,
        part,
        'total' as level,
        'total' as member,
        month_offset,
        expected
    from cells
    union all
    select
        method,
        part,
        'owner' as level,
        owner_member as member,
        month_offset,
        expected
    from cells
    union all
    select
        method,
        part,
        'pipeline' as level,
        pipeline_member as member,
        month_offset,
        expected
    from cells
),

members as (
    select distinct
        level,
        member
    from cells_by_level
),

-- Every member has every part, if only as 0, so that a missing row is never taken for nothing expected.
rows_wanted as (
    select
        periods_by_method.*,
        members.level,
        members.member,
        parts.part
    from periods_by_method
    cross join parts
    cross join members
),

expected_summed as (
    select
        periods.period_type,
        cells_by_level.method,
        cells_by_level.level,
        cells_by_level.member,
        cells_by_level.part,
        sum(cells_by_level.expected) as expected,
        periods.period_start
    from cells_by_level
    inner join periods on cells_by_level.month_offset = periods.month_offset
    group by all
),

-- A quarter's target is that of all of its months, also of those that the forecast does not speak of any more.
months_of_periods as (
    select distinct
        periods.period_type,
        periods.period_start,
        cast(periods.period_start + to_months(months_later.month_no) as date) as month_start
    from periods
    inner join (values (0), (1), (2)) as months_later (month_no)
        on periods.period_type = 'quarter' or months_later.month_no = 0
),

targets_summed as (
    select
        months_of_periods.period_type,
        case targets.level when 'company' then 'total' else targets.level end as level,
        case targets.level when 'company' then 'total' else targets.member end as member,
        sum(targets.amount_reporting) as target_reporting,
        count(*) as months,
        months_of_periods.period_start
    from months_of_periods
    inner join targets on months_of_periods.month_start = targets.period_start
    where targets.level in ('company', 'owner')
    group by all
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
        cast(coalesce(expected_summed.expected, 0) as decimal(18, 2)) as expected,
        cast(null as decimal(18, 2)) as p10,
        cast(null as decimal(18, 2)) as p50,
        cast(null as decimal(18, 2)) as p90,
        -- Of the whole period; a quarter of which a month has no target has none.
        cast(
            case
                when
                    targets_summed.months
                    = case rows_wanted.period_type when 'quarter' then 3 else 1 end
                    then targets_summed.target_reporting
            end
            as decimal(18, 2)
        ) as target_reporting,
        cast(null as decimal(18, 9)) as chance_of_target,
        run_context.as_of,
        rows_wanted.period_start,
        rows_wanted.period_end
    from rows_wanted
    cross join run_context
    left join expected_summed
        on
            rows_wanted.period_type = expected_summed.period_type
            and rows_wanted.period_start = expected_summed.period_start
            and rows_wanted.method = expected_summed.method
            and rows_wanted.level = expected_summed.level
            and rows_wanted.member = expected_summed.member
            and rows_wanted.part = expected_summed.part
    left join owners on rows_wanted.level = 'owner' and rows_wanted.member = owners.owner_key
    left join targets_summed
        on
            rows_wanted.period_type = targets_summed.period_type
            and rows_wanted.period_start = targets_summed.period_start
            and rows_wanted.level = targets_summed.level
            and rows_wanted.member = targets_summed.member
)

select * from final
