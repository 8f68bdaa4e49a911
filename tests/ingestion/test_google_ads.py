"""Google Ads against the simulated accounts: the trailing window, every version kept, tokens, the interface's end."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from configuration.errors import (
    AuthenticationError,
    MalformedData,
    PermissionMissing,
    SaleshouseError,
    SourceError,
    Unreachable,
)
from configuration.paths import Home
from ingestion import google_ads, landing, ledger
from simulator.company import Company
from tests.ingestion import lake
from tests.ingestion.conftest import NOW, SECRETS, Vendors

Key = tuple[str, str, str]


def land(home: Home, vendor: SimpleNamespace, **more: Any) -> landing.LoadSummary:
    return landing.land(home, "google_ads", vendor.settings, now=more.pop("now", vendor.control.now), **more)


def days(home: Home) -> list[dict[str, Any]]:
    return lake.rows(home, "google_ads", "ad_group_days")


def truth(company: Company, first: date, before: date) -> dict[Key, tuple[int, int]]:
    """Impressions and cost of complete days: (customer, ad group, day) -> figures."""
    found = {}
    table = company.ad_days
    for row in table.to_dict("records"):
        day = str(row["date"])[:10]
        if str(first) <= day < str(before) and row["impressions"]:
            key = (str(row["customer_id"]), str(row["ad_group_id"]), day)
            found[key] = (int(row["impressions"]), int(row["cost_micros"]))
    return found


def test_the_first_landing_holds_every_day_since_the_start(home: Home, vendors: Vendors, company: Company) -> None:
    with vendors() as vendor:
        summary = land(home, vendor)
    landed = {
        (row["customer_id"], row["ad_group_id"], row["date"]): (int(row["impressions"]), int(row["cost_micros"]))
        for row in days(home)
    }
    complete = {key: figures for key, figures in landed.items() if key[2] < "2026-06-18"}
    assert complete == truth(company, date(2026, 3, 1), date(2026, 6, 18))
    assert len(landed) == summary.rows["ad_group_days"], "each day once"
    assert {row["currency_code"] for row in days(home)} <= set(company.ad_accounts["currency"])
    assert {(row["window_start"], row["window_end"]) for row in days(home)} == {("2026-03-01", "2026-06-18")}
    campaigns = lake.rows(home, "google_ads", "campaigns")
    assert {row["name"] for row in campaigns} <= set(company.campaigns["name"])
    assert all(date.fromisoformat(row["start_date"]) for row in campaigns)
    ledger.verify(home)


def test_the_trailing_window_is_read_again_and_each_version_kept(
    home: Home, vendors: Vendors, company: Company
) -> None:
    with vendors() as vendor:
        vendor.control.ads.company = replace(company, ad_days=company.ad_days.assign(conversions=5.0, restate_days=20))
        land(home, vendor)
        vendor.control.move(NOW + timedelta(days=3))
        land(home, vendor)
    versions: dict[Key, set[str]] = defaultdict(set)
    for row in days(home):
        versions[row["customer_id"], row["ad_group_id"], row["date"]].add(row["conversions"])
    restated = {key[2] for key, seen in versions.items() if len(seen) == 2}
    assert min(restated) == "2026-05-31", "conversions are restated for 20 days, both figures stay"
    second = [row for row in days(home) if row["window_end"] == "2026-06-21"]
    assert min(row["date"] for row in second) == "2026-05-19"
    assert {row["window_start"] for row in second} == {"2026-05-19"}


def test_after_a_long_pause_no_day_is_missing(home: Home, vendors: Vendors, company: Company) -> None:
    with vendors(NOW - timedelta(days=70)) as vendor:
        land(home, vendor)
        vendor.control.move(NOW)
        land(home, vendor)
    landed = {(row["customer_id"], row["ad_group_id"], row["date"]) for row in days(home)}
    assert set(truth(company, date(2026, 3, 1), date(2026, 6, 18))) <= landed


def test_a_backfill_lands_its_days_and_moves_no_cursor(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        land(home, vendor)
        summary = land(home, vendor, start=date(2025, 1, 1), end=date(2025, 1, 8))
        backfilled = days(home)[-summary.rows["ad_group_days"] :]
        assert {row["date"] for row in backfilled} == {f"2025-01-0{day}" for day in range(1, 8)}
        vendor.control.move(NOW + timedelta(days=1))
        summary = land(home, vendor)
        assert min(row["date"] for row in days(home)[-summary.rows["ad_group_days"] :]) == "2026-05-19"


def test_a_backfill_before_everything_else_is_no_first_landing(home: Home, vendors: Vendors, company: Company) -> None:
    with vendors() as vendor:
        land(home, vendor, start=date(2026, 5, 1), end=date(2026, 6, 1))
        land(home, vendor)
    landed = {(row["customer_id"], row["ad_group_id"], row["date"]) for row in days(home)}
    assert set(truth(company, date(2026, 3, 1), date(2026, 6, 18))) <= landed


def test_campaigns_without_ad_groups_are_not_lost(
    home: Home, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = {"id": "77", "name": "Performance"}
    figures = {"metrics": {"impressions": "5", "costMicros": "100"}, "segments": {"date": "2026-06-01"}}
    answer = google_ads._Reader._stream

    def stream(self: Any, customer_id: str, query: str, entity: str) -> Any:
        yield from answer(self, customer_id, query, entity)
        if "FROM campaign WHERE" in query:
            yield {"campaign": campaign, **figures}

    monkeypatch.setattr(google_ads._Reader, "_stream", stream)
    with vendors() as vendor:
        land(home, vendor)
    rows = [row for row in days(home) if row["campaign_id"] == "77"]
    assert {(row["ad_group_id"], row["impressions"], row["clicks"]) for row in rows} == {("0", "5", "0")}


@pytest.mark.fault(5)
def test_a_token_that_expires_in_mid_landing_is_renewed(home: Home, vendors: Vendors, company: Company) -> None:
    with vendors() as vendor:
        vendor.control.switch_faults(
            {"kind": "expired_token", "path": "*searchStream", "after": 2},
            {"kind": "too_many_requests", "path": "*searchStream", "after": 4},
            {"kind": "server_error", "path": "/google_ads/token"},
        )
        land(home, vendor)
        assert all(fault.struck for fault in vendor.control.board.faults)
    landed = {(row["customer_id"], row["ad_group_id"], row["date"]) for row in days(home) if row["date"] < "2026-06-18"}
    assert landed == set(truth(company, date(2026, 3, 1), date(2026, 6, 18)))


@pytest.mark.fault(12)
def test_past_its_sunset_the_version_is_refused_before_anything_is_asked(home: Home, vendors: Vendors) -> None:
    with vendors() as vendor:
        after = NOW.replace(year=google_ads.API_SUNSET.year + 1)
        with pytest.raises(
            SourceError, match=r"v\d+ of the interface was switched off on .*; install a newer saleshouse"
        ):
            land(home, vendor, now=after)
        assert not vendor.control.requests


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        pytest.param("scope_revoked", PermissionMissing, "customer", marks=pytest.mark.fault(6)),
        pytest.param("version_sunset", SourceError, "deprecated", marks=pytest.mark.fault(12)),
        pytest.param("html", MalformedData, "text/html", marks=pytest.mark.fault(4)),
        pytest.param("daily_quota", Unreachable, "quota is spent", marks=pytest.mark.fault(11)),
        pytest.param("expired_token", AuthenticationError, "GOOGLE_ADS_REFRESH_TOKEN", marks=pytest.mark.fault(5)),
    ],
)
def test_a_lasting_fault_is_one_line_and_the_lake_stays(
    home: Home, vendors: Vendors, fault: str, error: type[SaleshouseError], said: str
) -> None:
    with vendors() as vendor:
        vendor.control.switch_faults({"kind": fault, "path": "*searchStream", "after": 3, "times": None})
        with pytest.raises(error, match=said) as caught:
            land(home, vendor)
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS.values())
    assert ledger.read(home) == []


def test_a_refresh_token_that_was_revoked_says_what_to_set(
    home: Home, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_ADS_REFRESH_TOKEN", "old-one")
    with (
        vendors() as vendor,
        pytest.raises(AuthenticationError, match=r"revoked.*; make a new refresh token") as caught,
    ):
        land(home, vendor)
    assert "old-one" not in str(caught.value)


def test_figures_are_never_written_with_an_exponent() -> None:
    assert google_ads._text(0.00001) == "0.00001"
    assert google_ads._text(1e22) == "10000000000000000000000"
    assert google_ads._text(12.5) == "12.5"


def test_the_doctor_names_the_accounts(vendors: Vendors, company: Company) -> None:
    with vendors() as vendor:
        said = google_ads.check(vendor.settings)
    assert all(name in said for name in company.ad_accounts["name"])


@pytest.mark.fault(74)
def test_no_secret_is_left_in_the_home(home: Home, vendors: Vendors) -> None:
    """Also not in what dlt keeps of a landing that failed: traces and packages."""
    with vendors() as vendor:
        land(home, vendor)
        vendor.control.switch_faults({"kind": "expired_token", "path": "*searchStream", "times": None})
        with pytest.raises(AuthenticationError):
            land(home, vendor)
        issued = [text.removeprefix("Bearer ").encode() for text in vendor.control.authorizations]
    assert issued
    kept = [path for path in home.root.rglob("*") if path.is_file()]
    assert any(path.name == "trace.pickle" for path in kept)
    for path in kept:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in SECRETS.values()), path
        assert not any(token in content for token in issued), path
