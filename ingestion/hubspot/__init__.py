"""HubSpot CRM: owners, pipelines, contacts, companies, deals and their splits, products, line items, activities,
answers to surveys.

What belongs here: HubSpot's paths, pages, limits and property names, and how its records become declared rows. What
does not: requests and their failures (ingestion/http.py), typing and meaning (staging). README.md beside this file says
what is read, how often and with which scopes.
"""

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NoReturn

import pyarrow as pa

from configuration.errors import MalformedData
from configuration.model import Settings, secret
from configuration.sources.hubspot import HubSpot
from ingestion.http import NOTHING_LANDED, RateLimiter, RestClient
from ingestion.landing import Window, tables_of

SOURCE = "hubspot"

Row = dict[str, str | None]

_LIST_LIMIT, _HISTORY_LIMIT, _SEARCH_LIMIT, _ASSOCIATIONS_LIMIT = 100, 50, 200, 1_000
_OVERLAP = timedelta(minutes=10)
_ROWS_PER_TABLE = 500
_ENVELOPE = ("id", "created_at", "updated_at", "archived", "archived_at")


@dataclass(frozen=True)
class CrmObject:
    """One object type: `columns` maps a declared column to the property that fills it (None: filled by `_row`)."""

    name: str
    columns: Mapping[str, str | None]
    json_columns: tuple[str, ...]
    history: tuple[str, ...] = ()
    associations: tuple[str, ...] = ()
    more_properties: tuple[str, ...] = ()
    modified: str = "hs_lastmodifieddate"
    scope: str = "crm.objects.contacts.read"
    first_by_search: bool = False

    @property
    def path(self) -> str:
        return f"/crm/v3/objects/{self.name}"

    @property
    def properties(self) -> list[str]:
        named = [name for name in self.columns.values() if name is not None]
        return list(dict.fromkeys([*named, self.modified, *self.more_properties]))

    @property
    def page_size(self) -> int:
        """HubSpot halves its pages when field history is asked for."""
        return _HISTORY_LIMIT if self.history else _LIST_LIMIT

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in (*_ENVELOPE, *self.columns, *self.json_columns)])


def _same(*names: str) -> dict[str, str | None]:
    return {name: name for name in names}


def _engagement(
    name: str, *, title: str, direction: str | None, outcome: str | None, status: str | None, **more: str | None
) -> CrmObject:
    own: dict[str, str | None] = {
        "title": title,
        "direction": direction,
        "outcome": outcome,
        "status": status,
        "duration_ms": more.get("duration_ms"),
        "hs_activity_type": more.get("kind"),
    }
    return CrmObject(
        name,
        _same("hs_timestamp", "hubspot_owner_id", "hs_createdate", "hs_lastmodifieddate") | own,
        json_columns=("properties", "associations"),
        associations=("contacts", "companies", "deals"),
        more_properties=("hs_meeting_start_time", "hs_meeting_end_time") if name == "meetings" else (),
        # Searches have a limit of their own and twice the page: what has no field history comes that way, beside the
        # lists.
        first_by_search=True,
    )


