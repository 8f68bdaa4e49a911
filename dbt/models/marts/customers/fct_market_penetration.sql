with

addressable_accounts as (
    {{ union_staged('addressable_accounts') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
    where not is_excluded
),

purchases as (
    select * from {{ ref('int_customer_purchases') }}
    where is_purchase and account_key is not null
),

open_deals as (
    select * from {{ ref('fct_deals') }}
    where status = 'open' and not is_excluded and account_key is not null
),

-- A firm that is listed twice is one: by its domain, without one by its name.
market as (
    select
        coalesce(addressable_accounts.domain, lower(addressable_accounts.account_name)) as market_account,
        min(addressable_accounts.domain) as domain,
        min(lower(addressable_accounts.account_name)) as account_name,
        coalesce(min(addressable_accounts.segment), 'unknown') as segment,
        coalesce(min(addressable_accounts.country), 'unknown') as country
    from addressable_accounts
    where coalesce(addressable_accounts.domain, addressable_accounts.account_name) is not null
    group by all
),

buyers as (
    select distinct purchases.account_key from purchases
),

sellers as (
    select distinct open_deals.account_key from open_deals
),

accounts_judged as (
    select
        accounts.account_key,
        lower(accounts.domain) as domain,
        lower(accounts.account_name) as account_name,
        accounts.segment,
        coalesce(accounts.country, 'unknown') as country,
        buyers.account_key is not null as is_won,
        sellers.account_key is not null as is_open
    from accounts
    left join buyers on accounts.account_key = buyers.account_key
    left join sellers on accounts.account_key = sellers.account_key
),

matches as (
    select
        market.market_account,
        accounts_judged.account_key,
        accounts_judged.is_won,
        accounts_judged.is_open
    from market
    inner join accounts_judged on market.domain = accounts_judged.domain
    union all
    select
        market.market_account,
        accounts_judged.account_key,
        accounts_judged.is_won,
        accounts_judged.is_open
    from market
    inner join accounts_judged on market.account_name = accounts_judged.account_name
    where market.domain is null
),

market_judged as (
    select
        market.market_account,
        market.segment,
        market.country,
        count(matches.account_key) > 0 as is_known,
        coalesce(bool_or(matches.is_won), false) as is_won,
        coalesce(bool_or(matches.is_open), false) as is_open
    from market
    left join matches on market.market_account = matches.market_account
    group by all
),

-- Customers whom the list does not know stand beside it, by what the CRM says of them.
rows_unioned as (
    select
        market_judged.segment,
        market_judged.country,
        1 as addressable,
        cast(market_judged.is_known as integer) as known,
        cast(market_judged.is_open and not market_judged.is_won as integer) as in_pipeline,
        cast(market_judged.is_won as integer) as won,
        0 as won_not_listed
    from market_judged
    union all
    select
        accounts_judged.segment,
        accounts_judged.country,
        0 as addressable,
        0 as known,
        0 as in_pipeline,
        0 as won,
        1 as won_not_listed
    from accounts_judged
    anti join matches on accounts_judged.account_key = matches.account_key
    where accounts_judged.is_won
),

rows_by_level as (
    select
        rows_unioned.*,
        unnest(['total', 'segment', 'country']) as level
    from rows_unioned
),

final as (
    select
        rows_by_level.level,
        case rows_by_level.level
            when 'segment' then rows_by_level.segment
            when 'country' then rows_by_level.country
            else 'total'
        end as member,
        cast(sum(rows_by_level.addressable) as bigint) as addressable_accounts,
        cast(sum(rows_by_level.known) as bigint) as known_accounts,
        cast(sum(rows_by_level.in_pipeline) as bigint) as pipeline_accounts,
        cast(sum(rows_by_level.won) as bigint) as won_accounts,
        cast(sum(rows_by_level.won_not_listed) as bigint) as won_not_listed_accounts,
        {{ ratio('sum(rows_by_level.won)', 'sum(rows_by_level.addressable)') }} as penetration_rate
    from rows_by_level
    group by
        rows_by_level.level,
        case rows_by_level.level
            when 'segment' then rows_by_level.segment
            when 'country' then rows_by_level.country
            else 'total'
        end
)

select * from final
