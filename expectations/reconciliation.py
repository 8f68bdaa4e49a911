"""Marts against what was staged and landed: the same rows and the same money, counted by plainer means.

What belongs here: sums over staging and the raw ledger, set against a mart's. What does not: any definition of a
figure. The models resolve versions, merges and field history for every column; here one column at a time is resolved
by one window, so that a join that loses or doubles rows shows as a difference.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from expectations import rules
from expectations.context import GateContext

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation


def expectations(context: GateContext) -> list["Expectation"]:
    """Differences by source, one row each. A candidate without history and ledger cannot be reconciled and fails."""
    if not context.staging or not context.has_ledger:
        return [
            rules.rows(
                "reconciled_with_raw",
                "select 'history.duckdb and raw/_loads' as missing where 1 = 1",
                expected="staged rows and a ledger of loads to compare with",
            )
        ]
    return [
        _ledger(),
        *(
            _records(context, mart, entity, identifier)
            for mart, entity, identifier in (
                ("dim_accounts", "accounts", "account_id"),
                ("dim_contacts", "contacts", "contact_id"),
                ("fct_leads", "leads", "lead_id"),
                ("fct_deals", "deals", "deal_id"),
            )
        ),
        _deal_amounts(context),
        _ad_spend(context),
        _answers(context),
    ]


def _ledger() -> "Expectation":
    """Entities that staging renames or splits are compared by source only where both sides name them alike."""
    return rules.rows(
        "fetched_rows_equal_the_ledger",
        "select ledger.source, ledger.entity, ledger.row_count as landed, sources.rows_fetched as fetched "
        "from memory.main.raw_ledger as ledger inner join {batch} as sources "
        "on ledger.source = sources.source and ledger.entity = sources.entity "
        "where ledger.row_count <> sources.rows_fetched",
        expected="as many fetched rows as the ledger of loads names",
    )


def _records(context: GateContext, mart: str, entity: str, identifier: str) -> "Expectation":
    """Records that exist by the day's end, merged-away ones left out but for deals that keep their past, by source."""
    current = _current(context, entity, identifier)
    return rules.rows(
        f"{entity}_reconciled",
        f"with current_records as ({current}), "
        "staged as (select source_system, count(*) as row_count from current_records group by all), "
        f"kept as (select source_system, count(*) as row_count from {mart} group by all) "
        "select source_system, staged.row_count as staged_rows, kept.row_count as mart_rows "
        "from staged full join kept using (source_system) "
        "where coalesce(staged.row_count, 0) <> coalesce(kept.row_count, 0)",
        expected=f"as many {entity} in {mart} as were staged, merged ones counted once",
    )


def _deal_amounts(context: GateContext) -> "Expectation":
    """The sum of amounts of all deals, open, won and lost, by source; each as its field history has it at day's end.

    A deal with a history that begins later had no amount yet; one without any has that of its newest version, of a past
    day that of the newest one that had landed for it.
    """
    chosen = context.headline_amount
    amounts = f"source_system, deal_id, {chosen} as amount, version_order"
    told = _union(context, "deals", amounts, "true", loads=_for_the_day(context))
    changes = _union(
        context,
        "field_changes",
        f"source_system, record_id, value, changed_at, changed_at < timestamp '{context.as_of_end}' as is_known, "
        "version_order",
        f"object = 'deal' and field = '{chosen}'",
    )
    return rules.rows(
        "deal_amounts_reconciled",
        f"with current_records as ({_current(context, 'deals', 'deal_id', f'{chosen} as amount')}), "
        f"last_changes as (select * from ({changes}) qualify row_number() over "
        "(partition by source_system, record_id order by is_known desc, changed_at desc, version_order desc) = 1), "
        f"told as (select * from ({told}) qualify row_number() over (partition by source_system, deal_id "
        f"order by version_order desc) = 1), past as (select {_is_past(context)} as is_past), "
        "staged as (select current_records.source_system, sum(case when last_changes.is_known "
        "then try_cast(last_changes.value as decimal(18, 2)) when last_changes.record_id is not null then null "
        "when past.is_past then told.amount else current_records.amount end) as amount "
        "from current_records cross join past "
        "left join told on current_records.source_system = told.source_system "
        "and current_records.deal_id = told.deal_id "
        "left join last_changes on current_records.source_system = last_changes.source_system "
        "and current_records.deal_id = last_changes.record_id group by all), "
        "kept as (select source_system, sum(amount) as amount from fct_deals group by all) "
        "select source_system, staged.amount as staged_amount, kept.amount as mart_amount "
        "from staged full join kept using (source_system) "
        "where coalesce(staged.amount, 0) <> coalesce(kept.amount, 0)",
        expected="the same sum of deal amounts as was staged",
    )


