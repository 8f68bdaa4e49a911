with

run_context as (
    select as_of
    from {{ source('run', 'run_context') }}
),

rejected_rows as (
    select
        source_system,
        entity,
        reason
    from {{ ref('fct_rejected_rows') }}
),

source_freshness as (
    select
        source,
        entity,
        rows_fetched,
        rows_rejected,
        rows_duplicate,
        last_record_at,
        last_landed_at
    from {{ ref('fct_source_freshness') }}
),

leads as (
    select
        source_system,
        channel,
        lifecycle_stage,
        source_label,
        exclusion_reason,
        history_basis,
        is_imported,
        created_date
    from {{ ref('fct_leads') }}
),

deals as (
    select
        source_system,
        stage_label,
        stage,
        status,
        exclusion_reason,
        history_basis,
        amount,
        amount_reporting,
        cycle_reject_reason,
        close_day_gap_days,
        is_excluded,
        is_imported,
        close_date,
        close_day
    from {{ ref('fct_deals') }}
),

sessions as (
    select
        source_system,
        medium,
        channel
    from {{ ref('fct_sessions') }}
    where not is_bot
),

splits as (
    select
        split_status,
        count(*) over () as splits_in_all
    from {{ ref('fct_deal_splits') }}
    where kind = 'revenue' and is_counted and not is_excluded and split_status <> 'undivided'
),

losses as (
    select
        source_system,
        lost_reason,
        loss_reason
    from {{ ref('fct_win_loss') }}
    where loss_reason is not null and not is_excluded
),

contacts as (
    select exclusion_reason
    from {{ ref('dim_contacts') }}
),

accounts as (
    select exclusion_reason
    from {{ ref('dim_accounts') }}
),

subjects_counted as (
    select
        'deals' as subject,
        count(*) as records
    from deals
    union all
    select
        'deal_stage' as subject,
        count(*) as records
    from deals
    union all
    select
        'leads' as subject,
        count(*) as records
    from leads
    union all
    select
        'lead_stage' as subject,
        count(*) as records
    from leads
    union all
    select
        'lead_source' as subject,
        count(*) as records
    from leads
    union all
    select
        'web_source' as subject,
        count(*) as records
    from sessions
    union all
    select
        'loss_reason' as subject,
        count(*) as records
    from losses
    union all
    select
        'contacts' as subject,
        count(*) as records
    from contacts
    union all
    select
        'accounts' as subject,
        count(*) as records
    from accounts
),

rejections as (
    select
        'rejected' as section,
        source_system,
        entity as subject,
        reason as remark,
        count(*) as records,
        null as records_in_all,
        cast(null as timestamp) as last_record_at,
        cast(null as timestamp) as last_landed_at
    from rejected_rows
    group by all
),

unmapped as (
    select
        'unmapped' as section,
        source_system,
        'deal_stage' as subject,
        stage_label as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    where stage = 'unmapped'
    group by all
    union all
    select
        'unmapped' as section,
        source_system,
        'lead_stage' as subject,
        null as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from leads
    where lifecycle_stage = 'unmapped'
    group by all
    union all
    select
        'unmapped' as section,
        source_system,
        'lead_source' as subject,
        source_label as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from leads
    where channel = 'unmapped'
    group by all
    union all
    select
        'unmapped' as section,
        source_system,
        'web_source' as subject,
        medium as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from sessions
    where channel = 'unmapped'
    group by all
    union all
    select
        'unmapped' as section,
        source_system,
        'loss_reason' as subject,
        lost_reason as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from losses
    where loss_reason = 'unmapped'
    group by all
),

exclusions as (
    select
        'excluded' as section,
        source_system,
        'leads' as subject,
        exclusion_reason as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from leads
    where exclusion_reason is not null
    group by all
    union all
    select
        'excluded' as section,
        source_system,
        'deals' as subject,
        exclusion_reason as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    where exclusion_reason is not null
    group by all
    union all
    select
        'excluded' as section,
        null as source_system,
        'contacts' as subject,
        exclusion_reason as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from contacts
    where exclusion_reason is not null
    group by all
    union all
    select
        'excluded' as section,
        null as source_system,
        'accounts' as subject,
        exclusion_reason as remark,
        count(*) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from accounts
    where exclusion_reason is not null
    group by all
),

