{#- The deals whose bookings are forecast, by who is credited and which part of the forecast they belong to. -#}
with

deals as (
    select * from {{ ref('fct_deals') }}
    -- An onboarding deal repeats a sale that is already counted.
    where not is_excluded and pipeline_purpose in ('new_business', 'renewal', 'upsell')
),

credits as (
    select * from {{ ref('int_deal_credits') }}
),

owners as (
    select * from {{ ref('dim_owners') }}
),

deals_credited as (
    select
        deals.*,
        credits.owner_key as credited_owner_key
    from deals
    left join credits on deals.deal_key = credits.deal_key
),

final as (
    select
        deals_credited.deal_key,
        {{ owner_member('owners') }} as owner_member,
        coalesce(deals_credited.pipeline_label, 'Unknown') as pipeline_member,
        deals_credited.currency,
        deals_credited.stage,
        deals_credited.status,
        case when deals_credited.pipeline_purpose = 'renewal' then 'renewals' else 'open' end
            as open_part,
        deals_credited.amount_history_basis,
        deals_credited.amount_reporting,
        deals_credited.win_probability,
        deals_credited.close_date,
        case when deals_credited.status = 'won' then deals_credited.close_day end as won_day,
        deals_credited.created_at
    from deals_credited
    left join owners on deals_credited.credited_owner_key = owners.owner_key
)

select * from final
