-- L0, the floor: the marts of the simulated company straight from the raw files, in one script for one engine.
--
-- What belongs here: the definitions of dbt/models as one hand-written pass over what this company has (HubSpot,
-- Google Ads, GA4, finance lists, mapping lists), without staging, history, increments, rejects or reconciliation.
-- What does not: anything that only a product needs. Names of the marts and their columns are those of the release;
-- run.py sets the variables, attaches `marts` and compares every table's checksum with the candidate's.

create temp macro given(value) as nullif(trim(value), '');
create temp macro clean(value) as nullif(trim(regexp_replace(
    value, '[\x00-\x1F\x7F\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FEFF}]', '', 'g'
)), '');
create temp macro local_day(moment) as cast(moment at time zone 'UTC' at time zone getvariable('zone') as date);
create temp macro days_between(earlier, later) as
    cast(date_diff('microsecond', earlier, later) / 86400000000.0 as decimal(18, 6));
create temp macro converted(amount, rate) as
    cast(cast(amount as decimal(20, 2)) * cast(rate as decimal(18, 9)) as decimal(18, 2));
create temp macro ratio(numerator, denominator) as
    cast(cast(numerator as double) / nullif(denominator, 0) as decimal(18, 9));
create temp macro cost_ratio(numerator, denominator) as
    cast(cast(numerator as double) / nullif(denominator, 0) as decimal(18, 6));
create temp macro wilson(successes, trials, direction) as
    cast(greatest(0, least(1, (
        successes / nullif(cast(trials as double), 0) + 1.9207294103521206 / nullif(cast(trials as double), 0)
        + direction * 1.959963984540054 * sqrt(
            successes / nullif(cast(trials as double), 0) * (1 - successes / nullif(cast(trials as double), 0))
            / nullif(cast(trials as double), 0)
            + 0.9603647051760603 / (nullif(cast(trials as double), 0) * nullif(cast(trials as double), 0))
        )
    ) / (1 + 3.8414588207042412 / nullif(cast(trials as double), 0)))) as decimal(18, 9));

-- ------------------------------------------------------------------------------------------------ people and accounts

create temp table accounts_all as
select
    id as account_id,
    given(hubspot_owner_id) as owner_id,
    given(hs_parent_company_id) as parent_account_id,
    clean(name) as account_name,
    lower(clean(domain)) as domain,
    clean(industry) as industry,
    clean(country) as country,
    lower(clean(json_extract_string(properties, '$.segment'))) as segment,
    given(hs_merged_object_ids) as merged_ids,
    try_cast(given(numberofemployees) as bigint) as employee_count,
    archived = 'true' as is_deleted,
    cast(createdate as timestamp) as created_at,
    cast(archived_at as timestamp) as deleted_at,
    load_number
from read_parquet(getvariable('hubspot_companies'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify row_number() over (partition by id order by load_number desc, fetched_at desc, updated_at desc) = 1;

create temp table contacts_all as
select
    id as contact_id,
    coalesce(
        given(associatedcompanyid), json_extract_string(associations, '$.companies.results[0].id')
    ) as account_id,
    given(hubspot_owner_id) as owner_id,
    given(ga_client_id) as visitor_id,
    clean(concat_ws(' ', firstname, lastname)) as full_name,
    lower(clean(email)) as email,
    given(lifecyclestage) as lifecycle_label,
    given(hs_lead_status) as status_label,
    coalesce(given(lead_source), given(hs_analytics_source)) as source_label,
    given(hs_analytics_source_data_1) as source_detail,
    clean(country) as country,
    clean(jobtitle) as job_title,
    given(purchase_timeframe) as purchase_timeframe,
    given(hs_merged_object_ids) as merged_ids,
    archived = 'true' as is_deleted,
    cast(createdate as timestamp) as created_at,
    cast(archived_at as timestamp) as deleted_at,
    from_json(properties_with_history, '{
        "lifecyclestage": [{"value": "VARCHAR", "timestamp": "TIMESTAMP", "sourceType": "VARCHAR"}],
        "hs_lead_status": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}]
    }') as history,
    load_number
from read_parquet(getvariable('hubspot_contacts'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify row_number() over (partition by id order by load_number desc, fetched_at desc, updated_at desc) = 1;

create temp table deals_all as
select
    id as deal_id,
    json_extract_string(associations, '$.companies.results[0].id') as account_id,
    json_extract_string(associations, '$.contacts.results[0].id') as contact_id,
    given(hubspot_owner_id) as owner_id,
    given(pipeline) as pipeline_id,
    given(dealstage) as stage_id,
    clean(dealname) as deal_name,
    upper(given(deal_currency_code)) as currency,
    given(dealtype) as deal_type,
    clean(closed_lost_reason) as lost_reason,
    given(hs_forecast_category) as forecast_category,
    clean(hs_next_step) as next_step,
    try_cast(given(amount) as decimal(18, 2)) as amount,
    try_cast(given(hs_tcv) as decimal(18, 2)) as tcv,
    try_cast(given(hs_acv) as decimal(18, 2)) as acv,
    try_cast(given(hs_arr) as decimal(18, 2)) as arr,
    archived = 'true' as is_deleted,
    local_day(cast(given(closedate) as timestamp)) as close_date,
    cast(createdate as timestamp) as created_at,
    cast(archived_at as timestamp) as deleted_at,
    from_json(properties_with_history, '{
        "dealstage": [{"value": "VARCHAR", "timestamp": "TIMESTAMP", "sourceType": "VARCHAR", "updatedByUserId": "VARCHAR"}],
        "pipeline": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "amount": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "hs_tcv": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "hs_acv": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "hs_arr": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "closedate": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "hubspot_owner_id": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "deal_currency_code": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "hs_manual_forecast_category": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
        "hs_merged_object_ids": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}]
    }') as history,
    load_number