def _ad_spend(context: GateContext) -> "Expectation":
    """Spend and clicks by platform: each day as last read, without what a later reading of its window took back."""
    days = _union(
        context,
        "ad_days",
        "platform, ad_account_id, campaign_id, ad_group_id, date_day, spend, clicks, load_number, version_order",
        f"date_day <= date '{context.as_of}'",
    )
    windows = _union(context, "ad_windows", "platform, ad_account_id, window_start, window_end, load_number", "true")
    return rules.rows(
        "ad_spend_reconciled",
        f"with last_read as (select * from ({days}) qualify row_number() over (partition by platform, ad_account_id, "
        "campaign_id, ad_group_id, date_day order by load_number desc, version_order desc) = 1), "
        f"windows as ({windows}), "
        "staged as (select platform, sum(spend) as spend, sum(clicks) as clicks from last_read where not exists ("
        "select 1 from windows where windows.platform = last_read.platform "
        "and windows.ad_account_id = last_read.ad_account_id and windows.load_number > last_read.load_number "
        "and last_read.date_day between windows.window_start and windows.window_end) group by all), "
        "kept as (select platform, sum(spend) as spend, sum(clicks) as clicks "
        "from fct_ad_performance_daily group by all) "
        "select platform, staged.spend as staged_spend, kept.spend as mart_spend, staged.clicks as staged_clicks, "
        "kept.clicks as mart_clicks from staged full join kept using (platform) "
        "where coalesce(staged.spend, 0) <> coalesce(kept.spend, 0) "
        "or coalesce(staged.clicks, 0) <> coalesce(kept.clicks, 0)",
        expected="the same spend and clicks as were staged",
    )


def _answers(context: GateContext) -> "Expectation":
    """NPS and CSAT answers by kind, but those that lie deleted and those of test records, on the present day: of a past
    one what had landed for it decides both.
    """
    columns = "source_system, feedback_id, kind, account_system, account_id, contact_id, is_deleted, deleted_at"
    versions = _union(context, "feedback", f"{columns}, answered_date, version_order", "true")
    day_end = f"timestamp '{context.as_of_end}'"
    merged = "select record_key, survivor_key from dim_merged_records where object"
    return rules.rows(
        "answers_reconciled",
        f"with newest as (select * from ({versions}) qualify row_number() over "
        "(partition by source_system, feedback_id order by version_order desc) = 1), "
        "given as (select kind, coalesce(account_system, source_system) || ':' || account_id as account_key, "
        "source_system || ':' || contact_id as contact_key from newest where kind in ('nps', 'csat') "
        f"and answered_date <= date '{context.as_of}' and answered_date in (select date_day from dim_dates) "
        f"and not coalesce(is_deleted and coalesce(deleted_at < {day_end}, true), false)), "
        f"people as ({merged} = 'contact'), firms as ({merged} = 'account'), "
        "staged as (select given.kind, count(*) as answers from given "
        "left join people on given.contact_key = people.record_key "
        "left join dim_contacts on coalesce(people.survivor_key, given.contact_key) = dim_contacts.contact_key "
        "left join firms on given.account_key = firms.record_key left join dim_accounts "
        "on coalesce(firms.survivor_key, given.account_key, dim_contacts.account_key) = dim_accounts.account_key "
        "where coalesce(dim_contacts.exclusion_reason, '') <> 'test' "
        "and coalesce(dim_accounts.exclusion_reason, '') <> 'test' group by all), "
        "kept as (select kind, sum(answers) as answers from fct_customer_feedback "
        "where period_type = 'quarter' and level = 'total' and answer_group = 'all' group by all) "
        "select kind, staged.answers as staged_answers, kept.answers as mart_answers "
        f"from staged full join kept using (kind) where not {_is_past(context)} "
        "and coalesce(staged.answers, 0) <> coalesce(kept.answers, 0)",
        expected="as many answers as were staged, those of test records left out",
    )


