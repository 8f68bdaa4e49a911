{#-
    What each record adds to the figures of a month, or why nothing: narrow and stable, because later
    releases, made by other code, are set against what an earlier one has sealed here. Records that
    count nowhere are rows too, so that a comparison can tell why a record no longer counts.
-#}
with

deals as (
    select
        deal_key,
        pipeline_purpose,
        status,
        currency,
        exclusion_reason,
        amount,
        amount_reporting,
        close_day
    from {{ ref('fct_deals') }}
),

leads as (
    select
        lead_key,
        exclusion_reason,
        created_date,
        mql_at
    from {{ ref('fct_leads') }}
),

ad_days as (
    select
        campaign_key,
        currency,
        spend,
        spend_reporting,
        date_day
    from {{ ref('fct_ad_performance_daily') }}
),

survivors as (
    select
        source_system,
        merged_id,
        survivor_id,
        object
    from {{ ref('int_survivors') }}
    -- The contacts of a source that keeps no leads are its leads.
    where object = 'deal' or (object = 'contact' and {{ contacts_are_leads('source_system') }})
),

rates as (
    select
        currency,
        rate_to_reporting,
        rate_date
    from {{ ref('int_rates_daily') }}
),

run_context as (
    select
        as_of,
        reporting_timezone
    from {{ source('run', 'run_context') }}
),

outcomes as (
    select
        'outcome' as family,
        deals.deal_key as record_key,
        cast(null as text) as survivor_key,
        deals.status,
        case
            when deals.exclusion_reason is not null then deals.exclusion_reason
            when deals.status = 'open' then 'open'
            when
                deals.pipeline_purpose is null
                or deals.pipeline_purpose not in ('new_business', 'renewal', 'upsell')
                then 'pipeline'
            when deals.close_day is null then 'undated'
        end as left_out_reason,
        deals.currency,
        deals.amount,
        rates.rate_to_reporting,
        deals.amount_reporting,
        case when deals.status <> 'open' then deals.close_day end as figure_day
    from deals
    cross join run_context
    left join rates
        on
            deals.currency = rates.currency
            and least(coalesce(deals.close_day, run_context.as_of), run_context.as_of)
            = rates.rate_date
    -- What merged records say stands below, whatever they were.
    where deals.exclusion_reason is distinct from 'merged'
),

creations as (
    select
        'creation' as family,
        leads.lead_key as record_key,
        null as survivor_key,
        'created' as status,
        case
            when leads.exclusion_reason is not null then leads.exclusion_reason
            when leads.created_date is null then 'undated'
        end as left_out_reason,
        null as currency,
        null as amount,
        null as rate_to_reporting,
        null as amount_reporting,
        leads.created_date as figure_day
    from leads
),

qualifications as (
    select
        'qualification' as family,
        leads.lead_key as record_key,
        null as survivor_key,
        'qualified' as status,
        leads.exclusion_reason as left_out_reason,
        null as currency,
        null as amount,
        null as rate_to_reporting,
        null as amount_reporting,
        {{ day_in_zone('leads.mql_at', 'run_context.reporting_timezone') }} as figure_day
    from leads
    cross join run_context
    where leads.mql_at is not null
),

-- The parts of a campaign's day, at the one rate of that day.
spend_days as (
    select
        'spend' as family,
        ad_days.campaign_key as record_key,
        null as survivor_key,
        'spent' as status,
        null as left_out_reason,
        any_value(ad_days.currency) as currency,
        sum(ad_days.spend) as amount,
        any_value(rates.rate_to_reporting) as rate_to_reporting,
        sum(ad_days.spend_reporting) as amount_reporting,
        ad_days.date_day as figure_day
    from ad_days
    left join rates on ad_days.currency = rates.currency and ad_days.date_day = rates.rate_date
    group by ad_days.campaign_key, ad_days.date_day
),

merged_away as (
    select
        families.family,
        survivors.source_system || ':' || survivors.merged_id as record_key,
        survivors.source_system || ':' || survivors.survivor_id as survivor_key,
        'merged' as status,
        'merged' as left_out_reason,
        null as currency,
        null as amount,
        null as rate_to_reporting,
        null as amount_reporting,
        null as figure_day
    from survivors
    inner join (values ('deal', 'outcome'), ('contact', 'creation'), ('contact', 'qualification'))
        as families (object, family)
        on survivors.object = families.object
),

records_united as (
    select * from outcomes
    union all
    select * from creations
    union all
    select * from qualifications
    union all
    select * from spend_days
    union all
    select * from merged_away
),

final as (
    select
        case
            when records_united.family = 'spend'
                then concat_ws(
                    ':', records_united.family, records_united.record_key, records_united.figure_day
                )
            else records_united.family || ':' || records_united.record_key
        end as figure_key,
        records_united.record_key,
        records_united.survivor_key,
        records_united.family,
        records_united.status,
        records_united.left_out_reason,
        records_united.currency,
        cast(records_united.amount as decimal(18, 6)) as amount,
        cast(records_united.rate_to_reporting as decimal(18, 9)) as rate_to_reporting,
        cast(records_united.amount_reporting as decimal(18, 6)) as amount_reporting,
        records_united.left_out_reason is null as is_counted,
        coalesce(
            records_united.left_out_reason is null
            and last_day(records_united.figure_day) <= run_context.as_of,
            false
        ) as is_closed,
        cast(date_trunc('month', records_united.figure_day) as date) as period_start,
        cast(records_united.figure_day as date) as figure_day
    from records_united
    cross join run_context
)

select * from final