from read_parquet(getvariable('hubspot_deals'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify row_number() over (partition by id order by load_number desc, fetched_at desc, updated_at desc) = 1;

create temp table survivors as
with recursive merges as (
    select object, merged_id, max_by(survivor_id, (load_number, survivor_id)) as survivor_id
    from (
        select 'account' as object, account_id as survivor_id, load_number,
            trim(unnest(string_split(merged_ids, ';'))) as merged_id
        from accounts_all where merged_ids is not null
        union all
        select 'contact', contact_id, load_number, trim(unnest(string_split(merged_ids, ';')))
        from contacts_all where merged_ids is not null
    )
    where merged_id <> '' and merged_id <> survivor_id
    group by object, merged_id
),
chains as (
    select object, merged_id, survivor_id, [merged_id] as passed from merges
    union all
    select chains.object, chains.merged_id, merges.survivor_id, list_append(chains.passed, chains.survivor_id)
    from chains
    inner join merges on chains.object = merges.object and chains.survivor_id = merges.merged_id
    where not list_contains(chains.passed, chains.survivor_id)
)
select chains.object, chains.merged_id, chains.survivor_id
from chains
anti join merges on chains.object = merges.object and chains.survivor_id = merges.merged_id;

create temp table accounts as
select
    accounts_all.*,
    accounts_all.is_deleted and coalesce(deleted_at < getvariable('as_of_end'), true) as is_gone,
    domain in (select domain from test_email_domains) or lower(account_name) in (select name from test_names) as is_test
from accounts_all
where
    account_id not in (select merged_id from survivors where object = 'account')
    and created_at < getvariable('as_of_end');

create table marts.marts.dim_accounts as
select
    'hubspot:' || accounts.account_id as account_key,
    'hubspot:' || accounts.owner_id as owner_key,
    'hubspot:' || parents.account_id as parent_account_key,
    accounts.account_id,
    'hubspot' as source_system,
    accounts.account_name,
    accounts.domain,
    accounts.industry,
    accounts.country,
    coalesce(accounts.segment, case
        when accounts.employee_count < 50 then 'small'
        when accounts.employee_count < 500 then 'mid'
        when accounts.employee_count >= 500 then 'enterprise'
        else 'unknown'
    end) as segment,
    case when accounts.is_gone then 'deleted' when accounts.is_test then 'test' end as exclusion_reason,
    accounts.employee_count,
    accounts.is_gone as is_deleted,
    accounts.is_gone or coalesce(accounts.is_test, false) as is_excluded,
    accounts.created_at,
    case when accounts.is_gone then accounts.deleted_at end as deleted_at
from accounts
left join survivors on survivors.object = 'account' and accounts.parent_account_id = survivors.merged_id
left join accounts as parents on coalesce(survivors.survivor_id, accounts.parent_account_id) = parents.account_id;

create temp table contacts as
select
    contacts_all.* exclude (account_id, is_deleted, history),
    accounts.account_id,
    contacts_all.is_deleted and coalesce(contacts_all.deleted_at < getvariable('as_of_end'), true) as is_deleted,
    coalesce(split_part(email, '@', 2) in (select domain from test_email_domains), false)
    or coalesce(lower(full_name) in (select name from test_names), false) as is_test,
    contacts_all.history.lifecyclestage[-1].sourceType as first_source_type,
    local_day(contacts_all.created_at) as created_date
from contacts_all
left join survivors on survivors.object = 'account' and contacts_all.account_id = survivors.merged_id
left join accounts on coalesce(survivors.survivor_id, contacts_all.account_id) = accounts.account_id
where
    contact_id not in (select merged_id from survivors where object = 'contact')
    and contacts_all.created_at < getvariable('as_of_end');

create table marts.marts.dim_contacts as
select
    'hubspot:' || contact_id as contact_key,
    coalesce(email, 'hubspot:' || contact_id) as person_key,
    'hubspot:' || account_id as account_key,
    'hubspot:' || owner_id as owner_key,
    contact_id,
    'hubspot' as source_system,
    visitor_id,
    full_name,
    email,
    country,
    job_title,
    case when is_deleted then 'deleted' when is_test then 'test' end as exclusion_reason,
    is_deleted,
    is_deleted or is_test as is_excluded,
    created_at,
    case when is_deleted then deleted_at end as deleted_at
from contacts;

-- ------------------------------------------------------------------------------------------- lists, rates, calendar

create temp table canonical_stages as
select * from (values
    ('lead', 'suspect', 1, false, false, false), ('lead', 'lead', 2, false, false, false),
    ('lead', 'mql', 3, false, false, false), ('lead', 'sql_lead', 4, false, false, false),
    ('lead', 'opportunity', 5, false, false, false), ('lead', 'customer', 6, false, true, false),
    ('lead', 'disqualified', 90, true, false, true), ('lead', 'recycled', 91, true, false, false),
    ('lead', 'duplicate', 92, true, false, true), ('lead', 'spam', 93, true, false, true),
    ('lead', 'unmapped', 99, false, false, false),
    ('deal', 'prospecting', 1, false, false, false), ('deal', 'qualification', 2, false, false, false),
    ('deal', 'meeting', 3, false, false, false), ('deal', 'proposal', 4, false, false, false),
    ('deal', 'negotiation', 5, false, false, false), ('deal', 'closing', 6, false, false, false),
    ('deal', 'won', 7, false, true, false), ('deal', 'lost', 90, true, false, true),
    ('deal', 'unmapped', 99, false, false, false)
) as listed (object, stage, stage_order, is_exit, is_won, is_lost);

create table marts.marts.dim_channels as
select channel, channel_name, channel_group, cast(sort_order as integer) as sort_order, is_paid
from read_csv(getvariable('canonical_channels'), header = true);

create temp table stage_rules as
select lower(object) as object, lower(source_system) as source_system, lower(pipeline_label) as pipeline_label,
    lower(stage_label) as stage_label, lower(stage) as stage, cast(row_number as bigint) as row_no
from read_parquet(getvariable('mappings_stages'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify load_number = max(load_number) over ();

create temp table channel_rules as
select lower(source_system) as source_system, lower(label) as label, lower(detail) as detail, lower(channel) as channel,
    cast(row_number as bigint) as row_no
from read_parquet(getvariable('mappings_channels'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify load_number = max(load_number) over ();

create temp table pipeline_rules as
select lower(source_system) as source_system, lower(pipeline_label) as pipeline_label, lower(purpose) as purpose,
    cast(row_number as bigint) as row_no
from read_parquet(getvariable('mappings_pipelines'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify load_number = max(load_number) over ();

create temp table loss_rules as
select lower(source_system) as source_system, lower(label) as label, lower(reason) as reason,
    cast(row_number as bigint) as row_no
from read_parquet(getvariable('mappings_loss_reasons'), union_by_name = true)
inner join loads using (_dlt_load_id)
qualify load_number = max(load_number) over ();

create temp table rates as
select
    given(currency) as currency,
    given(kind) as kind,
    cast(rate_to_reporting as decimal(18, 9)) as rate,
    cast(rate_date as date) as rate_date
from read_parquet(getvariable('files_rates'), union_by_name = true)
inner join loads using (_dlt_load_id)
where reject_reason is null and given(currency) <> getvariable('reporting_currency')
qualify load_number = max(load_number) over (partition by mapping_name, file_name);

create temp table daily_rates as
with periods as (
    select currency, rate, rate_date as valid_from,
        lead(rate_date, 1, cast(getvariable('as_of') + interval 3 year as date)) over (
            partition by currency order by rate_date
        ) as valid_to
    from (
        select currency, rate, rate_date from rates where kind = 'daily' and rate_date <= getvariable('as_of')
        union all
        select getvariable('reporting_currency'), cast(1 as decimal(18, 9)), date '2000-01-01'
    )
)
select currency, rate, cast(unnest(generate_series(
    valid_from, cast(valid_to - interval 1 day as date), interval 1 day
)) as date) as rate_date
from periods;

create temp table plan_rates as
select currency, rate, rate_date as valid_from,
    lead(rate_date, 1, date '9999-12-31') over (partition by currency order by rate_date) as valid_to
from (
    select currency, rate, rate_date from rates where kind = 'plan'
    union all
    select getvariable('reporting_currency'), cast(1 as decimal(18, 9)), date '0001-01-01'
);

create temp table holidays as
select given(region) as region, clean(name) as name, cast(holiday_date as date) as holiday_date
from read_parquet(getvariable('files_holidays'), union_by_name = true)
inner join loads using (_dlt_load_id)
where reject_reason is null
qualify load_number = max(load_number) over (partition by mapping_name, file_name);

create table marts.marts.dim_dates as
with days as (
    select cast(unnest(generate_series(
        make_date(cast(year(getvariable('start_date')) as integer), 1, 1),
        make_date(cast(year(getvariable('as_of')) as integer) + 2, 12, 31),
        interval 1 day
    )) as date) as date_day
),
shifted as (
    select
        date_day,
        cast(date_trunc('month', date_day)
            + to_months(cast((13 - getvariable('fiscal_year_start_month')) % 12 as integer)) as date) as fiscal_month,
        cast(date_trunc('month', date_day) as date) as month_start,
        holiday_name,
        observed.holiday_date is not null as is_holiday,
        business_hours.day_of_week is not null and observed.holiday_date is null as is_working_day
    from days
    left join business_hours
        on isodow(date_day) = cast(business_hours.day_of_week as integer) and business_hours.calendar_no = '0'
    left join (
        select holiday_date, min(name) as holiday_name
        from holidays
        where region is null or lower(trim(region)) in (select lower(trim(region)) from holiday_regions where calendar_no = '0')
        group by holiday_date
    ) as observed on date_day = observed.holiday_date
)
select
    cast(year(fiscal_month) as integer) as fiscal_year,
    cast(quarter(fiscal_month) as integer) as fiscal_quarter,
    cast(month(fiscal_month) as integer) as fiscal_month,
    cast(year(date_day) as integer) as calendar_year,
    cast(quarter(date_day) as integer) as calendar_quarter,
    cast(month(date_day) as integer) as calendar_month,
    cast(isodow(date_day) as integer) as day_of_week,
    cast(count(*) filter (where is_working_day) over (partition by month_start order by date_day) as integer)
        as working_day_of_month,
    cast(count(*) filter (where is_working_day) over (partition by month_start) as integer) as working_days_in_month,
    'FY' || right(cast(year(shifted.fiscal_month) as text), 2) as fiscal_year_label,
    'FY' || right(cast(year(shifted.fiscal_month) as text), 2) || ' Q' || quarter(shifted.fiscal_month)
        as fiscal_quarter_label,
    strftime(month_start, '%Y-%m') as month_label,
    'configuration' as fiscal_basis,
    holiday_name,
    isodow(date_day) > 5 as is_weekend,
    is_holiday,
    is_working_day,
    date_day,
    cast(date_day - to_days(cast((isodow(date_day) - getvariable('first_weekday') + 7) % 7 as integer)) as date)
        as week_start,
    month_start,
    cast(month_start - to_months(cast((month(shifted.fiscal_month) - 1) % 3 as integer)) as date) as quarter_start,
    cast(month_start - to_months(cast(month(shifted.fiscal_month) - 1 as integer)) as date) as fiscal_year_start,
    last_day(date_day) as month_end,
    cast(month_start + to_months(cast(3 - (month(shifted.fiscal_month) - 1) % 3 as integer)) - interval 1 day as date)
        as quarter_end
from shifted;

-- --------------------------------------------------------------------------------------------------------------- ads

create temp table ad_days as
with landed as (
    select
        customer_id as ad_account_id, campaign_id, given(ad_group_id) as ad_group_id, clean(ad_group_name) as ad_group_name,
        upper(given(currency_code)) as currency, cast(date as date) as date_day, cast(impressions as bigint) as impressions,
        cast(clicks as bigint) as clicks,
        cast(cast(cost_micros as decimal(18, 0)) * 0.000001 as decimal(18, 6)) as spend,
        cast(conversions as decimal(18, 6)) as conversions_claimed,
        cast(conversions_value as decimal(18, 6)) as conversion_value_claimed,
        load_number
    from read_parquet(getvariable('google_ads_ad_group_days'), union_by_name = true)
    inner join loads using (_dlt_load_id)
),
-- Each load tells all days of its window: the newest load that covers a day is all there is of it.
windows as (
    select distinct customer_id as ad_account_id, cast(window_start as date) as window_start,
        cast(window_end as date) as window_end, load_number
    from read_parquet(getvariable('google_ads_ad_group_days'), union_by_name = true)
    inner join loads using (_dlt_load_id)
),
current_days as (
    select account_days.ad_account_id, account_days.date_day, max(windows.load_number) as load_number
    from (select distinct ad_account_id, date_day from landed where date_day <= getvariable('as_of')) as account_days
    inner join windows
        on account_days.ad_account_id = windows.ad_account_id
        and account_days.date_day between windows.window_start and windows.window_end
    group by all
)
select 'google_ads:' || campaign_id as campaign_key, landed.*
from landed
inner join current_days using (ad_account_id, date_day, load_number);

create table marts.marts.dim_campaigns as
with listed as (
    select
        customer_id as ad_account_id, campaign_id, clean(name) as campaign_name,
        given(advertising_channel_type) as channel_type, given(status) as status, try_cast(start_date as date) as start_date
    from read_parquet(getvariable('google_ads_campaigns'), union_by_name = true)
    inner join loads using (_dlt_load_id)
    qualify row_number() over (
        partition by campaign_id order by load_number desc, fetched_at desc, customer_id
    ) = 1
),
active as (
    select
        campaign_id,
        max_by(ad_account_id, (load_number, date_day, ad_account_id)) as ad_account_id,
        max_by(currency, (load_number, date_day, currency)) as currency,
        min(date_day) as first_day, max(date_day) as last_day
    from ad_days
    group by campaign_id
)
select
    'google_ads:' || coalesce(listed.campaign_id, active.campaign_id) as campaign_key,
    'google_ads' as platform,
    coalesce(listed.ad_account_id, active.ad_account_id) as ad_account_id,
    coalesce(listed.campaign_id, active.campaign_id) as campaign_id,
    coalesce(listed.campaign_name, listed.campaign_id, active.campaign_id) as campaign_name,
    listed.channel_type,
    case
        when listed.channel_type in ('SEARCH', 'SHOPPING', 'PERFORMANCE_MAX', 'SMART') then 'paid_search'
        when listed.channel_type in ('DISPLAY', 'VIDEO', 'DISCOVERY', 'DEMAND_GEN') then 'display'
        when listed.campaign_id is null then 'paid_search'
        else 'unknown'
    end as channel,
    listed.status,
    active.currency,
    active.first_day,
    active.last_day
from listed
full outer join active on listed.campaign_id = active.campaign_id
where active.first_day is not null or coalesce(listed.start_date, getvariable('as_of')) <= getvariable('as_of')
union all
select
    'unattributed', 'unattributed', null, 'unattributed', 'Unattributed', null, 'unattributed', null, null, null, null;

create table marts.marts.fct_ad_performance_daily as
select
    concat_ws(':', 'google_ads', ad_days.ad_account_id, ad_days.campaign_id, coalesce(ad_group_id, ''), date_day)
        as ad_day_key,
    ad_days.campaign_key,
    'google_ads' as platform,
    ad_days.ad_account_id,
    ad_days.campaign_id,
    ad_group_id,
    ad_group_name,
    campaigns.channel,
    ad_days.currency,
    impressions,
    clicks,
    spend,
    cast(cast(spend as decimal(20, 6)) * cast(rate as decimal(18, 9)) as decimal(18, 6)) as spend_reporting,
    conversions_claimed,
    conversion_value_claimed,
    date_day
from ad_days
inner join marts.marts.dim_campaigns as campaigns on ad_days.campaign_key = campaigns.campaign_key
left join daily_rates on ad_days.currency = daily_rates.currency and date_day = rate_date;

-- ------------------------------------------------------------------------------------------------------ deals' story

-- A deal that had been landed before another one took it over was a deal of its own until then.
create temp table deals_existing as
with merges as (
    select trim(unnest(string_split(change.value, ';'))) as merged_id, change.timestamp as merged_at
    from (select unnest(history.hs_merged_object_ids) as change from deals_all)
),
taken_over as (
    select merged_id as deal_id, min(merged_at) as merged_at from merges group by merged_id
)
select * from deals_all
left join taken_over using (deal_id)
where created_at < getvariable('as_of_end');

create temp table deal_changes as
select deal_id, 'stage' as field, given(change.value) as value, change.updatedByUserId as changed_by,
    change.sourceType as source_type, change.timestamp as changed_at
from (select deal_id, unnest(history.dealstage) as change from deals_existing)
union all
select deal_id, 'pipeline', given(change.value), null, null, change.timestamp
from (select deal_id, unnest(history.pipeline) as change from deals_existing)
union all
select deal_id, 'amount', cast(try_cast(given(change.value) as decimal(18, 2)) as text), null, null, change.timestamp
from (select deal_id, unnest(history.amount) as change from deals_existing)
union all
select deal_id, 'tcv', cast(try_cast(given(change.value) as decimal(18, 2)) as text), null, null, change.timestamp
from (select deal_id, unnest(history.hs_tcv) as change from deals_existing)
union all
select deal_id, 'acv', cast(try_cast(given(change.value) as decimal(18, 2)) as text), null, null, change.timestamp
from (select deal_id, unnest(history.hs_acv) as change from deals_existing)
union all
select deal_id, 'arr', cast(try_cast(given(change.value) as decimal(18, 2)) as text), null, null, change.timestamp
from (select deal_id, unnest(history.hs_arr) as change from deals_existing)
union all
select deal_id, 'close_date', cast(local_day(try_cast(given(change.value) as timestamp)) as text), null, null,
    change.timestamp
from (select deal_id, unnest(history.closedate) as change from deals_existing)
union all
select deal_id, 'owner', given(change.value), null, null, change.timestamp
from (select deal_id, unnest(history.hubspot_owner_id) as change from deals_existing)
union all
select deal_id, 'currency', upper(given(change.value)), null, null, change.timestamp
from (select deal_id, unnest(history.deal_currency_code) as change from deals_existing)
union all
select deal_id, 'forecast_category', given(change.value), null, null, change.timestamp
from (select deal_id, unnest(history.hs_manual_forecast_category) as change from deals_existing);

create temp table past_changes as select * from deal_changes where changed_at < getvariable('as_of_end');

create temp table paid_once as
with merges as (
    select deal_id as survivor_id, trim(unnest(string_split(history.hs_merged_object_ids[1].value, ';'))) as merged_id
    from deals_all
),
lines as (
    select
        coalesce(merges.survivor_id, json_extract_string(associations, '$.deals.results[0].id')) as deal_id,
        given(recurringbillingfrequency) is null as is_once,
        try_cast(given(amount) as decimal(18, 2)) as amount,
        given(line_outcome) as line_outcome,
        from_json(properties_with_history, '{
            "amount": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}],
            "line_outcome": [{"value": "VARCHAR", "timestamp": "TIMESTAMP"}]
        }') as history
    from (
        select * from read_parquet(getvariable('hubspot_line_items'), union_by_name = true)
        inner join loads using (_dlt_load_id)
        qualify row_number() over (partition by id order by load_number desc, fetched_at desc, updated_at desc) = 1
    ) as newest
    left join merges
        on json_extract_string(associations, '$.deals.results[0].id') = merges.merged_id
        and merges.survivor_id not in (select merged_id from merges)
    where cast(createdate as timestamp) < getvariable('as_of_end')
        and not (archived = 'true' and coalesce(cast(archived_at as timestamp) < getvariable('as_of_end'), true))
),
-- HubSpot lists the newest change first.
told as (
    select
        deal_id,
        is_once,
        case
            when len(history.amount) > 0 then try_cast(given(
                list_filter(history.amount, change -> change.timestamp < getvariable('as_of_end'))[1].value
            ) as decimal(18, 2))
            else amount
        end as amount,
        case
            when len(history.line_outcome) > 0 then given(
                list_filter(history.line_outcome, change -> change.timestamp < getvariable('as_of_end'))[1].value
            )
            else line_outcome
        end as line_outcome
    from lines
)
select deal_id, cast(coalesce(sum(amount) filter (where is_once), 0) as decimal(18, 2)) as amount
from told
where coalesce(lower(line_outcome), '') <> 'lost' and deal_id is not null
group by deal_id
having count(*) filter (where is_once and amount is null) = 0;

create temp table deals as
with last_values as (
    select
        deal_id,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'stage') as stage_id,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'amount') as amount,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'tcv') as tcv,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'acv') as acv,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'arr') as arr,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'close_date') as close_date,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'owner') as owner_id,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'currency') as currency,
        max_by(coalesce(value, ''), changed_at) filter (where field = 'forecast_category') as forecast_category
    from past_changes
    group by deal_id
)
select
    deals_existing.deal_id,
    coalesce(account_survivors.survivor_id, deals_existing.account_id) as account_id,
    coalesce(contact_survivors.survivor_id, deals_existing.contact_id) as contact_id,
    case when len(history.hubspot_owner_id) > 0 then nullif(last_values.owner_id, '') else deals_existing.owner_id end
        as owner_id,
    deal_name,
    coalesce(pipeline_id, 'default') as pipeline_id,
    case when len(history.dealstage) > 0 then nullif(last_values.stage_id, '') else deals_existing.stage_id end as stage_id,
    case when len(history.deal_currency_code) > 0 then nullif(last_values.currency, '') else deals_existing.currency end
        as currency,
    deal_type,
    case
        when len(history.hs_manual_forecast_category) > 0 then nullif(last_values.forecast_category, '')
        else deals_existing.forecast_category
    end as forecast_category,
    next_step,
    lost_reason,
    case
        when len(history.amount) > 0 then cast(nullif(last_values.amount, '') as decimal(18, 2))
        else deals_existing.amount
    end as amount,
    case
        when len(history.hs_tcv) > 0 then cast(nullif(last_values.tcv, '') as decimal(18, 2))
        else deals_existing.tcv
    end as tcv,
    case
        when len(history.hs_acv) > 0 then cast(nullif(last_values.acv, '') as decimal(18, 2))
        else deals_existing.acv
    end as acv,
    case
        when len(history.hs_arr) > 0 then cast(nullif(last_values.arr, '') as decimal(18, 2))
        else deals_existing.arr
    end as arr,
    case when not deals_existing.is_deleted then paid_once.amount end as one_time_amount,
    case
        when len(history.closedate) > 0 then cast(nullif(last_values.close_date, '') as date)
        else deals_existing.close_date
    end as close_date,
    coalesce(len(history.dealstage) > 0, false) as has_stage_history,
    coalesce(len(history.amount) > 0, false) as has_amount_history,
    coalesce(len(history.closedate) > 0, false) as has_close_date_history,
    last_values.stage_id is not null as has_been_staged,
    coalesce(history.dealstage[-1].sourceType in ('IMPORT', 'MIGRATION'), false) or migrations.first_day is not null
        as is_imported,
    merged_at is not null or is_deleted and coalesce(deleted_at < getvariable('as_of_end'), true) as is_deleted,
    merged_at is not null as is_merged,
    local_day(created_at) as created_date,
    created_at,
    coalesce(merged_at, deleted_at) as deleted_at
