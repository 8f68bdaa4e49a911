{#-
    The figures of months that had ended when the baseline was released, where they are not what it
    said. Two steps: what our code, settings and mappings have changed is the baseline's own day and
    watermark, built again, against what it has sealed; what the sources have changed is this release
    against that. Both are split by record and cause and sum to the whole.
-#}
{%- set steps = [
    ('definition', 'figures_sealed', 'figures_rebuilt'),
    ('sources', 'figures_between', 'closed_figures'),
] -%}
{%- set sides = [('old', 'baseline_figures'), ('new', 'closed_figures')] -%}
{%- set states = [
    'survivor_key', 'status', 'left_out_reason', 'currency', 'amount', 'rate_to_reporting',
    'amount_reporting', 'is_counted', 'period_start', 'figure_day',
] -%}

with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

baseline as (
    select
        listed.release as baseline_release,
        listed.is_rebuilt,
        least(listed.as_of, run_context.as_of) as closed_to
    from {{ source('run', 'baseline') }} as listed
    cross join run_context
),

baseline_figures as (
    select * from {{ source('run', 'baseline_figures') }}
),

-- The two sides of the first step, empty where there is nothing to compare.
figures_sealed as (
    select baseline_figures.*
    from baseline_figures
    inner join baseline on baseline.is_rebuilt
),

figures_rebuilt as (
    select rebuilt_figures.*
    from {{ source('run', 'rebuilt_figures') }} as rebuilt_figures
    inner join baseline on baseline.is_rebuilt
),

-- What the baseline would have said with today's code, settings and mappings.
figures_between as (
    select figures_rebuilt.*
    from figures_rebuilt
    union all
    select baseline_figures.*
    from baseline_figures
    inner join baseline on not baseline.is_rebuilt
),

closed_figures as (
    select closed_figures.*
    from {{ ref('fct_closed_figures') }} as closed_figures
    cross join baseline
),

-- A kind of figure that the baseline did not know yet is new, not restated.
families_new as (
    select figures_rebuilt.family
    from figures_rebuilt
    anti join figures_sealed on figures_rebuilt.family = figures_sealed.family
    group by all
),

measures as (
    select listed.*
    from (
        values
        ('won_amount', 'outcome', 'won', true),
        ('won_deals', 'outcome', 'won', false),
        ('lost_deals', 'outcome', 'lost', false),
        ('leads_created', 'creation', 'created', false),
        ('mqls', 'qualification', 'qualified', false),
        ('spend', 'spend', 'spent', true)
    ) as listed (measure, family, status, is_amount)
    anti join families_new on listed.family = families_new.family
),

{% for step, earlier, later in steps -%}
changed_by_{{ step }} as (
    select
        '{{ step }}' as step,
        coalesce(earlier.figure_key, later.figure_key) as figure_key,
        coalesce(earlier.record_key, later.record_key) as record_key,
        {%- for state in states %}
        earlier.{{ state }} as old_{{ state }},
        later.{{ state }} as new_{{ state }},
        {%- endfor %}
        coalesce(earlier.family, later.family) as family
    from {{ earlier }} as earlier
    full outer join {{ later }} as later on earlier.figure_key = later.figure_key
    where
        earlier.is_counted is distinct from later.is_counted
        or earlier.status is distinct from later.status
        or earlier.period_start is distinct from later.period_start
        or earlier.amount_reporting is distinct from later.amount_reporting
),

{% endfor -%}
changed as (
    select * from changed_by_definition
    union all
    select * from changed_by_sources
),

-- Each change touches the figure that the record was part of and the one that it is part of.
figures_touched as (
    select
        changed.step,
        changed.figure_key,
        measures.measure,
        measures.status as counted_status,
        measures.is_amount,
        changed.old_period_start as period_start
    from changed
    inner join measures on changed.family = measures.family and changed.old_status = measures.status
    where changed.old_is_counted
    union
    select
        changed.step,
        changed.figure_key,
        measures.measure,
        measures.status as counted_status,
        measures.is_amount,
        changed.new_period_start as period_start
    from changed
    inner join measures on changed.family = measures.family and changed.new_status = measures.status
    where changed.new_is_counted
),

changes as (
    select
        changed.*,
        figures_touched.measure,
        figures_touched.is_amount,
        figures_touched.period_start,
        coalesce(
            changed.old_is_counted
            and changed.old_status = figures_touched.counted_status
            and changed.old_period_start = figures_touched.period_start,
            false
        ) as was_in,
        coalesce(
            changed.new_is_counted
            and changed.new_status = figures_touched.counted_status
            and changed.new_period_start = figures_touched.period_start,
            false
        ) as is_in
    from changed
    inner join figures_touched
        on changed.step = figures_touched.step and changed.figure_key = figures_touched.figure_key
    inner join baseline on last_day(figures_touched.period_start) <= baseline.closed_to
),

changes_valued as (
    select
        changes.*,
        case
            when not changes.was_in then 0
            when changes.is_amount then coalesce(changes.old_amount_reporting, 0)
            else 1
        end as old_value,
        case
            when not changes.is_in then 0
            when changes.is_amount then coalesce(changes.new_amount_reporting, 0)
            else 1
        end as new_value,
        case
            when changes.family = 'spend'
                then {{ converted('changes.new_amount', 'changes.old_rate_to_reporting', 6) }}
            else {{ converted('changes.new_amount', 'changes.old_rate_to_reporting') }}
        end as new_amount_at_old_rate
    from changes
),

-- What another rate has done to an amount that is worth telling apart from its edit.
changes_split as (
    select
        changes_valued.*,
        coalesce(changes_valued.old_figure_day, date '9999-12-31')
        <> coalesce(changes_valued.new_figure_day, date '9999-12-31') as is_redated,
        cast(changes_valued.new_value - changes_valued.old_value as decimal(24, 6)) as difference,
        cast(case
            when not (changes_valued.is_amount and changes_valued.was_in and changes_valued.is_in)
                then 0
            when changes_valued.old_currency is distinct from changes_valued.new_currency then 0
            when changes_valued.old_amount is not distinct from changes_valued.new_amount
                then changes_valued.new_value - changes_valued.old_value
            when
                changes_valued.old_rate_to_reporting
                is not distinct from changes_valued.new_rate_to_reporting
                then 0
            else coalesce(changes_valued.new_value - changes_valued.new_amount_at_old_rate, 0)
        end as decimal(24, 6)) as difference_by_rate
    from changes_valued
),

survivors as (
    select
        changed_by_sources.family,
        changed_by_sources.new_survivor_key as record_key
    from changed_by_sources
    where
        changed_by_sources.new_status = 'merged'
        and changed_by_sources.old_status is distinct from 'merged'
    group by all
),

changes_explained as (
    select
        changes_split.measure,
        changes_split.period_start,
        changes_split.record_key,
        changes_split.family,
        case
            when changes_split.step = 'definition' then 'definition_change'
            -- Who took another record over has changed by that, whatever else it shows.
            when
                changes_split.old_status = 'merged'
                or changes_split.new_status = 'merged'
                or survivors.record_key is not null
                then 'merge'
            when changes_split.family = 'spend' then 'late_ad_cost'
            when changes_split.was_in and changes_split.is_in then 'amount_edit'
            when changes_split.was_in and changes_split.new_status is null then 'delete'
            when changes_split.was_in and changes_split.new_left_out_reason = 'deleted' then 'delete'
            when changes_split.is_in and changes_split.old_left_out_reason = 'deleted' then 'restore'
            when changes_split.is_in and changes_split.old_status is null
                then case changes_split.new_status
                    when 'won' then 'late_win'
                    when 'lost' then 'late_loss'
                    else 'late_record'
                end
            when changes_split.is_in and changes_split.new_status <> changes_split.old_status
                then case changes_split.new_status when 'won' then 'late_win' else 'late_loss' end
            when changes_split.was_in and changes_split.new_status <> changes_split.old_status
                then 'reopen'
            when
                changes_split.old_left_out_reason = 'pipeline'
                or changes_split.new_left_out_reason = 'pipeline'
                then 'pipeline_change'
            when changes_split.is_redated then 'date_edit'
            else 'exclusion_change'
        end as cause,
        changes_split.difference - changes_split.difference_by_rate as difference
    from changes_split
    left join survivors
        on
            changes_split.family = survivors.family
            and changes_split.record_key = survivors.record_key
    union all
    select
        changes_split.measure,
        changes_split.period_start,
        changes_split.record_key,
        changes_split.family,
        case
            when changes_split.step = 'definition' then 'definition_change'
            when changes_split.is_redated then 'date_edit'
            else 'exchange_rate'
        end as cause,
        changes_split.difference_by_rate as difference
    from changes_split
),

differences as (
    select
        changes_explained.measure,
        changes_explained.period_start,
        changes_explained.record_key,
        changes_explained.family,
        changes_explained.cause,
        sum(changes_explained.difference) as difference
    from changes_explained
    group by all
    having sum(changes_explained.difference) <> 0
),

figures_restated as (
    select
        differences.measure,
        differences.period_start
    from differences
    group by all
),

{% for side, figures in sides -%}
{{ side }}_values as (
    select
        measures.measure,
        figures.period_start,
        sum(
            case when measures.is_amount then coalesce(figures.amount_reporting, 0) else 1 end
        ) as figure
    from {{ figures }} as figures
    inner join measures on figures.family = measures.family and figures.status = measures.status
    inner join figures_restated
        on
            measures.measure = figures_restated.measure
            and figures.period_start = figures_restated.period_start
    where figures.is_counted
    group by all
),

{% endfor -%}
final as (
    select
        concat_ws(
            ':', differences.measure, differences.period_start, differences.cause,
            differences.record_key
        ) as restatement_key,
        differences.record_key,
        baseline.baseline_release,
        differences.measure,
        case differences.family
            when 'outcome' then 'deal'
            when 'spend' then 'campaign'
            else 'lead'
        end as record_kind,
        differences.cause,
        cast(coalesce(old_values.figure, 0) as decimal(24, 6)) as old_value,
        cast(coalesce(new_values.figure, 0) as decimal(24, 6)) as new_value,
        cast(differences.difference as decimal(24, 6)) as difference,
        differences.period_start
    from differences
    cross join baseline
    left join old_values
        on
            differences.measure = old_values.measure
            and differences.period_start = old_values.period_start
    left join new_values
        on
            differences.measure = new_values.measure
            and differences.period_start = new_values.period_start
)

select * from final
