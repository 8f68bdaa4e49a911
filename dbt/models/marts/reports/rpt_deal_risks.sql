with

health as (
    select *
    from {{ ref('fct_deal_health') }}
),

deals as (
    select
        deal_key,
        deal_id,
        source_system,
        deal_name,
        stage_label
    from {{ ref('fct_deals') }}
),

accounts as (
    select
        account_key,
        account_name
    from {{ ref('dim_accounts') }}
),

owners as (
    select
        owner_key,
        rollup_owner_name
    from {{ ref('dim_owners') }}
),

-- What nobody can know is no sign.
final as (
    select
        health.deal_key,
        deals.deal_id,
        deals.source_system,
        deals.deal_name,
        accounts.account_name,
        owners.rollup_owner_name as owner_name,
        health.stage,
        deals.stage_label,
        health.amount_reporting,
        health.age_days,
        health.won_p90_age_days,
        health.days_past_close,
        health.days_since_activity,
        health.pushes,
        health.amount_cut_reporting,
        health.reasons,
        health.is_past_close_date,
        coalesce(health.is_idle, false) as is_idle,
        coalesce(health.is_older_than_won, false) as is_older_than_won,
        coalesce(health.is_pushed_twice, false) as is_pushed_twice,
        coalesce(health.is_amount_cut, false) as is_amount_cut,
        coalesce(health.is_without_next_step, false) as is_without_next_step,
        coalesce(health.is_single_contact, false) as is_single_contact,
        coalesce(health.is_without_contact, false) as is_without_contact,
        health.close_date
    from health
    inner join deals on health.deal_key = deals.deal_key
    left join accounts on health.account_key = accounts.account_key
    left join owners on health.owner_key = owners.owner_key
)

select * from final
