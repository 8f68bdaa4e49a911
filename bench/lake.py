"""The simulated company as a raw lake of two days, without a vendor's interface in between.

What belongs here: writing what ingestion would have landed, for a first day and the day after it. What does not:
building and measuring (run.py). Finance and mapping lists are landed by the production code, and so is Google Ads,
whose queries are answered inside this process. HubSpot's records and GA4's events are made by DuckDB in bulk, since
millions of them are too many for pages and files; `python -m bench.lake --check FOLDER` holds this lake, row by row,
against the one that comes through the simulated interfaces and files.
"""

import argparse
import json
import os
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pandas as pd
import pyarrow as pa

from configuration.model import Settings, load
from configuration.paths import Home
from dagster_project import demo
from ingestion import google_ads, hubspot, landing, ledger
from ingestion.ga4 import reader as ga4_reader
from simulator import exports, fold, links, server
from simulator import ga4 as ga4_face
from simulator import google_ads as ads_face
from simulator import hubspot_records as portal_face
from simulator.company import Company, generate

# The simulator's factors of records and of unknown visitors.
SIZES = {"S": (1.0, 1.0), "M": (15.5, 7.2)}
FIRST_NOW = datetime(2026, 6, 18, 6)
_OVERLAP_MS = 600_000
_CREDENTIALS = {
    "HUBSPOT_TOKEN": "none",
    "GOOGLE_ADS_DEVELOPER_TOKEN": "none",
    "GOOGLE_ADS_CLIENT_ID": "none",
    "GOOGLE_ADS_CLIENT_SECRET": "none",
    "GOOGLE_ADS_REFRESH_TOKEN": "none",
}

_KEYS = {
    "companies": "account_id",
    "contacts": "contact_id",
    "deals": "deal_id",
    "products": "product_id",
    "line_items": "line_item_id",
    "feedback_submissions": "feedback_id",
}


def write(home: Home, scale: float, web_scale: float) -> dict[str, Any]:
    """Lands two days into an empty home; returns load numbers, rows and seconds. Says nothing twice: see `written`."""
    began = time.monotonic()
    company = generate(scale=scale, web_scale=web_scale)
    generated = time.monotonic() - began
    home.root.mkdir(parents=True, exist_ok=True)
    with _environment(home):
        settings = load()
        landing.declare(home)
        connection = duckdb.connect(str(home.root / "bench_company.duckdb"))
        connection.execute("set memory_limit = '6GB'; set preserve_insertion_order = false")
        _hold(connection, company)
        watermarks = []
        for day in range(2):
            now = FIRST_NOW + timedelta(days=day)
            exports.write_finance(company, now, home.root / "demo" / "finance")
            for source in landing.enabled_sources(settings):
                if source == "hubspot":
                    _land_hubspot(home, connection, company, now, first=day == 0)
                elif source == "ga4":
                    _land_events(home, connection, company, now)
                else:
                    _land(home, source, settings, company, now)
            watermarks.append(max(entry.load_number for entry in ledger.read(home)))
        connection.close()
        (home.root / "bench_company.duckdb").unlink()
    state = {
        "scale": [scale, web_scale],
        "watermarks": watermarks,
        "seconds": {"generate": round(generated, 1), "write": round(time.monotonic() - began - generated, 1)},
        "rows": [_rows(home, known_at) for known_at in watermarks],
    }
    (home.root / "lake.json").write_text(json.dumps(state, indent=1) + "\n")
    return state


def written(home: Home, scale: float, web_scale: float) -> dict[str, Any]:
    """What stands there already, written now if it does not."""
    path = home.root / "lake.json"
    if path.exists():
        state: dict[str, Any] = json.loads(path.read_text())
        if state["scale"] == [scale, web_scale]:
            return state
    return write(home, scale, web_scale)


