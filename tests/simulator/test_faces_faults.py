"""Faults on demand: each strikes where and as often as it was told to, and looks as it would in life."""

import time
from typing import Any

import httpx
import orjson
import pytest

DEALS = "/hubspot/crm/v3/objects/deals"
CONTACTS = "/hubspot/crm/v3/objects/contacts"


def switch(vendors: Any, **fault: Any) -> None:
    answer = vendors.client.post("/__simulator/faults", json=[fault])
    assert answer.status_code == 200, answer.text


def ids(answer: httpx.Response) -> list[str]:
    return [one["id"] for one in answer.json()["results"]]


def test_a_fault_waits_strikes_and_ends(vendors: Any) -> None:
    switch(vendors, kind="too_many_requests", path="/hubspot/*/deals", after=1, times=2, retry_after=7)
    statuses = [vendors.client.get(DEALS).status_code for _ in range(4)]
    assert statuses == [200, 429, 429, 200]
    assert vendors.client.get(CONTACTS).status_code == 200
    assert vendors.client.get("/__simulator/faults").json()[0]["struck"] == 2
    assert vendors.client.post("/__simulator/faults", json=[]).json() == []


def test_an_unknown_fault_is_refused(vendors: Any) -> None:
    answer = vendors.client.post("/__simulator/faults", json=[{"kind": "earthquake"}])
    assert answer.status_code == 400
    assert "earthquake" in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "crm", "ads"),
    [
        ("too_many_requests", 429, 429),
        ("daily_quota", 429, 429),
        ("server_error", 503, 503),
        ("expired_token", 401, 401),
        ("scope_revoked", 403, 403),
        ("version_sunset", 404, 400),
        ("html", 200, 200),
        ("error_document", 200, 200),
    ],
)
def test_refusals_speak_the_vendors_language(vendors: Any, kind: str, crm: int, ads: int) -> None:
    switch(vendors, kind=kind, path="*/objects/deals")
    refused = vendors.client.get(DEALS)
    assert refused.status_code == crm
    switch(vendors, kind=kind, path="*googleAds*")
    answer = vendors.ads("SELECT customer.id FROM customer")
    assert answer.status_code == ads
    if kind == "html":
        assert answer.text.startswith("<!doctype html>")
    elif kind == "daily_quota":
        assert refused.json()["policyName"] == "DAILY"
    elif kind == "too_many_requests":
        assert refused.headers["Retry-After"] == "1"
        error = answer.json()["error"]["details"][0]["errors"][0]
        assert error["errorCode"] == {"quotaError": "RESOURCE_EXHAUSTED"}
        assert error["details"]["quotaErrorDetails"]["retryDelay"] == "1s"
    elif kind == "scope_revoked":
        assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.deals.read"]


def test_an_expired_google_token_stays_expired_until_the_next_exchange(vendors: Any) -> None:
    token = vendors.token()
    switch(vendors, kind="expired_token", path="*googleAds*")
    query = "SELECT customer.id FROM customer"
    assert [vendors.ads(query, token=token).status_code for _ in range(2)] == [401, 401]
    assert vendors.ads(query).status_code == 200


@pytest.mark.parametrize("kind", ["cut", "stall"])
def test_an_answer_ends_in_mid_body(vendors: Any, kind: str) -> None:
    switch(vendors, kind=kind, path="*/deals", seconds=0.2)
    with pytest.raises(httpx.RemoteProtocolError):
        vendors.client.get(DEALS)
    assert vendors.client.get(DEALS).status_code == 200


def test_a_stalled_answer_runs_into_the_clients_timeout(vendors: Any) -> None:
    switch(vendors, kind="stall", path="*/deals", seconds=2)
    with pytest.raises(httpx.ReadTimeout):
        vendors.client.get(DEALS, timeout=0.3)


@pytest.mark.parametrize("kind", ["malformed_json", "invalid_utf8"])
def test_broken_bodies(vendors: Any, kind: str) -> None:
    switch(vendors, kind=kind, path="*/deals")
    broken = vendors.client.get(DEALS)
    assert broken.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(broken.content)


