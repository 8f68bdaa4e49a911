with

contracts as (
    select * from {{ ref('int_contracts') }}
),

deals as (
    select * from {{ ref('fct_deals') }}
    where pipeline_purpose = 'renewal' and not is_excluded
),

activities as (
    select * from {{ ref('fct_activities') }}
    where is_past and is_completed and not is_excluded and account_key is not null
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

contracts_due as (
    select
        contracts.*,
        contracts.renewal_date - run_context.as_of as days_to_renewal
    from contracts
    cross join run_context
    where
        contracts.start_date <= run_context.as_of
        and coalesce(contracts.end_date, run_context.as_of) >= run_context.as_of
        and contracts.renewal_date > run_context.as_of
        and contracts.renewal_date <= run_context.as_of + 90
),

-- A signed contract that begins where this one ends, or within a month of it.
contracts_followed as (
    select distinct contracts_due.contract_key
    from contracts_due
    inner join contracts
        on
            contracts_due.customer_key = contracts.customer_key
            and contracts_due.contract_key <> contracts.contract_key
            and contracts_due.renewal_date <= contracts.start_date
            and contracts_due.renewal_date + 31 >= contracts.start_date
),

renewal_deals as (
    select
        deals.account_key,
        max_by(deals.deal_key, (deals.created_at, deals.deal_key)) filter (where deals.status = 'open')
            as open_deal_key,
        bool_or(deals.status = 'lost' and deals.close_day > run_context.as_of - 180) as is_lost_lately
    from deals
    cross join run_context
    where deals.account_key is not null
    group by all
),

last_activities as (
    select
        activities.account_key,
        max(activities.occurred_date) as last_activity_date
    from activities
    group by all
),

contracts_judged as (
    select
        contracts_due.*,
        renewal_deals.open_deal_key,
        last_activities.last_activity_date,
        contracts_followed.contract_key is not null as is_renewed,
        contracts_due.notice_date is not null as is_notice_given,
        renewal_deals.open_deal_key is null and coalesce(renewal_deals.is_lost_lately, false) as is_renewal_lost,
        renewal_deals.open_deal_key is null as is_without_renewal_deal,
        coalesce(last_activities.last_activity_date < run_context.as_of - 60, true) as is_idle
    from contracts_due
    cross join run_context
    left join contracts_followed on contracts_due.contract_key = contracts_followed.contract_key
    left join renewal_deals on contracts_due.account_key = renewal_deals.account_key
    left join last_activities on contracts_due.account_key = last_activities.account_key
),

final as (
    select
        contracts_judged.contract_key,
        contracts_judged.customer_key,
        contracts_judged.account_key,
        contracts_judged.owner_key,
        contracts_judged.open_deal_key as renewal_deal_key,
        contracts_judged.contract_id,
        contracts_judged.account_name,
        contracts_judged.segment,
        contracts_judged.currency,
        case
            when contracts_judged.is_renewed then 'green'
            when contracts_judged.is_notice_given or contracts_judged.is_renewal_lost then 'red'
            when contracts_judged.is_without_renewal_deal or contracts_judged.is_idle then 'amber'
            else 'green'
        end as health,
        case
            when contracts_judged.days_to_renewal <= 30 then 30
            when contracts_judged.days_to_renewal <= 60 then 60
            else 90
        end as due_within_days,
        cast(contracts_judged.days_to_renewal as bigint) as days_to_renewal,
        contracts_judged.mrr,
        contracts_judged.mrr_reporting,
        cast(contracts_judged.mrr_reporting * 12 as decimal(18, 2)) as arr_reporting,
        contracts_judged.is_renewed,
        contracts_judged.is_notice_given,
        contracts_judged.is_renewal_lost,
        contracts_judged.is_without_renewal_deal,
        contracts_judged.is_idle,
        contracts_judged.start_date,
        contracts_judged.end_date,
        contracts_judged.renewal_date,
        contracts_judged.notice_date,
        contracts_judged.last_activity_date
    from contracts_judged
)

select * from final
