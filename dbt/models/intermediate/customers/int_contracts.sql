{#-
    One row per recurring contract that was signed by the end of `as_of`, with what recurs per month in the reporting
    currency at one rate for all time: the plan's rate of `as_of`, without one that of the day. Notices that were given
    later are not known yet. Customers are accounts; an account that no source knows stays a customer under its own id.
    Contracts of test accounts are left out. A past day has the customer that had landed for it, before the first landing
    who it is now.
-#}
with

contracts as (
    {{ union_staged('contracts') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

survivors as (
    select * from {{ ref('int_survivors') }}
    where object = 'account'
),

rates as (
    select * from {{ ref('int_rates_daily') }}
),

plan_rates as (
    select * from {{ ref('int_rates_plan') }}
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- Several files may tell the same contract: what landed later counts.
contracts_ranked as (
    select
        contracts.*,
        case contracts.amount_period when 'month' then 1 when 'quarter' then 3 else 12 end as period_months,
        row_number() over (
            partition by contracts.source_system, contracts.contract_id order by contracts.version_order desc
        ) as version_rank
    from contracts
),

told_by_the_day as (
    {{ told_by_the_day('contracts', 'contract_id', ['account_id', 'account_system']) }}
),

contracts_linked as (
    select
        contracts_ranked.* replace (
            {{ as_told('account_id', 'contracts_ranked') }} as account_id,
            coalesce(
                {{ as_told('account_system', 'contracts_ranked') }}, contracts_ranked.source_system
            ) as account_system
        )
    from contracts_ranked
    left join told_by_the_day
        on
            contracts_ranked.source_system = told_by_the_day.source_system
            and contracts_ranked.contract_id = told_by_the_day.contract_id
    where contracts_ranked.version_rank = 1
),

contracts_signed as (
    select
        contracts_linked.*,
        contracts_linked.account_system
        || ':'
        || coalesce(survivors.survivor_id, contracts_linked.account_id) as customer_key,
        -- Half a cent goes up; a quotient of decimals would be a double.
        cast(
            cast(
                (
                    2 * cast(contracts_linked.amount * 100 as hugeint) + contracts_linked.period_months
                ) // (2 * contracts_linked.period_months) as decimal(18, 0)
            ) * 0.01 as decimal(18, 2)
        ) as mrr
    from contracts_linked
    cross join run_context
    left join survivors
        on
            contracts_linked.account_system = survivors.source_system
            and contracts_linked.account_id = survivors.merged_id
    where coalesce(contracts_linked.signed_date, contracts_linked.start_date) <= run_context.as_of
),

final as (
    select
        contracts_signed.source_system || ':' || contracts_signed.contract_id as contract_key,
        contracts_signed.customer_key,
        accounts.account_key,
        accounts.owner_key,
        contracts_signed.contract_id,
        contracts_signed.source_system,
        accounts.account_name,
        coalesce(accounts.segment, 'unknown') as segment,
        contracts_signed.currency,
        contracts_signed.mrr,
        {{ converted(
            'contracts_signed.mrr', 'coalesce(plan_rates.rate_to_reporting, rates.rate_to_reporting)'
        ) }} as mrr_reporting,
        contracts_signed.start_date,
        contracts_signed.end_date,
        coalesce(contracts_signed.renewal_date, cast(contracts_signed.end_date + 1 as date)) as renewal_date,
        case when contracts_signed.notice_date <= run_context.as_of then contracts_signed.notice_date end
            as notice_date
    from contracts_signed
    cross join run_context
    left join accounts on contracts_signed.customer_key = accounts.account_key
    left join plan_rates
        on
            contracts_signed.currency = plan_rates.currency
            and run_context.as_of >= plan_rates.valid_from
            and run_context.as_of < plan_rates.valid_to
    left join rates
        on
            contracts_signed.currency = rates.currency
            and run_context.as_of = rates.rate_date
    where coalesce(accounts.exclusion_reason, '') <> 'test'
)

select * from final