_DEALS = CrmObject(
    "deals",
    _same("dealname", "amount", "deal_currency_code", "dealstage", "pipeline", "closedate", "createdate")
    | _same("hs_lastmodifieddate", "hubspot_owner_id", "dealtype", "closed_lost_reason", "hs_merged_object_ids")
    | {"hs_forecast_category": "hs_manual_forecast_category", "hs_next_step": "hs_next_step"}
    | _same("competitor", "hs_created_by_user_id", "hs_tcv", "hs_acv", "hs_arr"),
    json_columns=("properties", "properties_with_history", "associations"),
    history=(
        "dealstage",
        "pipeline",
        "amount",
        "hs_tcv",
        "hs_acv",
        "hs_arr",
        "closedate",
        "hubspot_owner_id",
        "deal_currency_code",
        "hs_manual_forecast_category",
        "hs_forecast_probability",
        "hs_next_step",
        "closed_lost_reason",
        "hs_merged_object_ids",
    ),
    associations=("contacts", "companies"),
    more_properties=("hs_object_source_label",),
    scope="crm.objects.deals.read",
)
_CONTACTS = CrmObject(
    "contacts",
    _same("email", "firstname", "lastname", "lifecyclestage", "hs_lead_status", "hubspot_owner_id")
    | _same("hs_analytics_source", "hs_analytics_source_data_1", "hs_analytics_source_data_2", "associatedcompanyid")
    | _same("createdate", "lastmodifieddate", "hs_merged_object_ids", "country", "jobtitle", "ga_client_id", "gclid")
    | _same("lead_source", "purchase_timeframe"),
    json_columns=("properties", "properties_with_history", "associations"),
    history=("lifecyclestage", "hs_lead_status", "hubspot_owner_id", "purchase_timeframe"),
    associations=("companies",),
    more_properties=("hs_google_click_id", "hs_object_source_label"),
    modified="lastmodifieddate",
)
_COMPANIES = CrmObject(
    "companies",
    _same("name", "domain", "industry", "country", "numberofemployees", "hubspot_owner_id", "createdate")
    | _same("hs_lastmodifieddate", "hs_merged_object_ids", "hs_parent_company_id"),
    json_columns=("properties", "properties_with_history", "associations"),
    more_properties=("segment",),
    scope="crm.objects.companies.read",
)
_MEETINGS = _engagement(
    "meetings",
    title="hs_meeting_title",
    direction=None,
    outcome="hs_meeting_outcome",
    status=None,
    kind="hs_activity_type",
)
_CALLS = _engagement(
    "calls",
    title="hs_call_title",
    direction="hs_call_direction",
    outcome="hs_call_disposition",
    status="hs_call_status",
    duration_ms="hs_call_duration",
    kind="hs_activity_type",
)
_EMAILS = _engagement(
    "emails", title="hs_email_subject", direction="hs_email_direction", outcome=None, status="hs_email_status"
)
_TASKS = _engagement(
    "tasks", title="hs_task_subject", direction=None, outcome=None, status="hs_task_status", kind="hs_task_type"
)
_PRODUCTS = CrmObject(
    "products",
    _same("name", "hs_sku", "price", "hs_product_type", "recurringbillingfrequency", "createdate")
    | _same("hs_lastmodifieddate"),
    json_columns=("properties", "associations"),
    scope="crm.objects.products.read",
)
_LINE_ITEMS = CrmObject(
    "line_items",
    _same("name", "hs_product_id", "hs_sku", "quantity", "price", "amount", "hs_line_item_currency_code")
    | _same("recurringbillingfrequency", "line_outcome", "createdate", "hs_lastmodifieddate"),
    json_columns=("properties", "properties_with_history", "associations"),
    history=("quantity", "price", "amount", "line_outcome"),
    associations=("deals",),
    scope="crm.objects.line_items.read",
)
_FEEDBACK = CrmObject(
    "feedback_submissions",
    _same("hs_survey_type", "hs_industry_standard_question_type", "hs_value", "hs_response_group")
    | _same("hs_submission_timestamp", "hs_createdate", "hs_lastmodifieddate"),
    json_columns=("properties", "associations"),
    associations=("contacts",),
    scope="crm.objects.feedback_submissions.read",
)

# The longest chain of pages first: the landing then takes no longer than that one.
_ALL = (_CONTACTS, _DEALS, _LINE_ITEMS, _COMPANIES, _EMAILS, _CALLS, _MEETINGS, _TASKS, _PRODUCTS, _FEEDBACK)
OBJECTS = {one.name: one for one in _ALL}
# The longest chain, and those that searches of their own limit wait for.
_URGENT = frozenset({_CONTACTS.name, *(one.name for one in _ALL if one.first_by_search)})

_OWNERS_SCOPE = "crm.objects.owners.read"
_OWNERS = pa.schema(
    [
        ("id", pa.string()),
        ("email", pa.string()),
        ("first_name", pa.string()),
        ("last_name", pa.string()),
        ("user_id", pa.string()),
        ("teams", pa.string()),
        ("archived", pa.string()),
        ("created_at", pa.string()),
        ("updated_at", pa.string()),
        ("payload", pa.string()),
    ]
)
_PIPELINES = pa.schema(
    [
        ("object_type", pa.string()),
        ("id", pa.string()),
        ("label", pa.string()),
        ("display_order", pa.string()),
        ("stages", pa.string()),
        ("archived", pa.string()),
        ("created_at", pa.string()),
        ("updated_at", pa.string()),
    ]
)
_SPLITS_SCOPE = "crm.dealsplits.read_write"
_SPLITS_PATH = "/crm/v3/objects/deals/splits/batch/read"
_DEAL_SPLITS = pa.schema([("id", pa.string()), ("splits", pa.string())])
ENTITIES: dict[str, pa.Schema] = {
    "owners": _OWNERS,
    "pipelines": _PIPELINES,
    "deal_splits": _DEAL_SPLITS,
    **{name: crm_object.schema for name, crm_object in OBJECTS.items()},
}