from deals_existing
left join last_values on deals_existing.deal_id = last_values.deal_id
left join paid_once on deals_existing.deal_id = paid_once.deal_id
left join migrations
    on migrations.source_system = 'hubspot'
    and local_day(created_at) between cast(migrations.first_day as date) and cast(migrations.last_day as date)
    and (source_types = '' or list_contains(string_split(source_types, ' '), upper(history.dealstage[-1].sourceType)))
left join survivors as account_survivors
    on account_survivors.object = 'account' and deals_existing.account_id = account_survivors.merged_id
left join survivors as contact_survivors
    on contact_survivors.object = 'contact' and deals_existing.contact_id = contact_survivors.merged_id;

create temp table listed_stages as
select
    id as pipeline_id, clean(label) as pipeline_label, stage.id as stage_id, clean(stage.label) as stage_label,
    try_cast(try_cast(given(stage.metadata.probability) as decimal(18, 6)) as decimal(9, 6)) as win_probability
from (
    select id, label, unnest(from_json(
        stages, '[{"id": "VARCHAR", "label": "VARCHAR", "metadata": {"probability": "VARCHAR"}}]'
    )) as stage
    from read_parquet(getvariable('hubspot_pipelines'), union_by_name = true)
    inner join loads using (_dlt_load_id)
    qualify load_number = max(load_number) over (partition by id)
);

create temp table deal_moves as
with pipelines_of_stages as (
    select stage_id, min(pipeline_id) as pipeline_id
    from listed_stages
    group by stage_id
    having count(distinct pipeline_id) = 1
),
pivoted as (
    select
        deal_id,
        max(value) filter (where field = 'stage') as stage_id,
        max(value) filter (where field = 'pipeline') as pipeline_id,
        max(changed_by) as changed_by,
        changed_at
    from past_changes
    where field in ('stage', 'pipeline')
    group by deal_id, changed_at
),
carried as (
    select
        deal_id,
        last_value(stage_id ignore nulls) over moves_by_time as stage_id,
        last_value(pipeline_id ignore nulls) over moves_by_time as pipeline_id,
        changed_by,
        changed_at
    from pivoted
    window moves_by_time as (
        partition by deal_id order by changed_at rows between unbounded preceding and current row
    )
),
entries as (
    select
        deals.deal_id,
        coalesce(pipelines_of_stages.pipeline_id, carried.pipeline_id, deals.pipeline_id) as pipeline_id,
        carried.stage_id,
        carried.changed_by,
        'field_history' as history_basis,
        carried.changed_at as entered_at
    from carried
    inner join deals using (deal_id)
    left join pipelines_of_stages on carried.stage_id = pipelines_of_stages.stage_id
    where carried.stage_id is not null
    union all
    select
        deals.deal_id,
        coalesce(pipelines_of_stages.pipeline_id, deals.pipeline_id),
        deals.stage_id,
        null,
        case when has_stage_history then 'field_history' else 'assumed_current' end,
        null
    from deals
    left join pipelines_of_stages on deals.stage_id = pipelines_of_stages.stage_id
    where not has_been_staged
)
select
    deal_id, pipeline_id, coalesce(stage_id, 'none') as stage_id, changed_by, history_basis, entered_at,
    row_number() over (partition by deal_id order by entered_at) as visit_no
from (
    select *
    from entries
    qualify not coalesce(
        pipeline_id = lag(pipeline_id) over (partition by deal_id order by entered_at)
        and stage_id = lag(stage_id) over (partition by deal_id order by entered_at),
        false
    )
);

-- ------------------------------------------------------------------------------------------------------ leads' story

create temp table lead_changes as
select lead_id, field, given(change.value) as value, change.timestamp as changed_at
from (
    select contact_id as lead_id, 'stage' as field, unnest(history.lifecyclestage) as change from contacts_all
    union all
    select contact_id, 'lead_status', unnest(history.hs_lead_status) from contacts_all
);

