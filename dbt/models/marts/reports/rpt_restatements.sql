with

restatements as (
    select
        record_key,
        measure,
        cause,
        old_value,
        new_value,
        difference,
        period_start
    from {{ ref('fct_restatements') }}
),

deals as (
    select
        deal_key,
        deal_name
    from {{ ref('fct_deals') }}
),

campaigns as (
    select
        campaign_key,
        campaign_name
    from {{ ref('dim_campaigns') }}
),

restatements_by_cause as (
    select
        measure,
        cause,
        period_start,
        any_value(old_value) as old_value,
        any_value(new_value) as new_value,
        sum(difference) as difference,
        count(*) as records,
        max_by(record_key, (abs(difference), record_key)) as largest_record_key
    from restatements
    group by all
),

final as (
    select
        restatements_by_cause.measure,
        restatements_by_cause.cause,
        coalesce(deals.deal_name, campaigns.campaign_name) as largest_record_name,
        restatements_by_cause.old_value,
        restatements_by_cause.new_value,
        cast(restatements_by_cause.difference as decimal(24, 6)) as difference,
        restatements_by_cause.records,
        cast(
            row_number() over (
                partition by restatements_by_cause.measure
                order by
                    abs(restatements_by_cause.difference) desc,
                    restatements_by_cause.period_start desc,
                    restatements_by_cause.cause asc
            ) as bigint
        ) as size_rank,
        restatements_by_cause.measure in ('won_amount', 'spend') as is_amount,
        restatements_by_cause.period_start
    from restatements_by_cause
    left join deals on restatements_by_cause.largest_record_key = deals.deal_key
    left join campaigns on restatements_by_cause.largest_record_key = campaigns.campaign_key
)

select * from final