-- What a reader must know before trusting a figure although every row was taken.
remarks as (
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'amount_missing' as remark,
        count(*) filter (where not is_excluded and amount is null) as records,
        count(*) filter (where not is_excluded) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'rate_missing' as remark,
        count(*) filter (
            where not is_excluded and amount is not null and amount_reporting is null
        ) as records,
        count(*) filter (where not is_excluded) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'close_date_missing' as remark,
        count(*) filter (
            where not is_excluded and status = 'open' and close_date is null
        ) as records,
        count(*) filter (where not is_excluded and status = 'open') as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'won_in_the_future' as remark,
        count(*) filter (
            where
            not deals.is_excluded and deals.status = 'won' and deals.close_day > run_context.as_of
        ) as records,
        count(*) filter (where not deals.is_excluded and deals.status = 'won') as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    cross join run_context
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'close_date_apart' as remark,
        count(*) filter (where not is_excluded and close_day_gap_days <> 0) as records,
        count(*) filter (where not is_excluded and close_day_gap_days is not null) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'cycle_rejected' as remark,
        count(*) filter (where not is_excluded and cycle_reject_reason is not null) as records,
        count(*) filter (where not is_excluded and status = 'won') as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'history_assumed' as remark,
        count(*) filter (
            where not is_excluded and history_basis <> 'field_history'
        ) as records,
        count(*) filter (where not is_excluded) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from deals
    union all
    select
        'remark' as section,
        null as source_system,
        'deals' as subject,
        'split_' || split_status as remark,
        count(*) as records,
        any_value(splits_in_all) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from splits
    where split_status in ('short', 'excessive')
    group by split_status
    union all
    select
        'remark' as section,
        null as source_system,
        'leads' as subject,
        'created_date_missing' as remark,
        count(*) filter (
            where exclusion_reason is null and created_date is null and not is_imported
        ) as records,
        count(*) filter (where exclusion_reason is null) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from leads
    {%- for subject in ['leads', 'deals'] %}
    union all
    select
        'remark' as section,
        null as source_system,
        '{{ subject }}' as subject,
        '{{ subject }}_imported' as remark,
        count(*) filter (where exclusion_reason is null and is_imported) as records,
        count(*) filter (where exclusion_reason is null) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from {{ subject }}
    {%- endfor %}
    union all
    select
        'remark' as section,
        null as source_system,
        'leads' as subject,
        'source_not_stated' as remark,
        count(*) filter (
            where exclusion_reason is null and channel = 'not_stated'
        ) as records,
        count(*) filter (where exclusion_reason is null) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from leads
),

freshness as (
    select
        'freshness' as section,
        source as source_system,
        'source' as subject,
        null as remark,
        sum(rows_fetched) as records,
        sum(rows_fetched) as records_in_all,
        max(last_record_at) as last_record_at,
        max(last_landed_at) as last_landed_at
    from source_freshness
    -- A company's own lists are as fresh as it wants them to be; verdicts are our own words.
    where rows_fetched > 0 and source not in ('mappings', 'quality')
    group by source
),

totals as (
    select
        'total' as section,
        null as source_system,
        'rows' as subject,
        'rejected' as remark,
        sum(rows_rejected) as records,
        sum(rows_fetched) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from source_freshness
    where source <> 'quality'
    having sum(rows_fetched) > 0
    union all
    select
        'total' as section,
        null as source_system,
        'rows' as subject,
        'duplicate' as remark,
        sum(rows_duplicate) as records,
        sum(rows_fetched) as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from source_freshness
    where source <> 'quality'
    having sum(rows_fetched) > 0
    union all
    select
        'total' as section,
        null as source_system,
        subject,
        'unmapped' as remark,
        sum(records) as records,
        null as records_in_all,
        null as last_record_at,
        null as last_landed_at
    from unmapped
    group by subject
),

rows_united as (
    select * from rejections
    union all
    select * from unmapped
    union all
    select * from exclusions
    union all
    select * from remarks
    where records > 0
    union all
    select * from freshness
    union all
    select * from totals
),

shares_joined as (
    select
        rows_united.*,
        case
            when rows_united.section <> 'rejected'
                then coalesce(rows_united.records_in_all, subjects_counted.records)
        end as records_of_subject
    from rows_united
    left join subjects_counted on rows_united.subject = subjects_counted.subject
),

final as (
    select
        section,
        source_system,
        subject,
        remark,
        cast(records as bigint) as records,
        cast(records_of_subject as bigint) as records_in_all,
        {{ ratio('records', 'records_of_subject') }} as share_of_all,
        last_record_at,
        last_landed_at
    from shares_joined
)

select * from final