-- A stage is what its label is mapped to; this company's list has no days, so each stage has one meaning.
create temp table stages as
with seen as (
    select distinct 'deal' as object, pipeline_id, stage_id from deal_moves
    union
    select distinct 'lead', 'default', coalesce(lifecycle_label, 'none') from contacts
    union
    select distinct 'lead_status', 'default', status_label from contacts where status_label is not null
    union
    select distinct case field when 'stage' then 'lead' else 'lead_status' end, 'default', value
    from lead_changes where value is not null
),
known as (
    select
        coalesce(seen.object, 'deal') as object,
        coalesce(seen.pipeline_id, listed_stages.pipeline_id) as pipeline_id,
        coalesce(seen.stage_id, listed_stages.stage_id) as stage_id,
        coalesce(listed_stages.pipeline_label, labels.pipeline_label) as pipeline_label,
        coalesce(listed_stages.stage_label, seen.stage_id) as stage_label,
        win_probability
    from seen
    full outer join listed_stages
        on seen.object = 'deal' and seen.pipeline_id = listed_stages.pipeline_id and seen.stage_id = listed_stages.stage_id
    left join (select pipeline_id, max(pipeline_label) as pipeline_label from listed_stages group by all) as labels
        on seen.pipeline_id = labels.pipeline_id
),
ruled as (
    select
        known.*,
        max_by(stage_rules.stage, (
            cast(stage_rules.source_system is not null as integer) + 2 * cast(stage_rules.pipeline_label is not null as integer),
            stage_rules.row_no
        )) as target
    from known
    left join stage_rules
        on known.object = stage_rules.object
        and lower(known.stage_label) = stage_rules.stage_label
        and coalesce(stage_rules.source_system = 'hubspot', true)
        and coalesce(stage_rules.pipeline_label = lower(known.pipeline_label), true)
    group by all
)
select
    ruled.object, ruled.pipeline_id, ruled.pipeline_label, ruled.stage_id, ruled.stage_label, ruled.win_probability,
    coalesce(canonical_stages.stage, 'unmapped') as stage,
    coalesce(stage_order, 99) as stage_order,
    coalesce(canonical_stages.stage <> 'unmapped', false) as is_mapped,
    coalesce(is_exit, false) as is_exit,
    coalesce(is_won, false) as is_won,
    coalesce(is_lost, false) as is_lost
from ruled
left join canonical_stages
    on coalesce(ruled.target, lower(ruled.stage_label)) = canonical_stages.stage
    and case ruled.object when 'deal' then 'deal' else 'lead' end = canonical_stages.object;

create table marts.marts.dim_stages as
with pipelines as (
    select
        stages.pipeline_id,
        max(stages.pipeline_label) as pipeline_label,
        coalesce(max_by(purpose, (pipeline_rules.source_system is not null, pipeline_rules.pipeline_label is not null, row_no)),
            'new_business') as pipeline_purpose
    from stages
    left join pipeline_rules
        on coalesce(pipeline_rules.source_system = 'hubspot', true)
        and coalesce(pipeline_rules.pipeline_label = lower(stages.pipeline_label), true)
    where stages.object = 'deal'
    group by stages.pipeline_id
)
select
    concat_ws(':', 'hubspot', stages.object, stages.pipeline_id, stages.stage_id) as stage_key,
    'hubspot' as source_system,
    stages.object,
    stages.pipeline_id,
    coalesce(stages.pipeline_label, pipelines.pipeline_label) as pipeline_label,
    pipelines.pipeline_purpose,
    stages.stage_id,
    stages.stage_label,
    stages.stage,
    stages.stage_order,
    stages.win_probability,
    stages.is_won,
    stages.is_lost,
    stages.is_mapped
from stages
left join pipelines on stages.object = 'deal' and stages.pipeline_id = pipelines.pipeline_id
where stages.object <> 'lead_status' or stages.is_mapped;

create temp table lead_moves as
with mapped as (
    select lead_id, field, lead_changes.value as label, stage, is_mapped, is_exit, changed_at
    from lead_changes
    semi join contacts on lead_changes.lead_id = contacts.contact_id
    left join stages
        on stages.object = case field when 'stage' then 'lead' else 'lead_status' end and lead_changes.value = stages.stage_id
    where changed_at < getvariable('as_of_end')
),
in_context as (
    select
        mapped.*,
        last_value(case when field = 'stage' then stage end ignore nulls) over (
            partition by lead_id order by changed_at, field desc, stage rows between unbounded preceding and current row
        ) as lifecycle_stage,
        lag(coalesce(is_exit, false)) over (partition by lead_id, field order by changed_at, stage) as is_exit_before
    from mapped
),
entries as (
    select
        lead_id,
        case
            when field = 'stage' or is_mapped then stage
            when is_exit_before then coalesce(lifecycle_stage, 'lead')
        end as stage,
        field,
        label,
        'field_history' as history_basis,
        changed_at as entered_at
    from in_context
),
-- All that is known is where the lead is now; a lead whose changes name no stage has no visit at all.
all_entries as (
    select * from entries where stage is not null
    union all
    select
        contacts.contact_id,
        case when statuses.is_exit then statuses.stage else coalesce(lifecycles.stage, statuses.stage, 'unmapped') end,
        'stage', case when statuses.is_exit then contacts.status_label else contacts.lifecycle_label end,
        'assumed_current', null
    from contacts
    anti join entries on contacts.contact_id = entries.lead_id
    left join stages as lifecycles on lifecycles.object = 'lead' and contacts.lifecycle_label = lifecycles.stage_id
    left join stages as statuses
        on statuses.object = 'lead_status' and statuses.is_mapped and contacts.status_label = statuses.stage_id
),
once as (
    select *
    from all_entries
    qualify not coalesce(
        stage = lag(stage) over (partition by lead_id order by entered_at, field desc, stage, label), false
    )
)
select
    lead_id, once.stage, once.label, history_basis, stage_order, is_exit, entered_at,
    row_number() over lead_by_time as visit_no,
    lag(stage_order) over lead_by_time as stage_order_before,
    lag(once.stage) over lead_by_time as stage_before,
    lag(is_exit) over lead_by_time as is_exit_before,
    lead(entered_at) over lead_by_time as exited_at,
    row_number() over lead_by_time = count(*) over (partition by lead_id) as is_last
from once
inner join canonical_stages on canonical_stages.object = 'lead' and once.stage = canonical_stages.stage
window lead_by_time as (partition by lead_id order by entered_at, field desc, once.stage, once.label);

create table marts.marts.fct_lead_stages as
select
    'hubspot:' || lead_id as lead_key,
    stage,
    history_basis,
    case
        when visit_no = 1 then 'first'
        when is_exit or stage = 'unmapped' or stage_before = 'unmapped' then 'forward'
        when stage_order < stage_order_before then 'backward'
        when stage_order > stage_order_before + 1 then 'skip'
        else 'forward'
    end as direction,
    visit_no,
    stage_order,
    days_between(entered_at, coalesce(exited_at, getvariable('as_of_end'))) as days_in_stage,
    is_last as is_open,
    entered_at,
    exited_at
from lead_moves;

create temp table leads as
with sources as (
    -- Of people who were merged the earliest known record says where the lead came from.
    select
        people.lead_id,
        min_by({'label': records.source_label, 'detail': records.source_detail}, (records.created_at, records.contact_id))
            as source
    from (
        select survivor_id as lead_id, merged_id as contact_id from survivors where object = 'contact'
        union
        select survivor_id, survivor_id from survivors where object = 'contact'
    ) as people
    inner join contacts_all as records on people.contact_id = records.contact_id
    where records.source_label is not null
    group by people.lead_id
    -- What a lead says of itself is changed only by a record that was landed and has been merged into it.
    having bool_or(records.contact_id <> people.lead_id)
),
joined as (
    select
        contacts.*,
        case when sources.lead_id is null then contacts.source_label else sources.source.label end as stated_label,
        case when sources.lead_id is null then contacts.source_detail else sources.source.detail end as stated_detail
    from contacts
    left join sources on contacts.contact_id = sources.lead_id
),
labels as (
    select distinct stated_label, stated_detail from joined where stated_label is not null
),
channels as (
    select
        labels.*,
        coalesce(
            max_by(channel_rules.channel, (
                cast(channel_rules.source_system is not null as integer) + 2 * cast(channel_rules.detail is not null as integer),
                row_no
            )),
            any_value(own.channel),
            'unmapped'
        ) as channel
    from labels
    left join channel_rules
        on lower(trim(labels.stated_label)) = channel_rules.label
        and coalesce(channel_rules.source_system = 'hubspot', true)
        and (channel_rules.detail is null or lower(trim(labels.stated_detail)) = channel_rules.detail)
    left join marts.marts.dim_channels as own
        on lower(trim(labels.stated_label)) = own.channel and own.channel not in ('unmapped', 'not_stated', 'unattributed')
    group by labels.stated_label, labels.stated_detail
),
campaigns as (
    select lower(trim(campaign_name)) as campaign_name, min(campaign_key) as campaign_key
    from marts.marts.dim_campaigns
    where campaign_key <> 'unattributed'
    group by all
)
select
    joined.contact_id as lead_id,
    email, account_id, owner_id, campaign_key, coalesce(channels.channel, 'not_stated') as channel,
    joined.stated_label as source_label, joined.stated_detail as source_detail,
    coalesce(temperature_labels.temperature, case when purchase_timeframe is not null then 'cold' end) as temperature,
    case when joined.is_deleted then 'deleted' when joined.is_test then 'test' end as exclusion_reason,
    joined.is_deleted, joined.created_date, joined.created_at,
    cast(cast(migrations.last_day as date) + 1 as timestamp) at time zone getvariable('zone') at time zone 'UTC'
        as brought_until
from joined
left join migrations
    on migrations.source_system = 'hubspot'
    and joined.created_date between cast(migrations.first_day as date) and cast(migrations.last_day as date)
    and (source_types = '' or list_contains(string_split(source_types, ' '), upper(joined.first_source_type)))
left join channels
    on joined.stated_label = channels.stated_label and joined.stated_detail is not distinct from channels.stated_detail
left join marts.marts.dim_channels as paid on channels.channel = paid.channel and paid.is_paid
left join campaigns on paid.is_paid and lower(trim(joined.stated_detail)) = campaigns.campaign_name
left join temperature_labels on lower(trim(purchase_timeframe)) = temperature_labels.label;

-- --------------------------------------------------------------------------------------------------------- deal facts

create temp table owner_periods as
select
    deal_id, nullif(owner_id, '') as owner_id,
    case when row_number() over owner_by_time = 1 then timestamp '0001-01-01' else changed_at end as valid_from,
    lead(changed_at, 1, timestamp '9999-12-31') over owner_by_time as valid_to
from (select deal_id, coalesce(value, '') as owner_id, changed_at from past_changes where field = 'owner')
window owner_by_time as (partition by deal_id order by changed_at);

