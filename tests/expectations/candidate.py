"""A small home that keeps every promise: ledger, history, a passed-looking candidate, settings.

What belongs here: plausible rows in the shape of the marts' contracts, written straight into DuckDB, so that a test
breaks one promise at a time. What does not: making marts from raw (dbt/) and any definition of a figure.
"""

from datetime import date
from pathlib import Path

import duckdb

from configuration.entities import CHANNELS
from configuration.model import Settings, load
from configuration.paths import Home
from ingestion import ledger
from warehouse.stores import RunContext, prepare

AS_OF = date(2026, 6, 17)
ROWS = {
    ("hubspot", "owners"): 24,
    ("hubspot", "pipelines"): 1,
    ("hubspot", "companies"): 30,
    ("hubspot", "contacts"): 40,
    ("hubspot", "deals"): 60,
    ("google_ads", "ad_group_days"): 60,
    ("ga4", "events"): 160,
    ("files", "targets"): 24,
}
STAGED_AS = {"pipelines": "stages", "companies": "accounts", "contacts": "contacts, leads", "ad_group_days": "ad_days"}
STAGED_AS |= {"events": "web_events"}
REJECTED = 1

SETTINGS = """
company: {name: Tiny, reporting_timezone: Europe/Prague, reporting_currency: EUR}
start_date: 2025-01-01
mappings: {stages: mappings/stages.csv, channels: mappings/channels.csv, pipelines: mappings/pipelines.csv}
sources:
  hubspot: {enabled: true}
  google_ads: {enabled: true, customer_ids: ["1"]}
  ga4: {enabled: true, path: "ga4/*"}
"""

STAGES = "['prospecting', 'qualification', 'meeting', 'proposal', 'negotiation', 'closing', 'won', 'lost']"
# What a deal's amount is made of, in the columns of each.
AMOUNTS = "\n".join(
    f"    ({share} * amount)::decimal(18, 2) as {part},"
    f"    ({share} * amount * case currency when 'USD' then 0.9 else 1 end)::decimal(18, 2) as {part}_reporting,"
    f"    {part}_reporting as {part}_plan_rate,"
    for part, share in (("tcv", 2), ("acv", 1), ("arr", 0.5), ("one_time_amount", 0.25))
)
PARTS = "(values ('all', 'all'), ('channel', 'organic_search'), ('segment', 'small')) as parts (dimension, member)"

CONTACTS = """
create table contacts_made as select
    i, 'hubspot:c' || i as contact_key, 'c' || i as contact_id, 'hubspot:a' || (i % 30) as account_key,
    timestamp '2026-01-01 08:00:00' + to_days(i::integer) as created_at, i % 6 + 1 as reached
from range(40) as numbers (i);

create table deals_made as select
    i, 'hubspot:d' || i as deal_key, 'd' || i as deal_id, i % 40 as contact_no,
    case i % 4 when 0 then 'won' when 1 then 'lost' when 2 then 'proposal' else 'qualification' end as stage,
    case i % 4 when 0 then 'won' when 1 then 'lost' else 'open' end as status,
    case when i <> 7 then 1000 + 10 * i end::decimal(18, 2) as amount,
    case when i % 3 = 0 then 'USD' else 'EUR' end as currency,
    timestamp '2026-02-01 08:00:00' + to_days(i::integer) as created_at,
    timestamp '2026-02-11 08:00:00' + to_days(i::integer) as moved_at
from range(60) as numbers (i);
"""

