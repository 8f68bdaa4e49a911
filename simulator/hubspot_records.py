"""The company as HubSpot's records at one moment: the fold of the change log, associations, searches, documents.

What belongs here: HubSpot's names, values and record documents. What does not: requests, pages, limits and refusals
(hubspot.py). Values are text as HubSpot sends them: a property that was never set is null, one that was cleared is the
empty string. A merged record vanishes from lists; asked for by its old id, the survivor answers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pandas as pd

from simulator import fold
from simulator.company import Company
from simulator.fold import id_order, milliseconds, texts
from simulator.links import as_linked
from simulator.people import placed

PORTAL_ZONE = ZoneInfo("Europe/Prague")
ENGAGEMENTS = ("meetings", "calls", "emails", "tasks")
OBJECTS = ("contacts", "companies", "deals", *ENGAGEMENTS, "products", "line_items", "feedback_submissions")
SINGULAR = {
    "contacts": "contact",
    "companies": "company",
    "deals": "deal",
    "meetings": "meeting",
    "calls": "call",
    "emails": "email",
    "tasks": "task",
    "products": "product",
    "line_items": "line_item",
    "feedback_submissions": "feedback_submission",
}
FIELDS = {
    "deals": {
        "stage": "dealstage",
        "pipeline": "pipeline",
        "amount": "amount",
        "tcv": "hs_tcv",
        "acv": "hs_acv",
        "arr": "hs_arr",
        "close_date": "closedate",
        "owner_id": "hubspot_owner_id",
        "currency": "deal_currency_code",
        "forecast_category": "hs_manual_forecast_category",
        "forecast_probability": "hs_forecast_probability",
        "next_step": "hs_next_step",
        "lost_reason": "closed_lost_reason",
        "competitor": "competitor",
        "name": "dealname",
        "merged_ids": "hs_merged_object_ids",
    },
    "contacts": {
        "lifecycle": "lifecyclestage",
        "lead_status": "hs_lead_status",
        "owner_id": "hubspot_owner_id",
        "merged_ids": "hs_merged_object_ids",
    },
    "companies": {"owner_id": "hubspot_owner_id", "name": "name", "merged_ids": "hs_merged_object_ids"},
    "products": {},
    "line_items": {"quantity": "quantity", "price": "price", "amount": "amount", "outcome": "line_outcome"},
    "feedback_submissions": {},
}
DEFAULT_PROPERTIES = {
    "contacts": ("email", "firstname", "lastname"),
    "companies": ("domain", "name"),
    "deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"),
    "products": ("description", "name", "price"),
    "line_items": ("amount", "quantity"),
}
MODIFIED = {name: "lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate" for name in OBJECTS}
CREATED = {
    name: "hs_createdate" if name in (*ENGAGEMENTS, "feedback_submissions") else "createdate" for name in OBJECTS
}
NUMBERS = {
    "amount",
    "hs_tcv",
    "hs_acv",
    "hs_arr",
    "numberofemployees",
    "hs_object_id",
    "hs_call_duration",
    "hs_deal_stage_probability",
    "hs_forecast_probability",
    "hubspot_owner_id",
    "hs_created_by_user_id",
    "price",
    "quantity",
    "hs_value",
}
INSTANTS = {
    "createdate",
    "lastmodifieddate",
    "hs_lastmodifieddate",
    "hs_createdate",
    "closedate",
    "hs_timestamp",
    "hs_meeting_start_time",
    "hs_meeting_end_time",
    "hs_task_completion_date",
    "hs_submission_timestamp",
}
CUSTOM = {"lead_source", "purchase_timeframe", "ga_client_id", "gclid", "segment", "line_outcome", "competitor"}
# (from, to): the id of the unlabelled association, and of the labelled "Primary" one where HubSpot has it.
ASSOCIATION_TYPES: dict[tuple[str, str], tuple[int, int | None]] = {
    ("deals", "contacts"): (3, None),
    ("contacts", "deals"): (4, None),
    ("deals", "companies"): (341, 5),
    ("companies", "deals"): (342, 6),
    ("contacts", "companies"): (279, 1),
    ("companies", "contacts"): (280, 2),
    ("meetings", "contacts"): (200, None),
    ("contacts", "meetings"): (199, None),
    ("calls", "contacts"): (194, None),
    ("contacts", "calls"): (193, None),
    ("emails", "contacts"): (198, None),
    ("contacts", "emails"): (197, None),
    ("tasks", "contacts"): (204, None),
    ("contacts", "tasks"): (203, None),
    ("meetings", "deals"): (212, None),
    ("deals", "meetings"): (211, None),
    ("calls", "deals"): (206, None),
    ("deals", "calls"): (205, None),
    ("emails", "deals"): (210, None),
    ("deals", "emails"): (209, None),
    ("tasks", "deals"): (216, None),
    ("deals", "tasks"): (215, None),
    ("meetings", "companies"): (188, None),
    ("companies", "meetings"): (187, None),
    ("calls", "companies"): (182, None),
    ("companies", "calls"): (181, None),
    ("emails", "companies"): (186, None),
    ("companies", "emails"): (185, None),
    ("tasks", "companies"): (192, None),
    ("companies", "tasks"): (191, None),
    ("line_items", "deals"): (20, None),
    ("deals", "line_items"): (19, None),
    ("feedback_submissions", "contacts"): (98, None),
    ("contacts", "feedback_submissions"): (97, None),
}
# The sentiment that HubSpot makes of an answer, and from which one on; the company's satisfaction goes from 1 to 5.
SENTIMENTS = {
    "NPS": {"PROMOTER": 9, "PASSIVE": 7, "DETRACTOR": 0},
    "CSAT": {"PROMOTER": 4, "PASSIVE": 3, "DETRACTOR": 1},
    "CES": {"PROMOTER": 6, "PASSIVE": 4, "DETRACTOR": 1},
}
# HubSpot identifies a call's outcome by the GUID of its disposition.
DISPOSITIONS = {
    "BUSY": "9d9162e7-6cf3-4944-bf63-4dff82258764",
    "CONNECTED": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
    "LEFT_LIVE_MESSAGE": "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
    "LEFT_VOICEMAIL": "b2cf5968-551e-4856-9783-52b3da59a7d0",
    "NO_ANSWER": "73a0d17f-1163-4015-bdd5-ec830791da20",
    "WRONG_NUMBER": "17b47fee-58de-441e-a44c-c6300d46f273",
}


# ---------------------------------------------------------------------------------------------- values and moments


def instants(column: "pd.Series[Any]") -> list[str]:
    """A column of naive UTC moments as HubSpot writes them, to the millisecond; missing ones become ''."""
    return [text and f"{text}Z" for text in fold.moments(column)]


def instant(moment: int) -> str:
    """Milliseconds since 1970 as HubSpot writes a moment."""
    return f"{np.datetime64(moment, 'ms')}Z"


@cache
def close_instant(day: str) -> str:
    """A close date as HubSpot stores it: midnight of that day in the portal's zone, written in UTC."""
    midnight = datetime.combine(date.fromisoformat(day[:10]), datetime.min.time(), PORTAL_ZONE)
    return f"{midnight.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


