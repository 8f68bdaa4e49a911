"""HubSpot against the simulated portal: complete at first, only what is new afterwards, and every fault on the way."""

import json
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from configuration.errors import (
    AuthenticationError,
    MalformedData,
    PermissionMissing,
    SaleshouseError,
    Unreachable,
)
from configuration.paths import Home
from ingestion import hubspot, landing, ledger
from simulator.company import Company
from simulator.hubspot import Limits
from tests.ingestion import lake
from tests.ingestion.conftest import NOW, Vendors

OBJECTS = list(hubspot.OBJECTS)


def land(home: Home, vendor: SimpleNamespace, **more: Any) -> landing.LoadSummary:
    return landing.land(home, "hubspot", vendor.settings, now=more.pop("now", vendor.control.now), **more)


def portal_ids(vendor: SimpleNamespace, name: str, *, archived: bool = False) -> set[str]:
    shelf = vendor.control.crm.portal.shelf(name)
    return set(shelf.archived if archived else shelf.live)


def newest(home: Home, name: str) -> dict[str, dict[str, Any]]:
    """The last landed version of each id."""
    return {row["id"]: row for row in lake.rows(home, "hubspot", name)}


def assert_equals_portal(home: Home, vendor: SimpleNamespace) -> None:
    """The newest landed versions say what the portal says now: ids, values, history, associations."""
    portal = vendor.control.crm.portal
    for name, one in hubspot.OBJECTS.items():
        landed = newest(home, name)
        live = {record_id for record_id, row in landed.items() if row["archived"] == "false"}
        gone = set(portal.survivors.get(name, {}))
        assert live - gone == portal_ids(vendor, name), name
        assert {i for i, row in landed.items() if row["archived"] == "true"} - gone == portal_ids(
            vendor, name, archived=True
        )
        for record_id in portal_ids(vendor, name):
            record = portal.shelf(name).records[record_id]
            document = portal.document(name, record, tuple(one.properties), one.history, one.associations)
            row = landed[record_id]
            assert json.loads(row["properties"]).items() >= document["properties"].items() - {
                ("hs_object_id", record_id)
            }
            assert row["updated_at"] == document["updatedAt"]
            if one.history:
                assert json.loads(row["properties_with_history"]) == document["propertiesWithHistory"]
            if one.associations:
                assert json.loads(row["associations"]) == document.get("associations", {})


def test_the_first_landing_is_the_whole_portal(home: Home, vendors: Vendors, company: Company) -> None:
    with vendors() as vendor:
        summary = land(home, vendor)
        assert_equals_portal(home, vendor)
    assert summary.rows["owners"] == len(company.owners[company.owners["active_from"] < NOW.replace(tzinfo=None)])
    pipelines = lake.rows(home, "hubspot", "pipelines")
    assert {row["label"] for row in pipelines} == set(company.pipelines["label"])
    assert {"label", "id", "metadata"} <= json.loads(pipelines[0]["stages"])[0].keys()
    ledger.verify(home)


def test_columns_hold_what_the_properties_say(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor)
    for name, one in hubspot.OBJECTS.items():
        for row in lake.rows(home, "hubspot", name)[:50]:
            properties = json.loads(row["properties"])
            for column, prop in one.columns.items():
                if prop is not None and column != "gclid":
                    assert row[column] == properties.get(prop)
    meeting = lake.rows(home, "hubspot", "meetings")[0]
    assert int(meeting["duration_ms"]) >= 0
    owner = lake.rows(home, "hubspot", "owners")[0]
    assert json.loads(owner["payload"])["email"] == owner["email"]


def test_the_next_landing_brings_only_what_is_new(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor)
        vendor.control.move(NOW + timedelta(days=5))
        vendor.control.requests.clear()
        summary = land(home, vendor)
        assert_equals_portal(home, vendor)
        assert 0 < summary.rows["contacts"] < 0.2 * len(portal_ids(vendor, "contacts"))
        assert summary.rows["pipelines"] == 0
        # Somebody has changed team, and a list lands whole.
        assert summary.rows["owners"] == len(lake.rows(home, "hubspot", "owners")) / 2
        assert sum(vendor.control.requests.values()) < 60


