-- What: campaigns and `unattributed` together hold all spend and all leads of paid channels.
-- Why: a lead that no row shows makes every channel look dearer than it is.
-- A returned row: a measure whose sum over the rows differs from its source.
with

campaign_roi as (
    select
        coalesce(sum(spend_reporting), 0) as spend_reporting,
        coalesce(sum(leads), 0) as leads,
        coalesce(sum(won_amount_reporting), 0) as won_amount_reporting
    from {{ ref('fct_campaign_roi_monthly') }}
),

ad_performance as (
    select coalesce(sum(spend_reporting), 0) as spend_reporting
    from {{ ref('fct_ad_performance_daily') }}
),

paid_leads as (
    select
        count(*) as leads,
        coalesce(sum(leads.won_amount_reporting), 0) as won_amount_reporting
    from {{ ref('fct_leads') }} as leads
    inner join {{ ref('dim_channels') }} as channels on leads.channel = channels.channel
    where not leads.is_excluded and (channels.is_paid or leads.campaign_key is not null)
)

select
    'spend_reporting' as measure,
    campaign_roi.spend_reporting as found,
    ad_performance.spend_reporting as expected
from campaign_roi
cross join ad_performance
where campaign_roi.spend_reporting <> ad_performance.spend_reporting
union all
select
    'leads' as measure,
    campaign_roi.leads as found,
    paid_leads.leads as expected
from campaign_roi
cross join paid_leads
where campaign_roi.leads <> paid_leads.leads
union all
select
    'won_amount_reporting' as measure,
    campaign_roi.won_amount_reporting as found,
    paid_leads.won_amount_reporting as expected
from campaign_roi
cross join paid_leads
where campaign_roi.won_amount_reporting <> paid_leads.won_amount_reporting