MARTS = """
create table dim_dates as select
    day::date as date_day, year(day)::integer as fiscal_year, quarter(day)::integer as fiscal_quarter,
    month(day)::integer as fiscal_month, year(day)::integer as calendar_year, quarter(day)::integer as calendar_quarter,
    month(day)::integer as calendar_month, isodow(day)::integer as day_of_week, 1 as working_day_of_month,
    21 as working_days_in_month, 'FY' || year(day) as fiscal_year_label,
    'FY' || year(day) || ' Q' || quarter(day) as fiscal_quarter_label, strftime(day, '%Y-%m') as month_label,
    'configuration' as fiscal_basis, null::text as holiday_name, isodow(day) > 5 as is_weekend, false as is_holiday,
    isodow(day) < 6 as is_working_day, date_trunc('week', day)::date as week_start,
    date_trunc('month', day)::date as month_start, date_trunc('quarter', day)::date as quarter_start,
    date_trunc('year', day)::date as fiscal_year_start, last_day(day)::date as month_end,
    (date_trunc('quarter', day) + interval 3 month - interval 1 day)::date as quarter_end
from range(timestamp '2023-01-01', timestamp '2029-01-01', interval 1 day) as days (day);

create table dim_owners as select
    'hubspot:o' || i as owner_key, null::text as manager_key, 'o' || i as owner_id, 'hubspot' as source_system,
    'Owner ' || i as owner_name,
    'o' || i || '@tiny.example' as email, 'North' as team, 'person' as kind,
    case when i < 20 then 'Owner ' || i else 'Unassigned' end as rollup_owner_name, i < 20 as is_active,
    timestamp '2025-01-01 08:00:00' as created_at,
    case when i >= 20 then timestamp '2026-03-01 08:00:00' end as deactivated_at
from range(24) as numbers (i);

create table dim_accounts as select
    'hubspot:a' || i as account_key, 'hubspot:o' || (i % 20) as owner_key, null::text as parent_account_key,
    'a' || i as account_id, 'hubspot' as source_system, 'Company ' || i as account_name,
    'c' || i || '.example' as domain, 'Software' as industry, 'CZ' as country, 'small' as segment,
    20::bigint as employee_count, false as is_deleted, false as is_excluded, null::text as exclusion_reason,
    timestamp '2025-12-01 08:00:00' as created_at, null::timestamp as deleted_at
from range(30) as numbers (i);

create table dim_contacts as select
    contact_key, 'p' || i || '@people.example' as person_key, account_key, 'hubspot:o' || (i % 20) as owner_key,
    contact_id, 'hubspot' as source_system, 'v' || i as visitor_id, 'Person ' || i as full_name,
    'p' || i || '@people.example' as email, 'CZ' as country, 'Buyer' as job_title, null::text as exclusion_reason,
    false as is_deleted, false as is_excluded, created_at, null::timestamp as deleted_at
from contacts_made;

create table dim_campaigns as select
    'google_ads:k' || i as campaign_key, 'google_ads' as platform, '1' as ad_account_id, 'k' || i as campaign_id,
    'Campaign ' || i as campaign_name, 'SEARCH' as channel_type, 'paid_search' as channel, 'ENABLED' as status,
    'EUR' as currency, date '2026-05-01' as first_day, date '2026-06-17' as last_day
from range(20) as numbers (i)
union all
select 'unattributed', 'unattributed', null, 'unattributed', 'Unattributed', null, 'unattributed', null, null,
    null, null;

create table dim_channels as select
    channel, channel as channel_name,
    case when channel in ('paid_social', 'paid_search', 'display') then 'paid' else 'unknown' end as channel_group,
    row_number() over ()::integer as sort_order, channel in ('paid_social', 'paid_search', 'display') as is_paid
from (select unnest({channels}) as channel);

create table dim_stages as select
    'hubspot:deal:default:' || stage as stage_key, 'hubspot' as source_system, 'deal' as object,
    'default' as pipeline_id, 'Sales' as pipeline_label, 'new_business' as pipeline_purpose, stage as stage_id,
    stage as stage_label, stage, case stage when 'lost' then 90 else order_no end::integer as stage_order,
    0.5::decimal(9, 6) as win_probability, stage = 'won' as is_won, stage = 'lost' as is_lost, true as is_mapped
from (select unnest({stages}) as stage, generate_subscripts({stages}, 1) as order_no);

create table fct_deals as select
    deal_key, 'hubspot:a' || (i % 30) as account_key, 'hubspot:c' || contact_no as contact_key,
    'hubspot:c' || contact_no as lead_key, 'hubspot:o' || (i % 20) as owner_key, null::text as campaign_key,
    'hubspot:deal:default:' || stage as stage_key, null::text as original_deal_key, deal_id,
    'hubspot' as source_system, 'Deal ' || i as deal_name,
    'default' as pipeline_id, 'Sales' as pipeline_label, 'new_business' as pipeline_purpose, stage as stage_label,
    stage, status, 'newbusiness' as deal_type, 'small' as segment, 'organic_search' as channel, currency,
    'PIPELINE' as forecast_category, null::text as next_step,
    case when status = 'lost' then 'price' end as lost_reason,
    case when status = 'lost' then 'price' end as loss_reason, null::text as exclusion_reason,
    'field_history' as history_basis, 'field_history' as amount_history_basis, amount,
    (amount * case currency when 'USD' then 0.9 else 1 end)::decimal(18, 2) as amount_reporting,
    (amount * case currency when 'USD' then 0.9 else 1 end)::decimal(18, 2) as amount_plan_rate,
{amounts}
    0.5::decimal(9, 6) as win_probability, 0::bigint as pushes, 0::bigint as pushed_days, 0::bigint as reopens,
    null::text as close_day_flag, 0::bigint as close_day_gap_days, 0::bigint as backward_moves,
    case when status = 'won' then 10 end::decimal(18, 6) as cycle_days,
    case when status = 'won' then 8 end::decimal(18, 6) as cycle_days_from_qualified, 30::decimal(18, 6) as age_days,
    null::text as cycle_reject_reason, false as is_excluded, false as is_deleted, false as is_zero_day_win,
    true as is_qualified, false as is_imported, created_at::date as created_date, moved_at::date as close_date,
    case when status <> 'open' then moved_at::date end as stage_close_date,
    case when status <> 'open' then moved_at::date end as close_day, created_at,
    case when status <> 'open' then moved_at end as closed_at,
    case when status <> 'open' then moved_at end as close_event_at, null::timestamp as deleted_at
from deals_made;

create table fct_win_loss as select
    deal_key, account_key, owner_key, 'hubspot:deal:default:prospecting' as closed_from_stage_key, deal_id,
    source_system, pipeline_id, pipeline_purpose, segment, channel, status, 'prospecting' as closed_from_stage_label,
    'prospecting' as closed_from_stage, lost_reason, loss_reason, 'Rival' as competitor,
    exclusion_reason, history_basis, amount_reporting,
    age_days as days_to_close, age_days as days_in_closing_stage, is_excluded, true as is_in_win_rate, close_day
from fct_deals where status <> 'open';

create table fct_deal_splits as
with told as (
    select *, unnest(case when deal_id = 'd4' then ['o9', 'o3'] else [null] end) as other from fct_deals
), parts as (
    select *, case other when 'o9' then 0.4 when 'o3' then 0.6 else 1 end::decimal(18, 9) as share from told
)
select
    deal_key || ':revenue:' || coalesce('hubspot:' || other, owner_key) as split_key, deal_key,
    coalesce('hubspot:' || other, owner_key) as owner_key, 'revenue' as kind,
    case when other is null then 'undivided' else 'complete' end as split_status, pipeline_purpose, status, currency,
    exclusion_reason, case when other is not null then share end as stated_share, share,
    (amount * share)::decimal(18, 2) as amount, (amount_reporting * share)::decimal(18, 2) as amount_reporting,
    (amount_plan_rate * share)::decimal(18, 2) as amount_plan_rate,
    (tcv_plan_rate * share)::decimal(18, 2) as tcv_plan_rate, (acv_plan_rate * share)::decimal(18, 2) as acv_plan_rate,
    (arr_plan_rate * share)::decimal(18, 2) as arr_plan_rate,
    (one_time_amount_plan_rate * share)::decimal(18, 2) as one_time_amount_plan_rate,
    other is distinct from 'o9' as is_counted, other is null as is_deal_owner, is_excluded, close_day
from parts;

create table dim_products as select
    'hubspot:p' || i as product_key, 'p' || i as product_id, 'hubspot' as source_system,
    'Product ' || i as product_name, 'P' || i as sku, 'annually' as billing_frequency, null::text as currency,
    100::decimal(18, 6) as unit_price,
    true as is_recurring, false as is_deleted, timestamp '2025-01-01 08:00:00' as created_at,
    null::timestamp as deleted_at
from range(3) as numbers (i);

create table dim_merged_records as select
    'hubspot:gone' || i as record_key, 'hubspot:' || case when i = 3 then 'd2' else 'c1' end as survivor_key,
    case when i = 3 then 'deal' else 'contact' end as object, 'hubspot' as source_system, 'gone' || i as record_id,
    case when i = 3 then 'd2' else 'c1' end as survivor_id,
    case when i = 3 then timestamp '2026-06-01 08:00:00' end as merged_at
from range(1, 4) as numbers (i);

create table fct_deal_line_items as
with told as (
    select *, unnest(['line', 'residual']) as line_kind from fct_deals where amount is not null
)
select
    case line_kind when 'line' then 'hubspot:l' || deal_id else deal_key || ':residual' end as line_key, deal_key,
    case line_kind when 'line' then 'hubspot:p0' end as product_key, account_key, owner_key,
    case line_kind when 'line' then 'l' || deal_id end as line_item_id, source_system, line_kind,
    case line_kind when 'line' then 'Product 0' end as line_name,
    case line_kind when 'line' then 'annually' end as billing_frequency, status as line_status, pipeline_purpose,
    segment, currency, exclusion_reason, 'field_history' as history_basis,
    case line_kind when 'line' then 1 end::decimal(20, 6) as quantity,
    case line_kind when 'line' then 1000 end::decimal(18, 6) as unit_price,
    case line_kind when 'line' then 1000 end::decimal(18, 2) as list_amount,
    case line_kind when 'line' then 800 else amount - 800 end::decimal(18, 2) as amount,
    case line_kind when 'line' then 1000 end::decimal(18, 2) as list_amount_reporting,
    case line_kind when 'line' then 800 else amount_reporting - 800 end::decimal(18, 2) as amount_reporting,
    case line_kind when 'line' then 0.2 end::decimal(18, 9) as discount_rate, true as is_in_deal_amount, is_excluded,
    close_date, close_day
from told;

create table fct_product_performance as select
    coalesce(product_key, 'residual') as product_member, product_key,
    coalesce(max(line_name), 'Not told by lines') as product_name,
    count(*) filter (line_status = 'open') as open_deals, count(*) filter (line_status = 'won') as won_deals,
    count(*) filter (line_status = 'lost') as lost_deals, count(*) filter (line_status = 'won') as won_deals_in_rate,
    count(*) filter (line_status = 'lost') as lost_deals_in_rate,
    coalesce(sum(amount_reporting) filter (line_status = 'open'), 0)::decimal(18, 2) as open_reporting,
    coalesce(sum(amount_reporting) filter (line_status = 'won'), 0)::decimal(18, 2) as won_reporting,
    coalesce(sum(amount_reporting) filter (line_status = 'lost'), 0)::decimal(18, 2) as lost_reporting,
    coalesce(sum(amount_reporting) filter (line_status = 'won'), 0)::decimal(18, 2) as won_reporting_in_rate,
    coalesce(sum(amount_reporting) filter (line_status = 'lost'), 0)::decimal(18, 2) as lost_reporting_in_rate,
    0::decimal(18, 2) as list_reporting, 0::decimal(18, 2) as net_reporting,
    (count(*) filter (line_status = 'won') / nullif(count(*) filter (line_status <> 'open'), 0))::decimal(18, 9)
        as win_rate,
    0.5::decimal(18, 9) as win_rate_value, 0.2::decimal(18, 9) as discount_rate,
    date_trunc('month', close_date)::date as month_start
from fct_deal_line_items group by product_key, date_trunc('month', close_date);

create table fct_customer_months as
with months as (
    select 'hubspot:a' || i as customer_key, date '2026-01-01' + to_months(n::integer) as month_start, n
    from range(10) as numbers (i), range(3) as steps (n)
)
select
    customer_key, customer_key as account_key, 'Company' as account_name, 'small' as segment,
    case n when 0 then 'new' when 1 then 'expansion' else 'unchanged' end as movement, 1::bigint as contracts,
    case n when 0 then 0 when 1 then 100 else 120 end::decimal(18, 2) as opening_mrr,
    case n when 0 then 100 else 0 end::decimal(18, 2) as new_mrr,
    case n when 1 then 20 else 0 end::decimal(18, 2) as expansion_mrr, 0::decimal(18, 2) as contraction_mrr,
    0::decimal(18, 2) as churn_mrr, 0::decimal(18, 2) as resurrection_mrr,
    case n when 0 then 100 else 120 end::decimal(18, 2) as closing_mrr, false as is_current,
    month_start::date as month_start, date '2026-01-01' as cohort_month
from months;

create table fct_retention_cohorts as select
    'contracts' as basis, level, case level when 'cohort' then 12 end::bigint as months_since, 10::bigint as customers,
    9::bigint as customers_active, null::bigint as customers_repeat, 10::bigint as customers_year_ago,
    9::bigint as customers_kept, 1000::decimal(18, 2) as mrr, 900::decimal(18, 2) as mrr_year_ago,
    990::decimal(18, 2) as mrr_of_year_ago_now, 810::decimal(18, 2) as mrr_kept, 0.9::decimal(18, 9) as logo_retention,
    null::decimal(18, 9) as repeat_purchase_rate, 0.1::decimal(18, 9) as churn_rate, 1.1::decimal(18, 9) as nrr,
    0.9::decimal(18, 9) as grr, date '2026-06-01' as month_start,
    case level when 'cohort' then date '2025-06-01' end as cohort_month
from (select unnest(['cohort', 'total']) as level);

create table fct_renewals_due as select
    'finance:K' || i as contract_key, 'hubspot:a' || i as customer_key, 'hubspot:a' || i as account_key,
    'hubspot:o' || i as owner_key, null::text as renewal_deal_key, 'K' || i as contract_id, 'Company' as account_name,
    'small' as segment, 'EUR' as currency, 'amber' as health, 30::integer as due_within_days,
    (1 + i)::bigint as days_to_renewal, 100::decimal(18, 2) as mrr, 100::decimal(18, 2) as mrr_reporting,
    1200::decimal(18, 2) as arr_reporting, false as is_renewed, false as is_notice_given, false as is_renewal_lost,
    true as is_without_renewal_deal, false as is_idle, date '2025-07-01' as start_date,
    date '2026-06-17' + i::integer as end_date, date '2026-06-18' + i::integer as renewal_date,
    null::date as notice_date, date '2026-06-10' as last_activity_date
from range(10) as numbers (i);

create table fct_customer_segments as select
    'hubspot:a' || i as customer_key, 'hubspot:a' || i as account_key, null::text as contact_key,
    'Company ' || i as account_name, 'small' as segment, 'b2b' as motion,
    (5 - i // 2)::text || '1' || (1 + i // 2)::text as rfm, (10 * i)::bigint as recency_days, 1::bigint as frequency,
    (100 + i)::decimal(18, 2) as monetary_reporting, 0::decimal(18, 2) as mrr_reporting,
    (5 - i // 2)::integer as recency_quintile, 1::integer as frequency_quintile,
    (1 + i // 2)::integer as monetary_quintile, true as has_account, false as has_contract,
    date '2026-06-17' - (10 * i)::integer as first_purchase_date,
    date '2026-06-17' - (10 * i)::integer as last_purchase_date
from range(10) as numbers (i);

create table fct_market_penetration as select
    level, case level when 'total' then 'total' when 'segment' then 'small' else 'CZ' end as member,
    100::bigint as addressable_accounts, 40::bigint as known_accounts, 10::bigint as pipeline_accounts,
    20::bigint as won_accounts, 3::bigint as won_not_listed_accounts, 0.2::decimal(18, 9) as penetration_rate
from (select unnest(['total', 'segment', 'country']) as level);

create table fct_customer_feedback as select
    'nps' as kind, 'quarter' as period_type, 'total' as level, 'total' as member, answer_group,
    case answer_group when 'all' then 40 else 20 end::bigint as answers,
    case answer_group when 'detractor' then 0 else 20 end::bigint as answers_good,
    case answer_group when 'promoter' then 0 else 20 end::bigint as answers_bad, 15::bigint as customers,
    12::bigint as customers_followed, 9::bigint as customers_kept,
    case answer_group when 'all' then 0 end::decimal(18, 9) as nps, null::decimal(18, 9) as csat,
    0.75::decimal(18, 9) as retention_rate, false as is_below_minimum, date '2026-04-01' as period_start
from (select unnest(['all', 'promoter', 'detractor']) as answer_group);

create table fct_deal_stage_visits as
with visits as (
    select *, 1 as visit_no, 'prospecting' as visited, 'first' as direction, created_at as entered_at from deals_made
    union all
    select *, 2, stage, 'skip', moved_at from deals_made
)
select
    deal_key, 'hubspot:o' || (i % 20) as owner_key, 'hubspot:deal:default:' || visited as stage_key,
    'default' as pipeline_id, visited as stage_label, visited as stage, 'field_history' as history_basis, direction,
    visit_no::bigint as visit_no, list_position({stages}, visited)::integer as stage_order,
    date_diff('second', entered_at, coalesce(next_at, timestamp '2026-06-17 22:00:00')) / 86400.0 as days_in_stage,
    next_at is null as is_open, next_at is not null as is_completed, true as is_life_known,
    false as is_bulk_update, true as is_in_velocity, null::timestamp as seen_at, entered_at, next_at as exited_at
from (select *, lead(entered_at) over (partition by deal_key order by visit_no) as next_at from visits);

create table fct_deal_days as
select
    deal_key, owner_key, stage_key, pipeline_id, stage, status, forecast_category, currency, amount,
    amount_reporting, date '2026-06-17' as date_day, close_date
from fct_deals where status = 'open';

create table fct_pipeline_movements as
with opened as (
    select *, unnest(['week', 'month', 'quarter']) as period_type from fct_deals where status in ('open', 'won')
), moved as (
    select *, 'created' as movement, 1 as sign from opened
    union all
    select *, case status when 'won' then 'won' else 'closing' end, case status when 'won' then -1 else 1 end
    from opened
)
select
    deal_key, owner_key, pipeline_id, period_type, 'all_open' as view_name, movement, segment, currency, amount,
    (sign * coalesce(amount_reporting, 0))::decimal(18, 2) as amount_reporting, date '2026-04-01' as period_start,
    date '2026-06-30' as period_end, date '2026-06-17' as closing_date
from moved;

create table fct_pipeline_waterfall as
select
    period_type, view_name, level, case level when 'total' then 'total' else pipeline_id end as member,
    0::decimal(18, 2) as opening_amount,
    sum(amount_reporting) filter (where movement = 'created') as created_amount,
    sum(amount_reporting) filter (where movement = 'won') as won_amount,
    sum(amount_reporting) filter (where movement = 'closing') as closing_amount,
    0::decimal(18, 2) as reopened_amount, 0::decimal(18, 2) as pulled_in_amount,
    0::decimal(18, 2) as pushed_in_amount, 0::decimal(18, 2) as overdue_redated_amount,
    0::decimal(18, 2) as date_set_amount, 0::decimal(18, 2) as increased_amount,
    0::decimal(18, 2) as decreased_amount, 0::decimal(18, 2) as pushed_out_amount,
    0::decimal(18, 2) as pulled_earlier_amount, 0::decimal(18, 2) as date_cleared_amount,
    0::decimal(18, 2) as lost_amount, 0::decimal(18, 2) as deleted_amount,
    0::decimal(18, 2) as transferred_amount, 0::decimal(18, 2) as exchange_rate_amount,
    0::bigint as unknown_deals, period_start, period_end, closing_date
from (select *, unnest(['total', 'pipeline']) as level from fct_pipeline_movements)
group by all;

create table rpt_pipeline_changes as select
    null::text as deal_key, movement, sum(amount_reporting)::decimal(18, 2) as amount_reporting,
    count(*)::bigint as deals, 0::bigint as size_rank, true as is_current, period_start
from fct_pipeline_movements where period_type = 'week' group by movement, period_start;

create table fct_deal_slips as select
    deal_key, owner_key, pipeline_id, 'quarter' as period_type, segment, currency,
    case status when 'open' then 'still_open' else status end as outcome, amount, amount_reporting,
    1::bigint as pushes, 10::bigint as pushed_days, status = 'open' as is_slipped, true as is_complete,
    date '2026-01-01' as period_start, date '2026-03-31' as period_end, date '2026-03-31' as closing_date
from fct_deals;

create table fct_slip_rates as select
    period_type, level, case level when 'total' then 'total' else pipeline_id end as member,
    sum(amount_reporting) as due_amount, sum(amount_reporting) filter (where is_slipped) as slipped_amount,
    sum(amount_reporting) filter (where is_slipped) as still_open_amount, 0::decimal(18, 2) as closed_later_amount,
    sum(amount_reporting) filter (where outcome = 'won') as won_amount,
    sum(amount_reporting) filter (where outcome = 'lost') as lost_amount, 0::decimal(18, 2) as deleted_amount,
    count(*) as due_deals, count(*) filter (where is_slipped) as slipped_deals,
    count(*) filter (where is_slipped) as still_open_deals, 0::bigint as closed_later_deals,
    count(*) filter (where outcome = 'won') as won_deals, count(*) filter (where outcome = 'lost') as lost_deals,
    0::bigint as deleted_deals, 1::bigint as deals_without_amount, 0::bigint as unknown_deals,
    count(*) as pushes, 10 * count(*) as pushed_days,
    (slipped_deals / due_deals)::decimal(18, 9) as slip_rate,
    (slipped_amount / due_amount)::decimal(18, 9) as slip_rate_value, 1::decimal(18, 9) as pushes_per_deal,
    10::decimal(18, 9) as pushed_days_per_deal, is_complete, period_start, period_end, closing_date
from (select *, unnest(['total', 'pipeline']) as level from fct_deal_slips)
group by all;

create table fct_deal_changes as
with changed as (
    select *, 'created' as change, 'prospecting' as stood, created_at as changed_at from deals_made
    union all
    select *, case status when 'open' then 'moved' else status end, stage, moved_at from deals_made
)
select
    deal_key, 'hubspot:o' || (i % 20) as owner_key, 'hubspot:deal:default:' || stood as stage_key,
    'default' as pipeline_id, change,
    case when change <> 'created' then 'hubspot:deal:default:prospecting' end as old_value,
    'hubspot:deal:default:' || stood as new_value, case when change <> 'created' then 'prospecting' end as old_stage,
    stood as stage, case change when 'won' then 'won' when 'lost' then 'lost' else 'open' end as status,
    'PIPELINE' as forecast_category, currency, amount as old_amount, amount, amount as amount_reporting,
    null::decimal(18, 2) as amount_change_reporting, null::bigint as days_moved, changed_at::date as date_day,
    moved_at::date as close_date
from changed;

create table fct_coverage_pacing as
with periods as (
    select * from (values ('month', date '2026-06-01'), ('quarter', date '2026-04-01')) as p (period_type, period_start)
), won as (
    select period_type, period_start, coalesce(sum(amount_reporting), 0)::decimal(18, 2) as won_reporting,
        coalesce(sum(amount_plan_rate), 0)::decimal(18, 2) as won_plan_rate, count(deal_key) as won_deals
    from periods left join fct_deals on status = 'won' and close_day between period_start and date '2026-06-17'
    group by all
)
select
    period_type, period_type || ' now' as period_label, level, level as member, won_reporting,
    null::decimal(18, 2) as won_final, won_plan_rate, won_plan_rate + 20 as target_reporting,
    20::decimal(18, 2) as missing, 10::decimal(18, 2) as open_due,
    10::decimal(18, 2) as overdue_open, 10::decimal(18, 2) as dateless_open,
    0::decimal(18, 2) as later_open, won_deals, 1::bigint as due_open_deals, 1::bigint as overdue_open_deals,
    1::bigint as dateless_open_deals, 0::bigint as later_open_deals, 0::bigint as amountless_open_deals,
    0::bigint as unknown_deals, 0.5::decimal(18, 9) as coverage, 0.6::decimal(18, 9) as coverage_previous,
    13::bigint as elapsed_working_days, 22::bigint as working_days, 0.59::decimal(18, 9) as elapsed_share,
    12::bigint as pacing_periods, 0.5::decimal(18, 9) as pacing_share, 10::decimal(18, 2) as pacing_expected,
    1::decimal(18, 9) as pacing_ratio, 15::decimal(18, 2) as forecast_expected, -5::decimal(18, 2) as forecast_gap,
    null::decimal(18, 9) as chance_of_target, false as is_target_met, true as is_current,
    date '2026-06-17' as same_day, period_start, date '2026-06-30' as period_end
from won cross join (select unnest(['total', 'team']) as level);

create table fct_deal_health as select
    deal_key, account_key, contact_key, owner_key, stage_key, pipeline_id, pipeline_purpose, segment, stage,
    'past_close_date' as reasons_named, amount_reporting, null::decimal(18, 2) as amount_cut_reporting,
    1::bigint as reasons, 5::bigint as days_past_close, 3::bigint as days_since_activity, pushes, pushed_days,
    2::bigint as contacts, age_days, null::decimal(18, 6) as won_p90_age_days, true as is_past_close_date,
    false as is_idle, null::boolean as is_older_than_won, false as is_pushed_twice, false as is_amount_cut,
    false as is_without_next_step, false as is_single_contact, false as is_without_contact, close_date,
    timestamp '2026-06-14 08:00:00' as last_activity_at, null::timestamp as next_activity_at
from fct_deals where status = 'open';

create table fct_leads as select
    contact_key as lead_key, 'p' || i || '@people.example' as person_key, contact_key, account_key,
    'hubspot:o' || (i % 20) as owner_key, null::text as campaign_key, null::text as first_deal_key,
    null::text as recycled_from_lead_key, contact_id as lead_id, 'hubspot' as source_system,
    'organic_search' as channel, 'ORGANIC_SEARCH' as source_label, null::text as source_detail,
    (['suspect', 'lead', 'mql', 'sql_lead', 'opportunity', 'customer'])[reached] as lifecycle_stage,
    'hot' as temperature, null::text as exit_reason, null::text as exit_label, null::text as exclusion_reason,
    'field_history' as history_basis, coalesce(won.amount, 0)::decimal(18, 2) as won_amount_reporting,
    coalesce(won.deals, 0)::bigint as deals_count, coalesce(won.won_deals, 0)::bigint as won_deals_count,
    coalesce(won.without_amount, 0)::bigint as won_deals_without_amount,
    1::bigint as episodes, 0::bigint as disqualifications, 0::bigint as recycles, created_at as episode_started_at,
    reached >= 3 as is_mql, reached >= 4 as is_sql_lead, reached >= 5 as is_opportunity, reached >= 6 as is_customer,
    false as is_excluded, false as is_deleted, false as is_imported, created_at::date as created_date, created_at,
    case when reached >= 3 then created_at + interval 3 day end as mql_at,
    case when reached >= 4 then created_at + interval 4 day end as sql_lead_at,
    case when reached >= 5 then created_at + interval 5 day end as opportunity_at,
    case when reached >= 6 then created_at + interval 6 day end as customer_at, null::timestamp as exited_at
from contacts_made
left join (
    select lead_key, count(*) as deals, count(*) filter (where status = 'won') as won_deals,
        sum(amount_reporting) filter (where status = 'won') as amount,
        count(*) filter (where status = 'won' and amount_reporting is null) as without_amount
    from fct_deals group by all
) as won on contacts_made.contact_key = won.lead_key;

create table rpt_source_to_revenue as
with deals as (
    select count(*) as deals, count(*) filter (status = 'open') as open_deals, count(*) filter (status = 'won') as won,
        count(*) filter (status = 'lost') as lost_deals, sum(amount_reporting) filter (status = 'won') as won_amount
    from fct_deals
)
select
    channel, count(*) as leads, 0::bigint as mqls, 0::bigint as sql_leads, 0::bigint as opportunities,
    0::bigint as customers, 0::bigint as leads_with_deal, deals.deals, deals.open_deals, deals.won as won_deals,
    deals.lost_deals, 0::bigint as won_deals_without_amount, deals.won_amount as won_amount_reporting,
    0::decimal(18, 2) as won_new_business_reporting, 0::decimal(18, 2) as open_amount_reporting,
    null::decimal(18, 6) as median_days_to_mql, null::decimal(18, 6) as median_days_mql_to_sql_lead,
    null::decimal(18, 6) as median_days_to_deal, null::decimal(18, 6) as median_days_deal_to_won,
    null::decimal(18, 6) as median_days_lead_to_won, false as is_unattributed, date '2026-01-01' as cohort_month
from fct_leads cross join deals group by all;

create table fct_lead_scores as select
    lead_key, contact_key, owner_key, 'opportunity-90d-2026-01-01-logistic-0a1b2c3d' as model_version,
    'opportunity' as target, 'B' as grade, null::text as not_scored_reason, 'open' as outcome,
    'channel=organic_search; device=desktop' as known_at_capture, 'channel=organic_search' as reason_1,
    'device=desktop' as reason_2, null::text as reason_3, 90::bigint as horizon_days,
    0.3::decimal(9, 6) as probability, 0.2::decimal(9, 6) as chance_left, 0.5::decimal(9, 6) as reason_1_effect,
    -0.2::decimal(9, 6) as reason_2_effect, null::decimal(9, 6) as reason_3_effect, 300::bigint as reason_1_leads,
    200::bigint as reason_2_leads, null::bigint as reason_3_leads, 90::bigint as reason_1_reached,
    50::bigint as reason_2_reached, null::bigint as reason_3_reached,
    row_number() over (partition by owner_key order by lead_key) as call_rank, date '2026-06-17' as as_of, created_date
from fct_leads;

create table rpt_leads_to_call as select
    lead_key, 'Owner ' || owner_key as owner_name, 'B' as grade, 1::bigint as owner_rank, chance_left
from fct_lead_scores where call_rank = 1;

create table fct_lead_score_quality as select
    'all' as scope, 'opportunity' as target, 'logistic' as method,
    case when tenth = 0 then 'channel, device' end as fields_read, tenth::bigint as tenth, 90::bigint as horizon_days,
    case when tenth = 0 then 1000 else 100 end::bigint as leads,
    case when tenth = 0 then 300 else 30 end::bigint as reached,
    case when tenth = 0 then 300 else 30 end::decimal(18, 6) as expected_reached,
    0.3::decimal(18, 9) as mean_probability, 0.3::decimal(18, 9) as observed_rate, 0.2::decimal(18, 9) as wilson_low,
    0.4::decimal(18, 9) as wilson_high, 1::decimal(18, 9) as lift,
    case when tenth = 0 then 0.6 end::decimal(18, 9) as auc, date '2025-01-01' as first_created_date,
    date '2026-03-01' as last_created_date
from range(11) as tenths (tenth);

create table fct_lead_stages as
with visits as (
    select *, unnest(range(1, reached + 1)) as stage_order from contacts_made
)
select
    contact_key as lead_key,
    (['suspect', 'lead', 'mql', 'sql_lead', 'opportunity', 'customer'])[stage_order] as stage,
    'field_history' as history_basis,
    case stage_order when 1 then 'first' else 'forward' end as direction, stage_order::bigint as visit_no,
    stage_order::integer as stage_order, 1::decimal(18, 6) as days_in_stage, stage_order = reached as is_open,
    created_at + to_days(stage_order::integer) as entered_at,
    case when stage_order < reached then created_at + to_days(stage_order::integer + 1) end as exited_at
from visits;

create table fct_lead_responses as select
    contact_key as lead_key, contact_key, account_key, 'hubspot:o' || (i % 20) as owner_key,
    'organic_search' as channel, 'person' as owner_kind, 'call' as response_kind, 'answered' as response_status,
    null::text as not_measured_reason, 'met' as sla_status, 'field_history' as history_basis,
    1::bigint as assignment_no, 4::decimal(18, 6) as sla_hours, 1::decimal(18, 6) as business_hours_from_assignment,
    1::decimal(18, 6) as business_hours_from_creation, 2::decimal(18, 6) as clock_hours_from_assignment,
    2::decimal(18, 6) as clock_hours_from_creation, null::decimal(18, 6) as business_hours_waiting,
    null::decimal(18, 6) as clock_hours_waiting, false as is_excluded, false as is_owner_returning,
    false as is_contacted_before, false as is_response_date_only, false as is_untouched, created_at,
    created_at as assigned_at, null::timestamp as released_at, created_at + interval 2 hour as first_response_at
from contacts_made;

create table fct_lead_routing as select
    lead_key, contact_key, account_key, owner_key, null::text as previous_owner_key, null::text as next_owner_key,
    channel, temperature, 'person' as owner_kind, 'first' as routing, 'lead' as stage_at_assignment, history_basis,
    1::bigint as assignment_no, 2::bigint as owner_open_leads_before, 0::decimal(18, 6) as hours_from_creation,
    10::decimal(18, 6) as days_held, true as is_held, not is_opportunity as is_in_load, is_excluded, created_at,
    created_at as assigned_at, null::timestamp as released_at
from fct_leads;

create table fct_funnel_stages as select
    'deal' as funnel, ({stages})[1 + i % 6] as stage, dimension, member, 10::bigint as entities_entered,
    4::bigint as entities_progressed, 3::bigint as entities_exited, 3::bigint as entities_open,
    0.4::decimal(18, 9) as conversion_rate, 0.168::decimal(18, 9) as wilson_low, 0.687::decimal(18, 9) as wilson_high,
    10::decimal(18, 6) as median_days_completed, 4::bigint as completed_visits,
    20::decimal(18, 6) as p90_days_to_outcome, true as is_mature,
    date '2026-02-01' + to_months((i // 6)::integer) as entry_month
from range(24) as numbers (i) cross join {parts};

create table fct_conversions_cohort as select
    'deal' as funnel, dimension, member, ({stages})[2 + i % 6] as milestone, 10::bigint as cohort_size,
    4::bigint as reached, 0.4::decimal(18, 9) as conversion_rate, 0.168::decimal(18, 9) as wilson_low,
    0.687::decimal(18, 9) as wilson_high, 0.4::decimal(18, 9) as reached_incidence,
    0.6::decimal(18, 9) as exited_incidence, 20::decimal(18, 6) as p90_days_to_outcome, true as is_mature,
    date '2026-02-01' + to_months((i // 6)::integer) as cohort_month
from range(24) as numbers (i) cross join {parts};

create table fct_sessions as select
    'v' || (i % 40) || ':' || i as session_key, 'ga4' as source_system, 'hubspot:c' || (i % 40) as contact_key,
    null::text as person_key,
    'v' || (i % 40) as visitor_id, 'organic_search' as channel, 'google' as source, 'organic' as medium,
    null::text as campaign, '/' as landing_page, 'desktop' as device, 'CZ' as country,
    case when i % 10 = 0 then 'EUR' end as currency, 4::bigint as events, 2::bigint as page_views,
    12.5::decimal(18, 3) as engagement_seconds, (i % 10 = 0)::bigint as purchases,
    case when i % 10 = 0 then 20 end::decimal(18, 2) as revenue,
    case when i % 10 = 0 then 20 end::decimal(18, 2) as revenue_reporting, true as is_engaged, false as is_bot,
    false as has_add_to_cart, i % 10 = 0 as has_purchase, date '2026-06-01' as session_date,
    timestamp '2026-06-01 10:00:00' as started_at, timestamp '2026-06-01 10:05:00' as ended_at
from range(40) as numbers (i);

create table fct_carts as select
    'v' || (i % 40) || ':' || i as cart_key, contact_key, person_key, session_key, visitor_id, channel,
    case when i % 10 = 0 then 't' || i end as transaction_id,
    case when i % 10 = 0 then 'purchased' else 'abandoned' end as status, null::text as exclusion_reason,
    1::bigint as additions, revenue_reporting, case when i % 10 = 0 then 1 end::decimal(18, 6) as hours_to_purchase,
    i % 10 <> 0 as is_abandoned, false as is_recovered, false as is_excluded, session_date as cart_date,
    started_at as first_added_at, started_at as last_added_at,
    case when i % 10 <> 0 then started_at + interval 1 day end as abandoned_at,
    case when i % 10 = 0 then started_at + interval 1 hour end as purchased_at
from (select *, row_number() over (order by split_part(session_key, ':', 2)::integer) - 1 as i from fct_sessions);

create table fct_touches as select
    'session:' || session_key as touch_key, contact_key, 'p' || split_part(contact_key, 'c', 2) as person_key,
    null::text as account_key, null::text as lead_key, session_key, null::text as campaign_key,
    'session' as touch_kind, channel, source, campaign as source_detail, null::text as exclusion_reason,
    1::bigint as touch_no, false as is_paid, false as is_direct, false as is_excluded, session_date as touch_date,
    started_at as touched_at
from fct_sessions;

create table fct_ad_performance_daily as select
    'google_ads:1:k' || (i % 20) || ':g:' || (i // 20) as ad_day_key, 'google_ads:k' || (i % 20) as campaign_key,
    'google_ads' as platform, '1' as ad_account_id, 'k' || (i % 20) as campaign_id, 'g' as ad_group_id,
    'Group' as ad_group_name, 'paid_search' as channel, 'EUR' as currency, 100::bigint as impressions,
    5::bigint as clicks, 2.5::decimal(18, 6) as spend, 2.5::decimal(18, 6) as spend_reporting,
    0.5::decimal(18, 6) as conversions_claimed, 10::decimal(18, 6) as conversion_value_claimed,
    date '2026-06-01' + (i // 20)::integer as date_day
from range(60) as numbers (i);

create table fct_attribution as
select
    deal_key as conversion_key, null::text as touch_key, 'won' as conversion_event, level, model,
    'unattributed' as channel, 1::decimal(18, 9) as credit, amount_reporting as credited_amount_reporting,
    null::date as touch_date, close_day as conversion_date
from fct_deals cross join (select unnest(['contact', 'account']) as level)
cross join (select unnest(['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'markov', 'shapley'])
    as model)
where status = 'won';

create table rpt_attribution_comparison as
with facts as (
    select conversion_event, level, model, channel, credit, credited_amount_reporting, null::decimal(18, 6) as spend,
        conversion_date as day from fct_attribution
    union all
    select conversion_event, level, model, channel, 0, 0, spend_reporting, date_day from fct_ad_performance_daily
    cross join (select distinct conversion_event, level, model from fct_attribution)
)
select
    'month' as period_type, conversion_event, level, model, channel,
    sum(credit)::decimal(18, 9) as credited_conversions,
    0::decimal(18, 9) as conversions_without_amount, sum(credited_amount_reporting)::decimal(18, 2)
    as credited_amount_reporting, sum(spend)::decimal(18, 6) as spend_reporting,
    null::decimal(18, 6) as cost_per_conversion, null::decimal(18, 9) as roas,
    date_trunc('month', day)::date as period_start
from facts group by all;

create table fct_closed_figures as
with records as (
    select 'outcome' as family, deal_key as record_key, status, case when status = 'open' then 'open' end as reason,
        currency, amount, amount_reporting, close_day as figure_day from fct_deals
    union all
    select 'creation', lead_key, 'created', null, null, null, null, created_date from fct_leads
    union all
    select 'qualification', lead_key, 'qualified', null, null, null, null, mql_at::date from fct_leads where is_mql
    union all
    select 'spend', campaign_key, 'spent', null, 'EUR', spend, spend_reporting, date_day from fct_ad_performance_daily
)
select
    concat_ws(':', family, record_key, case when family = 'spend' then figure_day end) as figure_key, record_key,
    null::text as survivor_key, family, status, reason as left_out_reason, currency, amount::decimal(18, 6) as amount,
    case currency when 'USD' then 0.9 when 'EUR' then 1 end::decimal(18, 9) as rate_to_reporting,
    amount_reporting::decimal(18, 6) as amount_reporting, reason is null as is_counted,
    reason is null and last_day(figure_day) <= date '2026-06-17' as is_closed,
    date_trunc('month', figure_day)::date as period_start, figure_day
from records;

create table fct_restatements as
with figures as (
    select period_start, count(*)::decimal(24, 6) as won_deals from fct_closed_figures
    where is_counted and status = 'won' and period_start in (date '2026-03-01', date '2026-04-01') group by all
)
select
    concat_ws(':', 'won_deals', period_start, 'late_win', deal_key) as restatement_key, deal_key as record_key,
    '2026-06-16.001' as baseline_release, 'won_deals' as measure, 'deal' as record_kind, 'late_win' as cause,
    (won_deals - 1)::decimal(24, 6) as old_value, won_deals as new_value, 1::decimal(24, 6) as difference, period_start
from figures
inner join (select date_trunc('month', close_day)::date as month, min(deal_key) as deal_key from fct_deals
    where status = 'won' group by all) as deals on deals.month = figures.period_start;

create table fct_campaign_roi_monthly as select
    campaign_key, channel, 'Campaign' as campaign_name, date '2026-06-01' as month_start,
    sum(spend_reporting) as spend_reporting, 4::bigint as leads, 2::bigint as mqls, 1::bigint as sql_leads,
    0::bigint as opportunities, 0::bigint as won_deals, 0::bigint as won_deals_without_amount,
    0::decimal(18, 2) as won_amount_reporting,
    1::decimal(18, 6) as cost_per_lead, 2::decimal(18, 6) as cost_per_mql, 4::decimal(18, 6) as cost_per_sql_lead,
    null::decimal(18, 6) as media_cac, 0::decimal(18, 6) as roas, 0::decimal(18, 2) as gross_margin_reporting,
    0::decimal(18, 9) as payback_ratio, null::bigint as payback_months, null::date as paid_back_on
from fct_ad_performance_daily group by all;

create table fct_pipeline_creation as select
    level, case level when 'total' then 'total' when 'creator_kind' then 'sdr' else 'hubspot:o1' end as member,
    count(*) as created_deals, count(*) filter (where amount_reporting is null) as amountless_deals,
    count(*) as qualified_deals, count(*) filter (where status = 'won') as won_deals, count(*) as assumed_deals,
    sum(amount_reporting) as created_reporting, sum(amount_reporting) as qualified_reporting,
    sum(amount_reporting) filter (where status = 'won') as won_reporting,
    case level when 'creator_kind' then 2 * sum(amount_reporting) end::decimal(18, 2) as target_reporting,
    case level when 'creator_kind' then 0.5 end::decimal(18, 9) as attainment,
    date_trunc('month', created_date)::date as month_start
from (select *, unnest(['total', 'creator_kind', 'owner']) as level from fct_deals)
group by level, date_trunc('month', created_date);

create table fct_targets as select
    'company::bookings:' || i as target_key, 'company' as level, null::text as member, 'bookings' as measure,
    date '2025-01-01' + to_months(i::integer) as period_start, 10000::decimal(18, 2) as amount_reporting,
    'EUR' as currency, 10000::decimal(18, 2) as amount
from range(24) as numbers (i);

create table fct_targets_daily as
with days as (
    select target_key, level, measure, date_day, row_number() over month_days as day_no,
        count(*) over (partition by target_key) as days
    from fct_targets inner join dim_dates on dim_dates.month_start = fct_targets.period_start
    where is_working_day
    window month_days as (partition by target_key order by date_day)
)
select
    target_key, level, 'company' as member, measure,
    ((1000000 // days + case when day_no <= 1000000 % days then 1 else 0 end)::decimal(18, 0) * 0.01)::decimal(18, 2)
        as amount_reporting,
    date_day
from days;

create table dim_owner_teams as
select owner_key, null::text as manager_key, case basis when 'landed_version' then team end as team,
    basis as history_basis, basis = 'landed_version' as is_current,
    case basis when 'landed_version' then timestamp '2026-01-01 05:00:00' end as valid_from,
    case basis when 'assumed_current' then timestamp '2026-01-01 05:00:00' end as valid_to
from dim_owners cross join (select unnest(['assumed_current', 'landed_version']) as basis);

create table fct_activities as select
    'hubspot:e' || i as activity_key, 'hubspot:o' || (i % 20) as owner_key, deal_key,
    'hubspot:c' || contact_no as contact_key, 'hubspot:a' || (i % 30) as account_key, 'e' || i as activity_id,
    'hubspot' as source_system, case when i % 2 = 0 then 'meeting' else 'call' end as kind,
    case when i % 2 = 1 then 'outbound' end as direction,
    case when i % 2 = 0 then 'held' else 'connected' end as outcome,
    'North' as team, 'landed_version' as team_history_basis, null::text as exclusion_reason,
    600::bigint as duration_seconds, true as is_completed, false as is_planned, true as is_past,
    i % 2 = 1 as is_human_outbound, false as is_deleted, false as is_excluded, moved_at::date as occurred_date,
    created_at::date as created_date, moved_at as occurred_at, created_at
from deals_made;

create table fct_rep_months as select
    owner_key, null::text as manager_key, 'North' as team, 'landed_version' as team_history_basis,
    'Owner' as rollup_owner_name, 'team' as peer_basis, 21::bigint as working_days,
    20000::decimal(18, 2) as quota_stated, 1::decimal(9, 6) as ramp_share,
    20000::decimal(18, 2) as quota, coalesce(sum(amount_plan_rate) filter (status = 'won'), 0)::decimal(18, 2)
        as won_plan_rate,
    coalesce(sum(amount_reporting) filter (status = 'won'), 0)::decimal(18, 2) as won_reporting,
    coalesce(sum(amount_reporting) filter (status = 'lost'), 0)::decimal(18, 2) as lost_reporting,
    0::decimal(18, 2) as created_reporting, count(*) filter (status = 'won') as won_deals,
    count(*) filter (status = 'won' and amount_reporting is null) as won_deals_without_amount,
    count(*) filter (status = 'lost') as lost_deals, 0::bigint as created_deals, 0::bigint as proposals,
    1::bigint as calls, 1::bigint as emails, 1::bigint as tasks_done, 1::bigint as meetings_booked,
    1::bigint as meetings_held, 0::bigint as meetings_no_show, 0::bigint as meetings_cancelled,
    0::bigint as meetings_rescheduled, null::bigint as open_deals, null::decimal(18, 2) as open_reporting,
    (coalesce(sum(amount_plan_rate) filter (status = 'won'), 0) / 20000)::decimal(18, 9) as attainment,
    100::decimal(18, 6) as won_per_working_day, (4 / 21)::decimal(18, 6) as activities_per_working_day,
    0.5::decimal(18, 9) as win_rate, 2::bigint as trailing_won_deals,
    4::bigint as trailing_closed_deals, 0.5::decimal(18, 9) as trailing_win_rate, 0.3::decimal(18, 9) as peer_win_rate,
    0.4::decimal(18, 9) as trailing_win_rate_shrunk, true as is_active,
    date_trunc('month', close_day)::date as month_start
from fct_deals where status <> 'open' group by owner_key, date_trunc('month', close_day);

create table fct_quota_attainment as
with won as (
    select owner_key, date_trunc('month', close_day)::date as month_start, sum(amount_plan_rate) as amount,
        sum(arr_plan_rate) as arr, count(*) filter (is_counted) as deals
    from fct_deal_splits where status = 'won'
    -- Who shares a deal has another part of it there than in fct_rep_months, which is made without splits here.
    and owner_key not in ('hubspot:o3', 'hubspot:o4', 'hubspot:o9') group by all
), quotas as (
    select
        'owner' as level, owner_key as member, owner_key, measure, 'North' as team, 'Owner' as rollup_owner_name,
        20000::decimal(18, 2) as quota, case measure when 'arr' then arr else amount end as won, deals, month_start
    from won cross join (values ('bookings'), ('arr')) as measures (measure)
    union all
    select
        replace(level, 'total', 'company'), replace(member, 'total', 'company'), null, 'bookings', null, null,
        target_reporting, won_plan_rate, won_deals, period_start
    from fct_coverage_pacing where period_type = 'month'
    union all
    select
        'company', 'company', null, 'arr', null, null, 50000, sum(arr_plan_rate), count(*),
        date_trunc('month', close_day)::date as month_start
    from fct_deals where status = 'won' group by month_start
)
select
    level, member, owner_key, measure, team, rollup_owner_name, quota as quota_stated, 1::decimal(9, 6) as ramp_share,
    quota, won::decimal(18, 2) as won_plan_rate, deals as won_deals, 0::bigint as won_deals_without_amount,
    (won / quota)::decimal(18, 9) as attainment, month_start
from quotas;

create table fct_rep_stage_conversions as select
    'hubspot:o' || i as owner_key, 'North' as team, 'Owner ' || i as rollup_owner_name, stage, 'team' as peer_basis,
    list_position({stages}, stage)::integer as stage_order, 10::bigint as decided, 4::bigint as progressed,
    90::bigint as peer_decided, 81::bigint as peer_progressed, 0.4::decimal(18, 9) as conversion_rate,
    0.168::decimal(18, 9) as wilson_low, 0.687::decimal(18, 9) as wilson_high,
    0.9::decimal(18, 9) as peer_conversion_rate, 0.65::decimal(18, 9) as conversion_rate_shrunk,
    30::bigint as comparisons, 0.1::decimal(18, 9) as interval_low, 0.75::decimal(18, 9) as interval_high,
    stage = 'meeting' as is_coaching_hint
from range(5) as numbers (i) cross join (select unnest(({stages})[1:6]) as stage);

create table rpt_coaching as select
    owner_key, 'stage' as topic, rollup_owner_name as owner_name, stage, 30::bigint as comparisons, decided, progressed,
    null::bigint as open_deals, 5::decimal(18, 6) as deals_short, interval_high, peer_conversion_rate
from fct_rep_stage_conversions where is_coaching_hint;

create table fct_funnel_velocity as select
    'deal' as funnel, ({stages})[1 + i % 6] as stage, dimension,
    case dimension when 'channel' then 'organic_search' when 'segment' then 'small' else 'all' end as member,
    (1 + i % 6)::integer as stage_order, 12::bigint as visits, 10::bigint as completed_visits,
    2::bigint as censored_visits, 12::bigint as entities_entered, 1::bigint as entities_regressed,
    0.083333333::decimal(18, 9) as regression_rate, 9::decimal(18, 6) as median_days_completed,
    10::decimal(18, 6) as survival_median_days, 30::decimal(18, 6) as p90_days,
    0::decimal(18, 6) as survival_median_change_days, i % 6 = 0 as is_slowest,
    date '2026-02-01' + to_months((i // 6)::integer) as entry_month
from range(24) as numbers (i) cross join (select unnest(['all', 'channel', 'segment']) as dimension);

create table fct_conversion_curves as select
    'deal' as funnel, ({stages})[1 + i % 6] as stage, dimension, member, (1 + i % 6)::integer as stage_order,
    horizon_days::integer as horizon_days, 10::bigint as cohort_size,
    (horizon_days / 1000)::decimal(18, 9) as progressed_incidence,
    (horizon_days / 2000)::decimal(18, 9) as exited_incidence, horizon_days < 30 as is_complete,
    date '2026-02-01' + to_months((i // 6)::integer) as entry_month
from range(24) as numbers (i) cross join {parts}
cross join (select unnest([7, 14, 30, 60, 90, 180, 365]) as horizon_days);

create table fct_forecast as
with parts as (
    select * from (values ('won', (select coalesce(sum(amount_reporting), 0) from fct_deals where status = 'won'
        and close_day between date '2026-06-01' and date '2026-06-17')), ('open', 60), ('not_created', 30),
        ('renewals', 10)) as parts (part, expected)
),
methods as (select unnest(['saleshouse', 'crm_view']) as method),
levels as (select unnest(['total', 'team', 'owner', 'segment', 'pipeline']) as level)
select
    method || ':' || level || ':' || part as forecast_key, 'month' as period_type, method, level,
    case level when 'total' then 'total' else 'one' end as member, 'bookings' as measure, part,
    null::text as notes, expected::decimal(18, 2) as expected,
    case method when 'saleshouse' then 80 end::decimal(18, 2) as p10,
    case method when 'saleshouse' then 99 end::decimal(18, 2) as p50,
    case method when 'saleshouse' then 120 end::decimal(18, 2) as p90, 10000::decimal(18, 2) as target_reporting,
    case method when 'saleshouse' then 0.1 end::decimal(18, 9) as chance_of_target, date '2026-06-17' as as_of,
    date '2026-06-01' as period_start, date '2026-06-30' as period_end
from parts cross join methods cross join levels;

create table fct_forecast_deals as select
    deal_key, owner_key, coalesce(owner_key, 'unassigned') as owner_member, 'North' as team, 'small' as segment,
    'Sales' as pipeline, stage, 'open' as part, 'stage=' || stage as cell, '[]' as reasons, 0::bigint as month_offset,
    1::bigint as cell_level, 100::bigint as deals_like_it, 2::bigint as won_like_it, amount_reporting,
    amount_reporting as value_if_won, 0.02::decimal(18, 9) as base_chance, 0.02::decimal(18, 9) as chance,
    1.5::decimal(18, 2) as expected, date '2026-06-17' as as_of, date '2026-06-01' as month_start
from fct_deals where status = 'open';

create table fct_forecast_scoreboard as select
    'backtest:' || method || ':' || level as score_key, 'backtest' as basis, method, 'month_end' as origin_kind,
    'month' as period_type, level, 1::bigint as horizon, null::bigint as weeks_left, 20::bigint as forecasts,
    20::bigint as periods, 1000::decimal(18, 2) as expected_sum, 900::decimal(18, 2) as actual_sum,
    910::decimal(18, 2) as actual_now_sum, 180::decimal(18, 2) as absolute_error_sum, 0.2::decimal(18, 9) as wape,
    0.1::decimal(18, 9) as bias, 0.2::decimal(18, 9) as wape_now, 0.8::decimal(18, 9) as mase,
    0.05::decimal(18, 9) as pinball, 20::bigint as ranges, 0.8::decimal(18, 9) as coverage
from (select unnest(['saleshouse', 'crm_view']) as method) cross join (select unnest(['total', 'team']) as level);

create table fct_forecast_ledger as select
    'run-0' as run_id, '2026-06-16.001' as release_id, 'month' as period_type, 'saleshouse' as method, 'total' as level,
    'total' as member, 'bookings' as measure, part, 3::bigint as known_at, 4::bigint as load_number,
    25::decimal(18, 2) as expected, 80::decimal(18, 2) as p10, 99::decimal(18, 2) as p50, 120::decimal(18, 2) as p90,
    10000::decimal(18, 2) as target_reporting, 0.1::decimal(18, 9) as chance_of_target, true as is_last_of_day,
    date '2026-06-16' as as_of, date '2026-06-01' as period_start, date '2026-06-30' as period_end,
    timestamp '2026-06-17 05:00:00' as sealed_at
from (select unnest(['won', 'open', 'not_created', 'renewals']) as part);

create table fct_forecast_submissions as select
    'file:month:2026-05-01:team:North:' || category || ':2026-05-04' as submission_key, 'file' as origin,
    'sales' as source_system, 'month' as period_type, 'team' as level, 'North' as member, category, 'EUR' as currency,
    amount::decimal(18, 2) as amount, amount::decimal(18, 2) as amount_reporting, 100::decimal(18, 2) as actual_frozen,
    100::decimal(18, 2) as actual_now, (amount - 100)::decimal(18, 2) as error_reporting, null::bigint as deals,
    27::bigint as days_left, true as is_newest, date '2026-05-04' as submitted_on, date '2026-05-01' as period_start,
    date '2026-05-31' as period_end
from (values ('commit', 90), ('best_case', 120), ('pipeline', 150)) as calls (category, amount);

create table fct_forecast_bridge as select
    'month:2026-06-01:' || line as bridge_key, null::text as deal_key, 'month' as period_type,
    'file_team' as commit_source, line, null::text as category, line as reason,
    null::decimal(18, 2) as amount_reporting,
    null::decimal(18, 9) as chance, committed::decimal(18, 2) as commit_reporting,
    expected::decimal(18, 2) as expected,
    (expected - committed)::decimal(18, 2) as difference, date '2026-06-17' as as_of,
    date '2026-06-01' as period_start, date '2026-06-30' as period_end
from (
    select 'won' as line, sum(expected) as expected, 50 as committed from fct_forecast
    where method = 'saleshouse' and level = 'total' and part = 'won'
    union all
    select 'without_deal', 0, 40
    union all
    select 'not_created', sum(expected), 0 from fct_forecast
    where method = 'saleshouse' and level = 'total' and part <> 'won'
) as lines;

insert into fct_forecast_submissions by name select
    * replace ('file:now' as submission_key, date '2026-06-01' as period_start, date '2026-06-30' as period_end,
    date '2026-06-15' as submitted_on, 15 as days_left, null as actual_frozen, null as actual_now,
    null as error_reporting)
from fct_forecast_submissions where category = 'commit';

create table fct_file_readings as select
    'finance_targets:targets.csv:1' as reading_key, 'finance' as source_system, 'finance_targets' as mapping_name,
    'targets' as entity, 'targets.csv' as file_name, '["note"]' as ignored_columns, '[]' as new_columns,
    8::bigint as columns_in_file, 1::bigint as columns_ignored, 0::bigint as columns_new, 1::bigint as load_number,
    timestamp '2026-06-18 05:00:00' as read_at;

create table fct_quality_results as select
    'run-0:fct_deals:' || check_name as result_key, 'run-0' as run_id, '2026-06-16.001' as release_id,
    'fct_deals' as suite, 'fct_deals' as mart, check_name, 'block' as severity, '0' as observed,
    'no such rows' as expected, 0::decimal(24, 6) as observed_value, 1::bigint as check_number, 3::bigint as known_at,
    4::bigint as load_number, true as is_passed, false as is_blocking, true as is_verdict_passed,
    date '2026-06-16' as as_of, timestamp '2026-06-17 05:00:00' as judged_at
from (values ('row_floor'), ('filled')) as checks (check_name);

create table fct_rejected_rows as select
    'hubspot:deals:1' as reject_key, 'hubspot' as source_system, 'deals' as entity,
    'currency is missing' as reason, '{{"dealname": "Jane Doe"}}' as rejected_record, 1::bigint as load_number,
    timestamp '2026-06-18 05:00:00' as fetched_at;

create table release_context as select
    '{run_id}' as run_id, date '2026-06-17' as as_of, timestamp '2026-06-17 22:00:00' as as_of_end,
    {known_at}::bigint as known_at, 'Europe/Prague' as reporting_timezone, 'EUR' as reporting_currency,
    1 as fiscal_year_start_month, 1 as first_weekday, 'stage_event' as close_day_rule, 'amount' as headline_amount,
    null::text as baseline_release, 'abc1234' as code_version;
"""