# ------------------------------------------------------------------------------------------------------- the fold


@dataclass
class Changes:
    """One type's changes as columns, oldest first, and for each record and property the rows that belong to it."""

    values: list[str]
    stamps: list[str]
    moments: list[int]
    users: list[str | None]
    sources: list[str | None]
    rows: dict[str, dict[str, list[int]]]

    def documents(self, record_id: str, prop: str) -> list[dict[str, Any]]:
        """The history of a property as HubSpot sends it, newest first."""
        return [self._document(row) for row in reversed(self.rows.get(record_id, {}).get(prop, ()))]

    def _document(self, row: int) -> dict[str, Any]:
        user = self.users[row]
        entry: dict[str, Any] = {
            "value": self.values[row],
            "timestamp": self.stamps[row],
            "sourceType": self.sources[row] or "CRM_UI",
        }
        if user is not None:
            entry["sourceId"] = f"userId:{user}"
            if user.isdigit():
                entry["updatedByUserId"] = int(user)
        return entry


@dataclass(slots=True)
class Record:
    """One CRM object as it stands now; moments in milliseconds since 1970."""

    id: str
    created: int
    updated: int
    properties: dict[str, str | None]
    archived_at: str | None = None


@dataclass(slots=True)
class Shelf:
    """All records of one type, the properties that exist, live and archived ids in list order."""

    records: dict[str, Record]
    known: frozenset[str]
    live: list[str]
    archived: list[str]
    live_order: list[tuple[int, str]]
    archived_order: list[tuple[int, str]]


