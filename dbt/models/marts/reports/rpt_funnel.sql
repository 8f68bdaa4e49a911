with

run_context as (
    select
        as_of,
        as_of_end
    from {{ source('run', 'run_context') }}
),

funnel_stages as (
    select
        funnel,
        stage,
        dimension,
        member,
        entities_entered as entered,
        entities_progressed as progressed,
        entities_exited as exited,
        entities_open as still_open,
        entry_month
    from {{ ref('fct_funnel_stages') }}
    where dimension <> 'channel'
),

-- The first stay of what a migration brought begins with the migration.
deals as (
    select
        deal_key,
        segment,
        status,
        closed_at
    from {{ ref('fct_deals') }}
    where not is_excluded and not is_imported and pipeline_purpose = 'new_business'
),

deal_visits as (
    select
        deal_key,
        stage,
        days_in_stage,
        is_completed,
        is_in_velocity,
        entered_at,
        exited_at
    from {{ ref('fct_deal_stage_visits') }}
    where entered_at is not null
),

counted_leads as (
    select
        lead_key,
        account_key,
        customer_at,
        exited_at
    from {{ ref('fct_leads') }}
    where not is_excluded and not is_imported
),

accounts as (
    select
        account_key,
        segment
    from {{ ref('dim_accounts') }}
),

lead_visits as (
    select
        lead_key,
        stage,
        days_in_stage,
        is_open,
        entered_at,
        exited_at
    from {{ ref('fct_lead_stages') }}
    where entered_at is not null
),

stages as (
    select
        canonical_stages.funnel,
        canonical_stages.stage,
        canonical_stages.stage_order,
        canonical_stages.is_last
    from (
        values
        ('lead', 'suspect', 1, false),
        ('lead', 'lead', 2, false),
        ('lead', 'mql', 3, false),
        ('lead', 'sql_lead', 4, false),
        ('lead', 'opportunity', 5, false),
        ('lead', 'customer', 6, true),
        ('deal', 'prospecting', 1, false),
        ('deal', 'qualification', 2, false),
        ('deal', 'meeting', 3, false),
        ('deal', 'proposal', 4, false),
        ('deal', 'negotiation', 5, false),
        ('deal', 'closing', 6, false),
        ('deal', 'won', 7, true)
    ) as canonical_stages (funnel, stage, stage_order, is_last)
),

leads as (
    select
        counted_leads.lead_key,
        coalesce(accounts.segment, 'unknown') as segment,
        counted_leads.customer_at,
        counted_leads.exited_at
    from counted_leads
    left join accounts on counted_leads.account_key = accounts.account_key
),

-- The total and each account segment beside it.
dimensions as (
    select unnest(['all', 'segment']) as dimension
),

-- From the first entry to a stage to any end of the deal or lead; what has not ended is censored.
first_entries as (
    select
        'deal' as funnel,
        deal_visits.deal_key as entity_key,
        deal_visits.stage,
        deals.segment,
        any_value(case when deals.status in ('won', 'lost') then deals.closed_at end) as ended_at,
        min(deal_visits.entered_at) as entered_at
    from deal_visits
    inner join deals on deal_visits.deal_key = deals.deal_key
    group by all
    union all
    select
        'lead' as funnel,
        lead_visits.lead_key as entity_key,
        lead_visits.stage,
        leads.segment,
        any_value(coalesce(leads.customer_at, leads.exited_at)) as ended_at,
        min(lead_visits.entered_at) as entered_at
    from lead_visits
    inner join leads on lead_visits.lead_key = leads.lead_key
    group by all
),

durations as (
    select
        first_entries.funnel,
        first_entries.stage,
        dimensions.dimension,
        case dimensions.dimension when 'segment' then first_entries.segment else 'all' end as member,
        first_entries.ended_at is not null as has_ended,
        {{ days_between(
            'first_entries.entered_at',
            'coalesce(first_entries.ended_at, run_context.as_of_end)'
        ) }} as lasted_days
    from first_entries
    cross join run_context
    cross join dimensions
    where first_entries.ended_at is null or first_entries.ended_at >= first_entries.entered_at
),

survival as (
    {{ survival('durations', ['funnel', 'stage', 'dimension', 'member'], days='lasted_days', ended='has_ended') }}
),

survival_p90 as (
    select
        funnel,
        stage,
        dimension,
        member,
        {{ days_until_left(0.1) }} as p90_days
    from survival
    group by funnel, stage, dimension, member
),

-- Where more than a tenth never ends, no age would ever do: then nine tenths of those that did end.
ended_p90 as (
    select
        funnel,
        stage,
        dimension,
        member,
        quantile_cont(lasted_days, 0.9) as p90_days
    from durations
    where has_ended
    group by funnel, stage, dimension, member
),

maturity_ages as (
    select
        ended_p90.funnel,
        ended_p90.stage,
        ended_p90.dimension,
        ended_p90.member,
        coalesce(survival_p90.p90_days, ended_p90.p90_days) as p90_days_to_outcome
    from ended_p90
    left join survival_p90
        on
            ended_p90.funnel = survival_p90.funnel
            and ended_p90.stage = survival_p90.stage
            and ended_p90.dimension = survival_p90.dimension
            and ended_p90.member = survival_p90.member
),