REPORT = """
create table won as select amount_reporting, amount_plan_rate, close_day from fct_deals where status = 'won';

create table rpt_headline as select
    periods.period_type, periods.period_type || ' now' as period_label, 'EUR' as currency,
    coalesce(sum(amount_reporting), 0)::decimal(18, 2) as won_reporting,
    coalesce(sum(amount_plan_rate), 0)::decimal(18, 2) as won_plan_rate, count(close_day) as won_deals,
    2 * coalesce(sum(amount_plan_rate), 0)::decimal(18, 2) as target_reporting,
    case when count(close_day) > 0 then 0.5 end::decimal(18, 9) as attainment,
    30::decimal(18, 2) as open_pipeline, 10::decimal(18, 2) as open_due, 10::decimal(18, 2) as overdue_open,
    10::decimal(18, 2) as dateless_open, 0::decimal(18, 2) as later_open, 0.5::decimal(18, 9) as coverage,
    false as is_target_met, true as has_deals, date '2026-06-17' as as_of, periods.period_start,
    date '2026-06-30' as period_end
from (values ('month', date '2026-06-01'), ('quarter', date '2026-04-01')) as periods (period_type, period_start)
left join won on won.close_day between periods.period_start and date '2026-06-17' group by all;

create table rpt_monthly as select
    strftime(months.month_start, '%Y-%m') as month_label,
    coalesce(sum(amount_reporting), 0)::decimal(18, 2) as won_reporting, count(close_day) as won_deals,
    (select count(*) from fct_leads where date_trunc('month', created_date) = months.month_start) as leads,
    (select count(*) from fct_leads where date_trunc('month', mql_at) = months.month_start) as mqls,
    case when months.month_start = date '2026-06-01' then 150 else 0 end::decimal(18, 2) as spend_reporting,
    months.month_start = date '2026-06-01' as is_current, months.month_start
from (select date '2024-07-01' + to_months(i::integer) as month_start from range(24) as numbers (i)) as months
left join won on date_trunc('month', won.close_day) = months.month_start group by all;

create table rpt_coverage as select 'month' as period_type, 'now' as period_label, 10::decimal(18, 2) as won_reporting,
    10::decimal(18, 2) as open_due, 20::decimal(18, 2) as missing, 0.5::decimal(18, 9) as coverage, true as is_current,
    date '2026-06-17' as same_day, date '2026-06-01' as period_start, date '2026-06-30' as period_end;

create table rpt_funnel as select 'deal' as funnel, ({stages})[1 + i] as stage, dimension, member,
    'dated' as cohort_basis,
    (1 + i)::integer as stage_order, 10::bigint as entities_entered, 4::bigint as entities_progressed,
    3::bigint as entities_exited, 3::bigint as entities_open, 10::bigint as mature_entered,
    4::bigint as mature_progressed, 5::bigint as young_entered, 1::bigint as young_progressed,
    0.4::decimal(18, 9) as conversion_rate, 0.168::decimal(18, 9) as wilson_low, 0.687::decimal(18, 9) as wilson_high,
    false as is_last from range(6) as numbers (i) cross join {parts} where dimension <> 'channel';

create table rpt_channels as select 'all_time' as window_name, channel,
    (select count(*) // 2 from fct_leads) * channels::bigint as leads,
    4::bigint as mqls, 3::bigint as sql_leads, 2::bigint as opportunities, 1::bigint as customers,
    1::bigint * channels as won_deals, 10::bigint as clicks, 10.5 * channels::decimal(18, 2) as spend_reporting,
    30 * channels::decimal(18, 2) as won_amount_reporting, 21 * channels::decimal(18, 2) as won_with_spend_reporting,
    2::decimal(18, 9) as roas,
    1::decimal(18, 6) as cost_per_lead, 1::decimal(18, 6) as cost_per_mql, 1::decimal(18, 6) as cost_per_click,
    channel = 'total' as is_total
from (values ('email', 1), ('display', 1), ('total', 2)) as listed (channel, channels);

create table rpt_campaigns as select 'all_time' as window_name, campaign_key, campaign_name, channel,
    row_number() over () as spend_rank, 100::bigint as impressions, 5::bigint as clicks,
    2::decimal(18, 2) as spend_reporting, 2::bigint as leads, 1::bigint as mqls, 1::decimal(18, 6) as cost_per_lead,
    0.4::decimal(18, 6) as cost_per_click from dim_campaigns where campaign_key <> 'unattributed';

create table rpt_origins as select 'channel' as breakdown, 'email' as channel, null::text as source_label,
    null::text as source_detail, 1::bigint as size_rank, 10::bigint as leads, 4::bigint as converted,
    0.4::decimal(18, 9) as conversion_rate, 0.168::decimal(18, 9) as wilson_low, 0.687::decimal(18, 9) as wilson_high;

create table rpt_forecast as
with parts as (
    select period_type, period_start, period_end, method, part, sum(expected) as expected
    from fct_forecast where level = 'total' group by all
)
select *, 'now' as period_label, true as is_current from parts
union all by name
select period_type, period_start, period_end, method, 'total' as part, sum(expected) as expected,
    'now' as period_label, true as is_current from parts group by all;

create table rpt_forecast_deals as select
    deal_key, deal_key as deal_id, 'hubspot' as source_system, 'Deal' as deal_name, 'Owner 1' as owner_name, stage,
    reasons, deals_like_it, won_like_it, row_number() over (order by deal_key) as value_rank, amount_reporting,
    chance as chance_in_month, chance as chance_in_quarter, chance as chance_in_all, expected as expected_in_quarter,
    expected as expected_in_all, date '2026-07-01' as close_date, month_start as likeliest_month
from fct_forecast_deals order by deal_key limit 25;

create table rpt_forecast_bridge as select
    period_type, coalesce(reason, 'total') as reason, max(commit_source) as commit_source, count(deal_key) as deals,
    null::decimal(18, 2) as amount_reporting, sum(commit_reporting) as commit_reporting, sum(expected) as expected,
    sum(difference) as difference, date '2026-06-01' as period_start, date '2026-06-30' as period_end
from fct_forecast_bridge group by grouping sets ((period_type, reason), (period_type));

create table rpt_bottlenecks as select
    'one' as pipeline, stage, null::text as point_note, null::text as day_note, order_no::integer as stage_order,
    order_no::bigint as point_rank, order_no::bigint as day_rank,
    (select sum(expected) from fct_forecast where method = 'saleshouse' and level = 'pipeline' and member = 'one'
        and part <> 'won')::decimal(18, 2) as base_reporting,
    0.5::decimal(18, 2) as point_reporting, 0::decimal(18, 2) as point_p10, 1::decimal(18, 2) as point_p90,
    0.4::decimal(18, 2) as day_reporting, 0::decimal(18, 2) as day_p10, 1::decimal(18, 2) as day_p90,
    0.5::decimal(18, 9) as conversion_rate, 0.3::decimal(18, 9) as wilson_low, 0.7::decimal(18, 9) as wilson_high,
    date '2026-06-01' as period_start, date '2026-06-30' as period_end
from (select unnest({stages}[:6]) as stage, generate_subscripts({stages}[:6], 1) as order_no);

create table rpt_stage_speed as select stage, order_no::integer as stage_order, 5::bigint as completed,
    10::decimal(18, 6) as median_days, 20::decimal(18, 6) as p75_days, 15::decimal(18, 6) as survival_median_days,
    2::bigint as open_deals, stage = 'proposal' as is_slowest
from (select unnest({stages}[:6]) as stage, generate_subscripts({stages}[:6], 1) as order_no);

create table rpt_win_rates as select 'trailing_12_months' as window_name, 4::bigint as won_deals,
    6::bigint as lost_deals, 0.4::decimal(18, 9) as win_rate, 0.168::decimal(18, 9) as wilson_low,
    0.687::decimal(18, 9) as wilson_high,
    date '2025-06-18' as first_day, date '2026-06-17' as last_day;

create table rpt_win_loss as select breakdown, member, 0::bigint as won_deals, 6::bigint as lost_deals,
    0::decimal(18, 2) as won_reporting, 6::decimal(18, 2) as lost_reporting,
    case breakdown when 'reason' then 1 end::decimal(18, 9) as share_of_lost,
    case breakdown when 'competitor' then 0 end::decimal(18, 9) as win_rate,
    case breakdown when 'competitor' then 0 end::decimal(18, 9) as wilson_low,
    case breakdown when 'competitor' then 0.39 end::decimal(18, 9) as wilson_high, 1::bigint as size_rank
from (values ('reason', 'price'), ('competitor', 'total')) as listed (breakdown, member);

create table rpt_deal_risks as select deal_key, stage, 1::bigint as reasons, true as is_past_close_date,
    false as is_idle, false as is_older_than_won, false as is_pushed_twice, false as is_amount_cut,
    false as is_without_next_step, false as is_single_contact, false as is_without_contact
from fct_deals where status = 'open';

create table fct_flag_associations as select
    'deal:past_close_date:' || stratum as association_key, 'deal' as entity_kind, 'past_close_date' as flag,
    'less_often' as association, 40::bigint as cases_with, 10::bigint as reached_with, 60::bigint as cases_without,
    30::bigint as reached_without, 0.25::decimal(18, 9) as rate_with, 0.5::decimal(18, 9) as rate_without,
    -0.25::decimal(18, 9) as difference, -0.4::decimal(18, 9) as difference_low,
    -0.1::decimal(18, 9) as difference_high, stratum = 'all' as is_of_all_stages
from (values ('all'), ('new_business:proposal')) as strata (stratum);

create table rpt_attention_list as select
    'deal' as entity_kind, deal_key as entity_key, 'Ann' as owner_name, 'past_close_date' as flag,
    'less_often' as association, 'stage' as evidence_basis, row_number() over (order by deal_key) as attention_rank,
    1::bigint as flag_rank, 100::decimal(18, 2) as expected, 25::decimal(18, 2) as value_at_risk,
    25::decimal(18, 2) as entity_value_at_risk, -0.25::decimal(18, 9) as difference
from fct_deal_health;

create table rpt_risk_reasons as select 'past_close_date' as reason, 1 as reason_order, count(*) as deals
from rpt_deal_risks;

create table rpt_team as select owners.owner_key, owners.owner_name, 1::decimal(18, 2) as won_month,
    months.quota as target_month, months.attainment as attainment_month, 2::decimal(18, 2) as won_quarter,
    3::bigint as open_deals, 4::decimal(18, 2) as open_pipeline, 1::bigint as year_won_deals,
    1::bigint as year_lost_deals, 0.5::decimal(18, 9) as win_rate, false as is_total from dim_owners as owners
left join fct_rep_months as months on owners.owner_key = months.owner_key and months.month_start = date '2026-06-01'
union all select 'total', 'Company', 24, null, null, 48, 72, 96, 24, 24, 0.5, true;

create table rpt_restatements as select
    measure, cause, 'Deal' as largest_record_name, old_value, new_value, difference, 1::bigint as records,
    row_number() over (order by period_start) as size_rank, false as is_amount, period_start
from fct_restatements;

create table rpt_quality as select 'rejected' as section, 'hubspot' as source_system, 'deals' as subject,
    'currency is missing' as remark, 1::bigint as records, 61::bigint as records_in_all,
    0.016::decimal(18, 9) as share_of_all;

drop table won;
"""