def _rows(home: Home, known_at: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in ledger.read(home):
        if entry.load_number <= known_at:
            for name, entity in entry.entities.items():
                if entity.rows:
                    found[f"{entry.source}.{name}"] = found.get(f"{entry.source}.{name}", 0) + entity.rows
    return found


@contextmanager
def _environment(home: Home) -> Iterator[None]:
    before = dict(os.environ)
    os.environ |= _CREDENTIALS | {"SALESHOUSE_HOME": str(home.root)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# ------------------------------------------------------------------------------------- sources with production code


def _land(home: Home, source: str, settings: Settings, company: Company, now: datetime) -> None:
    def client(*_: Any, **__: Any) -> _Ads:
        return _Ads(company, now)

    with patch.object(google_ads, "RestClient", client):
        landing.land(home, source, settings, now=now.replace(tzinfo=UTC))


class _Ads:
    """Answers the connector's queries from the company's tables: what the interface does, without the interface."""

    def __init__(self, company: Company, now: datetime) -> None:
        self.company, self.now = company, now
        self.accounts: dict[str, ads_face.Account] = {}

    def post(self, path: str, body: dict[str, Any], **_: Any) -> list[dict[str, Any]]:
        customer_id = path.split("/")[3]
        if customer_id not in self.accounts:
            self.accounts[customer_id] = ads_face.Account.of(self.company, customer_id, self.now)
        query = ads_face.parse(body["query"])
        rows = self.accounts[customer_id].rows(query)
        return [{"results": ads_face.documents(query, rows)}]


class _Lists:
    """Owners, pipelines and splits: few, so the connector reads them as it always does."""

    base_url = ""

    def __init__(self, company: Company, now: datetime) -> None:
        self.portal = portal_face.Portal(company, now)
        gone = {i for i, (_, back) in self.portal.deletions.get("deals", {}).items() if back is None}
        gone |= set(self.portal.survivors.get("deals", {}))
        self.divided = sorted((i for i in self.portal.splits if i not in gone), key=int)

    def post(self, path: str, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        if path.endswith("search"):
            beyond = next(one["value"] for one in body["filterGroups"][0]["filters"] if one["operator"] == "GT")
            start = bisect_right(self.divided, int(beyond), key=int)
            return {"results": [{"id": i, "properties": {}} for i in self.divided[start : start + body["limit"]]]}
        return {"results": [{"id": one["id"], "splits": self.portal.splits[one["id"]]} for one in body["inputs"]]}

    def get(self, path: str, *, params: dict[str, Any], **_: Any) -> list[dict[str, Any]]:
        if path.endswith("owners"):
            return [
                one for one in portal_face.owners(self.portal) if str(one["archived"]).lower() == params["archived"]
            ]
        return portal_face.pipelines(self.portal.company)

    def pages(self, fetch: Any, **_: Any) -> Iterator[list[dict[str, Any]]]:
        yield fetch(None)


# --------------------------------------------------------------------------------------------------- GA4, in bulk


def _land_events(home: Home, connection: duckdb.DuckDBPyConnection, company: Company, now: datetime) -> None:
    """One load: the days whose files are new or have grown since the load before, and the running day's file."""
    load_id, fetched_at = _load_id(now), datetime.now(UTC).isoformat(timespec="milliseconds")
    connection.register("events", company.events)
    known = [text for text in company.events["items"].unique().to_pylist() if text]
    texts = ga4_reader._items(ga4_face._items(pa.array(known, pa.string())))
    connection.register("item_texts", pa.table({"given": pa.array(known, pa.string()), "landed": texts}))
    today = now.replace(tzinfo=UTC).astimezone(ga4_face.PROPERTY_ZONE).date()
    connection.execute(
        f"""
        create or replace view events_visible as
        select
            *,
            event_day = date '{today}' as is_intraday,
            case
                when event_day = date '{today}' then strftime(event_day, 'events_intraday_%Y%m%d.json.gz')
                else strftime(event_day, 'events_%Y%m%d.parquet')
            end as file_name
        from events
        where
            event_day + cast(least(coalesce(late_days, 0), 3) as integer) < date '{today}'
            or (event_day = date '{today}' and coalesce(late_days, 0) = 0 and event_at < timestamp '{now}')
        """
    )
    connection.execute("create table if not exists event_files (file_name text, row_count bigint)")
    connection.execute(
        """
        create or replace table event_files_changed as
        select file_name, count(*) as row_count from events_visible group by all
        except
        select file_name, row_count from event_files
        """
    )
    # As Arrow makes a float of a decimal and a text of the float: 31.90 is 31.900000000000002 there.
    amount = "regexp_replace(cast(cast(cast(revenue * 100 as bigint) as double) * 0.01 as text), '[.]0$', '')"
    columns = {
        "file_name": "events.file_name",
        "file_version": "sha256(events.file_name || row_count)",
        "is_intraday": "cast(is_intraday as text)",
        "event_date": "strftime(event_day, '%Y%m%d')",
        "event_timestamp": "cast(epoch_us(event_at) as text)",
        "event_name": "name",
        "user_pseudo_id": "visitor_id",
        "user_id": "user_id",
        "ga_session_id": "cast(session_id as text)",
        "ga_session_number": "cast(session_number as text)",
        "page_location": "page_location",
        "page_referrer": "page_referrer",
        "session_engaged": "case when is_engaged then '1' else '0' end",
        "engagement_time_msec": "cast(engagement_ms as text)",
        "source": "source",
        "medium": "medium",
        "campaign": "campaign",
        "gclid": "gclid",
        "device_category": "device",
        "country": "country",
        "transaction_id": "transaction_id",
        "purchase_revenue": f"case when transaction_id is not null then {amount} end",
        "currency": "currency",
        "items": "item_texts.landed",
    }
    parameters = []
    for key, kind, name in ga4_face.PARAMETERS:
        value = f"cast(to_json({name}) as text)" if kind == "string" else amount if name == "revenue" else name
        if key == "session_engaged":
            value = "case when is_engaged then '\"1\"' else '\"0\"' end"
        parameters.append(f"""',"{key}":' || {value}""")
    # concat passes over what is NULL: a parameter that the event does not have.
    columns["event_params"] = f"'{{' || substr(concat({', '.join(parameters)}), 2) || '}}'"
    listed = ", ".join(f"cast({sql} as text) as {column}" for column, sql in columns.items())
    query = (
        f"select {listed} from events_visible as events inner join event_files_changed as files "
        "on events.file_name = files.file_name left join item_texts on events.items = item_texts.given"
    )
    landed = _copy(home, connection, "ga4", "events", query, load_id, fetched_at)
    connection.execute(
        "delete from event_files where file_name in (select file_name from event_files_changed); "
        "insert into event_files select * from event_files_changed"
    )
    connection.unregister("events")
    _register(home, "ga4", load_id, fetched_at, now, {"events": landed})


def _load_id(now: datetime) -> str:
    return f"{now.replace(tzinfo=UTC).timestamp():.6f}"


def _register(
    home: Home, source: str, load_id: str, fetched_at: str, now: datetime, entities: dict[str, ledger.LandedEntity]
) -> None:
    ledger.append(
        home,
        dlt_load_id=load_id,
        source=source,
        landed_at=fetched_at.replace("+00:00", "Z"),
        arguments={"now": now.replace(tzinfo=UTC).isoformat(), "start": None, "end": None},
        mapping_hash=None,
        entities=entities,
    )


# ------------------------------------------------------------------------------------------------ HubSpot, in bulk


def _hold(connection: duckdb.DuckDBPyConnection, company: Company) -> None:
    """The company's CRM tables as the log holds them, with the order of their rows."""
    company = replace(company, changes=pd.concat([company.changes, fold.merge_changes(company)], ignore_index=True))
    asked = company.feedback[company.feedback["contact_id"].notna()].assign(created_at=company.feedback["answered_at"])
    company = replace(company, feedback=asked)
    tables = ("accounts", "contacts", "deals", "deal_contacts", "products", "line_items", "feedback")
    for name in (*tables, "changes", "activities", "link_moves"):
        table = pa.Table.from_pandas(getattr(company, name), preserve_index=False)
        table = table.append_column("row_no", pa.array(range(table.num_rows), pa.int64()))
        # `at` is a word of SQL.
        table = table.rename_columns(["moment" if column == "at" else column for column in table.column_names])
        connection.register("held", table)
        connection.execute(f"create table {name} as select * from held")
        connection.unregister("held")


def _land_hubspot(
    home: Home, connection: duckdb.DuckDBPyConnection, company: Company, now: datetime, *, first: bool
) -> None:
    """One load: all records of the first day, or what the cursors and the bin say has changed since."""
    load_id, fetched_at = _load_id(now), datetime.now(UTC).isoformat(timespec="milliseconds")
    _fold(connection, company, now)
    entities: dict[str, ledger.LandedEntity] = {}
    reader = hubspot._Reader(_Lists(company, now), landing.Window(now.replace(tzinfo=UTC)), None)  # type: ignore[arg-type]
    for name, rows in (("owners", reader.owners()), ("pipelines", reader.pipelines())):
        table = pa.Table.from_pylist(list(rows), schema=hubspot.ENTITIES[name])
        connection.register("listed", table)
        if not first:
            # Whole or not at all, by a digest of the rows: as the connector does.
            same = connection.execute(f"select count(*) from (select * from listed except select * from landed_{name})")
            if (same.fetchone() or (1,))[0] == 0:
                entities[name] = ledger.LandedEntity(0, ())
                connection.unregister("listed")
                continue
        connection.execute(f"create or replace table landed_{name} as select * from listed")
        connection.unregister("listed")
        entities[name] = _copy(home, connection, "hubspot", name, f"select * from landed_{name}", load_id, fetched_at)
    _list_splits(connection, reader, first=first)
    entities["deal_splits"] = _copy(
        home, connection, "hubspot", "deal_splits", "select * from splits_changed", load_id, fetched_at
    )
    for name, one in hubspot.OBJECTS.items():
        columns = ", ".join(f'"{column}"' for column in one.schema.names)
        if first:
            chosen = "true"
        else:
            chosen = f"""
                (archived_at is null and updated >= (select epoch_ms(cursor - {_OVERLAP_MS}) from cursor_{name}))
                or (archived_at is not null and not exists (
                    select 1 from bin_{name} as bin where bin.id = folded.id and bin.archived_at = folded.archived_at
                ))
                or (archived_at is null and exists (select 1 from bin_{name} as bin where bin.id = folded.id))
            """
            if "deals" in one.associations:
                chosen += f"""
                    or (archived_at is null and id in (
                        select pairs.one from pairs inner join unbinned on pairs.other = unbinned.id
                        where pairs.object = '{name}' and pairs.target = 'deals'
                    ))
                """
        query = f"select {columns} from folded_{name} as folded where {chosen}"
        entities[name] = _copy(home, connection, "hubspot", name, query, load_id, fetched_at)
        connection.execute(
            f"create or replace table cursor_{name} as select least(epoch_ms(max(updated)), {_ms(now)}) as cursor "
            f"from folded_{name} where archived_at is null"
        )
        binned = f"select id, archived_at from folded_{name} where archived_at is not null"
        if name == "deals" and not first:
            connection.execute(
                f"create table unbinned as select id from bin_deals where id not in (select id from ({binned}))"
            )
        connection.execute(f"create or replace table bin_{name} as {binned}")
        connection.execute(f"drop table folded_{name}")
    _register(home, "hubspot", load_id, fetched_at, now, entities)


def _list_splits(connection: duckdb.DuckDBPyConnection, reader: hubspot._Reader, *, first: bool) -> None:
    """splits_changed: the deals whose split is another than that of the day before."""
    connection.register("listed", pa.Table.from_pylist(list(reader.deal_splits()), hubspot.ENTITIES["deal_splits"]))
    if first:
        connection.execute("create table landed_splits as select * from listed limit 0")
    connection.execute(
        "create or replace table splits_changed as (select * from listed except select * from landed_splits) union all "
        "select id, '[]' as splits from landed_splits where id not in (select id from listed) and splits <> '[]'"
    )
    connection.execute("create or replace table landed_splits as select * from listed")
    connection.unregister("listed")


def _ms(now: datetime) -> int:
    return int(now.replace(tzinfo=UTC).timestamp() * 1000)


def _copy(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: str,
    query: str,
    load_id: str,
    fetched_at: str,
) -> ledger.LandedEntity:
    """Writes one Parquet file, or none when there is no row."""
    path = home.raw / source / name / f"{load_id}.{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy (select *, '{fetched_at}' as fetched_at, '{load_id}' as _dlt_load_id, "
        f"'{load_id}.' || row_number() over () as _dlt_id from ({query})) to '{path}' (format parquet)"
    )
    landed = ledger.describe(home, path)
    if landed.rows == 0:
        path.unlink()
        return ledger.LandedEntity(0, ())
    return ledger.LandedEntity(landed.rows, (landed,))


def _fold(connection: duckdb.DuckDBPyConnection, company: Company, now: datetime) -> None:
    """folded_<object>: the declared columns of every record that stands at `now`, with `updated` as a timestamp."""
    survivors = [
        (name, merged, survivor)
        for name, chain in fold.survivors(company, now).items()
        for merged, survivor in chain.items()
    ]
    deletions = [
        (name, record_id, at, back)
        for name, records in fold.deletions(company, now).items()
        for record_id, (at, back) in records.items()
    ]
    connection.register(
        "given",
        pa.table(
            list(zip(*survivors, strict=True)) or [[], [], []],
            schema=pa.schema([("object", pa.string()), ("merged_id", pa.string()), ("survivor_id", pa.string())]),
        ),
    )
    connection.execute("create or replace table survivors as select * from given")
    kinds = pa.schema(
        [("object", pa.string()), ("record_id", pa.string()), ("deleted", pa.int64()), ("restored", pa.int64())]
    )
    connection.register("given", pa.table(list(zip(*deletions, strict=True)) or [[], [], [], []], schema=kinds))
    connection.execute("create or replace table deleted as select * from given")
    connection.unregister("given")
    connection.execute(f"set variable now_at = timestamp '{now}'")
    for kind, (table, key, link, _) in links.LINKS.items():
        moved = f"from link_moves where object = '{kind}' and moment < getvariable('now_at') group by record_id"
        connection.execute(
            f"update {table} set {link} = moved.linked_id "
            f"from (select record_id, max_by(linked_id, row_no) as linked_id {moved}) as moved "
            f"where {table}.{key} = moved.record_id"
        )
    _links_of(connection)
    for name in (
        *("companies", "contacts", "deals", "products", "line_items", "meetings", "calls", "emails", "tasks"),
        "feedback_submissions",
    ):
        _fold_object(connection, name)


def _links_of(connection: duckdb.DuckDBPyConnection) -> None:
    """pairs(object, target, one, other, position): survivors stand for merged records, each pair once."""
    columns = {"contacts": "contact_id", "deals": "deal_id", "companies": "account_id"}
    pairs = [
        "select 'deals' as object, 'contacts' as target, deal_id as one, contact_id as other, "
        "row_number() over (order by deal_id, position, row_no) as row_no from deal_contacts",
        "select 'deals', 'companies', deal_id, account_id, row_no from deals",
        "select 'contacts', 'companies', contact_id, account_id, row_no from contacts",
        "select 'line_items', 'deals', line_item_id, deal_id, row_no from line_items",
        "select 'feedback_submissions', 'contacts', feedback_id, contact_id, row_no from feedback",
        *(
            f"select kind || 's', '{target}', activity_id, {column}, row_no from activities "
            "where created_at < getvariable('now_at')"
            for target, column in columns.items()
        ),
    ]
    connection.execute(
        f"""
        create or replace table pairs as
        select
            pairs.object, pairs.target, coalesce(own.survivor_id, pairs.one) as one,
            coalesce(theirs.survivor_id, pairs.other) as other, min(pairs.row_no) as row_no
        from ({" union all ".join(pairs)}) as pairs
        left join survivors as own on own.object = pairs.object and own.merged_id = pairs.one
        left join survivors as theirs on theirs.object = pairs.target and theirs.merged_id = pairs.other
        where pairs.one is not null and pairs.other is not null
        group by all
        """
    )


_STAMP = "'%Y-%m-%dT%H:%M:%S.%gZ'"
_HAPPENED = "activities.moment < getvariable('now_at')"
_OUTCOME = f"case when {_HAPPENED} then nullif(upper(activities.outcome), '') end"
_DONE = f"(activities.is_completed and {_HAPPENED})"
_AT = f"strftime(activities.moment, {_STAMP})"
_COMPANY = "coalesce((select survivor_id from survivors where object = 'companies' and merged_id = {0}), {0})"


def _base(name: str) -> tuple[str, dict[str, str]]:
    """The table that holds an object's records, and its properties as SQL; those left out come from changes alone."""
    if name == "contacts":
        return "contacts", {
            "email": "email",
            "firstname": "first_name",
            "lastname": "last_name",
            "hubspot_owner_id": "owner_id",
            "hs_analytics_source": "source_label",
            "hs_analytics_source_data_1": "source_detail",
            "associatedcompanyid": _COMPANY.format("account_id"),
            "country": "country",
            "jobtitle": "job_title",
            "ga_client_id": "visitor_id",
            "gclid": "gclid",
            "hs_google_click_id": "gclid",
            "lead_source": "lead_source",
            "purchase_timeframe": "purchase_timeframe",
        }
    if name == "companies":
        return "accounts", {
            "name": "name",
            "domain": "domain",
            "industry": "industry",
            "country": "country",
            "numberofemployees": "cast(employee_count as text)",
            "segment": "segment",
            "hubspot_owner_id": "owner_id",
            "hs_parent_company_id": _COMPANY.format("parent_account_id"),
        }
    if name == "deals":
        return "deals", {
            "dealname": "name",
            "pipeline": "pipeline_id",
            "dealtype": "deal_type",
            "hs_created_by_user_id": "created_by",
            "hs_object_source_label": "case when is_imported then 'IMPORT' else 'CRM_UI' end",
        }
    if name == "products":
        return "products", {
            "name": "name",
            "hs_sku": "sku",
            "price": "case when price = trunc(price) then cast(cast(price as bigint) as text) "
            "else cast(price as text) end",
            "recurringbillingfrequency": "billing_frequency",
            "hs_product_type": "case when billing_frequency is null then 'service' else 'non_inventory' end",
        }
    if name == "line_items":
        return "line_items", {
            "name": "name",
            "hs_product_id": "product_id",
            "hs_sku": "sku",
            "recurringbillingfrequency": "billing_frequency",
            "hs_line_item_currency_code": "currency",
        }
    if name == "feedback_submissions":
        kinds = " ".join(
            f"when kind = '{kind.lower()}' and score >= {lowest} then '{group}'"
            for kind, groups in portal_face.SENTIMENTS.items()
            for group, lowest in groups.items()
        )
        custom = "kind = 'csat' and cast(feedback_id as bigint) % 2 = 1"
        steps = " ".join(f"when score >= {low} then '{2 - step}'" for step, low in enumerate((4, 3, 1)))
        return "feedback", {
            "hs_survey_type": f"case when {custom} then 'CUSTOM' else upper(kind) end",
            "hs_industry_standard_question_type": f"case when {custom} then 'CSAT' end",
            "hs_value": f"case when kind <> 'csat' then cast(score as text) {steps} end",
            "hs_response_group": f"case {kinds} end",
            "hs_submission_timestamp": f"strftime(answered_at, {_STAMP})",
        }
    own = {"hs_timestamp": _AT, "hubspot_owner_id": "owner_id"}
    inbound = "direction = 'inbound'"
    if name == "meetings":
        end = "activities.moment + to_milliseconds(coalesce(duration_seconds, 0) * 1000)"
        own |= {
            "hs_meeting_title": "subject",
            "hs_meeting_start_time": _AT,
            "hs_meeting_end_time": f"strftime({end}, {_STAMP})",
            "hs_meeting_outcome": f"coalesce({_OUTCOME}, 'SCHEDULED')",
        }
    elif name == "calls":
        known = " ".join(f"when '{outcome}' then '{guid}'" for outcome, guid in portal_face.DISPOSITIONS.items())
        own |= {
            "hs_call_title": "subject",
            "hs_call_direction": f"case when coalesce({inbound}, false) then 'INBOUND' else 'OUTBOUND' end",
            "hs_call_disposition": f"case {_OUTCOME} {known} else {_OUTCOME} end",
            "hs_call_status": f"case when {_DONE} then 'COMPLETED' "
            f"when {_OUTCOME} in ('BUSY', 'NO_ANSWER', 'CANCELED') then {_OUTCOME} else 'QUEUED' end",
            "hs_call_duration": "cast(duration_seconds * 1000 as text)",
        }
    elif name == "emails":
        own |= {
            "hs_email_subject": "subject",
            "hs_email_direction": f"case when coalesce({inbound}, false) then 'INCOMING_EMAIL' else 'EMAIL' end",
            "hs_email_status": f"case when {_OUTCOME} is null then 'SCHEDULED' "
            f"when {_OUTCOME} = 'BOUNCED' then 'BOUNCED' else 'SENT' end",
        }
    else:
        own |= {
            "hs_task_subject": "subject",
            "hs_task_type": "'TODO'",
            "hs_task_status": f"coalesce({_OUTCOME}, 'NOT_STARTED')",
        }
    return "activities", own


def _fold_object(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    one = hubspot.OBJECTS[name]
    table, own = _base(name)
    key = _KEYS.get(name, "activity_id")
    created, modified = portal_face.CREATED[name], portal_face.MODIFIED[name]
    logged = portal_face.FIELDS.get(name, {})
    asked = list(dict.fromkeys([*one.properties, created, modified, "hs_object_id"]))

    changed = list(logged.values())
    values = {prop: own.get(prop, "cast(null as text)") for prop in {*asked, *changed}}
    updated = ["base.created_at"]
    joins = []
    if changed:
        _fold_changes(connection, name, logged, one.history)
        joins.append("left join changed on changed.record_id = base.id")
        updated.append("changed.changed_at")
    if table == "activities":
        updated.append(f"case when {_HAPPENED.replace('activities.', 'base.')} then base.moment end")
    moving = "activity" if table == "activities" else portal_face.SINGULAR[name]
    updated += [
        "linked.linked_at",
        "moved.moved_at",
        "epoch_ms(coalesce(gone.restored, gone.deleted))",
    ]

    def current(prop: str) -> str:
        if prop == created:
            return f"strftime(created, {_STAMP})"
        if prop == modified:
            return f"strftime(updated, {_STAMP})"
        if prop == "hs_object_id":
            return "id"
        return f'"{prop}"'

    columns = {column: current(prop) if prop else None for column, prop in one.columns.items()}
    if name == "meetings":
        columns["duration_ms"] = "cast(coalesce(duration_seconds, 0) * 1000 as text)"
    columns["properties"] = "json_object(" + ", ".join(f"'{prop}', {current(prop)}" for prop in asked) + ")::text"
    columns["associations"] = "coalesce(associations, '{}')"
    if not one.associations:
        columns["associations"] = None
    if one.history:
        columns["properties_with_history"] = (
            "coalesce(histories, '{" + ",".join(f'"{p}":[]' for p in one.history) + "}')"
        )
    if name == "contacts":
        # Nobody changes what was entered with the record.
        none, entered = '"purchase_timeframe":[', '{"value":"\' || purchase_timeframe || \'","timestamp":"'
        columns["properties_with_history"] = (
            f"replace({columns['properties_with_history']}, '{none}]', case when purchase_timeframe <> '' then "
            f"'{none}{entered}' || {current(created)} || '\",\"sourceType\":\"FORM\"}}]' else '{none}]' end)"
        )
    declared = ", ".join(
        f'{columns.get(column) or "cast(null as text)"} as "{column}"' for column in (*one.columns, *one.json_columns)
    )

    def standing(prop: str) -> str:
        """The last value that was logged, else what the record was created with."""
        return f'coalesce(changed."{prop}", base."{prop}")' if prop in changed else f'base."{prop}"'

    elsewhere = {created, modified, "hs_object_id"}
    if name == "contacts":
        elsewhere.add("hs_object_source_label")
    property_columns = ", ".join(f'{standing(prop)} as "{prop}"' for prop in values if prop not in elsewhere)
    if name == "contacts":
        property_columns += ", changed.source_label as hs_object_source_label"
    base_columns = ", ".join(f'{sql} as "{prop}"' for prop, sql in values.items())
    kind = f" and activities.kind = '{name[:-1]}'" if table == "activities" else ""
    connection.execute(
        f"""
        create or replace table folded_{name} as
        with base as (
            select {table}.{key} as id, {table}.created_at,
                {"moment, duration_seconds, " if table == "activities" else ""}{base_columns}
            from {table}
            where {table}.created_at < getvariable('now_at'){kind}
                and {table}.{key} not in (select merged_id from survivors where object = '{name}')
        ),
        linked_targets as (
            {_linked_targets(name)}
        ),
        linked as (
            select one as id, max(created_at) as linked_at,
                '{{' || string_agg(targeted, ',' order by target_no) || '}}' as associations
            from linked_targets
            group by one
        ),
        moved as (
            select record_id as id, max(moment) as moved_at
            from link_moves
            where object = '{moving}' and moment < getvariable('now_at')
            group by record_id
        ),
        joined as (
            select base.id, base.created_at as created,
                {"base.duration_seconds, " if table == "activities" else ""}
                greatest({", ".join(updated)}) as updated,
                case when gone.deleted is not null and gone.restored is null
                    then strftime(epoch_ms(gone.deleted), {_STAMP}) end as archived_at,
                linked.associations, {"changed.histories, " if one.history else ""}
                {property_columns}
            from base
            {" ".join(joins)}
            left join linked on linked.id = base.id
            left join moved on moved.id = base.id
            left join deleted as gone on gone.object = '{name}' and gone.record_id = base.id
        )
        select id, created, updated,
            strftime(created, {_STAMP}) as created_at, strftime(updated, {_STAMP}) as updated_at,
            case when archived_at is null then 'false' else 'true' end as archived, archived_at, {declared}
        from joined
        """
    )


def _linked_targets(name: str) -> str:
    """Per record and target: the JSON of its links, the first one as the primary where HubSpot has such a thing."""
    one = hubspot.OBJECTS[name]
    singular = portal_face.SINGULAR[name]
    selects = []
    for number, target in enumerate(one.associations):
        kind = f"{singular}_to_{portal_face.SINGULAR[target]}"
        opening = '\'{"id":"\' || pairs.other || \'","type":"'
        plain = f"{opening}{kind}\"}}'"
        if portal_face.ASSOCIATION_TYPES[name, target][1] is not None:
            unlabelled = f"{opening}{kind}_unlabeled\"}}'"
            plain = f"case when pairs.position = 1 then {plain} || ',' else '' end || {unlabelled}"
        selects.append(
            f"""
            select pairs.one, {number} as target_no, max(pairs.created_at) as created_at,
                '"{target}":{{"results":[' || string_agg({plain}, ',' order by pairs.position) || ']}}' as targeted
            from (
                select pairs.one, pairs.other, records.created as created_at,
                    row_number() over (partition by pairs.one order by pairs.row_no) as position
                from pairs
                inner join folded_{target} as records on records.id = pairs.other and records.archived_at is null
                where pairs.object = '{name}' and pairs.target = '{target}'
            ) as pairs
            group by pairs.one
            """
        )
    if not selects:
        return (
            "select cast(null as text) as one, 0 as target_no, cast(null as timestamp) as created_at, "
            "cast(null as text) as targeted where false"
        )
    return " union all ".join(selects)


def _fold_changes(
    connection: duckdb.DuckDBPyConnection, name: str, logged: dict[str, str], history: tuple[str, ...]
) -> None:
    """changed: per record the last value of each logged property, the moment of its last change, its history."""
    properties = " ".join(f"when '{field}' then '{prop}'" for field, prop in logged.items())
    fields = ", ".join(f"'{field}'" for field in logged)
    midnight = "cast(left(value, 10) as timestamp) at time zone 'Europe/Prague' at time zone 'UTC'"
    last = ", ".join(f"max_by(value, moment) filter (where prop = '{prop}') as \"{prop}\"" for prop in logged.values())
    told = " || ',' || ".join(
        f"""'"{prop}":['
        || coalesce(string_agg(entry, ',' order by moment desc) filter (where prop = '{prop}'), '') || ']'"""
        for prop in history
    )
    histories = f", '{{' || {told} || '}}' as histories" if history else ""
    source = (
        "min_by(source_type, moment) filter (where prop = 'lifecyclestage') as source_label,"
        if name == "contacts"
        else ""
    )
    connection.execute(
        f"""
        create or replace table changed as
        with logged as (
            select record_id, case field {properties} end as prop, moment, user_id, source_type,
                case when field = 'close_date' and value is not null and value <> ''
                    then strftime({midnight}, '%Y-%m-%dT%H:%M:%S.000Z') else coalesce(value, '') end as value
            from changes
            where moment < getvariable('now_at') and object = '{portal_face.SINGULAR[name]}' and field in ({fields})
        ),
        written as (
            select *,
                '{{"value":' || cast(to_json(value) as text) || ',"timestamp":"' || strftime(moment, {_STAMP})
                || '","sourceType":"' || coalesce(source_type, 'CRM_UI') || '"'
                || case when user_id is null then ''
                    else ',"sourceId":"userId:' || user_id || '"'
                        || case when regexp_full_match(user_id, '[0-9]+')
                            then ',"updatedByUserId":' || user_id else '' end
                    end || '}}' as entry
            from logged
        )
        select record_id, max(moment) as changed_at, {source} {last}{histories}
        from written
        group by record_id
        """
    )


# ------------------------------------------------------------------------------------------------------- the check


def check(folder: Path, scale: float) -> list[str]:
    """Lands both days through the simulated interfaces as well and returns a line per entity and day that differs.

    Compared are all declared columns of all rows; JSON by its meaning.
    """
    bulk, served = Home(folder / "bulk"), Home(folder / "served")
    written(bulk, scale, scale)
    with server.running(generate(scale=scale), FIRST_NOW, files=served.root / "demo") as (address, control):
        served.root.mkdir(parents=True, exist_ok=True)
        with _environment(served):
            os.environ |= demo.CREDENTIALS | demo.addresses(address)
            settings = load()
            landing.declare(served)
            for day in range(2):
                control.move(FIRST_NOW + timedelta(days=day))
                for source in landing.enabled_sources(settings):
                    landing.land(served, source, settings, now=control.now.replace(tzinfo=UTC))
    found = []
    for source, module in landing.discover().items():
        for entity, schema in module.ENTITIES.items():
            for day in range(2):
                first, second = _rows_of(bulk, source, entity, day), _rows_of(served, source, entity, day)
                columns = ", ".join(
                    f'cast(try_cast("{name}" as json) as text) as "{name}"' if name in _JSON else f'"{name}"'
                    for name in schema.names
                    # A file's version is the hash of a file that the bulk lake does not have.
                    if (source, name) != ("ga4", "file_version")
                )
                one, other = (f"select {columns} from {rows}" for rows in (first, second))
                differing = duckdb.execute(
                    f"select count(*) from (({one} except all {other}) union all ({other} except all {one}))"
                ).fetchone()
                if differing is None or differing[0]:
                    found.append(f"{source}.{entity} day {day + 1}: {differing and differing[0]} rows differ")
    return found


_JSON = ("properties", "properties_with_history", "associations", "payload")


def _rows_of(home: Home, source: str, entity: str, day: int) -> str:
    """What one load brought, as a relation."""
    load_entry = [entry for entry in ledger.read(home) if entry.source == source][day]
    paths = [home.raw / source / entity / "_declared.parquet"]
    if entity in load_entry.entities:
        paths += [home.raw / file.path for file in load_entry.entities[entity].files]
    return f"read_parquet([{', '.join(repr(str(path)) for path in paths)}], union_by_name = true)"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lake", description=__doc__)
    parser.add_argument("--check", type=Path, metavar="FOLDER", required=True, help="an empty folder for two lakes")
    parser.add_argument("--scale", type=float, default=0.02)
    arguments = parser.parse_args()
    found = check(arguments.check.resolve(), arguments.scale)
    print("\n".join(found) or "both lakes hold the same rows")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
