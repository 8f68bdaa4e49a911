"""Google Ads: accounts, campaigns, and each ad group's days as they are reported at the time of reading.

What belongs here: the query language, the version of the interface and its end, the trailing window. What does not:
requests and their failures (ingestion/http.py), currencies and days of the reporting zone (staging and marts).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from configuration.errors import MalformedData, SourceError
from configuration.model import Settings, secret
from configuration.sources.google_ads import GoogleAds
from ingestion.http import NOTHING_LANDED, OAuthRefresh, RateLimiter, RestClient
from ingestion.landing import Window, tables_of

SOURCE = "google_ads"
BY_DAY = True

# Google lets a version live for about a year and publishes its last month beforehand.
API_VERSION = "v25"
API_SUNSET = date(2027, 8, 1)

_DAYS_PER_QUERY = 180
# Campaigns without ad groups (Performance Max) report their days under this id.
_NO_AD_GROUP = "0"

_CUSTOMERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("descriptive_name", pa.string()),
        ("currency_code", pa.string()),
        ("time_zone", pa.string()),
    ]
)
_CAMPAIGNS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("campaign_id", pa.string()),
        ("name", pa.string()),
        ("status", pa.string()),
        ("advertising_channel_type", pa.string()),
        ("start_date", pa.string()),
    ]
)
_AD_GROUP_DAYS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("campaign_id", pa.string()),
        ("ad_group_id", pa.string()),
        ("ad_group_name", pa.string()),
        ("date", pa.string()),
        ("impressions", pa.string()),
        ("clicks", pa.string()),
        ("cost_micros", pa.string()),
        ("conversions", pa.string()),
        ("conversions_value", pa.string()),
        ("currency_code", pa.string()),
        ("time_zone", pa.string()),
        ("window_start", pa.string()),
        ("window_end", pa.string()),
    ]
)
ENTITIES: dict[str, pa.Schema] = {
    "customers": _CUSTOMERS,
    "campaigns": _CAMPAIGNS,
    "ad_group_days": _AD_GROUP_DAYS,
}

Row = dict[str, str | None]

_METRICS = "metrics.impressions, metrics.clicks, metrics.cost_micros, metrics.conversions, metrics.conversions_value"


def enabled(settings: Settings) -> bool:
    section: GoogleAds = settings.sources.google_ads
    return section.enabled


def resources(settings: Settings, window: Window) -> Mapping[str, Iterable[pa.Table]]:
    """Accounts and campaigns when they changed, and the days of the window again; see `landing.py` for the seam."""
    reader = _reader(settings, window)
    return {
        "customers": tables_of(_CUSTOMERS, reader.checked("customers", reader.customers())),
        "campaigns": tables_of(_CAMPAIGNS, reader.checked("campaigns", reader.campaigns())),
        "ad_group_days": tables_of(_AD_GROUP_DAYS, reader.checked("ad_group_days", reader.ad_group_days())),
    }


def check(settings: Settings) -> str:
    """Asks each account who it is. Raises SourceError naming the account or the secret that does not work."""
    reader = _reader(settings, Window(datetime.now(UTC)))
    names = [str(row["descriptive_name"]) for row in reader.checked("customers", reader.all_customers())]
    return f"version {API_VERSION} answers for {', '.join(names)}"


def _reader(settings: Settings, window: Window) -> "_Reader":
    if window.now.date() >= API_SUNSET:
        raise SourceError(
            f"version {API_VERSION} of the interface was switched off on {API_SUNSET}",
            where=SOURCE,
            effect=NOTHING_LANDED,
            fix="install a newer saleshouse",
        )
    ads: GoogleAds = settings.sources.google_ads
    headers = {"developer-token": secret(ads.developer_token_env, where=SOURCE)}
    if ads.login_customer_id:
        headers["login-customer-id"] = ads.login_customer_id.replace("-", "")
    credentials = OAuthRefresh(
        SOURCE,
        ads.token_url,
        client_id=secret(ads.client_id_env, where=SOURCE),
        client_secret=secret(ads.client_secret_env, where=SOURCE),
        refresh_token=secret(ads.refresh_token_env, where=SOURCE),
        variables=(ads.client_id_env, ads.client_secret_env, ads.refresh_token_env, ads.developer_token_env),
        more_headers=headers,
    )
    client = RestClient(SOURCE, ads.base_url, credentials, RateLimiter(10, 1.0), cancelled=window.cancelled)
    return _Reader(client, window, settings.start_date, ads.trailing_days, ads.customer_ids)


@dataclass
class _Reader:
    client: RestClient
    window: Window
    start_date: date
    trailing_days: int
    customer_ids: tuple[str, ...]

    def customers(self) -> Iterator[Row]:
        yield from self._when_changed("customers", list(self.all_customers()))

    def all_customers(self) -> Iterator[Row]:
        return (self._customer(customer_id) for customer_id in self.customer_ids)

    def campaigns(self) -> Iterator[Row]:
        query = (
            "SELECT campaign.id, campaign.name, campaign.status, campaign.advertising_channel_type, "
            "campaign.start_date_time FROM campaign"
        )
        rows: list[Row] = []
        for customer_id in self.customer_ids:
            for result in self._stream(customer_id, query, "campaigns"):
                campaign = result["campaign"]
                rows.append(
                    {
                        "customer_id": customer_id,
                        "campaign_id": _text(campaign["id"]),
                        "name": _text(campaign.get("name")),
                        "status": _text(campaign.get("status")),
                        "advertising_channel_type": _text(campaign.get("advertisingChannelType")),
                        "start_date": (_text(campaign.get("startDateTime")) or "")[:10] or None,
                    }
                )
        yield from self._when_changed("campaigns", rows)

    def ad_group_days(self) -> Iterator[Row]:
        """Every day of the window as it is reported now: conversions are restated for weeks, each version is kept."""
        for customer_id in self.customer_ids:
            customer = self._customer(customer_id)
            key = f"{customer_id}_until"
            first, last = self._days(str(customer["time_zone"]), self.window.recall(key))
            fixed = {
                "customer_id": customer_id,
                "currency_code": customer["currency_code"],
                "time_zone": customer["time_zone"],
                "window_start": first.isoformat(),
                "window_end": last.isoformat(),
            }
            day = first
            while day <= last:
                until = min(last, day + timedelta(days=_DAYS_PER_QUERY - 1))
                for row in self._reported(customer_id, day, until):
                    yield row | fixed
                day = until + timedelta(days=1)
            if not self.window.is_backfill:
                self.window.remember(key, max(last.isoformat(), self.window.recall(key) or ""))

    def _days(self, time_zone: str, until: str | None) -> tuple[date, date]:
        """First and last day to ask for, both included, in the account's own calendar."""
        try:
            today = self.window.now.astimezone(ZoneInfo(time_zone)).date()
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise self._malformed(f"the account's time zone {time_zone!r} is not known", "customers") from exc
        if self.window.is_backfill:
            first = self.window.start or self.start_date
            last = self.window.end - timedelta(days=1) if self.window.end else today
            return first, last
        if until is None:
            return self.start_date, today
        trailing = min(today, date.fromisoformat(until)) - timedelta(days=self.trailing_days)
        return max(self.start_date, trailing), today

    def _reported(self, customer_id: str, first: date, last: date) -> Iterator[Row]:
        days = f"segments.date BETWEEN '{first}' AND '{last}'"
        covered: set[tuple[str | None, str | None]] = set()
        groups = f"SELECT campaign.id, ad_group.id, ad_group.name, segments.date, {_METRICS} FROM ad_group WHERE {days}"
        for result in self._stream(customer_id, groups, "ad_group_days"):
            row = _day(result) | {
                "ad_group_id": _text(result["adGroup"]["id"]),
                "ad_group_name": _text(result["adGroup"].get("name")),
            }
            covered.add((row["campaign_id"], row["date"]))
            yield row
        # Performance Max spends money without ad groups: its days come from the campaigns, or they would be missing.
        campaigns = f"SELECT campaign.id, segments.date, {_METRICS} FROM campaign WHERE {days}"
        for result in self._stream(customer_id, campaigns, "ad_group_days"):
            row = _day(result) | {"ad_group_id": _NO_AD_GROUP, "ad_group_name": None}
            if (row["campaign_id"], row["date"]) not in covered:
                yield row

    def _customer(self, customer_id: str) -> Row:
        query = (
            "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone "
            "FROM customer LIMIT 1"
        )
        for result in self._stream(customer_id, query, "customers"):
            customer = result["customer"]
            return {
                "customer_id": customer_id,
                "descriptive_name": _text(customer.get("descriptiveName")),
                "currency_code": _text(customer.get("currencyCode")),
                "time_zone": _text(customer.get("timeZone")),
            }
        raise self._malformed(f"account {customer_id} answers without itself", "customers")

    def _stream(self, customer_id: str, query: str, entity: str) -> Iterator[dict[str, Any]]:
        path = f"/{API_VERSION}/customers/{customer_id}/googleAds:searchStream"
        batches = self.client.post(
            path,
            {"query": query},
            entity=entity,
            scope=f"access of the refresh token's user to customer {customer_id}",
            expect=lambda document: isinstance(document, list) and all(isinstance(one, dict) for one in document),
        )
        for batch in batches:
            if "error" in batch:
                raise self._malformed("the stream ends with an error", entity)
            yield from batch.get("results") or []

    def checked(self, entity: str, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows; a document of another shape than the interface documents ends in one line."""
        try:
            yield from rows
        except (KeyError, TypeError, AttributeError) as exc:
            raise self._malformed(f"a document of another shape ({type(exc).__name__}: {exc})", entity) from exc

    def _when_changed(self, entity: str, rows: list[Row]) -> Iterator[Row]:
        if not rows and self.window.landed_rows.get(entity):
            raise self._malformed("the answer is empty, although rows were landed before", entity)
        digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
        if digest != self.window.recall(f"{entity}_digest"):
            yield from rows
            self.window.remember(f"{entity}_digest", digest)

    def _malformed(self, what: str, entity: str) -> MalformedData:
        return MalformedData(
            what,
            where=f"{SOURCE}.{entity}",
            effect=NOTHING_LANDED,
            fix="check customer_ids of google_ads in saleshouse.yml, then run again",
        )


def _day(result: Mapping[str, Any]) -> Row:
    metrics = result.get("metrics") or {}
    return {
        "campaign_id": _text(result["campaign"]["id"]),
        "date": _text(result["segments"]["date"]),
        # The interface leaves out what is zero.
        "impressions": _text(metrics.get("impressions", 0)),
        "clicks": _text(metrics.get("clicks", 0)),
        "cost_micros": _text(metrics.get("costMicros", 0)),
        "conversions": _text(metrics.get("conversions", 0)),
        "conversions_value": _text(metrics.get("conversionsValue", 0)),
    }


def _text(value: Any) -> str | None:
    if value is None:
        return None
    # Never 1e-05: the text is cast to decimal later.
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