class Portal:
    """The account at one moment: every table folded up to `now` (exclusive), each type when it is first asked for."""

    def __init__(self, company: Company, now: datetime) -> None:
        self.now = fold.naive(now)
        self.company = as_linked(company, self.now)
        self.touched: dict[tuple[str, str], int] = {}
        self._shelves: dict[str, Shelf] = {}
        self._links: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._searches: dict[bytes, list[str]] = {}
        self._changes: dict[str, Changes] = {}
        self._activities: dict[str, pd.DataFrame] = {}

    def past(self, table: pd.DataFrame, column: str) -> pd.DataFrame:
        """The rows of `table` whose `column` lies before now."""
        return table[table[column] < self.now]

    @cached_property
    def survivors(self) -> dict[str, dict[str, str]]:
        return fold.survivors(self.company, self.now)

    @cached_property
    def deletions(self) -> dict[str, dict[str, tuple[int, int | None]]]:
        return fold.deletions(self.company, self.now)

    @cached_property
    def splits(self) -> dict[str, list[dict[str, Any]]]:
        """deal id -> the parts of its newest split: a later one replaces all of them."""
        rows = self.past(self.company.deal_splits, "agreed_at")
        rows = rows[rows["noted_in"] == "crm"]
        newest = rows.groupby("deal_id")["agreed_at"].transform("max")
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        rows = rows[rows["agreed_at"] == newest]
        for deal, split, owner, share, at in zip(
            texts(rows["deal_id"]), texts(rows["split_id"]), texts(rows["owner_id"]), texts(rows["share"]),
            instants(rows["agreed_at"]), strict=True,
        ):  # fmt: skip
            found[str(deal)].append(
                {
                    "id": split,
                    "properties": {"hs_deal_split_percentage": share, "hubspot_owner_id": owner},
                    "createdAt": at,
                    "updatedAt": at,
                    "archived": False,
                }
            )
        return found

    def changes(self, name: str) -> Changes:
        """The change log of one type; a type without one (engagements) has none."""
        if name not in self._changes:
            kind, properties = SINGULAR[name], FIELDS.get(name, {})
            rows = fold.changes(self.company, self.now, kind)
            rows = rows[rows["field"].isin(list(properties))]
            fields = texts(rows["field"])
            values = [
                close_instant(value) if value and one == "close_date" else value or ""
                for one, value in zip(fields, texts(rows["value"]), strict=True)
            ]
            found: dict[str, dict[str, list[int]]] = defaultdict(dict)
            for row, (record_id, one) in enumerate(zip(texts(rows["record_id"]), fields, strict=True)):
                found[str(record_id)].setdefault(properties[str(one)], []).append(row)
            self._changes[name] = Changes(
                values,
                instants(rows["at"]),
                milliseconds(rows["at"]),
                texts(rows["user_id"]),
                texts(rows["source_type"]),
                found,
            )
        return self._changes[name]

    def activities(self, name: str) -> pd.DataFrame:
        """The activities of one kind that were entered before now."""
        if not self._activities:
            entered = self.past(self.company.activities, "created_at")
            self._activities = {str(kind): rows for kind, rows in entered.groupby("kind", sort=False)}
        return self._activities.get(SINGULAR[name], self.company.activities.iloc[:0])

    def shelf(self, name: str) -> Shelf:
        """All records of one type, folded when first asked for."""
        if name not in self._shelves:
            self._shelves[name] = self._fold(name)
        return self._shelves[name]

    def fold(self) -> None:
        """Folds every type, which is done when first asked for otherwise."""
        for name in OBJECTS:
            self.shelf(name)

    def _fold(self, name: str) -> Shelf:
        rows, columns = _BUILDERS[name if name in FIELDS else "engagements"](self, name)
        properties = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        gone = self.survivors.get(name, {})
        deletions = self.deletions.get(name, {})
        associated = self._associated_at(name)
        log = self.changes(name)
        records: dict[str, Record] = {}
        for (record_id, created, updated), values in zip(rows, properties, strict=True):
            if record_id in gone:
                continue
            history = log.rows.get(record_id, {})
            for prop, changed in history.items():
                values[prop] = log.values[changed[-1]]
            if name == "contacts" and "lifecyclestage" in history:
                values["hs_object_source_label"] = log.sources[history["lifecyclestage"][0]]
            updated = max(
                created,
                updated,
                associated.get(record_id, 0),
                self.touched.get((name, record_id), 0),
                *[log.moments[changed[-1]] for changed in history.values()],
            )
            record = Record(record_id, created, updated, values)
            if record_id in deletions:
                deleted, restored = deletions[record_id]
                record.updated = max(record.updated, restored or deleted)
                record.archived_at = None if restored else instant(deleted)
            values["hs_object_id"] = record_id
            records[record_id] = record
        for prop, moments in (
            (CREATED[name], [record.created for record in records.values()]),
            (MODIFIED[name], [record.updated for record in records.values()]),
        ):
            stamps = np.datetime_as_string(np.array(moments, dtype="datetime64[ms]"), unit="ms").tolist()
            for record, stamp in zip(records.values(), stamps, strict=True):
                record.properties[prop] = f"{stamp}Z"
        if name == "deals":
            self._close_state(records.values())
        ordered = sorted(records, key=id_order)
        live = [record_id for record_id in ordered if records[record_id].archived_at is None]
        archived = [record_id for record_id in ordered if records[record_id].archived_at is not None]
        known = {*columns, *FIELDS.get(name, {}).values(), *fixed_properties(name)}
        if name == "deals":
            known |= {"hs_is_closed", "hs_is_closed_won", "hs_deal_stage_probability"}
        orders = [id_order(i) for i in live], [id_order(i) for i in archived]
        return Shelf(records, frozenset(known), live, archived, *orders)

    def _associated_at(self, name: str) -> dict[str, int]:
        """id -> the moment of its last association: when it moved, or the younger of both records was created."""
        kind = "activity" if name in ENGAGEMENTS else SINGULAR[name]
        moves = self.past(self.company.link_moves, "at")
        moves = moves[moves["object"] == kind]
        latest = dict(zip(moves["record_id"], milliseconds(moves["at"]), strict=True))
        for source, target in _LINKS:
            if source == name:
                others = self.shelf(target).records
                for one, linked in self.links(source, target).items():
                    latest[one] = max(latest.get(one, 0), *(others[other].created for other in linked))
        return latest

    def _close_state(self, deals: Iterable[Record]) -> None:
        stages = self.company.stages
        known = {
            str(stage): (bool(closed), bool(won), f"{float(chance):g}")
            for stage, closed, won, chance in zip(
                stages["stage_id"], stages["is_closed"], stages["is_won"], stages["probability"], strict=True
            )
        }
        for deal in deals:
            closed, won, chance = known.get(deal.properties.get("dealstage") or "", (False, False, "0"))
            deal.properties["hs_is_closed"] = str(closed).lower()
            deal.properties["hs_is_closed_won"] = str(won).lower()
            deal.properties["hs_deal_stage_probability"] = chance

    def find(self, name: str, record_id: str) -> Record | None:
        """The record, or the survivor of the merge that took it."""
        record_id = self.survivors.get(name, {}).get(record_id, record_id)
        return self.shelf(name).records.get(record_id)

    def touch(self, name: str, record_ids: Iterable[str]) -> None:
        """Someone edits these records in this very moment: they move to the end of any search by modification."""
        moment = int(self.now.timestamp() * 1000) - 1
        self.touched.update({(name, record_id): moment for record_id in record_ids})
        self._shelves.pop(name, None)
        self._searches.clear()

    def flatten(self, name: str) -> None:
        """A bulk edit gives all records of a type one and the same moment of modification."""
        self.touch(name, list(self.shelf(name).records))

    # -------------------------------------------------------------------------------------------- associations

    def links(self, source: str, target: str) -> dict[str, list[str]]:
        """id of `source` -> ids of `target`, the primary one first.

        Survivors stand for merged records; archived ones are linked to nothing until they are restored.
        """
        if (source, target) not in self._links:
            if (source, target) in _LINKS:
                found = self._forward(source, target)
            elif (target, source) in _LINKS:
                found = defaultdict(list)
                for one, others in self.links(target, source).items():
                    for other in others:
                        found[other].append(one)
            else:
                found = {}
            self._links[source, target] = found
        return self._links[source, target]

    def _forward(self, source: str, target: str) -> dict[str, list[str]]:
        pairs = _LINKS[source, target](self, source)
        sources, targets = self.survivors.get(source, {}), self.survivors.get(target, {})
        known = set(self.shelf(target).live)
        found: dict[str, list[str]] = defaultdict(list)
        for one, other in zip(*pairs, strict=True):
            if one is None or other is None:
                continue
            one, other = sources.get(one, one), targets.get(other, other)
            if other in known and other not in found[one]:
                found[one].append(other)
        return found

    # ---------------------------------------------------------------------------------------------- documents

    @staticmethod
    def _entered(name: str, record: Record, prop: str) -> list[dict[str, Any]]:
        """The history of a property that nobody ever changes: what was entered with the record."""
        value = record.properties.get(prop)
        if prop != "purchase_timeframe" or not value:
            return []
        return [{"value": value, "timestamp": record.properties[CREATED[name]], "sourceType": "FORM"}]

    def document(
        self,
        name: str,
        record: Record,
        properties: tuple[str, ...],
        history: tuple[str, ...] = (),
        associations: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """One record as the v3 endpoints write it; `properties` and `history` as `existing` leaves them."""
        values = record.properties
        answer: dict[str, Any] = {"id": record.id, "properties": {prop: values.get(prop) for prop in properties}}
        if history:
            log = self.changes(name)
            answer["propertiesWithHistory"] = {
                prop: log.documents(record.id, prop) or self._entered(name, record, prop) for prop in history
            }
        answer["createdAt"] = values[CREATED[name]]
        answer["updatedAt"] = values[MODIFIED[name]]
        answer["archived"] = record.archived_at is not None
        if record.archived_at is not None:
            answer["archivedAt"] = record.archived_at
        linked = {target: self._linked(name, record.id, target) for target in associations}
        if any(linked.values()):
            answer["associations"] = {target: {"results": results} for target, results in linked.items() if results}
        return answer

    def existing(self, name: str, properties: tuple[str, ...]) -> tuple[str, ...]:
        """Properties without those that HubSpot does not know, which it passes over in silence."""
        known = self.shelf(name).known
        return tuple(prop for prop in properties if prop in known)

    def _linked(self, name: str, record_id: str, target: str) -> list[dict[str, str]]:
        kind = f"{SINGULAR[name]}_to_{SINGULAR[target]}"
        has_primary = ASSOCIATION_TYPES[name, target][1] is not None
        found = []
        for position, other in enumerate(self.links(name, target).get(record_id, ())):
            if has_primary and position == 0 and target == "companies":
                found.append({"id": other, "type": kind})
            found.append({"id": other, "type": f"{kind}_unlabeled" if has_primary else kind})
        return found

    # ------------------------------------------------------------------------------------------------- search

    def search(self, name: str, body: dict[str, Any]) -> list[str]:
        """Ids of live records that meet any of the filter groups, in the order asked for."""
        groups, sorts = body.get("filterGroups") or [], body.get("sorts") or []
        key = orjson.dumps([name, groups, sorts, body.get("query")], option=orjson.OPT_SORT_KEYS)
        if key not in self._searches:
            self._searches = {**dict(list(self._searches.items())[-7:]), key: self._search(name, groups, sorts, body)}
        return self._searches[key]

    def _search(self, name: str, groups: list[Any], sorts: list[Any], body: dict[str, Any]) -> list[str]:
        shelf = self.shelf(name)
        tests = [[_filter(one) for one in group.get("filters", [])] for group in groups]
        query = str(body.get("query") or "").lower()
        found = [
            record
            for record in map(shelf.records.__getitem__, shelf.live)
            if (not tests or any(all(test(record.properties) for test in group) for group in tests))
            and (not query or any(query in (value or "").lower() for value in record.properties.values()))
        ]
        found.sort(key=lambda record: (record.created, id_order(record.id)))
        for sort in reversed(sorts):
            prop, direction = (
                (sort, "ASCENDING") if isinstance(sort, str) else (sort["propertyName"], sort.get("direction"))
            )
            found.sort(
                key=lambda record: _sortable(prop, record.properties.get(prop)), reverse=direction == "DESCENDING"
            )
        return [record.id for record in found]


# --------------------------------------------------------------------------- tables to properties, tables to links

# Per record its id, creation and last change of its own (milliseconds); and the columns of its properties.
Built = tuple[list[tuple[str, int, int]], dict[str, list[str | None]]]


def _keys(ids: "pd.Series[Any]", created: "pd.Series[Any]") -> list[tuple[str, int, int]]:
    return [(str(i), moment, moment) for i, moment in zip(ids.tolist(), milliseconds(created), strict=True)]


def _contacts(portal: Portal, name: str) -> Built:
    rows = portal.past(portal.company.contacts, "created_at")
    accounts = portal.survivors.get("companies", {})
    columns: dict[str, list[str | None]] = {
        "email": texts(rows["email"]),
        "firstname": texts(rows["first_name"]),
        "lastname": texts(rows["last_name"]),
        "hubspot_owner_id": texts(rows["owner_id"]),
        "hs_analytics_source": texts(rows["source_label"]),
        "hs_analytics_source_data_1": texts(rows["source_detail"]),
        "hs_analytics_source_data_2": [None] * len(rows),
        "associatedcompanyid": [i and accounts.get(i, i) for i in texts(rows["account_id"])],
        "country": texts(rows["country"]),
        "jobtitle": texts(rows["job_title"]),
        "ga_client_id": texts(rows["visitor_id"]),
        "gclid": texts(rows["gclid"]),
        "hs_google_click_id": texts(rows["gclid"]),
        "hs_object_source_label": [None] * len(rows),
        "lead_source": texts(rows["lead_source"]),
        "purchase_timeframe": texts(rows["purchase_timeframe"]),
    }
    return _keys(rows["contact_id"], rows["created_at"]), columns


def _companies(portal: Portal, name: str) -> Built:
    rows = portal.past(portal.company.accounts, "created_at")
    accounts = portal.survivors.get("companies", {})
    employees = [i and str(int(float(i))) for i in texts(rows["employee_count"])]
    columns: dict[str, list[str | None]] = {
        "name": texts(rows["name"]),
        "domain": texts(rows["domain"]),
        "industry": texts(rows["industry"]),
        "country": texts(rows["country"]),
        "numberofemployees": employees,
        "segment": texts(rows["segment"]),
        "hubspot_owner_id": texts(rows["owner_id"]),
        "hs_parent_company_id": [i and accounts.get(i, i) for i in texts(rows["parent_account_id"])],
    }
    return _keys(rows["account_id"], rows["created_at"]), columns


def _deals(portal: Portal, name: str) -> Built:
    rows = portal.past(portal.company.deals, "created_at")
    accounts = portal.survivors.get("companies", {})
    imported = [bool(value) for value in rows["is_imported"].tolist()]
    columns: dict[str, list[str | None]] = {
        "dealname": texts(rows["name"]),
        "pipeline": texts(rows["pipeline_id"]),
        "dealtype": texts(rows["deal_type"]),
        "hs_primary_associated_company": [i and accounts.get(i, i) for i in texts(rows["account_id"])],
        "hs_object_source": ["IMPORT" if value else "CRM_UI" for value in imported],
        "hs_object_source_label": ["IMPORT" if value else "CRM_UI" for value in imported],
        "hs_created_by_user_id": texts(rows["created_by"]),
        "hs_is_deal_split": [str(i in portal.splits).lower() for i in texts(rows["deal_id"])],
    }
    return _keys(rows["deal_id"], rows["created_at"]), columns


def _products(portal: Portal, name: str) -> Built:
    rows = portal.past(portal.company.products, "created_at")
    columns: dict[str, list[str | None]] = {
        "name": texts(rows["name"]),
        "hs_sku": texts(rows["sku"]),
        "price": [f"{float(price):g}" for price in rows["price"].tolist()],
        "recurringbillingfrequency": texts(rows["billing_frequency"]),
        "hs_product_type": ["service" if i is None else "non_inventory" for i in texts(rows["billing_frequency"])],
    }
    return _keys(rows["product_id"], rows["created_at"]), columns


def _line_items(portal: Portal, name: str) -> Built:
    rows = portal.past(portal.company.line_items, "created_at")
    columns: dict[str, list[str | None]] = {
        "name": texts(rows["name"]),
        "hs_product_id": texts(rows["product_id"]),
        "hs_sku": texts(rows["sku"]),
        "recurringbillingfrequency": texts(rows["billing_frequency"]),
        "hs_line_item_currency_code": texts(rows["currency"]),
    }
    return _keys(rows["line_item_id"], rows["created_at"]), columns


def _feedback(portal: Portal, name: str) -> Built:
    """Answers to HubSpot's own surveys: satisfaction in three steps, every second one asked by a custom survey."""
    rows = _asked_here(portal)
    kinds = [str(kind).upper() for kind in rows["kind"].tolist()]
    groups = [
        next(name for name, lowest in SENTIMENTS[kind].items() if score >= lowest)
        for kind, score in zip(kinds, rows["score"].tolist(), strict=True)
    ]
    steps = {name: str(step) for step, name in enumerate(reversed(SENTIMENTS["CSAT"]))}
    is_custom = [int(i) % 2 == 1 and kind == "CSAT" for i, kind in zip(rows["feedback_id"], kinds, strict=True)]
    columns: dict[str, list[str | None]] = {
        "hs_survey_type": ["CUSTOM" if custom else kind for kind, custom in zip(kinds, is_custom, strict=True)],
        "hs_industry_standard_question_type": [
            kind if custom else None for kind, custom in zip(kinds, is_custom, strict=True)
        ],
        "hs_value": [
            steps[group] if kind == "CSAT" else str(score)
            for kind, group, score in zip(kinds, groups, rows["score"].tolist(), strict=True)
        ],
        "hs_response_group": list(groups),
        "hs_submission_timestamp": list(instants(rows["answered_at"])),
    }
    return _keys(rows["feedback_id"], rows["answered_at"]), columns


def _asked_here(portal: Portal) -> pd.DataFrame:
    rows = portal.past(portal.company.feedback, "answered_at")
    return rows[rows["contact_id"].notna()]


def _engagements(portal: Portal, name: str) -> Built:
    """What is planned for later is still open: outcome and completion appear when its moment has come."""
    rows = portal.activities(name)
    happened = (rows["at"] < portal.now).tolist()
    outcomes = [
        value.upper() if value and done else None for value, done in zip(texts(rows["outcome"]), happened, strict=True)
    ]
    completed = [bool(value) and done for value, done in zip(rows["is_completed"].tolist(), happened, strict=True)]
    seconds = [float(i) if i else None for i in texts(rows["duration_seconds"])]
    at, at_ms = instants(rows["at"]), milliseconds(rows["at"])
    subject, outbound = texts(rows["subject"]), [value != "inbound" for value in texts(rows["direction"])]
    columns: dict[str, list[str | None]] = {"hs_timestamp": list(at), "hubspot_owner_id": texts(rows["owner_id"])}
    if name == "meetings":
        ends = [instant(a + int((s or 0) * 1000)) for a, s in zip(at_ms, seconds, strict=True)]
        columns |= {
            "hs_meeting_title": subject,
            "hs_meeting_start_time": list(at),
            "hs_meeting_end_time": list(ends),
            "hs_meeting_outcome": [o or "SCHEDULED" for o in outcomes],
            "hs_activity_type": [None] * len(rows),
        }
    elif name == "calls":
        columns |= {
            "hs_call_title": subject,
            "hs_call_direction": ["OUTBOUND" if out else "INBOUND" for out in outbound],
            "hs_call_disposition": [o and DISPOSITIONS.get(o, o) for o in outcomes],
            "hs_call_status": [
                "COMPLETED" if done else o if o in ("BUSY", "NO_ANSWER", "CANCELED") else "QUEUED"
                for o, done in zip(outcomes, completed, strict=True)
            ],
            "hs_call_duration": [None if s is None else str(int(s * 1000)) for s in seconds],
            "hs_activity_type": [None] * len(rows),
        }
    elif name == "emails":
        columns |= {
            "hs_email_subject": subject,
            "hs_email_direction": ["EMAIL" if out else "INCOMING_EMAIL" for out in outbound],
            "hs_email_status": [
                "SCHEDULED" if o is None else "BOUNCED" if o == "BOUNCED" else "SENT" for o in outcomes
            ],
            "hs_email_open_count": [None if o is None else str(int(o in ("OPENED", "REPLIED"))) for o in outcomes],
            "hs_email_reply_count": [None if o is None else str(int(o == "REPLIED")) for o in outcomes],
        }
    else:
        columns |= {
            "hs_task_subject": subject,
            "hs_task_type": ["TODO"] * len(rows),
            "hs_task_status": [o or "NOT_STARTED" for o in outcomes],
            "hs_task_completion_date": [a if done else None for a, done in zip(at, completed, strict=True)],
        }
    created = milliseconds(rows["created_at"])
    keys = [
        (str(i), c, max(c, a) if done else c)
        for i, c, a, done in zip(rows["activity_id"].tolist(), created, at_ms, happened, strict=True)
    ]
    return keys, columns


_BUILDERS: dict[str, Callable[[Portal, str], Built]] = {
    "contacts": _contacts,
    "companies": _companies,
    "deals": _deals,
    "products": _products,
    "line_items": _line_items,
    "feedback_submissions": _feedback,
    "engagements": _engagements,
}

Pairs = tuple[list[str | None], list[str | None]]


def _deal_contacts(portal: Portal, name: str) -> Pairs:
    rows = portal.company.deal_contacts.sort_values(["deal_id", "position"], kind="stable")
    return texts(rows["deal_id"]), texts(rows["contact_id"])


def _respondents(portal: Portal, name: str) -> Pairs:
    rows = _asked_here(portal)
    return texts(rows["feedback_id"]), texts(rows["contact_id"])


def _columns(table: str, key: str, column: str) -> Callable[[Portal, str], Pairs]:
    def pairs(portal: Portal, name: str) -> Pairs:
        rows = portal.activities(name) if table == "activities" else getattr(portal.company, table)
        return texts(rows[key]), texts(rows[column])

    return pairs


_LINKS: dict[tuple[str, str], Callable[[Portal, str], Pairs]] = {
    ("deals", "contacts"): _deal_contacts,
    ("deals", "companies"): _columns("deals", "deal_id", "account_id"),
    ("contacts", "companies"): _columns("contacts", "contact_id", "account_id"),
    ("line_items", "deals"): _columns("line_items", "line_item_id", "deal_id"),
    ("feedback_submissions", "contacts"): _respondents,
}
for _name in ENGAGEMENTS:
    _LINKS[_name, "contacts"] = _columns("activities", "activity_id", "contact_id")
    _LINKS[_name, "deals"] = _columns("activities", "activity_id", "deal_id")
    _LINKS[_name, "companies"] = _columns("activities", "activity_id", "account_id")


# ------------------------------------------------------------------------------------------------ search filters


def _sortable(prop: str, value: str | None) -> tuple[int, Any]:
    """Empty values first; numbers and moments by size, the rest by their text."""
    if not value:
        return (0, 0)
    if prop in NUMBERS:
        try:
            return (1, Decimal(value))  # ids may be larger than a float holds exactly
        except InvalidOperation:
            return (2, value)
    return (2, value.lower())


def _operand(prop: str, value: Any) -> tuple[int, Any]:
    """A filter's value: moments may be given in milliseconds or as ISO text, both compare as ISO text."""
    text = str(value)
    if prop in INSTANTS:
        if text.lstrip("-").isdigit():
            return _sortable(prop, instant(int(text)))
        moment = pd.Timestamp(text)
        moment = moment.tz_convert("UTC") if moment.tzinfo else moment.tz_localize("UTC")
        return _sortable(prop, instant(int(moment.timestamp() * 1000)))
    return _sortable(prop, text)


def _filter(spec: dict[str, Any]) -> Callable[[dict[str, str | None]], bool]:
    """One filter as a test of a record's properties; raises ValueError on what HubSpot refuses."""
    prop, operator = str(spec.get("propertyName")), str(spec.get("operator"))

    def current(values: dict[str, str | None]) -> tuple[int, Any]:
        return _sortable(prop, values.get(prop))

    if operator == "HAS_PROPERTY":
        return lambda values: bool(values.get(prop))
    if operator == "NOT_HAS_PROPERTY":
        return lambda values: not values.get(prop)
    if operator in ("IN", "NOT_IN"):
        wanted = {_operand(prop, value) for value in spec.get("values", [])}
        if operator == "IN":
            return lambda values: current(values) in wanted
        return lambda values: bool(values.get(prop)) and current(values) not in wanted
    if "value" not in spec:
        raise ValueError(f"operator {operator} on {prop} needs a value")
    low = _operand(prop, spec["value"])
    if operator == "BETWEEN":
        high = _operand(prop, spec["highValue"])
        return lambda values: bool(values.get(prop)) and low <= current(values) <= high
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        token = str(spec["value"]).strip("*").lower()
        inside = operator == "CONTAINS_TOKEN"
        return lambda values: (token in (values.get(prop) or "").lower()) == inside
    compare: dict[str, Callable[[tuple[int, Any]], bool]] = {
        "EQ": lambda value: value == low,
        "NEQ": lambda value: value != low,
        "LT": lambda value: value < low,
        "LTE": lambda value: value <= low,
        "GT": lambda value: value > low,
        "GTE": lambda value: value >= low,
    }
    if operator not in compare:
        raise ValueError(f"invalid operator {operator}")
    test = compare[operator]
    return lambda values: bool(values.get(prop)) and test(current(values))


# ------------------------------------------------------------------------------------------------ other documents


@cache
def fixed_properties(name: str) -> tuple[str, ...]:
    return (CREATED[name], MODIFIED[name], "hs_object_id")


def associated(portal: Portal, name: str, record_id: str, target: str) -> list[dict[str, Any]]:
    plain, primary = ASSOCIATION_TYPES[name, target]
    found = []
    for position, other in enumerate(portal.links(name, target).get(record_id, ())):
        kinds: list[dict[str, Any]] = [{"category": "HUBSPOT_DEFINED", "typeId": plain, "label": None}]
        if primary is not None and position == 0 and target == "companies":
            kinds.insert(0, {"category": "HUBSPOT_DEFINED", "typeId": primary, "label": "Primary"})
        found.append({"toObjectId": int(other) if other.isdigit() else other, "associationTypes": kinds})
    return found


def owners(portal: Portal) -> list[dict[str, Any]]:
    """Owners who have started by now, in the teams of now; who has left is archived and has no active user."""
    rows = placed(portal.past(portal.company.owners, "active_from"), portal.company.owner_moves, portal.now)
    known = pd.concat([portal.company.owners["team"], portal.company.owner_moves["team"]])
    teams = {name: str(100 + i) for i, name in enumerate(sorted({t for t in texts(known) if t}))}
    found = []
    left = (rows["left_at"] < portal.now).tolist()
    columns = (
        texts(rows["owner_id"]),
        texts(rows["user_id"]),
        texts(rows["email"]),
        texts(rows["first_name"]),
        texts(rows["last_name"]),
        texts(rows["team"]),
        texts(rows["kind"]),
        instants(rows["active_from"]),
        instants(rows["left_at"]),
        left,
    )
    for owner_id, user, email, first, last, team, kind, start, end, gone in zip(*columns, strict=True):
        number = int(user) if user and user.isdigit() else None
        owner: dict[str, Any] = {
            "id": owner_id,
            "email": email,
            "type": "QUEUE" if kind == "queue" else "PERSON",
            "firstName": first or "",
            "lastName": last or "",
            "userId": None if gone else number,
            "userIdIncludingInactive": number,
            "createdAt": start,
            "updatedAt": end if gone else start,
            "archived": gone,
        }
        if team:
            owner["teams"] = [{"id": teams[team], "name": team, "primary": True}]
        found.append(owner)
    return sorted(found, key=lambda owner: id_order(str(owner["id"])))


def pipelines(company: Company) -> list[dict[str, Any]]:
    created = "2019-05-01T08:00:00.000Z"
    fixed = {"createdAt": created, "updatedAt": created, "archived": False}
    stages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in company.stages.sort_values("display_order").to_dict("records"):
        stages[str(row["pipeline_id"])].append(
            {
                "label": str(row["label"]),
                "displayOrder": int(row["display_order"]),
                "metadata": {
                    "isClosed": str(bool(row["is_closed"])).lower(),
                    "probability": str(float(row["probability"])),
                },
                "id": str(row["stage_id"]),
                "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                **fixed,
            }
        )
    return [
        {
            "label": str(row["label"]),
            "displayOrder": int(row["display_order"]),
            "id": str(row["pipeline_id"]),
            "stages": stages[str(row["pipeline_id"])],
            **fixed,
        }
        for row in company.pipelines.sort_values("display_order").to_dict("records")
    ]


def property_definition(name: str, prop: str) -> dict[str, Any]:
    kind, editor = "string", "text"
    if prop in INSTANTS:
        kind, editor = "datetime", "date"
    elif prop in NUMBERS:
        kind, editor = "number", "number"
    elif prop in ("dealstage", "pipeline", "lifecyclestage", "hs_lead_status", "lead_source", "purchase_timeframe"):
        kind, editor = "enumeration", "select"
    return {
        "name": prop,
        "label": prop.removeprefix("hs_").replace("_", " ").capitalize(),
        "type": kind,
        "fieldType": editor,
        "groupName": f"{SINGULAR[name]}information",
        "description": "",
        "options": [],
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": prop == "hs_object_id",
        "hidden": False,
        "hubspotDefined": prop not in CUSTOM,
        "formField": False,
    }