def test_nothing_new_is_a_load_of_the_overlap_at_most(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor)
        summary = land(home, vendor)
    assert summary.load_number == 2
    assert sum(summary.rows.values()) <= len(OBJECTS) * 3


def test_splits_land_when_they_change_and_once_more_when_they_end(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        portal = vendor.control.crm.portal
        first = land(home, vendor)
        landed = {row["id"]: json.loads(row["splits"]) for row in lake.rows(home, "hubspot", "deal_splits")}
        live = portal_ids(vendor, "deals")
        assert landed == {deal: parts for deal, parts in portal.splits.items() if deal in live}
        assert first.rows["deal_splits"] == len(landed) > 1
        assert land(home, vendor).rows["deal_splits"] == 0
        ended, changed = sorted(landed)[:2]
        del portal.splits[ended]
        portal.splits[changed] = [{**portal.splits[changed][0], "id": "1"}]
        portal.touch("deals", [])
        assert land(home, vendor).rows["deal_splits"] == 2
        told = newest(home, "deal_splits")
        assert (json.loads(told[ended]["splits"]), json.loads(told[changed]["splits"])) == ([], portal.splits[changed])
        portal.splits.clear()
        portal.touch("deals", [])
        with pytest.raises(MalformedData, match="deal_splits"):
            land(home, vendor)


def test_feedback_is_asked_for_where_the_company_says_so(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        crm = vendor.settings.sources.hubspot
        vendor.control.crm.revoked_scopes = {"crm.objects.feedback_submissions.read"}
        with pytest.raises(PermissionMissing, match=r"crm\.objects\.feedback_submissions\.read is not granted"):
            land(home, vendor)
        vendor.settings.sources.hubspot = crm.model_copy(update={"feedback_submissions": False})
        assert land(home, vendor).rows["feedback_submissions"] == 0
        assert "feedback_submissions" not in hubspot.check(vendor.settings)
        vendor.settings.sources.hubspot = crm
        vendor.control.crm.revoked_scopes = set()
        land(home, vendor)
        assert set(newest(home, "feedback_submissions")) >= portal_ids(vendor, "feedback_submissions")


def test_a_month_of_days_one_by_one_equals_the_portal(home: Home, vendors: Vendors) -> None:
    """Deletions, restorations, merges and edits that happen between the runs."""
    with vendors(NOW - timedelta(days=40)) as vendor:
        for days in (40, 25, 10, 0):
            vendor.control.move(NOW - timedelta(days=days))
            land(home, vendor)
        assert_equals_portal(home, vendor)


def test_what_is_linked_to_a_restored_deal_is_read_again_with_it(home: Home, vendors: Vendors) -> None:
    """A deleted deal is linked to nothing, and its restoration modifies neither its lines nor its calls."""
    with vendors() as vendor:
        portal = vendor.control.crm.portal
        linked = {name: portal.links(name, "deals") for name in ("line_items", "calls")}
        busy = {deals[0] for deals in linked["calls"].values() if deals}
        deal_id = next(deals[0] for deals in linked["line_items"].values() if deals and deals[0] in busy)
        shelf = portal.shelf("deals")
        place = shelf.live.index(deal_id)
        order = shelf.live_order[place]
        shelf.live, shelf.live_order = [*shelf.live], [*shelf.live_order]
        del shelf.live[place], shelf.live_order[place]
        archived = shelf.archived, shelf.archived_order
        shelf.archived, shelf.archived_order = [*shelf.archived, deal_id], [*shelf.archived_order, order]
        shelf.records[deal_id].archived_at = "2026-06-01T08:00:00.000Z"
        portal._links.clear()
        land(home, vendor)
        assert not any(deal_id in row["associations"] for row in newest(home, "line_items").values())
        shelf.live.insert(place, deal_id)
        shelf.live_order.insert(place, order)
        shelf.archived, shelf.archived_order = archived
        shelf.records[deal_id].archived_at = None
        portal._links.clear()
        land(home, vendor)
        for name, links in linked.items():
            told = {key for key, row in newest(home, name).items() if deal_id in row["associations"]}
            assert told == {key for key, deals in links.items() if deal_id in deals}


def test_a_backfill_lands_its_days_and_moves_no_cursor(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor)
        before = landing._state(landing._pipeline(home, "hubspot"))["memory"]
        start, end = date(2026, 5, 1), date(2026, 5, 15)
        summary = land(home, vendor, start=start, end=end)
        rows = lake.rows(home, "hubspot", "deals")[-summary.rows["deals"] :]
        assert rows
        assert all(str(start) <= row["hs_lastmodifieddate"] < str(end) for row in rows)
        after = landing._state(landing._pipeline(home, "hubspot"))["memory"]
        assert {k: v for k, v in after.items() if "cursor" in k} == {k: v for k, v in before.items() if "cursor" in k}


def test_a_backfill_before_everything_else_is_no_first_landing(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor, start=date(2026, 5, 1), end=date(2026, 5, 15))
        land(home, vendor)
        assert_equals_portal(home, vendor)


def test_the_cursor_stays_at_the_start_of_the_run(home: Home, vendors: Vendors) -> None:
    """The crawl began long before the portal's newest change: what changed meanwhile is asked for again."""
    began = NOW - timedelta(days=60)
    with vendors() as vendor:
        land(home, vendor, now=began)
    memory = landing._state(landing._pipeline(home, "hubspot"))["memory"]
    assert all(memory[f"{name}_cursor"] <= began.timestamp() * 1000 for name in OBJECTS)


def test_moments_that_reach_over_a_page_lose_nothing(
    home: Home, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine records each have the same moment, a page has twenty: it ends in the middle of a moment."""
    monkeypatch.setattr(hubspot, "_SEARCH_LIMIT", 20)
    with vendors() as vendor:
        portal = vendor.control.crm.portal
        for number, record_id in enumerate(sorted(portal.shelf("emails").live)):
            moment = f"2026-06-10T08:{number // 9:02}:00.000Z"
            portal.shelf("emails").records[record_id].properties["hs_lastmodifieddate"] = moment
        assert 60 < len(portal.shelf("emails").live) < 540
        land(home, vendor)
        assert set(newest(home, "emails")) >= portal_ids(vendor, "emails")


def test_a_record_that_leaves_the_bin_unchanged_is_read_again(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        shelf = vendor.control.crm.portal.shelf("contacts")
        record_id = shelf.live[0]
        place, shelf.live, shelf.live_order = shelf.live_order[0], shelf.live[1:], shelf.live_order[1:]
        shelf.archived, shelf.archived_order = [record_id], [place]
        shelf.records[record_id].archived_at = "2026-06-01T08:00:00.000Z"
        land(home, vendor)
        assert newest(home, "contacts")[record_id]["archived"] == "true"
        shelf.archived, shelf.archived_order = [], []
        shelf.live, shelf.live_order = [record_id, *shelf.live], [place, *shelf.live_order]
        shelf.records[record_id].archived_at = None
        land(home, vendor)
        assert newest(home, "contacts")[record_id]["archived"] == "false"


@pytest.mark.fault(59)
def test_a_clock_that_jumps_back_moves_no_cursor_back(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor)
        before = landing._state(landing._pipeline(home, "hubspot"))["memory"]["deals_cursor"]
        land(home, vendor, now=NOW - timedelta(days=400))
        assert landing._state(landing._pipeline(home, "hubspot"))["memory"]["deals_cursor"] >= before


@pytest.mark.fault(8)
def test_records_that_move_during_the_crawl_are_not_lost(home: Home, vendors: Vendors) -> None:
    with vendors(NOW - timedelta(days=365)) as vendor:
        land(home, vendor)
        vendor.control.move(NOW)
        vendor.control.switch_faults(
            {"kind": "records_shift", "path": "*/search", "after": 0, "times": None, "count": 5},
            {"kind": "records_shift", "path": "/hubspot/crm/v3/objects/contacts", "times": None},
        )
        land(home, vendor)
        vendor.control.switch_faults()
        for name in OBJECTS:
            assert portal_ids(vendor, name) <= set(newest(home, name)), name
        # What was edited in mid-crawl is fetched with its edit by the next run at the latest.
        land(home, vendor)
        assert_equals_portal(home, vendor)


@pytest.mark.fault(9)
def test_more_records_of_one_moment_than_a_search_gives(
    home: Home, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages and the cap of 10,000 are smaller here: everything beyond the first page is refused, as HubSpot does."""
    monkeypatch.setattr(hubspot, "_SEARCH_LIMIT", 20)
    with vendors(limits=Limits(ten_seconds=None, search_cap=20)) as vendor:
        land(home, vendor)
        vendor.control.switch_faults(
            {"kind": "one_timestamp", "path": "*/contacts/search"}, {"kind": "one_timestamp", "path": "*/emails/search"}
        )
        summary = land(home, vendor)
        contacts, emails = portal_ids(vendor, "contacts"), portal_ids(vendor, "emails")
    assert len(emails) > 60, "the test needs several pages"
    assert (summary.rows["contacts"], summary.rows["emails"]) == (len(contacts), len(emails))
    rows = lake.rows(home, "hubspot", "emails")[-len(emails) :]
    assert Counter(row["id"] for row in rows) == Counter(emails)


@pytest.mark.fault(14)
def test_a_page_that_comes_twice_is_landed_once(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        vendor.control.switch_faults({"kind": "page_repeated", "path": "*/objects/contacts", "after": 2, "times": 1})
        land(home, vendor)
        assert vendor.control.board.faults[0].struck == 1
        assert_equals_portal(home, vendor)
    ids = [row["id"] for row in lake.rows(home, "hubspot", "contacts")]
    assert len(ids) == len(set(ids))


@pytest.mark.fault(10)
@pytest.mark.parametrize("entity", ["deals", "owners", "pipelines"])
def test_an_empty_answer_after_months_of_history_is_refused(home: Home, vendors: Vendors, entity: str) -> None:
    with vendors() as vendor:
        land(home, vendor)
        vendor.control.switch_faults(
            {"kind": "empty", "path": f"*/{'pipelines/deals' if entity == 'pipelines' else entity}*", "times": None}
        )
        with pytest.raises(MalformedData, match=rf"^hubspot\.{entity}: the answer is empty, although \d+ rows"):
            land(home, vendor)
        assert len(ledger.read(home)) == 1
        vendor.control.switch_faults()
        land(home, vendor)
        assert_equals_portal(home, vendor)


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(
            [{"kind": "too_many_requests", "times": 3, "after": 4, "retry_after": 1}], marks=pytest.mark.fault(1)
        ),
        pytest.param([{"kind": "server_error", "times": 4, "after": 5, "status": 502}], marks=pytest.mark.fault(2)),
        pytest.param(
            [{"kind": "stall", "after": 6, "seconds": 1.2}, {"kind": "cut", "after": 3, "times": 2}],
            marks=pytest.mark.fault(3),
        ),
        pytest.param(
            [{"kind": "html", "after": 3}, {"kind": "error_document", "after": 9}], marks=pytest.mark.fault(4)
        ),
        pytest.param([{"kind": "malformed_json", "after": 3}], marks=pytest.mark.fault(15)),
        pytest.param([{"kind": "invalid_utf8", "after": 3}], marks=pytest.mark.fault(16)),
    ],
)
def test_a_passing_fault_loses_nothing(home: Home, vendors: Vendors, faults: list[dict[str, Any]]) -> None:
    with vendors() as vendor:
        vendor.control.switch_faults(*({"path": "/hubspot/*"} | fault for fault in faults))
        land(home, vendor)
        assert all(fault.struck for fault in vendor.control.board.faults)
        vendor.control.switch_faults()
        assert_equals_portal(home, vendor)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        pytest.param("html", MalformedData, "text/html", marks=pytest.mark.fault(4)),
        pytest.param("error_document", MalformedData, "unexpected document", marks=pytest.mark.fault(4)),
        pytest.param("expired_token", AuthenticationError, "set HUBSPOT_TOKEN to a private-app token with "),
        pytest.param("scope_revoked", PermissionMissing, r"crm\.objects\.\w+\.read", marks=pytest.mark.fault(6)),
        pytest.param("repeated_cursor", MalformedData, "cursor repeats", marks=pytest.mark.fault(7)),
        pytest.param("daily_quota", Unreachable, "daily limit", marks=pytest.mark.fault(11)),
        pytest.param("foreign_link", MalformedData, r"169\.254\.169\.254", marks=pytest.mark.fault(73)),
        pytest.param("server_error", Unreachable, "503"),
    ],
)
def test_a_lasting_fault_is_one_line_and_the_lake_stays(
    home: Home, vendors: Vendors, fault: str, error: type[SaleshouseError], said: str
) -> None:
    with vendors() as vendor:
        # On one object's pages, which are asked for in turn, so that what comes first is the same in every run.
        vendor.control.switch_faults(
            {"kind": fault, "path": "/hubspot/crm/v3/objects/contacts", "after": 1, "times": None}
        )
        began = time.monotonic()
        with pytest.raises(error, match=said) as caught:
            land(home, vendor)
        assert time.monotonic() - began < 8
        assert "\n" not in str(caught.value)
        assert "nothing was landed, the live release stays" in str(caught.value)
        assert "demo-token" not in str(caught.value)
        assert ledger.read(home) == []
        # The run after it starts where the last complete one ended: here, from the start.
        vendor.control.switch_faults()
        land(home, vendor)
        assert_equals_portal(home, vendor)
        assert vendor.control.authorizations == {"Bearer demo-token"}


