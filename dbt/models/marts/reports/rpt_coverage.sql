with

coverage as (
    select
        *,
        row_number() over (
            partition by period_type
            order by period_start desc
        ) as periods_ago
    from {{ ref('fct_coverage_pacing') }}
    where level = 'total'
),

-- The current period and the four before.
final as (
    select
        period_type,
        period_label,
        won_reporting,
        target_reporting,
        open_due,
        missing,
        coverage,
        is_current,
        same_day,
        period_start,
        period_end
    from coverage
    where periods_ago <= 5
)

select * from final
