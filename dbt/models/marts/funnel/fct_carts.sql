{#- Event sources know no carts, so a cart is what somebody puts in until they buy or leave it alone for the configured
    hours. Somebody is a person on all of their devices, where the visitor is known. -#}
with

shop_events as (
    select * from {{ ref('hist_shop_events') }}
),

purchases as (
    select * from {{ ref('int_purchases') }}
),

visitor_contacts as (
    select * from {{ ref('int_visitor_contacts') }}
),

contacts as (
    select * from {{ ref('dim_contacts') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

cart_rules as (
    select cast(cast(cart_rules.abandoned_after_hours as double) * 3600 as bigint) as abandoned_after_seconds
    from {{ source('run', 'cart_rules') }} as cart_rules
),

run_context as (
    select * from {{ source('run', 'run_context') }}
),

-- What is put in comes before what is bought in the same moment.
moments as (
    select
        shop_events.visitor_id,
        shop_events.session_id,
        cast(null as text) as transaction_id,
        cast(null as decimal(18, 2)) as revenue_reporting,
        false as is_purchase,
        shop_events.event_at as happened_at
    from shop_events
    inner join run_context on shop_events.event_at < run_context.as_of_end
    where shop_events.event_name = 'add_to_cart'
    union all
    select
        purchases.visitor_id,
        purchases.session_id,
        purchases.transaction_id,
        purchases.revenue_reporting,
        true as is_purchase,
        purchases.purchased_at as happened_at
    from purchases
),

moments_stitched as (
    select
        moments.*,
        visitor_contacts.contact_key,
        visitor_contacts.person_key,
        coalesce(visitor_contacts.person_key, moments.visitor_id) as shopper_key
    from moments
    left join visitor_contacts on moments.visitor_id = visitor_contacts.visitor_id
),

moments_compared as (
    select
        moments_stitched.*,
        lag(moments_stitched.is_purchase) over shopper_by_time as is_purchase_before,
        lag(moments_stitched.happened_at) over shopper_by_time as happened_before,
        first_value(
            case
                when moments_stitched.is_purchase
                    then
                        {
                            'transaction_id': moments_stitched.transaction_id,
                            'revenue_reporting': moments_stitched.revenue_reporting,
                            'purchased_at': moments_stitched.happened_at
                        }
            end ignore nulls
        ) over (
            shopper_by_time rows between current row and unbounded following
        ) as next_purchase
    from moments_stitched
    window shopper_by_time as (
        partition by moments_stitched.shopper_key
        order by
            moments_stitched.happened_at asc,
            moments_stitched.is_purchase asc,
            moments_stitched.transaction_id asc,
            moments_stitched.visitor_id asc,
            moments_stitched.session_id asc,
            moments_stitched.revenue_reporting asc
    )
),

additions_numbered as (
    select
        moments_compared.*,
        count(*) filter (
            where moments_compared.is_purchase_before
            or moments_compared.happened_before is null
            or date_diff('microsecond', moments_compared.happened_before, moments_compared.happened_at)
            > cart_rules.abandoned_after_seconds * 1000000
        ) over (
            partition by moments_compared.shopper_key
            order by moments_compared.happened_at
        ) as cart_no
    from moments_compared
    cross join cart_rules
    where not moments_compared.is_purchase
),

carts as (
    select
        additions_numbered.shopper_key,
        additions_numbered.cart_no,
        min_by(
            {
                'contact_key': additions_numbered.contact_key,
                'person_key': additions_numbered.person_key,
                'visitor_id': additions_numbered.visitor_id,
                'session_id': additions_numbered.session_id
            },
            (additions_numbered.happened_at, additions_numbered.visitor_id, additions_numbered.session_id)
        ) as first_addition,
        count(*) as additions,
        min(additions_numbered.happened_at) as first_added_at,
        max(additions_numbered.happened_at) as last_added_at,
        max_by(additions_numbered.next_purchase, additions_numbered.happened_at) as next_purchase
    from additions_numbered
    group by additions_numbered.shopper_key, additions_numbered.cart_no
),

carts_compared as (
    select
        carts.shopper_key,
        carts.first_addition.contact_key,
        carts.first_addition.person_key,
        carts.first_addition.visitor_id,
        carts.first_addition.visitor_id || ':' || carts.first_addition.session_id as session_key,
        carts.next_purchase.transaction_id,
        carts.next_purchase.revenue_reporting,
        carts.additions,
        lead(carts.first_added_at) over (partition by carts.shopper_key order by carts.cart_no)
            as next_cart_at,
        carts.first_added_at,
        carts.last_added_at,
        carts.last_added_at + to_seconds(cart_rules.abandoned_after_seconds) as abandoned_from,
        case
            when carts.next_purchase.purchased_at <= carts.last_added_at + interval 7 day
                then carts.next_purchase.purchased_at
        end as purchased_at
    from carts
    cross join cart_rules
),

-- Nothing is abandoned before its hours are over, and on the day itself they may not be.
carts_judged as (
    select
        carts_compared.*,
        run_context.reporting_timezone,
        case
            when carts_compared.purchased_at <= carts_compared.abandoned_from then 'purchased'
            when carts_compared.purchased_at is not null then 'recovered'
            when carts_compared.abandoned_from < run_context.as_of_end then 'abandoned'
            else 'open'
        end as status
    from carts_compared
    cross join run_context
),

carts_excluded as (
    select
        carts_judged.*,
        sessions.channel,
        case
            when sessions.is_bot then 'bot'
            when contacts.exclusion_reason = 'test' then 'test'
        end as exclusion_reason
    from carts_judged
    left join sessions on carts_judged.session_key = sessions.session_key
    left join contacts on carts_judged.contact_key = contacts.contact_key
),

final as (
    select
        visitor_id || ':' || epoch_us(first_added_at) as cart_key,
        contact_key,
        person_key,
        session_key,
        visitor_id,
        coalesce(channel, 'unknown') as channel,
        case when purchased_at is not null then transaction_id end as transaction_id,
        status,
        exclusion_reason,
        additions,
        -- Two carts may be left and then one thing be bought: it is the newer one's money.
        case
            when purchased_at is not null and coalesce(next_cart_at > purchased_at, true)
                then revenue_reporting
        end as revenue_reporting,
        cast(
            date_diff('microsecond', last_added_at, purchased_at) / 3600000000.0 as decimal(18, 6)
        ) as hours_to_purchase,
        status in ('abandoned', 'recovered') as is_abandoned,
        status = 'recovered' as is_recovered,
        exclusion_reason is not null as is_excluded,
        {{ day_in_zone('first_added_at', 'reporting_timezone') }} as cart_date,
        first_added_at,
        last_added_at,
        case when status in ('abandoned', 'recovered') then abandoned_from end as abandoned_at,
        purchased_at
    from carts_excluded
)

select * from final