create table marts.marts.fct_deal_stage_visits as
with bounded as (
    select
        deal_moves.*,
        deals.owner_id,
        stages.stage_label, stages.stage, stages.stage_order, stages.is_exit,
        case
            when history_basis = 'assumed_current' then null
            when visit_no = 1 then deals.created_at
            else greatest(entered_at, deals.created_at)
        end as began_at
    from deal_moves
    inner join deals using (deal_id)
    inner join stages
        on stages.object = 'deal' and deal_moves.pipeline_id = stages.pipeline_id and deal_moves.stage_id = stages.stage_id
),
bulk as (
    select changed_by, date_trunc('second', entered_at) as moved_second
    from bounded
    where visit_no > 1 and changed_by is not null
    group by all
    having count(*) >= 50
),
compared as (
    select
        bounded.*,
        lag(pipeline_id) over by_visit as pipeline_id_before,
        lag(stage_order) over by_visit as stage_order_before,
        lag(stage) over by_visit as stage_before,
        lead(began_at) over by_visit as exited_at,
        visit_no = max(visit_no) over (partition by deal_id) as is_last
    from bounded
    window by_visit as (partition by deal_id order by visit_no)
)
select
    'hubspot:' || compared.deal_id as deal_key,
    'hubspot:' || coalesce(owner_periods.owner_id, compared.owner_id) as owner_key,
    concat_ws(':', 'hubspot', 'deal', pipeline_id, stage_id) as stage_key,
    pipeline_id,
    stage_label,
    stage,
    history_basis,
    case
        when visit_no = 1 then 'first'
        when pipeline_id <> pipeline_id_before then 'transfer'
        when is_exit or stage = 'unmapped' or stage_before = 'unmapped' then 'forward'
        when stage_order < stage_order_before then 'backward'
        when stage_order > stage_order_before + 1 then 'skip'
        else 'forward'
    end as direction,
    visit_no,
    stage_order,
    days_between(began_at, coalesce(exited_at, getvariable('as_of_end'))) as days_in_stage,
    is_last as is_open,
    not is_last as is_completed,
    bool_and(began_at is not null) over (partition by compared.deal_id) as is_life_known,
    bulk.moved_second is not null as is_bulk_update,
    bulk.moved_second is null
    and lead(bulk.moved_second) over (partition by compared.deal_id order by visit_no) is null as is_in_velocity,
    cast(null as timestamp) as seen_at,
    began_at as entered_at,
    exited_at
from compared
left join bulk
    on visit_no > 1 and compared.changed_by = bulk.changed_by
    and date_trunc('second', compared.entered_at) = bulk.moved_second
left join owner_periods
    on compared.deal_id = owner_periods.deal_id
    and compared.began_at >= owner_periods.valid_from and compared.began_at < owner_periods.valid_to;

create table marts.marts.fct_deals as
with visited as (
    select
        deal_key,
        max(stage_key) filter (where is_open) as stage_key,
        max(entered_at) filter (where stage = 'won' and stage_before is distinct from 'won') as won_at,
        max(entered_at) filter (where stage = 'lost' and stage_before is distinct from 'lost') as lost_at,
        count(*) filter (where stage_before in ('won', 'lost') and stage not in ('won', 'lost')) as reopens,
        count(*) filter (where direction = 'backward') as backward_moves,
        bool_or(stage_order between 2 and 7) as is_qualified,
        min(entered_at) filter (where stage_order between 2 and 7) as qualified_at
    from (
        select *, lag(stage) over (partition by deal_key order by visit_no) as stage_before
        from marts.marts.fct_deal_stage_visits
    )
    group by deal_key
),
close_dates as (
    select
        deal_id, cast(value as date) as close_date, changed_at,
        last_value(cast(value as date) ignore nulls) over (
            partition by deal_id order by changed_at rows between unbounded preceding and 1 preceding
        ) as close_date_before
    from past_changes
    where field = 'close_date'
),
pushes as (
    select deal_key, count(*) as pushes, cast(sum(close_date - close_date_before) as bigint) as pushed_days
    from close_dates
    inner join marts.marts.fct_deal_stage_visits as visits
        on 'hubspot:' || close_dates.deal_id = visits.deal_key
        and stage not in ('won', 'lost')
        and visits.entered_at <= changed_at
        and changed_at < coalesce(visits.exited_at, getvariable('as_of_end'))
    where close_date > close_date_before
    group by deal_key
),
joined as (
    select
        deals.*,
        accounts.account_key, contacts.contact_key, leads.lead_id, leads.campaign_key,
        coalesce(leads.channel, 'unattributed') as channel,
        coalesce(accounts.segment, 'unknown') as segment,
        visited.stage_key, stages.pipeline_id as pipeline_id_visited, stages.pipeline_label, stages.pipeline_purpose,
        stages.stage_label, stages.stage, stages.win_probability,
        case when stages.is_won then 'won' when stages.is_lost then 'lost' else 'open' end as status,
        case when stages.is_won then won_at when stages.is_lost then lost_at end as closed_at,
        reopens, backward_moves, coalesce(is_qualified, false) or (not has_stage_history and stages.is_lost) as is_qualified,
        qualified_at,
        coalesce(
            accounts.exclusion_reason = 'test' or contacts.exclusion_reason = 'test' or stages.pipeline_purpose = 'test',
            false
        ) as is_test
    from deals
    inner join visited on 'hubspot:' || deals.deal_id = visited.deal_key
    inner join marts.marts.dim_stages as stages on visited.stage_key = stages.stage_key
    left join marts.marts.dim_accounts as accounts on 'hubspot:' || deals.account_id = accounts.account_key
    left join marts.marts.dim_contacts as contacts on 'hubspot:' || deals.contact_id = contacts.contact_key
    left join leads on deals.contact_id = leads.lead_id
),
closed as (
    select
        joined.*,
        local_day(closed_at) as stage_close_date,
        case
            when status = 'open' then null
            when getvariable('close_day_rule') = 'stage_event' then coalesce(local_day(closed_at), close_date)
            else coalesce(close_date, local_day(closed_at))
        end as close_day,
        case when getvariable('close_day_rule') = 'stage_event' or close_date is null then closed_at end as close_event_at
    from joined
),
timed as (
    select
        closed.*,
        converted(amount, daily_rates.rate) as amount_reporting,
        converted(amount, plan_rates.rate) as amount_plan_rate,
        converted(tcv, daily_rates.rate) as tcv_reporting,
        converted(tcv, plan_rates.rate) as tcv_plan_rate,
        converted(acv, daily_rates.rate) as acv_reporting,
        converted(acv, plan_rates.rate) as acv_plan_rate,
        converted(arr, daily_rates.rate) as arr_reporting,
        converted(arr, plan_rates.rate) as arr_plan_rate,
        converted(one_time_amount, daily_rates.rate) as one_time_amount_reporting,
        converted(one_time_amount, plan_rates.rate) as one_time_amount_plan_rate,
        case
            when close_event_at is not null then days_between(created_at, close_event_at)
            else cast(close_day - created_date as decimal(18, 6))
        end as days_to_close,
        case
            when close_event_at is not null then days_between(qualified_at, close_event_at)
            else cast(close_day - local_day(qualified_at) as decimal(18, 6))
        end as days_from_qualified,
        coalesce(status = 'won' and created_date = close_day, false) as is_zero_day_win
    from closed
    left join daily_rates
        on closed.currency = daily_rates.currency
        and least(coalesce(close_day, getvariable('as_of')), getvariable('as_of')) = rate_date
    left join plan_rates
        on closed.currency = plan_rates.currency
        and plan_rates.valid_from <= coalesce(close_day, getvariable('as_of'))
        and coalesce(close_day, getvariable('as_of')) < plan_rates.valid_to
),
judged as (
    select
        *,
        case
            when status <> 'won' then null
            when days_to_close is null then 'unknown'
            when days_to_close < 0 then 'closed_before_created'
            when is_imported then 'imported'
            when is_zero_day_win then 'zero_day'
        end as cycle_reject_reason
    from timed
),
first_sales as (
    select account_key as sold_to, min(close_day) as sold_on,
        min_by('hubspot:' || deal_id, (close_day, created_at, 'hubspot:' || deal_id)) as original_deal_key
    from judged
    where status = 'won' and pipeline_purpose = 'new_business' and not is_merged and not is_deleted and not is_test
        and account_key is not null and close_day is not null
    group by account_key
),
reasons as (
    select
        stated.lost_reason,
        coalesce(max_by(reason, (loss_rules.source_system is not null, row_no)), 'unmapped') as loss_reason
    from (select distinct lost_reason from deals where lost_reason is not null) as stated
    left join loss_rules
        on lower(stated.lost_reason) = loss_rules.label and coalesce(loss_rules.source_system = 'hubspot', true)
    group by stated.lost_reason
)
select
    'hubspot:' || deal_id as deal_key,
    account_key,
    contact_key,
    'hubspot:' || lead_id as lead_key,
    'hubspot:' || owner_id as owner_key,
    campaign_key,
    stage_key,
    original_deal_key,
    deal_id,
    'hubspot' as source_system,
    deal_name,
    pipeline_id_visited as pipeline_id,
    pipeline_label,
    pipeline_purpose,
    stage_label,
    stage,
    status,
    deal_type,
    segment,
    channel,
    currency,
    forecast_category,
    next_step,
    case when status = 'lost' then judged.lost_reason end as lost_reason,
    case when status = 'lost' then loss_reason end as loss_reason,
    case
        when is_merged then 'merged' when is_deleted then 'deleted' when is_test then 'test'
        when status = 'lost' and loss_reason = 'duplicate' then 'duplicate'
    end as exclusion_reason,
    case when has_stage_history then 'field_history' else 'assumed_current' end as history_basis,
    case when has_amount_history then 'field_history' else 'landed_version' end as amount_history_basis,
    cycle_reject_reason,
    case
        when status = 'open' then null
        when status = 'won' and close_date > getvariable('as_of') then 'future_dated'
        when close_date < stage_close_date then 'back_dated'
        when close_date > stage_close_date then 'dated_later'
    end as close_day_flag,
    amount,
    amount_reporting,
    amount_plan_rate,
    tcv,
    tcv_reporting,
    tcv_plan_rate,
    acv,
    acv_reporting,
    acv_plan_rate,
    arr,
    arr_reporting,
    arr_plan_rate,
    one_time_amount,
    one_time_amount_reporting,
    one_time_amount_plan_rate,
    win_probability,
    case when has_close_date_history or close_date is null then coalesce(pushes.pushes, 0) end as pushes,
    case when has_close_date_history or close_date is null then coalesce(pushes.pushed_days, 0) end as pushed_days,
    case when status <> 'open' then cast(close_date - stage_close_date as bigint) end as close_day_gap_days,
    reopens,
    case when has_stage_history then backward_moves end as backward_moves,
    case when status = 'won' and cycle_reject_reason is null then days_to_close end as cycle_days,
    case when status = 'won' and cycle_reject_reason is null and days_from_qualified >= 0 then days_from_qualified end
        as cycle_days_from_qualified,
    case when status = 'open' then days_between(created_at, getvariable('as_of_end')) else days_to_close end as age_days,
    exclusion_reason is not null as is_excluded,
    is_deleted,
    is_zero_day_win,
    is_qualified,
    is_imported,
    created_date,
    close_date,
    stage_close_date,
    close_day,
    created_at,
    closed_at,
    close_event_at,
    case when is_deleted then deleted_at end as deleted_at