def enabled(settings: Settings) -> bool:
    return _section(settings).enabled


def _section(settings: Settings) -> HubSpot:
    section: HubSpot = settings.sources.hubspot
    return section


def _is_read(one: CrmObject, settings: Settings) -> bool:
    return one is not _FEEDBACK or _section(settings).feedback_submissions


def resources(settings: Settings, window: Window) -> Mapping[str, Iterable[pa.Table]]:
    """Everything at the first landing, afterwards what changed since; see `landing.py` for the seam."""
    reader = _reader(settings, window)
    return {
        **{
            name: tables_of(
                one.schema,
                reader.checked(name, reader.records(one) if _is_read(one, settings) else iter(())),
                _ROWS_PER_TABLE,
            )
            for name, one in OBJECTS.items()
        },
        "owners": tables_of(_OWNERS, reader.checked("owners", reader.owners())),
        "pipelines": tables_of(_PIPELINES, reader.checked("pipelines", reader.pipelines())),
        "deal_splits": tables_of(
            _DEAL_SPLITS,
            reader.checked("deal_splits", reader.deal_splits() if _section(settings).deal_splits else iter(())),
        ),
    }


def check(settings: Settings) -> str:
    """Asks for one record of each kind. Raises SourceError naming the scope or the setting that is missing."""
    reader = _reader(settings, Window(datetime.now(UTC)))
    client = reader.client
    client.get("/crm/v3/owners", entity="owners", scope=_OWNERS_SCOPE, params={"limit": 1})
    client.get("/crm/v3/pipelines/deals", entity="pipelines", scope=_DEALS.scope)
    objects = [one for one in OBJECTS.values() if _is_read(one, settings)]
    for one in objects:
        client.get(one.path, entity=one.name, scope=one.scope, params={"limit": 1})
    if _section(settings).deal_splits:
        list(reader.splits_of(reader.divided()[:1]))
    return f"the token reads owners, pipelines, {', '.join(one.name for one in objects)}"


def _reader(settings: Settings, window: Window) -> "_Reader":
    hubspot = _section(settings)
    token = PrivateAppToken(hubspot.token_env)
    # HubSpot counts 190 requests in any ten seconds and, apart from them, five searches in any second. Both stay just
    # below, since a request may be longer on its way than the next.
    client = RestClient(
        SOURCE, hubspot.base_url, token, RateLimiter(190, 10.3), cancelled=window.cancelled, urgent=_URGENT
    )
    return _Reader(client, window, searches=RateLimiter(5, 1.1))


@dataclass
class PrivateAppToken:
    """The token of a HubSpot private app; it does not expire, so nothing can be refreshed."""

    variable: str
    _token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self._token = secret(self.variable, where=SOURCE)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def refresh(self) -> bool:
        return False

    def secrets(self) -> list[str]:
        return [self._token]

    def fix(self, scope: str) -> str:
        return f"set {self.variable} to a private-app token with {scope}"