def _current(context: GateContext, entity: str, identifier: str, *columns: str) -> str:
    """The newest version of each record that existed by the day's end and was not merged into another.

    A past day has what had landed for it although a newer file leaves it out.

    A deal that was one of its own before it was merged is in its mart, and counts.
    """
    listed = ", ".join(("source_system", identifier, *columns, "created_at", "version_order"))
    versions = _union(context, entity, listed, "true") + " union all "
    versions += _union(context, entity, listed, _is_past(context), loads=_for_the_day(context))
    if entity == "leads":
        contacts = "source_system, contact_id, created_at, version_order"
        if context.contacts_are_leads:
            contact_versions = _union(context, "contacts", contacts, "true", sources=context.contacts_are_leads)
            versions += f" union all {contact_versions}"
    newest = (
        f"select * from ({versions}) qualify row_number() over "
        f"(partition by source_system, {identifier} order by version_order desc) = 1"
    )
    kept = f"select * from ({newest}) where created_at is null or created_at < timestamp '{context.as_of_end}'"
    # Where a source keeps no leads, a lead is a contact and merged as one.
    merging = "contacts" if entity == "leads" else entity
    merged = _union(context, merging, "source_system, unnest(string_split(merged_ids, ';')) as merged_id", "true")
    standing = " or (source_system, deal_id) in (select source_system, deal_id from fct_deals)"
    return (
        f"select * from ({kept}) as records where not exists (select 1 from ({merged}) as merged "
        f"where merged.source_system = records.source_system and trim(merged.merged_id) = records.{identifier})"
        + (standing if entity == "deals" else "")
    )


def _for_the_day(context: GateContext) -> str:
    """Loads that tell of the day or of an earlier one."""
    return f"select load_number from history.raw.loads where told_day <= date '{context.as_of}'"


def _is_past(context: GateContext) -> str:
    """Whether a source had been asked for a later day by the watermark."""
    return (
        f"(select coalesce(max(told_day) > date '{context.as_of}', false) from history.raw.loads "
        f"where load_number <= {context.known_at})"
    )


def _union(
    context: GateContext, entity: str, columns: str, condition: str, *, sources: Iterable[str] | None = None,
    loads: str | None = None,
) -> str:  # fmt: skip
    """Accepted rows of an entity, of all sources or of some, up to the watermark, or of some loads up to it.

    Of exported files only the newest landing of each counts.
    """
    parts = []
    for table in sorted(context.staging):
        source, _, staged_entity = table.removeprefix("stg_").partition("__")
        if staged_entity != entity or (sources is not None and source not in sources):
            continue
        chosen = f"load_number <= {context.known_at}" + (f" and load_number in ({loads})" if loads else "")
        newest = (
            f"and load_number = (select max(load_number) from history.staging.{table} as files "
            f"where {chosen} and files.mapping_name = staged.mapping_name and files.file_name = staged.file_name)"
        )
        only_newest = newest if table.startswith("stg_files__") else ""
        parts.append(
            f"select {columns} from history.staging.{table} as staged where reject_reason is null "
            f"and {chosen} and {condition} {only_newest}"
        )
    # Staging builds for every source, so an entity that nobody stages is a mistake: the query then says so.
    return " union all ".join(parts) or f"select {columns} from history.staging.stg__{entity}"