from judged
left join reasons on judged.lost_reason = reasons.lost_reason
left join first_sales
    on pipeline_purpose in ('renewal', 'upsell') and account_key = sold_to and created_date >= sold_on
left join pushes on 'hubspot:' || judged.deal_id = pushes.deal_key;

create table marts.marts.fct_leads as
with visited as (
    select
        lead_id,
        any_value(history_basis) as history_basis,
        max(stage_order) filter (where stage_order <= 6) as furthest_order,
        max_by(stage, visit_no) filter (where stage_order <= 6) as lifecycle_stage,
        max(stage) filter (where is_last and is_exit) as exit_reason,
        bool_or(is_exit) as has_exited,
        min(entered_at) filter (where stage_order between 3 and 6) as mql_at,
        min(entered_at) filter (where stage_order between 4 and 6) as sql_lead_at,
        min(entered_at) filter (where stage_order between 5 and 6) as opportunity_at,
        min(entered_at) filter (where stage_order = 6) as customer_at,
        max(entered_at) filter (where is_last and is_exit) as exited_at,
        max(label) filter (where is_last and is_exit) as exit_label,
        any_value(history_basis) = 'field_history' as has_history,
        count(*) filter (where visit_no = 1 or (not is_exit and is_exit_before)) as episodes,
        count(*) filter (where stage in ('disqualified', 'duplicate', 'spam')) as disqualifications,
        count(*) filter (where stage = 'recycled') as recycles,
        max(entered_at) filter (where visit_no = 1 or (not is_exit and is_exit_before)) as episode_started_at
    from lead_moves
    group by lead_id
),
deals_of_leads as (
    select
        lead_key,
        min_by(deal_key, (created_at, deal_key)) as first_deal_key,
        count(*) as deals_count,
        count(*) filter (where status = 'won') as won_deals_count,
        count(*) filter (where status = 'won' and amount_reporting is null) as won_deals_without_amount,
        sum(amount_reporting) filter (where status = 'won') as won_amount_reporting
    from marts.marts.fct_deals
    where not is_excluded and lead_key is not null
    group by lead_key
),
judged as (
    select leads.* replace (
        coalesce(exclusion_reason, case when exit_reason in ('duplicate', 'spam') then exit_reason end) as exclusion_reason
    )
    from leads
    inner join visited on leads.lead_id = visited.lead_id
),
people as (
    select coalesce(email, lead_id) as person, lead_id, created_at, exclusion_reason, brought_until
    from judged
    where created_at is not null
    qualify count(*) over (partition by coalesce(email, lead_id)) > 1
),
pairs as (
    select later.lead_id, later.created_at, earlier.lead_id as earlier_id, earlier.created_at as earlier_at
    from people as later
    inner join people as earlier on later.person = earlier.person and later.created_at > earlier.created_at
    where earlier.exclusion_reason is null and later.brought_until is null
),
recycled as (
    select lead_id, max_by(earlier_id, (earlier_at, earlier_id)) as earlier_id
    from (
        select pairs.*
        from pairs
        inner join lead_moves
            on pairs.earlier_id = lead_moves.lead_id and is_exit and entered_at <= created_at
            and coalesce(exited_at, timestamp '9999-12-31') > created_at
        union all
        select pairs.*
        from pairs
        inner join marts.marts.fct_deals as deals
            on 'hubspot:' || pairs.earlier_id = deals.lead_key and not is_excluded and deals.created_at <= pairs.created_at
        group by all
        having bool_and(coalesce(status = 'lost' and closed_at <= pairs.created_at, false))
    )
    group by lead_id
)
select
    'hubspot:' || leads.lead_id as lead_key,
    coalesce(email, 'hubspot:' || leads.lead_id) as person_key,
    'hubspot:' || leads.lead_id as contact_key,
    'hubspot:' || account_id as account_key,
    'hubspot:' || owner_id as owner_key,
    campaign_key,
    first_deal_key,
    'hubspot:' || recycled.earlier_id as recycled_from_lead_key,
    leads.lead_id,
    'hubspot' as source_system,
    channel,
    source_label,
    source_detail,
    coalesce(lifecycle_stage, case when has_exited then 'lead' else 'unmapped' end) as lifecycle_stage,
    temperature,
    exit_reason,
    exit_label,
    exclusion_reason,
    history_basis,
    cast(coalesce(won_amount_reporting, 0) as decimal(18, 2)) as won_amount_reporting,
    coalesce(deals_count, 0) as deals_count,
    coalesce(won_deals_count, 0) as won_deals_count,
    coalesce(won_deals_without_amount, 0) as won_deals_without_amount,
    case when has_history then episodes end as episodes,
    case when has_history then disqualifications end as disqualifications,
    case when has_history then recycles end as recycles,
    coalesce(furthest_order, 0) >= 3 as is_mql,
    coalesce(furthest_order, 0) >= 4 as is_sql_lead,
    coalesce(furthest_order, 0) >= 5 as is_opportunity,
    coalesce(furthest_order, 0) >= 6 as is_customer,
    exclusion_reason is not null as is_excluded,
    is_deleted,
    brought_until is not null as is_imported,
    case when brought_until is null then created_date end as created_date,
    case when brought_until is null then created_at end as created_at,
    case when mql_at >= coalesce(brought_until, mql_at) then mql_at end as mql_at,
    case when sql_lead_at >= coalesce(brought_until, sql_lead_at) then sql_lead_at end as sql_lead_at,
    case when opportunity_at >= coalesce(brought_until, opportunity_at) then opportunity_at end as opportunity_at,
    case when customer_at >= coalesce(brought_until, customer_at) then customer_at end as customer_at,
    case when exited_at >= coalesce(brought_until, exited_at) then exited_at end as exited_at,
    case when episode_started_at >= coalesce(brought_until, episode_started_at) then episode_started_at end
        as episode_started_at
from judged as leads
inner join visited on leads.lead_id = visited.lead_id
left join deals_of_leads on 'hubspot:' || leads.lead_id = deals_of_leads.lead_key
left join recycled on leads.lead_id = recycled.lead_id;

create table marts.marts.dim_owners as
with listed as (
    select
        id as owner_id,
        coalesce(clean(concat_ws(' ', first_name, last_name)), lower(clean(email)), id) as owner_name,
        lower(clean(email)) as email,
        coalesce(list_filter(members, lambda team: team.primary)[1].name, members[1].name) as team,
        case
            when exists (select 1 from integration_owners where name in (lower(id), 'hubspot:' || lower(id), lower(owner_name), lower(email)))
                then 'integration'
            when json_extract_string(payload, '$.type') = 'QUEUE' then 'queue'
            else 'person'
        end as kind,
        archived <> 'true' or cast(updated_at as timestamp) >= getvariable('as_of_end') as is_active,
        cast(created_at as timestamp) as created_at,
        case when archived = 'true' and cast(updated_at as timestamp) < getvariable('as_of_end')
            then cast(updated_at as timestamp) end as deactivated_at
    from (
        select *, from_json(teams, '[{"name": "VARCHAR", "primary": "BOOLEAN"}]') as members
        from read_parquet(getvariable('hubspot_owners'), union_by_name = true)
        inner join loads using (_dlt_load_id)
    )
    qualify row_number() over (partition by id order by load_number desc, fetched_at desc, updated_at desc) = 1
),
named as (
    select owner_id
    from (
        select owner_id from deals union select value from past_changes where field = 'owner'
        union select owner_id from contacts union select owner_id from accounts
    )
    where owner_id is not null
),
everyone as (
    select * from listed
    where created_at is null or created_at < getvariable('as_of_end') or owner_id in (select owner_id from named)
    union all
    select owner_id, owner_id, null, null, 'person', false, null, null
    from named
    where owner_id not in (select owner_id from listed)
)
select
    'hubspot:' || owner_id as owner_key,
    cast(null as text) as manager_key,
    owner_id,
    'hubspot' as source_system,
    owner_name,
    email,
    team,
    kind,
    case when kind = 'person' and is_active then owner_name else 'Unassigned' end as rollup_owner_name,
    is_active,
    created_at,
    deactivated_at
from everyone;

-- ------------------------------------------------------------------------------------------------------------ funnel

create temp table funnel_entities as
with entities as (
    select
        'lead' as funnel, lead_key as entity_key, channel, coalesce(segment, 'unknown') as segment,
        case
            when is_customer then 6 when is_opportunity then 5 when is_sql_lead then 4 when is_mql then 3
            when lifecycle_stage = 'lead' then 2 when lifecycle_stage = 'suspect' then 1
        end as known_order,
        exit_reason is not null as is_exited, created_date, leads.created_at, exited_at
    from marts.marts.fct_leads as leads
    left join marts.marts.dim_accounts as accounts on leads.account_key = accounts.account_key
    where not leads.is_excluded and not leads.is_imported
    union all
    select
        'deal', deal_key, fct_deals.channel, segment,
        case when status = 'lost' then 1 else canonical_stages.stage_order end,
        status = 'lost', created_date, created_at, case when status = 'lost' then closed_at end
    from marts.marts.fct_deals
    left join canonical_stages
        on canonical_stages.object = 'deal' and fct_deals.stage = canonical_stages.stage and canonical_stages.stage_order <= 7
    where not is_excluded and not is_imported and pipeline_purpose = 'new_business'
),
reached as (
    select
        entity_key,
        max(stage_order) as furthest_order,
        [min(entered_at) filter (where stage_order >= 1), min(entered_at) filter (where stage_order >= 2),
            min(entered_at) filter (where stage_order >= 3), min(entered_at) filter (where stage_order >= 4),
            min(entered_at) filter (where stage_order >= 5), min(entered_at) filter (where stage_order >= 6),
            min(entered_at) filter (where stage_order >= 7)] as reached_at,
        funnel
    from (
        select 'lead' as funnel, lead_key as entity_key, stage_order, entered_at from marts.marts.fct_lead_stages
        union all
        select 'deal', deal_key, stage_order, entered_at from marts.marts.fct_deal_stage_visits
    )
    where stage_order <= 7 and entered_at is not null
    group by funnel, entity_key
)
select
    entities.funnel, entities.entity_key, entities.channel, segment, is_exited, created_date, created_at, exited_at,
    coalesce(reached.furthest_order, known_order, 0) as furthest_order,
    reached.reached_at
from entities
left join reached on entities.funnel = reached.funnel and entities.entity_key = reached.entity_key;

create temp table steps as
select object as funnel, stage, stage_order, is_won as is_last,
    stage_order > case object when 'lead' then 2 else 1 end as is_milestone
from canonical_stages
where not is_exit and stage <> 'unmapped';