STAGING = """
create table stg_hubspot__accounts as select 'hubspot' as source_system, account_id, created_at,
    null::text as merged_ids, null::text as reject_reason,
    1::bigint as load_number, 1::bigint as version_order from dim_accounts;
create table stg_hubspot__contacts as select 'hubspot' as source_system, contact_id, created_at,
    case when contact_id = 'c1' then 'gone1;gone2' end as merged_ids, null::text as reject_reason,
    1::bigint as load_number, 1::bigint as version_order from dim_contacts;
insert into stg_hubspot__contacts values ('hubspot', 'gone1', timestamp '2026-01-01', null, null, 1, 1);
create table stg_files__leads (source_system text, lead_id text, mapping_name text, file_name text,
    created_at timestamp, reject_reason text, load_number bigint, version_order bigint);
create table stg_hubspot__deals as select 'hubspot' as source_system, deal_id, 5::decimal(18, 2) as amount, created_at,
    case when deal_id = 'd2' then 'gone3; d5' end as merged_ids, null::text as reject_reason,
    1::bigint as load_number, 1::bigint as version_order
    from fct_deals;
insert into stg_hubspot__deals values
    ('hubspot', 'gone3', 7, timestamp '2026-01-01', null, null, 1, 1),
    ('hubspot', 'tomorrow', 7, timestamp '2026-06-17 22:00:00', null, null, 1, 1),
    ('hubspot', 'broken', null, null, null, 'currency is missing', 1, 1);
update stg_hubspot__deals set amount = 1030 where deal_id = 'd3';
create table stg_hubspot__field_changes as select 'hubspot' as source_system, 'deal' as object, deal_id as record_id,
    'amount' as field, amount::text as value, created_at as changed_at, null::text as reject_reason,
    1::bigint as load_number, 1::bigint as version_order from fct_deals where deal_id not in ('d3', 'd7');
insert into stg_hubspot__field_changes values
    ('hubspot', 'deal', 'd1', 'amount', '999999', timestamp '2026-06-17 22:00:00', null, 1, 1),
    ('hubspot', 'deal', 'd7', 'amount', '10', timestamp '2026-06-17 23:00:00', null, 1, 1);
create table stg_hubspot__feedback as select 'hubspot' as source_system, i::text as feedback_id,
    case when i < 38 then 'nps' else 'ces' end as kind, null::text as account_system, null::text as account_id,
    'c1' as contact_id, i > 35 as is_deleted, null::timestamp as deleted_at, date '2026-06-01' as answered_date,
    null::text as reject_reason, 1::bigint as load_number, i::bigint as version_order from range(40) as numbers (i);
create table stg_files__feedback as select 'survey' as source_system, i::text as feedback_id, 'nps' as kind,
    'hubspot' as account_system, 'a1' as account_id, null::text as contact_id, null::boolean as is_deleted,
    null::timestamp as deleted_at, date '2026-06-01' + (13 + i)::integer as answered_date, 'm' as mapping_name,
    'f' as file_name, null::text as reject_reason, 1::bigint as load_number, i::bigint as version_order
    from range(6) as numbers (i);
create table stg_google_ads__ad_days as select 'google_ads' as source_system, platform, ad_account_id, campaign_id,
    ad_group_id, date_day, spend, clicks, null::text as reject_reason, 2::bigint as load_number,
    2::bigint as version_order from fct_ad_performance_daily;
insert into stg_google_ads__ad_days values
    ('google_ads', 'google_ads', '1', 'k0', 'taken_back', date '2026-06-01', 9, 9, null, 1, 1);
create table stg_google_ads__ad_windows as select 'google_ads' as source_system, 'google_ads' as platform,
    '1' as ad_account_id, date '2026-05-18' as window_start, date '2026-06-17' as window_end,
    null::text as reject_reason, 2::bigint as load_number;
"""


