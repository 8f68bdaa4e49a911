"""What a moment knows of the company: the change log, merges and deletions folded up to `now` (exclusive).

What belongs here: folds that every vendor's face shares. What does not: any vendor's names or formats. Moments are
naive UTC; whoever asks with an aware `now` gets it converted.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from simulator.company import Company

PLURALS = {
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "product": "products",
    "line_item": "line_items",
    "feedback_submission": "feedback_submissions",
}


def naive(now: datetime) -> pd.Timestamp:
    """`now` as a naive UTC timestamp; a naive one is UTC already."""
    return pd.Timestamp(now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now)


def aware(now: datetime) -> datetime:
    """`now` with its zone; a naive one is UTC."""
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def texts(column: "pd.Series[Any]") -> list[str | None]:
    """A column as Python text, None where the value is missing."""
    missing = column.isna().tolist()
    return [None if gone else str(value) for value, gone in zip(column.tolist(), missing, strict=True)]


def milliseconds(column: "pd.Series[Any]") -> list[int]:
    """A column of naive UTC moments as milliseconds since 1970 (a missing one is a large negative number)."""
    return [int(value) for value in column.to_numpy(dtype="datetime64[ms]").astype("int64")]


def survivors(company: Company, now: datetime) -> dict[str, dict[str, str]]:
    """Per type (contacts, companies, deals): merged id -> the id at the end of its chain of survivors."""
    merges = company.merges[company.merges["at"] < naive(now)].sort_values("at", kind="stable")
    direct: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, survivor, merged in zip(
        texts(merges["object"]), texts(merges["survivor_id"]), texts(merges["merged_id"]), strict=True
    ):
        direct[PLURALS[str(kind)]][str(merged)] = str(survivor)
    return {name: {merged: _end_of_chain(chain, merged) for merged in chain} for name, chain in direct.items()}


def _end_of_chain(direct: dict[str, str], start: str) -> str:
    seen, current = {start}, direct[start]
    while current in direct and current not in seen:
        seen.add(current)
        current = direct[current]
    return current


def deletions(company: Company, now: datetime) -> dict[str, dict[str, tuple[int, int | None]]]:
    """Per type: id -> (milliseconds of its latest deletion, milliseconds of its restoration if that has happened)."""
    moment = naive(now)
    rows = company.deletions[company.deletions["at"] < moment].sort_values("at", kind="stable")
    found: dict[str, dict[str, tuple[int, int | None]]] = defaultdict(dict)
    for kind, record_id, at, back, is_back in zip(
        texts(rows["object"]),
        texts(rows["record_id"]),
        milliseconds(rows["at"]),
        milliseconds(rows["restored_at"]),
        (rows["restored_at"] < moment).tolist(),
        strict=True,
    ):
        found[PLURALS[str(kind)]][str(record_id)] = (at, back if is_back else None)
    return found


def changes(company: Company, now: datetime, kind: str) -> pd.DataFrame:
    """The changes of one type of record (contact, company, deal) before `now`, oldest first; merges are changes too."""
    logged = company.changes[company.changes["object"] == kind]
    merges = merge_changes(company)
    rows = pd.concat([logged, merges[merges["object"] == kind]], ignore_index=True) if len(merges) else logged
    return rows[rows["at"] < naive(now)].sort_values("at", kind="stable")


def merge_changes(company: Company) -> pd.DataFrame:
    """Each merge as a change of its survivor: the ids of all that it has taken over by then."""
    merges = company.merges.sort_values("at", kind="stable")
    taken: dict[tuple[str, str], list[str]] = defaultdict(list)
    lists = []
    for kind, survivor, merged in zip(merges["object"], merges["survivor_id"], merges["merged_id"], strict=True):
        taken[kind, survivor] += [merged, *taken.pop((kind, merged), [])]
        lists.append(";".join(sorted(taken[kind, survivor], key=id_order)))
    told = merges[["object", "survivor_id", "at"]].rename(columns={"survivor_id": "record_id"})
    told = told.assign(field="merged_ids", value=lists, user_id=None, source_type="MERGE_OBJECTS")
    return told.reindex(columns=company.changes.columns)


def id_order(record_id: str) -> tuple[int, str]:
    """Numeric ids in numeric order, others after them."""
    return (int(record_id), "") if record_id.isdigit() else (1 << 62, record_id)


def current(company: Company, now: datetime, kind: str) -> dict[str, dict[str, str | None]]:
    """record id -> field -> value as it stands."""
    rows = changes(company, now, kind)
    found: dict[str, dict[str, str | None]] = defaultdict(dict)
    for record_id, name, value in zip(
        texts(rows["record_id"]), texts(rows["field"]), texts(rows["value"]), strict=True
    ):
        found[str(record_id)][str(name)] = value
    return found


def moments(column: "pd.Series[Any]") -> list[str]:
    """A column of naive UTC moments as ISO text to the millisecond; missing ones become ''."""
    values = np.datetime_as_string(column.to_numpy(dtype="datetime64[ms]"), unit="ms").tolist()
    return ["" if text == "NaT" else str(text) for text in values]