create table marts.marts.fct_funnel_stages as
with steps_of_entities as (
    select
        entities.funnel, entities.entity_key, entities.channel, segment, steps.stage, steps.stage_order, steps.is_last,
        furthest_order > steps.stage_order as has_progressed, is_exited, exited_at,
        reached_at[steps.stage_order] as entered_at, reached_at[steps.stage_order + 1] as progressed_at,
        cast(date_trunc('month', local_day(reached_at[steps.stage_order])) as date) as entry_month
    from funnel_entities as entities
    inner join steps on entities.funnel = steps.funnel and furthest_order >= steps.stage_order
),
steps_reached as (
    select *, case dimension when 'channel' then channel when 'segment' then segment else 'all' end as member
    from steps_of_entities
    cross join (values ('all'), ('channel'), ('segment')) as dimensions (dimension)
),
counted as (
    select
        funnel, stage, dimension, member, stage_order, is_last, entry_month,
        count(*) as entities_entered,
        count(*) filter (where has_progressed) as entities_progressed,
        count(*) filter (where not has_progressed and is_exited) as entities_exited,
        count(*) filter (where not has_progressed and not is_exited) as entities_open
    from steps_reached
    group by all
),
completed as (
    select 'lead' as funnel, lead_key as entity_key, stage, days_in_stage
    from marts.marts.fct_lead_stages where not is_open and days_in_stage is not null
    union all
    select 'deal', deal_key, stage, days_in_stage
    from marts.marts.fct_deal_stage_visits where is_completed and is_in_velocity and days_in_stage is not null
),
waits as (
    select funnel, stage, dimension, member, entry_month, count(*) as completed_visits, median(days_in_stage) as median_days
    from completed
    inner join steps_reached using (funnel, entity_key, stage)
    group by all
),
outcomes as (
    select funnel, stage, dimension, member, has_progressed or is_exited as has_outcome,
        greatest(days_between(entered_at, case
            when has_progressed then progressed_at when is_exited then exited_at else getvariable('as_of_end')
        end), 0) as days
    from steps_reached
    where
        not is_last
        and entered_at is not null
        and (not has_progressed or progressed_at is not null)
        and (has_progressed or not is_exited or exited_at is not null)
),
outcomes_counted as (
    select funnel, stage, dimension, member, days, count(*) filter (where has_outcome) as outcomes,
        sum(count(*)) over (partition by funnel, stage, dimension, member order by days desc) as at_risk
    from outcomes
    group by funnel, stage, dimension, member, days
),
survival as (
    select funnel, stage, dimension, member, days,
        exp(sum(case when outcomes < at_risk then ln(1 - outcomes / at_risk) else -1e3 end) over (
            partition by funnel, stage, dimension, member order by days
        )) as share_waiting
    from outcomes_counted
),
ages as (
    select funnel, stage, dimension, member, min(days) filter (where share_waiting <= 0.1 + 1e-9) as p90
    from survival
    group by all
)
select
    counted.funnel,
    counted.stage,
    counted.dimension,
    counted.member,
    counted.stage_order,
    entities_entered,
    entities_progressed,
    entities_exited,
    entities_open,
    case when not is_last then ratio(entities_progressed, entities_entered) end as conversion_rate,
    case when not is_last then wilson(entities_progressed, entities_entered, -1) end as wilson_low,
    case when not is_last then wilson(entities_progressed, entities_entered, 1) end as wilson_high,
    cast(median_days as decimal(18, 6)) as median_days_completed,
    coalesce(completed_visits, 0) as completed_visits,
    cast(p90 as decimal(18, 6)) as p90_days_to_outcome,
    case when not is_last then coalesce(getvariable('as_of') - last_day(counted.entry_month) >= p90, false) end
        as is_mature,
    counted.entry_month
from counted
left join ages
    on counted.funnel = ages.funnel and counted.stage = ages.stage and counted.dimension = ages.dimension
    and counted.member = ages.member
left join waits
    on counted.funnel = waits.funnel and counted.stage = waits.stage and counted.dimension = waits.dimension
    and counted.member = waits.member
    and counted.entry_month is not distinct from waits.entry_month;

create table marts.marts.fct_conversions_cohort as
with by_milestone as (
    select
        entities.funnel, dimension, case dimension when 'channel' then channel when 'segment' then segment else 'all' end
            as member,
        steps.stage as milestone, steps.stage_order as milestone_order,
        furthest_order >= steps.stage_order as has_reached, is_exited,
        cast(date_trunc('month', created_date) as date) as cohort_month,
        created_at, exited_at, reached_at[steps.stage_order] as reached_at
    from funnel_entities as entities
    inner join steps on entities.funnel = steps.funnel and steps.is_milestone
    cross join (values ('all'), ('channel'), ('segment')) as dimensions (dimension)
),
cohorts as (
    select funnel, dimension, member, milestone, milestone_order, cohort_month, count(*) as cohort_size,
        count(*) filter (where has_reached) as reached
    from by_milestone
    group by all
),
waits as (
    select funnel, dimension, member, milestone, cohort_month, has_reached, has_reached or is_exited as has_outcome,
        greatest(days_between(created_at, case
            when has_reached then reached_at when is_exited then exited_at else getvariable('as_of_end')
        end), 0) as days
    from by_milestone
    where
        created_at is not null
        and (not has_reached or reached_at is not null)
        and (has_reached or not is_exited or exited_at is not null)
),
waits_counted as (
    select funnel, dimension, member, milestone, days, count(*) filter (where has_outcome) as outcomes,
        sum(count(*)) over (partition by funnel, dimension, member, milestone order by days desc) as at_risk
    from waits
    group by funnel, dimension, member, milestone, days
),
survival as (
    select funnel, dimension, member, milestone, days,
        exp(sum(case when outcomes < at_risk then ln(1 - outcomes / at_risk) else -1e3 end) over (
            partition by funnel, dimension, member, milestone order by days
        )) as share_waiting
    from waits_counted
),
ages as (
    select funnel, dimension, member, milestone, min(days) filter (where share_waiting <= 0.1 + 1e-9) as p90
    from survival
    group by all
),
ways_out as (
    select funnel, dimension, member, milestone, cohort_month, days,
        count(*) filter (where has_reached) as reached, count(*) filter (where has_outcome and not has_reached) as exited,
        sum(count(*)) over (partition by funnel, dimension, member, milestone, cohort_month order by days desc) as at_risk
    from waits
    group by funnel, dimension, member, milestone, cohort_month, days
),
waiting as (
    select *, coalesce(exp(sum(
        case when reached + exited < at_risk then ln(1 - (reached + exited) / at_risk) else -1e3 end
    ) over (
        partition by funnel, dimension, member, milestone, cohort_month order by days
        rows between unbounded preceding and 1 preceding
    )), 1) as share_waiting
    from ways_out
),
incidence as (
    select funnel, dimension, member, milestone, cohort_month,
        sum(share_waiting * reached / at_risk) as reached_share, sum(share_waiting * exited / at_risk) as exited_share
    from waiting
    group by all
)
select
    cohorts.funnel,
    cohorts.dimension,
    cohorts.member,
    cohorts.milestone,
    cohorts.milestone_order,
    cohort_size,
    cohorts.reached,
    ratio(cohorts.reached, cohort_size) as conversion_rate,
    wilson(cohorts.reached, cohort_size, -1) as wilson_low,
    wilson(cohorts.reached, cohort_size, 1) as wilson_high,
    cast(reached_share as decimal(18, 9)) as reached_incidence,
    cast(exited_share as decimal(18, 9)) as exited_incidence,
    cast(p90 as decimal(18, 6)) as p90_days_to_outcome,
    coalesce(getvariable('as_of') - last_day(cohort_month) >= p90, false) as is_mature,
    cohort_month
from cohorts
left join ages using (funnel, dimension, member, milestone)
left join incidence using (funnel, dimension, member, milestone, cohort_month);

create table marts.marts.fct_campaign_roi_monthly as
with spend as (
    select campaign_key, channel, sum(spend_reporting) as spend_reporting,
        cast(date_trunc('month', date_day) as date) as month_start
    from marts.marts.fct_ad_performance_daily
    group by all
),
leads_by_month as (
    select
        coalesce(campaigns.campaign_key, 'unattributed') as campaign_key,
        coalesce(campaigns.channel, fct_leads.channel) as channel,
        count(*) as leads,
        count(*) filter (where is_mql) as mqls,
        count(*) filter (where is_sql_lead) as sql_leads,
        count(*) filter (where is_opportunity) as opportunities,
        count(*) filter (where won_deals_count > 0) as customers,
        sum(won_deals_count) as won_deals,
        sum(won_deals_without_amount) as won_deals_without_amount,
        sum(won_amount_reporting) as won_amount_reporting,
        cast(date_trunc('month', created_date) as date) as month_start
    from marts.marts.fct_leads
    inner join marts.marts.dim_channels as channels on fct_leads.channel = channels.channel
    left join marts.marts.dim_campaigns as campaigns on fct_leads.campaign_key = campaigns.campaign_key
    where not is_excluded and (channels.is_paid or campaigns.campaign_key is not null)
    group by all
),
covered as (
    select channel, date_trunc('month', min(date_day)) as first_month
    from marts.marts.fct_ad_performance_daily
    where spend_reporting is not null
    group by all
),
joined as (
    select
        campaign_key, channel, month_start,
        cast(
            case
                when spend.campaign_key is not null then spend_reporting
                when month_start >= first_month then 0
            end as decimal(18, 6)
        ) as spend_reporting,
        coalesce(leads, 0) as leads, coalesce(mqls, 0) as mqls, coalesce(sql_leads, 0) as sql_leads,
        coalesce(opportunities, 0) as opportunities, coalesce(customers, 0) as customers,
        cast(coalesce(won_deals, 0) as bigint) as won_deals,
        cast(coalesce(won_deals_without_amount, 0) as bigint) as won_deals_without_amount,
        cast(coalesce(won_amount_reporting, 0) as decimal(18, 2)) as won_amount_reporting
    from spend
    full outer join leads_by_month using (campaign_key, channel, month_start)
    left join covered using (channel)
),
margin as (
    select cast(gross_margin as decimal(9, 6)) as gross_margin from margin_rules
),
won_by_day as (
    select
        coalesce(campaigns.campaign_key, 'unattributed') as campaign_key,
        coalesce(campaigns.channel, fct_leads.channel) as channel,
        cast(date_trunc('month', fct_leads.created_date) as date) as month_start,
        close_day,
        sum(deals.amount_reporting) as won
    from marts.marts.fct_leads
    inner join marts.marts.dim_channels as channels on fct_leads.channel = channels.channel
    left join marts.marts.dim_campaigns as campaigns on fct_leads.campaign_key = campaigns.campaign_key
    inner join marts.marts.fct_deals as deals on fct_leads.lead_key = deals.lead_key
    where
        not fct_leads.is_excluded and (channels.is_paid or campaigns.campaign_key is not null)
        and not deals.is_excluded and deals.status = 'won' and close_day <= getvariable('as_of')
    group by all
),
won_so_far as (
    select
        campaign_key, channel, month_start, close_day,
        sum(won) over (partition by campaign_key, channel, month_start order by close_day) as won
    from won_by_day
),
paid_back as (
    select campaign_key, channel, month_start, min(close_day) as paid_back_on
    from won_so_far
    cross join margin
    inner join joined using (campaign_key, channel, month_start)
    where spend_reporting > 0 and won * gross_margin >= spend_reporting
    group by all
)
select
    joined.campaign_key,
    joined.channel,
    coalesce(campaigns.campaign_name, 'Unattributed') as campaign_name,
    spend_reporting,
    leads,
    mqls,
    sql_leads,
    opportunities,
    customers,
    won_deals,
    won_deals_without_amount,
    won_amount_reporting,
    converted(won_amount_reporting, margin.gross_margin) as gross_margin_reporting,
    cost_ratio(spend_reporting, leads) as cost_per_lead,
    cost_ratio(spend_reporting, mqls) as cost_per_mql,
    cost_ratio(spend_reporting, sql_leads) as cost_per_sql_lead,
    cost_ratio(spend_reporting, customers) as media_cac,
    ratio(won_amount_reporting, spend_reporting) as roas,
    ratio(won_amount_reporting * margin.gross_margin, spend_reporting) as payback_ratio,
    date_diff('month', joined.month_start, paid_back.paid_back_on) as payback_months,
    joined.month_start,
    paid_back.paid_back_on