def make(root: Path, *, run_id: str = "run-1") -> tuple[Home, Settings, RunContext]:
    """Writes the whole home below `root`: its candidate passes the gate with one warning, the rejected row."""
    home = Home(root)
    folder = root / "company"
    (folder / "mappings").mkdir(parents=True)
    (folder / "saleshouse.yml").write_text(SETTINGS)
    for name in ("stages", "channels", "pipelines"):
        (folder / "mappings" / f"{name}.csv").write_text("source_system\n")
    settings = load(folder / "saleshouse.yml")
    known_at = _land(home)
    context = RunContext(
        run_id=run_id,
        as_of=AS_OF,
        known_at=known_at,
        reporting_timezone="Europe/Prague",
        reporting_currency="EUR",
        fiscal_year_start_month=1,
        first_weekday=1,
        close_day_rule="stage_event",
        headline_amount="amount",
        start_date=settings.start_date,
        baseline_release=None,
        code_version="abc1234",
    )
    prepare(home, context, {}, {}, {})
    channels = str([*CHANNELS, "not_stated", "unmapped", "unattributed"])
    marts = MARTS.format(
        channels=channels, stages=STAGES, parts=PARTS, amounts=AMOUNTS, run_id=run_id, known_at=known_at
    )
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{home.candidate}' as marts (storage_version 'v1.4.0')")
        connection.execute(f"attach '{home.history}' as history")
        connection.execute("create schema marts.marts; create schema history.staging; create schema memory.made")
        connection.execute("use memory.made")
        connection.execute(CONTACTS)
        connection.execute("set search_path = 'marts.marts,memory.made'")
        connection.execute(marts)
        connection.execute(_freshness())
        connection.execute(REPORT.format(stages=STAGES, parts=PARTS))
        connection.execute("set search_path = 'history.staging,marts.marts'")
        connection.execute(STAGING)
    return home, settings, context


