"""The generated company through every face: what is served adds up to what happened before the moment."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest

from simulator import exports, ga4, hubspot
from simulator.company import generate
from simulator.server import running

NOW = datetime(2026, 6, 18, 6)


@pytest.fixture(scope="module")
def aldergate() -> Any:
    return generate(scale=0.02)


@pytest.fixture(scope="module")
def crm(aldergate: Any) -> Iterator[httpx.Client]:
    with running(aldergate, NOW, limits=hubspot.Limits(ten_seconds=None)) as (url, _):
        headers = {"Authorization": "Bearer demo-token"}
        with httpx.Client(base_url=f"{url}/hubspot/crm", headers=headers, timeout=30) as client:
            yield client


def everything(crm: httpx.Client, name: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path: str | None = f"/v3/objects/{name}"
    asked: dict[str, Any] = {"limit": 50} | query
    while path:
        page = crm.get(path, params=asked).json()
        found += page["results"]
        asked["after"] = page.get("paging", {}).get("next", {}).get("after")
        path = path if asked["after"] else None
    return found


@pytest.mark.parametrize(
    ("name", "table", "key", "kind"),
    [
        ("contacts", "contacts", "contact_id", "contact"),
        ("companies", "accounts", "account_id", "company"),
        ("deals", "deals", "deal_id", "deal"),
    ],
)
def test_live_archived_and_merged_are_all_there_are(
    aldergate: Any, crm: httpx.Client, name: str, table: str, key: str, kind: str
) -> None:
    rows = getattr(aldergate, table)
    created = set(rows.loc[rows["created_at"] < NOW, key])
    merges = aldergate.merges
    merged = set(merges.loc[(merges["object"] == kind) & (merges["at"] < NOW), "merged_id"])
    live = [one["id"] for one in everything(crm, name)]
    archived = [one["id"] for one in everything(crm, name, archived="true")]
    assert len(live) == len(set(live))
    assert {*live, *archived} == created - merged
    deleted = aldergate.deletions
    gone = deleted[(deleted["object"] == kind) & (deleted["at"] < NOW) & ~(deleted["restored_at"] < NOW)]
    assert set(archived) == set(gone["record_id"]) - merged


def test_history_is_the_change_log(aldergate: Any, crm: httpx.Client) -> None:
    log = aldergate.changes
    log = log[(log["object"] == "deal") & (log["field"] == "stage") & (log["at"] < NOW)]
    served = {
        (deal["id"], entry["value"], entry["timestamp"])
        for archived in ("false", "true")
        for deal in everything(crm, "deals", propertiesWithHistory="dealstage", archived=archived)
        for entry in deal["propertiesWithHistory"]["dealstage"]
    }
    known = {deal for deal, _, _ in served}
    expected = {
        (row.record_id, row.value, f"{pd.Timestamp(row.at).isoformat(timespec='milliseconds')}Z")
        for row in log.itertuples()
        if row.record_id in known
    }
    assert served == expected
    assert len(served) > 100


@pytest.mark.parametrize("name", ["contacts", "deals"])
def test_a_search_by_modification_finds_what_the_list_shows(crm: httpx.Client, name: str) -> None:
    modified = "lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate"
    listed = {one["id"]: one["updatedAt"] for one in everything(crm, name)}
    since = sorted(listed.values())[len(listed) // 2]
    body = {
        "filterGroups": [{"filters": [{"propertyName": modified, "operator": "GTE", "value": since}]}],
        "sorts": [{"propertyName": modified, "direction": "ASCENDING"}],
        "limit": 200,
    }
    found: list[str] = []
    after: str | None = "0"
    while after is not None:
        page = crm.post(f"/v3/objects/{name}/search", json=body | {"after": after}).json()
        found += [one["id"] for one in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")
    assert sorted(found) == sorted(i for i, at in listed.items() if at >= since)
    assert [listed[i] for i in found] == sorted(listed[i] for i in found)


def test_advertising_is_served_to_the_micro(aldergate: Any) -> None:
    with running(aldergate, NOW, limits=hubspot.Limits(ten_seconds=None)) as (url, _):
        form = {
            "grant_type": "refresh_token",
            "client_id": "demo-client-id",
            "client_secret": "demo-client-secret",
            "refresh_token": "demo-refresh-token",
        }
        token = httpx.post(f"{url}/google_ads/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "developer-token": "demo-developer-token"}
        query = (
            "SELECT ad_group.id, segments.date, metrics.cost_micros FROM ad_group WHERE segments.date <= '2026-06-16'"
        )
        spent = 0
        for account in aldergate.ad_accounts["customer_id"]:
            path = f"{url}/google_ads/v25/customers/{account}/googleAds:searchStream"
            for batch in httpx.post(path, json={"query": query}, headers=headers, timeout=30).json():
                spent += sum(int(row["metrics"]["costMicros"]) for row in batch["results"])
    days = aldergate.ad_days[aldergate.ad_days["date"] <= pd.Timestamp("2026-06-16")]
    assert spent == days.loc[days["impressions"] > 0, "cost_micros"].sum()


def test_web_events_reach_the_export_when_they_should(aldergate: Any, tmp_path: Path) -> None:
    ga4.write(aldergate, datetime(2023, 12, 1, 6), tmp_path)
    files = sorted(tmp_path.glob("events_2*.parquet"))
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    events = aldergate.events.select(["event_day", "late_days"]).to_pandas()
    reached = pd.to_datetime(events["event_day"]) + pd.to_timedelta(events["late_days"], unit="D")
    assert rows == (reached < pd.Timestamp("2023-12-01")).sum()
    assert rows > 1_000


def test_the_export_holds_what_is_live(aldergate: Any, crm: httpx.Client, tmp_path: Path) -> None:
    exports.write_export(aldergate, NOW, tmp_path)
    contacts = pd.read_csv(tmp_path / "contacts.csv", sep=";", encoding="cp1252", dtype=str)
    assert sorted(contacts["Person No"]) == sorted(one["id"] for one in everything(crm, "contacts"))
    deals = pd.read_excel(tmp_path / "deals.xlsx", dtype={"Deal No": str})
    live = {one["id"]: one["properties"] for one in everything(crm, "deals", properties="amount,dealstage")}
    assert set(deals["Deal No"]) == set(live)
    amounts = {row["Deal No"]: row["Value"] for row in deals.to_dict("records")}
    assert all(float(v["amount"]) == amounts[i] for i, v in live.items() if v["amount"])
    moves = pd.read_csv(tmp_path / "stage_changes.csv", sep=";", dtype=str)
    assert not moves.isna().any().any()