@dataclass
class _Reader:
    client: RestClient
    window: Window
    searches: RateLimiter
    _deals_binned_before: frozenset[str] = field(init=False)
    _deals_binned: list[dict[str, Any]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._deals_binned_before = frozenset(self.window.recall(f"{_DEALS.name}_archived", {}))

    # ------------------------------------------------------------------------------------------ whole lists

    def owners(self) -> Iterator[Row]:
        """Owners who work here and who left. All of them, when anything about any of them changed."""
        rows: list[Row] = []
        for archived in ("false", "true"):
            for page in self._list("/crm/v3/owners", "owners", _OWNERS_SCOPE, {"archived": archived}):
                rows += [
                    {
                        "id": _text(owner["id"]),
                        "email": _text(owner.get("email")),
                        "first_name": _text(owner.get("firstName")),
                        "last_name": _text(owner.get("lastName")),
                        "user_id": _text(owner.get("userId") or owner.get("userIdIncludingInactive")),
                        "teams": _json(owner.get("teams") or []),
                        "archived": _text(owner.get("archived", archived == "true")),
                        "created_at": _text(owner.get("createdAt")),
                        "updated_at": _text(owner.get("updatedAt")),
                        "payload": _json(owner),
                    }
                    for owner in page
                ]
        yield from self._when_changed("owners", rows)

    def pipelines(self) -> Iterator[Row]:
        """Deal pipelines with their stages, when anything about any of them changed."""
        rows: list[Row] = [
            {
                "object_type": "deals",
                "id": _text(pipeline["id"]),
                "label": _text(pipeline.get("label")),
                "display_order": _text(pipeline.get("displayOrder")),
                "stages": _json(pipeline.get("stages") or []),
                "archived": _text(pipeline.get("archived", False)),
                "created_at": _text(pipeline.get("createdAt")),
                "updated_at": _text(pipeline.get("updatedAt")),
            }
            for page in self._list("/crm/v3/pipelines/deals", "pipelines", _DEALS.scope, {})
            for pipeline in page
        ]
        yield from self._when_changed("pipelines", rows)

    def _when_changed(self, entity: str, rows: list[Row]) -> Iterator[Row]:
        if not rows:
            self._refuse_empty(entity)
        digest = hashlib.sha256(_json(rows).encode()).hexdigest()
        if digest != self.window.recall(f"{entity}_digest"):
            yield from rows
            self.window.remember(f"{entity}_digest", digest)

    # ---------------------------------------------------------------------------------------------- deal splits

    def deal_splits(self) -> Iterator[Row]:
        """How the credit of each divided deal is split, where it is not split as it was landed last; a deal that is
        divided no more comes once with an empty list. HubSpot does not say which splits have changed.
        """
        before: dict[str, str] = self.window.recall("deal_splits", {})
        now: dict[str, str] = {}
        ids = self.divided()
        if not ids and before:
            self._refuse_empty("deal_splits")
        for start in range(0, len(ids), _LIST_LIMIT):
            for deal_id, splits in self.splits_of(ids[start : start + _LIST_LIMIT]):
                now[deal_id] = hashlib.sha256(splits.encode()).hexdigest()[:16]
                if self.window.is_backfill or before.get(deal_id) != now[deal_id]:
                    yield {"id": deal_id, "splits": splits}
        if not self.window.is_backfill:
            for deal_id in sorted(set(before) - set(now)):
                yield {"id": deal_id, "splits": "[]"}
            self.window.remember("deal_splits", now)

    def divided(self) -> list[str]:
        """Ids of the deals that HubSpot calls split, in order of id."""
        found: list[str] = []
        while True:
            beyond = _filter("hs_object_id", "GT", found[-1] if found else "0")
            page = self._search(_DEALS, [_filter("hs_is_deal_split", "EQ", "true"), beyond], sort="hs_object_id")
            found += [record["id"] for record in page]
            if len(page) < _SEARCH_LIMIT:
                return found

    def splits_of(self, ids: list[str]) -> Iterator[tuple[str, str]]:
        """(deal id, its splits as JSON in order of their ids) of some deals."""
        if not ids:
            return
        body = {"inputs": [{"id": deal_id} for deal_id in ids]}
        document = self.client.post(_SPLITS_PATH, body, entity="deal_splits", scope=_SPLITS_SCOPE)
        for answer in document["results"]:
            splits = [one for one in answer["splits"] if not one.get("archived")]
            yield str(answer["id"]), _json(sorted(splits, key=lambda one: str(one["id"])))

    # --------------------------------------------------------------------------------------------- objects

    def records(self, one: CrmObject) -> Iterator[Row]:
        """Versions of one object type: all, those changed since the cursor, or those changed in the backfill's days."""
        cursor = self.window.recall(f"{one.name}_cursor")
        newest = 0
        if self.window.is_backfill:
            low = _milliseconds(self.window.start) if self.window.start else 0
            high = _milliseconds(self.window.end) if self.window.end else None
            found: Iterable[dict[str, Any]] = self._changed(one, low, high)
        elif cursor is None:
            found = self._changed(one, 0, None) if one.first_by_search else self._all(one, archived=False)
        else:
            found = self._changed(one, max(0, int(cursor) - int(_OVERLAP.total_seconds() * 1000)), None)
        for record in found:
            newest = max(newest, _modified(record, one))
            yield _row(record, one)
        if not newest and not self.window.is_backfill:
            self._census(one)
        yield from self._archived(one)
        if _DEALS.name in one.associations:
            yield from self._linked_again(one)
        if not self.window.is_backfill:
            # Never beyond the start of this run: a record that changed while it was read is read again next time. And
            # never backwards, whatever the clock does.
            now = int(self.window.now.timestamp() * 1000)
            self.window.remember(f"{one.name}_cursor", max(int(cursor or 0), min(newest or now, now)))

    def _all(self, one: CrmObject, *, archived: bool) -> Iterator[dict[str, Any]]:
        params = {
            "properties": ",".join(one.properties),
            "propertiesWithHistory": ",".join(one.history) or None,
            "associations": ",".join(one.associations) or None,
            "archived": str(archived).lower(),
        }
        seen: set[str] = set()
        for page in self._list(one.path, one.name, one.scope, params, limit=one.page_size):
            fresh = []
            for record in page:
                self._check(record, one)
                if record["id"] not in seen:
                    seen.add(record["id"])
                    fresh.append(record)
            self._complete_associations(fresh, one)
            yield from fresh
        if not seen and not archived:
            self._refuse_empty(one.name)

    def _changed(self, one: CrmObject, low: int, high: int | None) -> Iterator[dict[str, Any]]:
        """Whole records that were modified at or after `low` and before `high` (milliseconds)."""
        batch: list[dict[str, Any]] = []
        for record in self._found(one, low, high):
            batch.append(record)
            if len(batch) == _ASSOCIATIONS_LIMIT:
                yield from self._completed(one, batch)
                batch = []
        yield from self._completed(one, batch)

    def _completed(self, one: CrmObject, found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """A search gives no history and no associations."""
        if one.history:
            yield from self._read(one, [record["id"] for record in found])
        elif found:
            self._associate(found, one)
            yield from found

    def _found(self, one: CrmObject, low: int, high: int | None) -> Iterator[dict[str, Any]]:
        """Search results by time of modification. Each page starts at the last moment of the one before, so that
        records which move while we read are not skipped, and HubSpot's cap of 10,000 results is never met; a moment
        with more records than a page is walked through by id.
        """
        seen: set[str] = set()
        until = [] if high is None else [_filter(one.modified, "LT", high)]
        while True:
            page = self._search(one, [_filter(one.modified, "GTE", low), *until], sort=one.modified)
            last = low
            for record in page:
                last = max(last, _modified(record, one))
                if record["id"] not in seen:
                    seen.add(record["id"])
                    yield record
            if len(page) < _SEARCH_LIMIT:
                return
            if last > low:
                low = last
                continue
            for record in self._of_one_moment(one, low):
                if record["id"] not in seen:
                    seen.add(record["id"])
                    yield record
            low += 1

    def _of_one_moment(self, one: CrmObject, moment: int) -> Iterator[dict[str, Any]]:
        exactly = [_filter(one.modified, "GTE", moment), _filter(one.modified, "LTE", moment)]
        beyond = "0"
        while True:
            page = self._search(one, [*exactly, _filter("hs_object_id", "GT", beyond)], sort="hs_object_id")
            yield from page
            if len(page) < _SEARCH_LIMIT:
                return
            if page[-1]["id"] == beyond:
                self._refuse(one.name, f"the search does not go beyond id {beyond}", f"{one.path}/search")
            beyond = page[-1]["id"]

    def _archived(self, one: CrmObject) -> Iterator[dict[str, Any]]:
        """Records in HubSpot's bin that were not landed as such yet, and those that left it: restored ones."""
        key = f"{one.name}_archived"
        before: dict[str, str] = self.window.recall(key, {})
        now: dict[str, str] = {}
        for record in self.deals_binned if one is _DEALS else self._all(one, archived=True):
            now[record["id"]] = str(record.get("archivedAt"))
            if before.get(record["id"]) != now[record["id"]]:
                yield _row(record, one)
        left = sorted(set(before) - set(now))
        for record in self._read(one, left):
            yield _row(record, one)
        self.window.remember(key, now)

    @property
    def deals_binned(self) -> list[dict[str, Any]]:
        """The deals in HubSpot's bin, listed once for all that are read beside each other: a deal that leaves it
        meanwhile has left it for all of them, or for none.
        """
        with self._lock:
            if self._deals_binned is None:
                self._deals_binned = list(self._all(_DEALS, archived=True))
            return self._deals_binned

    def _linked_again(self, one: CrmObject) -> Iterator[Row]:
        """What is linked to deals that left the bin. A deleted deal is linked to nothing, and what was read meanwhile
        is not modified by its restoration.
        """
        restored = self._deals_binned_before - {record["id"] for record in self.deals_binned}
        deals: list[dict[str, Any]] = [{"id": deal_id, "associations": {}} for deal_id in sorted(restored)]
        self._associate(deals, replace(_DEALS, associations=(one.name,)))
        linked = {link["id"] for deal in deals for links in deal["associations"].values() for link in links["results"]}
        for record in self._read(one, sorted(linked)):
            yield _row(record, one)

    # --------------------------------------------------------------------------------------------- requests

    def _list(
        self, path: str, entity: str, scope: str, params: Mapping[str, Any], limit: int = _LIST_LIMIT
    ) -> Iterator[list[dict[str, Any]]]:
        def fetch(after: str | None) -> Any:
            return self.client.get(path, entity=entity, scope=scope, params={**params, "limit": limit, "after": after})

        return self.client.pages(fetch, entity=entity, path=path)

    def _search(self, one: CrmObject, filters: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": [one.modified] if one.history else one.properties,
            "limit": _SEARCH_LIMIT,
        }
        path = f"{one.path}/search"
        document = self.client.post(path, body, entity=one.name, scope=one.scope, limiter=self.searches)
        for record in document["results"]:
            self._check(record, one)
        return list(document["results"])

    def _census(self, one: CrmObject) -> None:
        """An account that held records does not hold none today: an empty answer then is a broken one."""
        if self.window.landed_rows.get(one.name):
            path = f"{one.path}/search"
            document = self.client.post(path, {"limit": 1}, entity=one.name, scope=one.scope, limiter=self.searches)
            if not document.get("total") and not document["results"]:
                self._refuse_empty(one.name)

    def _read(self, one: CrmObject, ids: list[str]) -> Iterator[dict[str, Any]]:
        """Whole records by id, with history and associations. Ids that are gone or archived by now are left out."""
        for start in range(0, len(ids), _ASSOCIATIONS_LIMIT):
            records: dict[str, dict[str, Any]] = {}
            some = ids[start : start + _ASSOCIATIONS_LIMIT]
            for first in range(0, len(some), one.page_size):
                body = {
                    "inputs": [{"id": record_id} for record_id in some[first : first + one.page_size]],
                    "properties": one.properties,
                    "propertiesWithHistory": list(one.history),
                }
                path = f"{one.path}/batch/read"
                document = self.client.post(path, body, entity=one.name, scope=one.scope)
                for record in document["results"]:
                    self._check(record, one)
                    # Asked by the id that a merge took, HubSpot answers with the survivor.
                    records[record["id"]] = record
            self._associate(list(records.values()), one)
            yield from records.values()

    def _associate(self, records: list[dict[str, Any]], one: CrmObject) -> None:
        """Adds associations in the form in which the list endpoints send them."""
        by_id = {record["id"]: record for record in records}
        for target in one.associations:
            path = f"/crm/v4/associations/{one.name}/{target}/batch/read"
            inputs: list[dict[str, str]] = [{"id": record_id} for record_id in by_id]
            while inputs:
                document = self.client.post(
                    path, {"inputs": inputs[:_ASSOCIATIONS_LIMIT]}, entity=one.name, scope=one.scope
                )
                inputs = inputs[_ASSOCIATIONS_LIMIT:]
                for answer in document["results"]:
                    record = by_id.get(str(answer["from"]["id"]))
                    if record is None:
                        continue
                    links = record.setdefault("associations", {}).setdefault(target, {"results": []})
                    links["results"] += [
                        {"id": str(link["toObjectId"]), "type": _association_type(one.name, target, kind)}
                        for link in answer["to"]
                        for kind in link["associationTypes"]
                    ]
                    following = ((answer.get("paging") or {}).get("next") or {}).get("after")
                    if following:
                        inputs.append({"id": record["id"], "after": following})

    def _complete_associations(self, records: list[dict[str, Any]], one: CrmObject) -> None:
        """A list page carries only the first associations of a record that has very many."""
        cut = [
            record
            for record in records
            if any(
                isinstance(links, dict) and links.get("paging") for links in (record.get("associations") or {}).values()
            )
        ]
        for record in cut:
            record.pop("associations")
        if cut:
            self._associate(cut, one)

    # --------------------------------------------------------------------------------------------- refusals

    def checked(self, entity: str, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows; a document of another shape than HubSpot documents ends in one line."""
        try:
            yield from rows
        except (KeyError, TypeError, AttributeError) as exc:
            self._refuse(entity, f"a document of another shape ({type(exc).__name__}: {exc})", self.client.base_url)

    def _check(self, record: Any, one: CrmObject) -> None:
        if not isinstance(record, dict) or not record.get("id") or not isinstance(record.get("properties"), dict):
            self._refuse(one.name, "a record without id or properties", one.path)
        record["id"] = str(record["id"])

    def _refuse(self, entity: str, what: str, path: str) -> NoReturn:
        raise MalformedData(
            f"{what} at {path}",
            where=f"{SOURCE}.{entity}",
            effect=NOTHING_LANDED,
            fix="run again; if it stays, send this line to HubSpot's support",
        )

    def _refuse_empty(self, entity: str) -> None:
        rows = self.window.landed_rows.get(entity, 0)
        if rows:
            raise MalformedData(
                f"the answer is empty, although {rows} rows were landed before",
                where=f"{SOURCE}.{entity}",
                effect=NOTHING_LANDED,
                fix="check that the token belongs to the same HubSpot account; if it really was emptied, start a new "
                "SALESHOUSE_HOME",
            )


def _row(record: Mapping[str, Any], one: CrmObject) -> Row:
    properties = record["properties"]
    row: Row = {
        "id": record["id"],
        "created_at": _text(record.get("createdAt")),
        "updated_at": _text(record.get("updatedAt")),
        "archived": _text(record.get("archived", False)),
        "archived_at": _text(record.get("archivedAt")),
        "properties": _json(properties),
        "associations": _json(record.get("associations") or {}) if one.associations else None,
    }
    for column, name in one.columns.items():
        row[column] = _text(properties.get(name)) if name is not None else None
    if "properties_with_history" in one.json_columns:
        row["properties_with_history"] = _json(record.get("propertiesWithHistory") or {}) if one.history else None
    if one.name == "contacts":
        row["gclid"] = row["gclid"] or _text(properties.get("hs_google_click_id"))
    if one.name == "meetings":
        row["duration_ms"] = _duration(properties.get("hs_meeting_start_time"), properties.get("hs_meeting_end_time"))
    return row


def _association_type(name: str, target: str, kind: Mapping[str, Any]) -> str:
    """The v3 name of a v4 association type: `deal_to_company` is the primary company, `..._unlabeled` any company."""
    singular = {"companies": "company"}
    base = f"{singular.get(name, name[:-1])}_to_{singular.get(target, target[:-1])}"
    label = kind.get("label")
    if label and label != "Primary":
        return "_".join(str(label).lower().split())
    has_primary = target == "companies" and name in ("contacts", "deals")
    return base if label == "Primary" or not has_primary else f"{base}_unlabeled"


def _modified(record: Mapping[str, Any], one: CrmObject) -> int:
    """When HubSpot says that the record changed, in milliseconds."""
    text = record["properties"].get(one.modified) or record.get("updatedAt")
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError as exc:
        raise MalformedData(
            f"record {record['id']} was modified at {str(text)[:40]!r}, which is no time",
            where=f"{SOURCE}.{one.name}",
            effect=NOTHING_LANDED,
            fix="run again; if it stays, send this line to HubSpot's support",
        ) from exc


def _duration(start: Any, end: Any) -> str | None:
    try:
        length = datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))
    except (ValueError, TypeError):
        return None
    return str(round(length.total_seconds() * 1000))


def _milliseconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _filter(name: str, operator: str, value: int | str) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return _json(value) if isinstance(value, dict | list) else str(value)