from joined
left join marts.marts.dim_campaigns as campaigns on joined.campaign_key = campaigns.campaign_key
left join margin on true
left join paid_back
    on joined.campaign_key = paid_back.campaign_key and joined.channel = paid_back.channel
    and joined.month_start = paid_back.month_start;

create table marts.marts.fct_targets as
with newest as (
    select
        given(level) as level, coalesce(given(member), 'company') as member, given(measure) as measure,
        given(currency) as currency, given(period_type) as period_type, cast(amount as decimal(18, 2)) as amount,
        cast(date_trunc('month', cast(period_start as date)) as date) as period_start
    from read_parquet(getvariable('files_targets'), union_by_name = true)
    inner join loads using (_dlt_load_id)
    where reject_reason is null
    qualify row_number() over (
        partition by level, coalesce(given(member), 'company'), measure, period_type, period_start
        order by load_number desc, cast(row_number as bigint) desc
    ) = 1
),
split as (
    select
        newest.* exclude (amount),
        cast(period_start + to_months(month_no) as date) as month_start,
        case period_type when 'month' then amount else cast(
            (cast(amount * 100 as bigint) // 3) + case when cast(amount * 100 as bigint) % 3 > month_no then 1 else 0 end
            as decimal(18, 0)
        ) * 0.01 end as amount
    from newest
    inner join (values (0), (1), (2)) as months (month_no) on month_no = 0 or period_type = 'quarter'
),
once as (
    select * from split
    qualify row_number() over (partition by level, member, measure, month_start order by period_type) = 1
),
names as (
    select name, min(owner_key) as owner_key
    from (
        select owner_key, unnest([lower(owner_id), lower(owner_key), lower(email), lower(owner_name)]) as name
        from marts.marts.dim_owners
    )
    where name is not null
    group by name
)
select
    concat_ws(':', once.level, coalesce(names.owner_key, once.member), once.measure, once.month_start) as target_key,
    once.level,
    coalesce(names.owner_key, once.member) as member,
    once.measure,
    once.currency,
    cast(once.amount as decimal(18, 2)) as amount,
    converted(once.amount, plan_rates.rate) as amount_reporting,
    once.month_start as period_start
from once
left join names on once.level = 'owner' and lower(once.member) = names.name
left join plan_rates
    on once.currency = plan_rates.currency and once.month_start >= valid_from and once.month_start < valid_to;

-- ---------------------------------------------------------------------------------------------------------- sessions

create temp table current_files as
select _dlt_load_id, file_name, file_version
from (
    select distinct _dlt_load_id, file_name, file_version, event_date, is_intraday
    from read_parquet(getvariable('ga4_events'), union_by_name = true)
)
inner join loads using (_dlt_load_id)
qualify row_number() over (
    partition by event_date order by is_intraday = 'true', load_number desc, file_name, file_version
) = 1;

create temp table sessions as
select
    given(user_pseudo_id) as visitor_id,
    given(ga_session_id) as session_id,
    min(struct_pack(happened_at := event_timestamp, value := given(user_id))) filter (where given(user_id) is not null)
        as first_user,
    arg_min(given(source), event_timestamp) as source,
    arg_min(given(medium), event_timestamp) as medium,
    arg_min(given(campaign), event_timestamp) as campaign,
    arg_min(given(gclid), event_timestamp) as gclid,
    arg_min(page_location, event_timestamp) as landing_page,
    arg_min(device_category, event_timestamp) as device,
    arg_min(given(country), event_timestamp) as country,
    count(*) as events,
    count(*) filter (where event_name = 'page_view') as page_views,
    coalesce(sum(engagement_ms), 0) as engagement_ms,
    bool_or(session_engaged = '1') as is_engaged,
    bool_or(event_name = 'add_to_cart') as has_add_to_cart,
    make_timestamp(min(event_timestamp)) as started_at,
    make_timestamp(max(event_timestamp)) as ended_at
from (
    select
        * replace (cast(event_timestamp as bigint) as event_timestamp),
        try_cast(engagement_time_msec as bigint) as engagement_ms
    from read_parquet(getvariable('ga4_events'), union_by_name = true)
    semi join current_files using (_dlt_load_id, file_name, file_version)
)
where event_timestamp < epoch_us(getvariable('as_of_end')) and given(ga_session_id) is not null
group by given(user_pseudo_id), given(ga_session_id);

create temp table purchases as
select
    visitor_id, session_id, purchases_once.currency, revenue, purchased_at, converted(revenue, rate) as revenue_reporting
from (
    select
        given(user_pseudo_id) as visitor_id, given(ga_session_id) as session_id, given(transaction_id) as transaction_id,
        upper(given(currency)) as currency, try_cast(given(purchase_revenue) as decimal(18, 2)) as revenue,
        make_timestamp(cast(event_timestamp as bigint)) as purchased_at
    from read_parquet(getvariable('ga4_events'), union_by_name = true)
    semi join current_files using (_dlt_load_id, file_name, file_version)
    where event_name = 'purchase' and given(ga_session_id) is not null
        and cast(event_timestamp as bigint) < epoch_us(getvariable('as_of_end'))
    qualify given(transaction_id) is null or row_number() over (
        partition by given(transaction_id) order by purchased_at, visitor_id, session_id, revenue
    ) = 1
) as purchases_once
left join daily_rates on purchases_once.currency = daily_rates.currency and local_day(purchased_at) = rate_date;

create temp table visitor_contacts as
with signed_in as (
    select visitor_id, min(first_user).value as user_id
    from sessions
    where first_user is not null
    group by visitor_id
),
records as (
    select contact_id, visitor_id, 'hubspot:' || coalesce(survivor_id, contact_id) as contact_key
    from contacts_all
    left join survivors on survivors.object = 'contact' and contact_id = merged_id
),
claims as (
    select signed_in.visitor_id, contact_key, 1 as claim_order
    from signed_in inner join records on signed_in.user_id = records.contact_id
    union all
    select signed_in.visitor_id, contact_key, 2
    from signed_in inner join marts.marts.dim_contacts as contacts on lower(signed_in.user_id) = contacts.email
    union all
    select visitor_id, contact_key, 3 from records where visitor_id is not null
)
select claims.visitor_id, contacts.contact_key, contacts.person_key
from claims
inner join marts.marts.dim_contacts as contacts using (contact_key)
qualify row_number() over (
    partition by claims.visitor_id order by claim_order, is_excluded, created_at, contacts.contact_key
) = 1;

create table marts.marts.fct_sessions as
with bought as (
    select
        visitor_id, session_id, min_by(currency, (purchased_at, currency)) as currency, count(*) as purchases,
        case when count(distinct currency) <= 1 then sum(revenue) end as revenue, sum(revenue_reporting) as revenue_reporting
    from purchases
    group by visitor_id, session_id
),
joined as (
    select
        sessions.*,
        cast(engagement_ms / 1000 as decimal(18, 3)) as engagement_seconds,
        visitor_contacts.contact_key, visitor_contacts.person_key, lower(trim(medium)) as medium_lower,
        lower(trim(source)) as source_lower, bought.currency,
        coalesce(bought.purchases, 0) as purchases,
        case when bought.purchases is null then 0 else bought.revenue end as revenue,
        case when bought.purchases is null then 0 else bought.revenue_reporting end as revenue_reporting
    from sessions
    left join bought on sessions.visitor_id = bought.visitor_id and sessions.session_id = bought.session_id
    left join visitor_contacts on sessions.visitor_id = visitor_contacts.visitor_id
),
listed as (
    select medium_lower as medium_listed, source_lower as source_listed, max_by(channel_rules.channel, (
        cast(channel_rules.source_system is not null as integer) + 2 * cast(detail is not null as integer), row_no
    )) as channel_listed
    from (select distinct medium_lower, source_lower from joined)
    inner join channel_rules
        on medium_lower = label and coalesce(channel_rules.source_system = 'ga4', true) and (detail is null or source_lower = detail)
    group by medium_lower, source_lower
)
select
    visitor_id || ':' || session_id as session_key,
    'ga4' as source_system,
    contact_key,
    person_key,
    visitor_id,
    case
        when gclid is not null then 'paid_search'
        when medium_lower is null then 'not_stated'
        when channel_listed is not null then channel_listed
        when medium_lower in ('cpc', 'ppc', 'paidsearch') then 'paid_search'
        when medium_lower in ('display', 'cpm', 'banner') then 'display'
        when medium_lower in ('paid_social', 'paidsocial') then 'paid_social'
        when medium_lower = 'email' then 'email'
        when medium_lower = 'social' then 'organic_social'
        when medium_lower = 'organic' then 'organic_search'
        when medium_lower = 'referral' then 'referral'
        when medium_lower in ('(none)', '(direct)') then 'direct'
        when medium_lower in ('affiliate', 'partner') then 'partner'
        when medium_lower = '(not set)' then 'unknown'
        when medium_lower in (select channel from marts.marts.dim_channels where channel_group <> 'unknown') then medium_lower
        else 'unmapped'
    end as channel,
    source,
    medium,
    campaign,
    landing_page,
    device,
    country,
    currency,
    events,
    page_views,
    engagement_seconds,
    purchases,
    cast(revenue as decimal(18, 2)) as revenue,
    cast(revenue_reporting as decimal(18, 2)) as revenue_reporting,
    is_engaged,
    page_views >= 30 and engagement_seconds = 0 as is_bot,
    has_add_to_cart,
    purchases > 0 as has_purchase,
    local_day(started_at) as session_date,
    started_at,
    ended_at
from joined
left join listed on medium_lower = medium_listed and source_lower is not distinct from source_listed;