def test_a_cursor_repeats(vendors: Any) -> None:
    switch(vendors, kind="repeated_cursor", path="*/contacts", after=1)
    first = vendors.client.get(CONTACTS, params={"limit": 1}).json()["paging"]["next"]["after"]
    second = vendors.client.get(CONTACTS, params={"limit": 1, "after": first}).json()["paging"]["next"]
    assert second["after"] == first
    assert second["link"].endswith(f"after={first}")


def test_a_page_comes_twice_and_nothing_is_lost(vendors: Any) -> None:
    switch(vendors, kind="page_repeated", path="*/contacts", after=1)
    found: list[str] = []
    query: dict[str, Any] = {"limit": 1}
    cursors: list[str] = []
    while True:
        page = vendors.client.get(CONTACTS, params=query)
        found += ids(page)
        if "paging" not in page.json():
            break
        cursors.append(page.json()["paging"]["next"]["after"])
        query["after"] = cursors[-1]
    assert found == ["1001", "1001", "1003", "9007199254740993"]
    assert len(set(cursors)) == len(cursors)


def test_records_that_are_edited_in_mid_search_push_others_off_the_page(vendors: Any) -> None:
    switch(vendors, kind="records_shift", path="*/search", after=1, count=1)
    body: dict[str, Any] = {"sorts": [{"propertyName": "lastmodifieddate"}], "limit": 1}
    first = vendors.client.post(f"{CONTACTS}/search", json=body)
    second = vendors.client.post(f"{CONTACTS}/search", json=body | {"after": "1"})
    third = vendors.client.post(f"{CONTACTS}/search", json=body | {"after": "2"})
    assert [ids(one) for one in (first, second, third)] == [["1003"], ["9007199254740993"], ["1003"]]
    assert third.json()["results"][0]["updatedAt"] == "2026-06-18T05:59:59.999Z"


def test_a_list_whose_records_shift_shows_some_twice(vendors: Any) -> None:
    switch(vendors, kind="records_shift", path="*/contacts", after=1, count=1)
    after = vendors.client.get(CONTACTS, params={"limit": 1}).json()["paging"]["next"]["after"]
    assert ids(vendors.client.get(CONTACTS, params={"limit": 1, "after": after})) == ["1001", "1003"]


def test_an_empty_answer(vendors: Any) -> None:
    switch(vendors, kind="empty", path="*/contacts")
    assert vendors.client.get(CONTACTS).json() == {"results": []}
    switch(vendors, kind="empty", path="*googleAds*")
    assert "results" not in vendors.ads("SELECT customer.id FROM customer").json()[0]


def test_the_next_page_may_lead_to_another_host(vendors: Any) -> None:
    switch(vendors, kind="foreign_link", path="*/contacts", url="http://127.0.0.1:9/steal")
    paging = vendors.client.get(CONTACTS, params={"limit": 1}).json()["paging"]["next"]
    assert paging == {"after": "1001", "link": "http://127.0.0.1:9/steal?after=1001"}


def test_a_slow_answer_is_whole(vendors: Any) -> None:
    switch(vendors, kind="slow", path="*/deals", seconds=0.4)
    began = time.monotonic()
    assert len(ids(vendors.client.get(DEALS))) == 2
    assert time.monotonic() - began >= 0.4


def test_a_bulk_edit_gives_all_records_one_moment(vendors: Any) -> None:
    switch(vendors, kind="one_timestamp", path="*/contacts/search")
    found = vendors.client.post(f"{CONTACTS}/search", json={}).json()["results"]
    assert len({one["updatedAt"] for one in found}) == 1
    assert len(found) == 3


def test_requests_are_counted_by_path(vendors: Any) -> None:
    vendors.client.get(DEALS)
    assert vendors.client.get("/__simulator/health").json()["requests"][f"GET {DEALS}"] == 1