def test_a_missing_token_is_told_before_anything_is_asked(
    home: Home, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUBSPOT_TOKEN")
    with vendors() as vendor:
        with pytest.raises(AuthenticationError, match="HUBSPOT_TOKEN is not set"):
            land(home, vendor)
        assert not vendor.control.requests


@pytest.mark.fault(26)
def test_a_field_of_ten_megabytes_is_landed_whole(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        record_id = sorted(portal_ids(vendor, "deals"))[0]
        vendor.control.crm.portal.shelf("deals").records[record_id].properties["dealname"] = "x" * 10_000_000
        land(home, vendor)
    assert len(newest(home, "deals")[record_id]["dealname"]) == 10_000_000


def test_the_limit_is_kept_and_nothing_else_slows_the_landing(
    home: Home, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With HubSpot's real limits on, no request is refused."""
    monkeypatch.undo()
    monkeypatch.setenv("HUBSPOT_TOKEN", "demo-token")
    with vendors(limits=Limits()) as vendor:
        statuses: Counter[bool] = Counter()
        answer = vendor.control.crm._window

        def counted(*arguments: Any) -> Any:
            wait = answer(*arguments)
            statuses[wait is None] += 1
            return wait

        vendor.control.crm._window = counted
        land(home, vendor)
        land(home, vendor, now=NOW + timedelta(minutes=1))
    assert statuses[True] > 30
    assert statuses[False] == 0


def test_a_time_that_is_none_is_one_line() -> None:
    record = {"id": "7", "properties": {"hs_lastmodifieddate": "yesterday"}}
    with pytest.raises(MalformedData, match="record 7 was modified at 'yesterday', which is no time"):
        hubspot._modified(record, hubspot.OBJECTS["deals"])
    assert hubspot._modified(
        {"id": "7", "properties": {"hs_lastmodifieddate": "2026-06-18T06:00:00.123Z"}}, hubspot.OBJECTS["deals"]
    ) == int(datetime(2026, 6, 18, 6, 0, 0, 123_000, UTC).timestamp() * 1000)


@pytest.mark.fault(6)
def test_the_doctor_names_the_scope_that_is_missing(vendors: Vendors) -> None:
    with vendors() as vendor:
        assert "deals" in hubspot.check(vendor.settings)
        vendor.control.crm.revoked_scopes = {"crm.objects.companies.read"}
        with pytest.raises(PermissionMissing, match=r"^hubspot\.companies: 403 .* crm\.objects\.companies\.read"):
            hubspot.check(vendor.settings)
