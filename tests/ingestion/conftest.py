"""A small simulated company, its vendors on loopback, and a home, for the tests of ingestion.

What belongs here: fixtures. What does not: assertions.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configuration.paths import Home
from configuration.sources.google_ads import GoogleAds
from configuration.sources.hubspot import HubSpot
from ingestion import http
from simulator import company as companies
from simulator import hubspot as simulated_hubspot
from simulator import server

NOW = datetime(2026, 6, 18, 6, tzinfo=UTC)
SECRETS = {
    "HUBSPOT_TOKEN": "demo-token",
    "GOOGLE_ADS_DEVELOPER_TOKEN": "demo-developer-token",
    "GOOGLE_ADS_CLIENT_ID": "demo-client-id",
    "GOOGLE_ADS_CLIENT_SECRET": "demo-client-secret",
    "GOOGLE_ADS_REFRESH_TOKEN": "demo-refresh-token",
}

Vendors = Callable[..., AbstractContextManager[SimpleNamespace]]


@pytest.fixture(scope="session")
def company() -> companies.Company:
    return companies.generate(seed=7, scale=0.01)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "var")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets as the simulator knows them; no waiting where waiting is not what is tested."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", (1.0, 1.0))
    monkeypatch.setattr(http.RateLimiter, "wait", lambda self, urgent: None)


@pytest.fixture
def vendors(company: companies.Company) -> Vendors:
    """A context: the simulated vendors at `now`, yielding control, url and settings for the sources."""

    @contextmanager
    def started(now: datetime = NOW, **options: Any) -> Iterator[SimpleNamespace]:
        limits = options.pop("limits", simulated_hubspot.Limits(ten_seconds=None))
        with server.running(company, now, limits=limits, **options) as (url, control):
            settings = SimpleNamespace(
                start_date=date(2026, 3, 1),
                sources=SimpleNamespace(
                    hubspot=HubSpot(
                        enabled=True, base_url=f"{url}/hubspot", deal_splits=True, feedback_submissions=True
                    ),
                    google_ads=GoogleAds(
                        enabled=True,
                        base_url=f"{url}/google_ads",
                        token_url=f"{url}/google_ads/token",
                        customer_ids=tuple(company.ad_accounts["customer_id"].astype(str)),
                    ),
                ),
            )
            yield SimpleNamespace(url=url, control=control, settings=settings)

    return started
