{#- Each lead of a paid channel stands in exactly one row, its campaign's or the month's `unattributed` one, so that
    the rows add up to all spend and to all paid leads. -#}
with

ad_performance as (
    select * from {{ ref('fct_ad_performance_daily') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
    where not is_excluded
),

campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

channels as (
    select * from {{ ref('dim_channels') }}
),

won_deals as (
    select
        deals.lead_key,
        deals.amount_reporting,
        deals.close_day
    from {{ ref('fct_deals') }} as deals
    cross join {{ source('run', 'run_context') }} as run_context
    where
        not deals.is_excluded
        and deals.status = 'won'
        and deals.close_day <= run_context.as_of
),

-- Without a margin there is no row here, and nothing is told of payback.
margin_rules as (
    select cast(margin_rules.gross_margin as decimal(9, 6)) as gross_margin
    from {{ source('run', 'margin_rules') }} as margin_rules
),

spend_by_month as (
    select
        campaign_key,
        channel,
        sum(spend_reporting) as spend_reporting,
        cast(date_trunc('month', date_day) as date) as month_start
    from ad_performance
    group by all
),

-- Where no ad source has told of a channel yet, its spend is unknown, not zero.
channels_covered as (
    select
        channel,
        cast(date_trunc('month', min(date_day)) as date) as first_month
    from ad_performance
    where spend_reporting is not null
    group by all
),

paid_leads as (
    select
        leads.lead_key,
        coalesce(campaigns.campaign_key, 'unattributed') as campaign_key,
        coalesce(campaigns.channel, leads.channel) as channel,
        leads.won_deals_count,
        leads.won_deals_without_amount,
        leads.won_amount_reporting,
        leads.is_mql,
        leads.is_sql_lead,
        leads.is_opportunity,
        cast(date_trunc('month', leads.created_date) as date) as month_start
    from leads
    inner join channels on leads.channel = channels.channel
    left join campaigns on leads.campaign_key = campaigns.campaign_key
    where channels.is_paid or campaigns.campaign_key is not null
),

leads_by_month as (
    select
        campaign_key,
        channel,
        count(*) as leads,
        count(*) filter (where is_mql) as mqls,
        count(*) filter (where is_sql_lead) as sql_leads,
        count(*) filter (where is_opportunity) as opportunities,
        count(*) filter (where won_deals_count > 0) as customers,
        sum(won_deals_count) as won_deals,
        sum(won_deals_without_amount) as won_deals_without_amount,
        sum(won_amount_reporting) as won_amount_reporting,
        month_start
    from paid_leads
    group by all
),

months_united as (
    select
        coalesce(spend_by_month.campaign_key, leads_by_month.campaign_key) as campaign_key,
        coalesce(spend_by_month.channel, leads_by_month.channel) as channel,
        spend_by_month.spend_reporting,
        spend_by_month.campaign_key is not null as has_ad_days,
        coalesce(leads_by_month.leads, 0) as leads,
        coalesce(leads_by_month.mqls, 0) as mqls,
        coalesce(leads_by_month.sql_leads, 0) as sql_leads,
        coalesce(leads_by_month.opportunities, 0) as opportunities,
        coalesce(leads_by_month.customers, 0) as customers,
        cast(coalesce(leads_by_month.won_deals, 0) as bigint) as won_deals,
        cast(coalesce(leads_by_month.won_deals_without_amount, 0) as bigint) as won_deals_without_amount,
        cast(coalesce(leads_by_month.won_amount_reporting, 0) as decimal(18, 2))
            as won_amount_reporting,
        coalesce(spend_by_month.month_start, leads_by_month.month_start) as month_start
    from spend_by_month
    full outer join leads_by_month
        on
            spend_by_month.campaign_key = leads_by_month.campaign_key
            and spend_by_month.channel = leads_by_month.channel
            and spend_by_month.month_start = leads_by_month.month_start
),

months_joined as (
    select
        months_united.* exclude (spend_reporting, has_ad_days),
        cast(
            case
                when months_united.has_ad_days then months_united.spend_reporting
                when months_united.month_start >= channels_covered.first_month then 0
            end as decimal(18, 6)
        ) as spend_reporting
    from months_united
    left join channels_covered on months_united.channel = channels_covered.channel
),

won_by_day as (
    select
        paid_leads.campaign_key,
        paid_leads.channel,
        paid_leads.month_start,
        won_deals.close_day,
        sum(won_deals.amount_reporting) as won_amount_reporting
    from paid_leads
    inner join won_deals on paid_leads.lead_key = won_deals.lead_key
    group by all
),

won_so_far as (
    select
        won_by_day.*,
        sum(won_by_day.won_amount_reporting) over (
            partition by won_by_day.campaign_key, won_by_day.channel, won_by_day.month_start
            order by won_by_day.close_day
        ) as won_amount_so_far
    from won_by_day
),

-- The first day by whose end the margin of what the month's leads bought has paid for the month's spend.
months_paid_back as (
    select
        won_so_far.campaign_key,
        won_so_far.channel,
        won_so_far.month_start,
        min(won_so_far.close_day) as paid_back_on
    from won_so_far
    cross join margin_rules
    inner join months_joined
        on
            won_so_far.campaign_key = months_joined.campaign_key
            and won_so_far.channel = months_joined.channel
            and won_so_far.month_start = months_joined.month_start
    where
        months_joined.spend_reporting > 0
        and won_so_far.won_amount_so_far * margin_rules.gross_margin >= months_joined.spend_reporting
    group by all
),

final as (
    select
        months_joined.campaign_key,
        months_joined.channel,
        campaigns.campaign_name,
        months_joined.spend_reporting,
        months_joined.leads,
        months_joined.mqls,
        months_joined.sql_leads,
        months_joined.opportunities,
        months_joined.customers,
        months_joined.won_deals,
        months_joined.won_deals_without_amount,
        months_joined.won_amount_reporting,
        {{ converted('months_joined.won_amount_reporting', 'margin_rules.gross_margin') }}
            as gross_margin_reporting,
        {{ ratio('months_joined.spend_reporting', 'months_joined.leads', 6) }} as cost_per_lead,
        {{ ratio('months_joined.spend_reporting', 'months_joined.mqls', 6) }} as cost_per_mql,
        {{ ratio('months_joined.spend_reporting', 'months_joined.sql_leads', 6) }} as cost_per_sql_lead,
        {{ ratio('months_joined.spend_reporting', 'months_joined.customers', 6) }} as media_cac,
        {{ ratio('months_joined.won_amount_reporting', 'months_joined.spend_reporting') }} as roas,
        {{ ratio(
            'months_joined.won_amount_reporting * margin_rules.gross_margin', 'months_joined.spend_reporting'
        ) }} as payback_ratio,
        date_diff('month', months_joined.month_start, months_paid_back.paid_back_on) as payback_months,
        months_joined.month_start,
        months_paid_back.paid_back_on
    from months_joined
    inner join campaigns on months_joined.campaign_key = campaigns.campaign_key
    left join margin_rules on true
    left join months_paid_back
        on
            months_joined.campaign_key = months_paid_back.campaign_key
            and months_joined.channel = months_paid_back.channel
            and months_joined.month_start = months_paid_back.month_start
)

select * from final