def _land(home: Home) -> int:
    """One load per source in the ledger. Returns the watermark."""
    home.raw.mkdir(parents=True)
    for source in ("hubspot", "google_ads", "ga4", "files"):
        ledger.append(
            home,
            dlt_load_id=f"load-{source}",
            source=source,
            landed_at="2026-06-18T05:00:00Z",
            arguments={"now": "2026-06-17T22:00:00+00:00"},
            mapping_hash=None,
            entities={
                entity: ledger.LandedEntity(rows + (REJECTED if entity == "deals" else 0), ())
                for (of, entity), rows in ROWS.items()
                if of == source
            },
        )
    return 4


def _freshness() -> str:
    rows = ", ".join(
        f"('{source}', '{entity}', '{STAGED_AS.get(entity, entity)}', "
        f"1, {rows + rejected}, {rows}, {rejected}, 0, 1, "
        f"1, {rows}, {rejected}, {entity == 'pipelines'}, "
        "timestamp '2026-06-17 20:00:00', timestamp '2026-06-18 05:00:00')"
        for (source, entity), rows in ROWS.items()
        for rejected in [REJECTED if entity == "deals" else 0]
    )
    return (
        f"create table fct_source_freshness as select * from (values {rows}) as sources (source, entity, staged_as, "
        "loads, rows_fetched, rows_staged, rows_rejected, rows_duplicate, last_load_number, last_rows_load_number, "
        "last_rows_staged, last_rows_rejected, is_staged_in_parts, last_record_at, last_landed_at)"
    )