cohorts_judged as (
    select
        cohorts.*,
        maturity_ages.p90_days_to_outcome,
        cohorts.entry_month > date_trunc('month', run_context.as_of) - interval 12 month
            as is_recent,
        coalesce(
            last_day(cohorts.entry_month)
            + cast(ceil(maturity_ages.p90_days_to_outcome) as integer) <= run_context.as_of,
            false
        ) as is_mature
    from funnel_stages as cohorts
    cross join run_context
    left join maturity_ages
        on
            cohorts.funnel = maturity_ages.funnel
            and cohorts.stage = maturity_ages.stage
            and cohorts.dimension = maturity_ages.dimension
            and cohorts.member = maturity_ages.member
),

cohorts_ranked as (
    select
        *,
        row_number() over (
            partition by funnel, stage, dimension, member, is_mature, entry_month is null
            order by entry_month desc
        ) as months_ago
    from cohorts_judged
),

dated as (
    select
        funnel,
        stage,
        dimension,
        member,
        'dated' as cohort_basis,
        max(p90_days_to_outcome) as p90_days_to_outcome,
        sum(entered) filter (where is_recent) as entered,
        sum(progressed) filter (where is_recent) as progressed,
        sum(exited) filter (where is_recent) as exited,
        sum(still_open) filter (where is_recent) as still_open,
        sum(entered) filter (where is_mature and months_ago <= 12) as mature_entered,
        sum(progressed) filter (where is_mature and months_ago <= 12) as mature_progressed,
        sum(entered) filter (where is_recent and not is_mature) as young_entered,
        sum(progressed) filter (where is_recent and not is_mature) as young_progressed,
        min(entry_month) filter (where is_mature and months_ago <= 12) as mature_from,
        max(entry_month) filter (where is_mature and months_ago <= 12) as mature_to
    from cohorts_ranked
    where entry_month is not null
    group by funnel, stage, dimension, member
),

-- Without dates there is no age: today's state of all records is what can be said.
undated as (
    select
        funnel,
        stage,
        dimension,
        member,
        'undated' as cohort_basis,
        null as p90_days_to_outcome,
        sum(entered) as entered,
        sum(progressed) as progressed,
        sum(exited) as exited,
        sum(still_open) as still_open,
        sum(entered) as mature_entered,
        sum(progressed) as mature_progressed,
        null as young_entered,
        null as young_progressed,
        null as mature_from,
        null as mature_to
    from cohorts_ranked
    where entry_month is null
    group by funnel, stage, dimension, member
),

rows_united as (
    select * from dated
    union all
    select * from undated
),

completed_stays as (
    select
        'deal' as funnel,
        deal_visits.stage,
        dimensions.dimension,
        case dimensions.dimension when 'segment' then deals.segment else 'all' end as member,
        median(deal_visits.days_in_stage) as median_days
    from deal_visits
    inner join deals on deal_visits.deal_key = deals.deal_key
    cross join run_context
    cross join dimensions
    where
        deal_visits.is_completed
        and deal_visits.is_in_velocity
        and deal_visits.exited_at >= run_context.as_of_end - interval 12 month
    group by all
    union all
    select
        'lead' as funnel,
        lead_visits.stage,
        dimensions.dimension,
        case dimensions.dimension when 'segment' then leads.segment else 'all' end as member,
        median(lead_visits.days_in_stage) as median_days
    from lead_visits
    inner join leads on lead_visits.lead_key = leads.lead_key
    cross join run_context
    cross join dimensions
    where
        not lead_visits.is_open
        and lead_visits.exited_at >= run_context.as_of_end - interval 12 month
    group by all
),

final as (
    select
        rows_united.funnel,
        rows_united.stage,
        rows_united.dimension,
        rows_united.member,
        rows_united.cohort_basis,
        stages.stage_order,
        cast(coalesce(rows_united.entered, 0) as bigint) as entities_entered,
        cast(coalesce(rows_united.progressed, 0) as bigint) as entities_progressed,
        cast(coalesce(rows_united.exited, 0) as bigint) as entities_exited,
        cast(coalesce(rows_united.still_open, 0) as bigint) as entities_open,
        cast(coalesce(rows_united.mature_entered, 0) as bigint) as mature_entered,
        cast(coalesce(rows_united.mature_progressed, 0) as bigint) as mature_progressed,
        case
            when not stages.is_last
                then {{ ratio('rows_united.mature_progressed', 'rows_united.mature_entered') }}
        end as conversion_rate,
        case
            when not stages.is_last
                then
                    {{ wilson_low('rows_united.mature_progressed', 'rows_united.mature_entered') }}
        end as wilson_low,
        case
            when not stages.is_last
                then
                    {{ wilson_high('rows_united.mature_progressed', 'rows_united.mature_entered') }}
        end as wilson_high,
        cast(coalesce(rows_united.young_entered, 0) as bigint) as young_entered,
        cast(coalesce(rows_united.young_progressed, 0) as bigint) as young_progressed,
        case
            when not stages.is_last
                then {{ ratio('rows_united.young_progressed', 'rows_united.young_entered') }}
        end as young_conversion_rate,
        cast(rows_united.p90_days_to_outcome as decimal(18, 6)) as p90_days_to_outcome,
        cast(
            case when rows_united.cohort_basis = 'dated' then completed_stays.median_days end
            as decimal(18, 6)
        ) as median_days_completed,
        stages.is_last,
        cast(rows_united.mature_from as date) as mature_from,
        cast(rows_united.mature_to as date) as mature_to
    from rows_united
    inner join stages
        on rows_united.funnel = stages.funnel and rows_united.stage = stages.stage
    left join completed_stays
        on
            rows_united.funnel = completed_stays.funnel
            and rows_united.stage = completed_stays.stage
            and rows_united.dimension = completed_stays.dimension
            and rows_united.member = completed_stays.member
)

select * from final
