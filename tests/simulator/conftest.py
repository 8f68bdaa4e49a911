"""A company small enough to know by heart: what each table holds is what the tests of the faces expect."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from simulator import hubspot
from simulator.company import Company
from simulator.server import Control, running

NOW = pd.Timestamp("2026-06-18T06:00:00").to_pydatetime()


def moments(*texts: str | None) -> np.ndarray[Any, Any]:
    return np.array([np.datetime64("NaT") if t is None else np.datetime64(t) for t in texts], dtype="datetime64[ms]")


def table(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({k: v if hasattr(v, "dtype") else pd.Series(v, dtype=None) for k, v in columns.items()})
    return frame.astype({k: object for k in frame.columns if frame[k].dtype.kind not in "iufbM"})


def owners() -> pd.DataFrame:
    return table(
        owner_id=["11", "12", "13"],
        user_id=["91", "92", "93"],
        first_name=["Jana", "Piet", "Inbound"],
        last_name=["Nováková", "Janssen", "Queue"],
        email=["jana@aldergate.example", "piet@aldergate.example", "queue@aldergate.example"],
        team=["Mid-Market", "Enterprise", None],
        manager_id=[None, "11", None],
        kind=["person", "person", "queue"],
        active_from=moments("2023-01-02T07:00", "2023-02-01T07:00", "2023-01-01T00:00"),
        left_at=moments(None, "2026-03-31T16:00", None),
    )


def accounts() -> pd.DataFrame:
    return table(
        account_id=["501", "502", "503"],
        name=["Brückner GmbH", "Brückner", "Later Ltd"],
        domain=["brueckner.example", None, "later.example"],
        industry=["Machinery", None, "Retail"],
        country=["Germany", "Germany", "Malta"],
        employee_count=pd.array([12500, None, 12], dtype="Int64"),
        segment=["enterprise", "unknown", "small"],
        owner_id=["11", "11", "12"],
        parent_account_id=[None, None, "502"],
        created_at=moments("2024-01-10T09:00", "2024-02-10T09:00", "2026-06-18T07:00"),
    )


def contacts() -> pd.DataFrame:
    ids = ["1001", "1002", "1003", "9007199254740993", "1005"]
    return table(
        contact_id=ids,
        account_id=["501", "502", "501", None, None],
        first_name=["Anna", "Anna", "Ben", "Cleo", "Dan"],
        last_name=["Weiß", "Weiß", "Olm", "Pax", "Qui"],
        email=["anna@brueckner.example", None, "ben@brueckner.example", "cleo@inbox.example", "dan@inbox.example"],
        country=["Germany", "Germany", "Germany", "Malta", "Malta"],
        job_title=["Buyer", None, "CFO", None, None],
        created_at=moments(
            "2024-01-10T10:00:00.123", "2024-02-10T10:00", "2024-03-31T00:30", "2026-06-17T22:30", "2026-06-18T06:00"
        ),
        source_label=["PAID_SEARCH", "OFFLINE", "ORGANIC_SEARCH", None, "OFFLINE"],
        source_detail=["Brand CZ", "IMPORT", None, None, None],
        lead_source=[None, "Trade show", None, None, None],
        visitor_id=["100.1", None, None, "100.4", None],
        gclid=["Cj0abc", None, None, None, None],
        owner_id=["11", "11", "11", "13", "13"],
        purchase_timeframe=["now", None, None, None, None],
        is_test=[False] * 5,
        true_channel=["paid_search"] * 5,
        true_campaign_id=["771", None, None, None, None],
    )


def changes() -> pd.DataFrame:
    rows = [
        ("contact", "1001", "lifecycle", "lead", "2024-01-10T10:00:00.123", None, "FORM"),
        ("contact", "1001", "lead_status", "NEW", "2024-01-10T10:00:00.123", None, "FORM"),
        ("contact", "1001", "owner_id", "11", "2024-01-10T10:00:00.123", None, "AUTOMATION_PLATFORM"),
        ("contact", "1001", "lifecycle", "marketingqualifiedlead", "2024-01-12T08:00", "91", "CRM_UI"),
        ("contact", "1001", "lead_status", "UNQUALIFIED", "2024-01-20T08:00", "91", "CRM_UI"),
        ("contact", "1001", "lead_status", "OPEN", "2024-02-20T08:00", "91", "CRM_UI"),
        ("contact", "1001", "lifecycle", "opportunity", "2026-06-18T06:00", "91", "CRM_UI"),
        ("contact", "1003", "lifecycle", "lead", "2024-03-31T00:30", None, "IMPORT"),
        ("company", "501", "name", "Brückner AG & Co", "2024-01-10T09:00", "91", "CRM_UI"),
        ("company", "501", "name", "Brückner SE", "2025-01-10T09:00", "91", "CRM_UI"),
        ("company", "501", "owner_id", "12", "2025-02-10T09:00", "91", "CRM_UI"),
        ("deal", "3001", "stage", "s1", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "pipeline", "p1", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "amount", "1500.00", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "amount", None, "2024-02-02T09:00", "91", "CRM_UI"),
        ("deal", "3001", "amount", "1750.50", "2024-02-03T09:00", "92", "INTEGRATION"),
        ("deal", "3001", "close_date", "2024-03-31", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "close_date", "2024-04-30", "2024-03-30T09:00", "91", "CRM_UI"),
        ("deal", "3001", "owner_id", "12", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "currency", "EUR", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "next_step", "Call Ben", "2024-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3001", "next_step", None, "2024-04-20T09:00", "91", "CRM_UI"),
        ("deal", "3001", "stage", "s2", "2024-04-20T09:00", "91", "CRM_UI"),
        *(
            ("line_item", line, name, value, "2024-02-02T09:00:01", None, "CRM_UI")
            for line in ("701", "702", "703")
            for name, value in (("quantity", "2"), ("price", "1000.50"), ("amount", "1800.00"))
        ),
        ("line_item", "701", "amount", "1650.50", "2024-02-03T09:02", None, "CRM_UI"),
        ("line_item", "702", "outcome", "lost", "2024-04-20T09:01", None, "CRM_UI"),
        ("deal", "3002", "stage", "s1", "2025-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3002", "pipeline", "p1", "2025-02-01T09:00", "91", "CRM_UI"),
        ("deal", "3003", "stage", "s1", "2025-03-01T09:00", "91", "CRM_UI"),
        ("deal", "3003", "pipeline", "p1", "2025-03-01T09:00", "91", "CRM_UI"),
    ]
    names = ("object", "record_id", "field", "value", "at", "user_id", "source_type")
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["at"] = moments(*columns["at"])
    return table(**columns)


def activities() -> pd.DataFrame:
    return table(
        activity_id=["601", "602", "603", "604"],
        kind=["call", "meeting", "email", "task"],
        owner_id=["11", "11", "12", "11"],
        contact_id=["1002", "1001", "1003", None],
        deal_id=[None, "3001", None, "3001"],
        account_id=["502", "501", None, "501"],
        subject=["First call", "Demo", "Re: offer", "=SUM(A1)"],
        direction=["outbound", "outbound", "inbound", "outbound"],
        outcome=["CONNECTED", "COMPLETED", "OPENED", "NOT_STARTED"],
        is_completed=[True, True, True, False],
        duration_seconds=pd.array([125, 1800, None, None], dtype="Int64"),
        at=moments("2024-02-11T09:00", "2026-06-20T09:00", "2024-04-01T09:00", "2024-05-01T09:00"),
        created_at=moments("2024-02-11T09:05", "2026-06-10T09:00", "2024-04-01T09:00", "2024-04-25T09:00"),
    )


def ad_days() -> pd.DataFrame:
    days = [date(2026, 6, 17), date(2026, 6, 16), date(2026, 6, 1)]
    return table(
        customer_id=["1234567890"] * 3,
        campaign_id=["771"] * 3,
        ad_group_id=["881"] * 3,
        date=[days[0], days[1], days[2]],
        impressions=[2400, 1000, 12345],
        clicks=[48, 20, 321],
        cost_micros=[24_000_000, 10_500_000, 1_234_567_890],
        conversions=[4.0, 10.0, 3.5],
        conversions_value=[400.0, 1000.0, 350.0],
        restate_days=[10, 10, 10],
    )


EVENTS = [
    # at (UTC), day of the property, visitor, session, name, late days
    ("2026-06-15T21:30:00", "2026-06-15", "100.1", 1, "session_start", 0),
    ("2026-06-15T21:30:01", "2026-06-15", "100.1", 1, "page_view", 0),
    ("2026-06-15T22:30:00", "2026-06-16", "100.1", 1, "page_view", 1),
    ("2026-06-16T10:00:00", "2026-06-16", "100.4", 2, "page_view", 0),
    ("2026-06-17T10:00:00", "2026-06-17", "100.4", 3, "purchase", 0),
    ("2026-06-17T11:00:00", "2026-06-17", "100.4", 3, "page_view", 2),
    ("2026-06-18T05:00:00", "2026-06-18", "100.4", 4, "page_view", 0),
    ("2026-06-18T07:00:00", "2026-06-18", "100.4", 4, "page_view", 0),
]


def events() -> pa.Table:
    count = len(EVENTS)
    purchase = [name == "purchase" for _, _, _, _, name, _ in EVENTS]
    items = '[{"item_id": "sku1", "item_name": "Planner", "price": 24.5, "quantity": 2}]'
    return pa.table(
        {
            "event_at": pa.array([pd.Timestamp(e[0]) for e in EVENTS], pa.timestamp("us", tz="UTC")),
            "event_day": pa.array([date.fromisoformat(e[1]) for e in EVENTS], pa.date32()),
            "visitor_id": [e[2] for e in EVENTS],
            "user_id": pa.nulls(count, pa.string()),
            "session_id": pa.array([e[3] for e in EVENTS], pa.int64()),
            "session_number": pa.array([1] * count, pa.int64()),
            "name": [e[4] for e in EVENTS],
            "page_location": ["https://www.aldergate.example/"] * count,
            "page_referrer": pa.nulls(count, pa.string()),
            "engagement_ms": pa.array([None, 1500, None, 10, 20, 30, 40, 50], pa.int64()),
            "is_engaged": [True] * count,
            "source": pa.array(["google", *[None] * (count - 1)], pa.string()),
            "medium": pa.array(["cpc", *[None] * (count - 1)], pa.string()),
            "campaign": pa.array(["Brand CZ", *[None] * (count - 1)], pa.string()),
            "gclid": pa.array(["Cj0abc", *[None] * (count - 1)], pa.string()),
            "device": ["mobile"] * count,
            "country": ["Czechia"] * count,
            "transaction_id": pa.array(["T1" if p else None for p in purchase], pa.string()),
            "revenue": pa.array([49.0 if p else None for p in purchase], pa.float64()),
            "currency": pa.array(["EUR" if p else None for p in purchase], pa.string()),
            "items": pa.array([items if p else None for p in purchase], pa.string()),
            "late_days": pa.array([e[5] for e in EVENTS], pa.int8()),
            "is_bot": [False] * count,
        }
    )


def make_company() -> Company:
    return Company(
        owners=owners(),
        owner_moves=table(
            owner_id=["11"],
            at=moments("2026-06-18T06:00"),
            team=["Enterprise"],
            manager_id=["12"],
        ),
        accounts=accounts(),
        contacts=contacts(),
        deals=table(
            deal_id=["3001", "3002", "3003"],
            name=["=Brückner licence", "Doomed", "Back again"],
            account_id=["502", "501", "501"],
            pipeline_id=["p1", "p1", "p1"],
            deal_type=["newbusiness", "newbusiness", "existingbusiness"],
            created_at=moments("2024-02-01T09:00", "2025-02-01T09:00", "2025-03-01T09:00"),
            created_by=["91", None, "92"],
            is_imported=[False, True, False],
            said_paid_once=["250.50", None, "0.00"],
            true_channel=["paid_search", "direct", "direct"],
        ),
        deal_contacts=table(deal_id=["3001", "3001", "3003"], contact_id=["1003", "1002", "1001"], position=[1, 0, 0]),
        deal_splits=table(
            split_id=["801", "802", "803", "804", "805"],
            deal_id=["3001", "3001", "3001", "3001", "3001"],
            owner_id=["12", "11", "12", "11", "11"],
            share=["0.5", "0.5", "0.66666667", "0.33333333", "1"],
            kind=["revenue"] * 4 + ["overlay"],
            noted_in=["crm"] * 4 + ["finance"],
            agreed_at=moments(
                "2024-02-05T09:00", "2024-02-05T09:00", "2024-05-05T09:00", "2024-05-05T09:00", "2024-02-05T23:30"
            ),
        ),
        changes=changes(),
        merges=table(
            object=["contact", "company", "contact"],
            survivor_id=["1001", "501", "1003"],
            merged_id=["1002", "502", "1001"],
            at=moments("2024-06-01T09:00", "2024-06-02T09:00", "2026-06-18T06:00"),
        ),
        deletions=table(
            object=["deal", "deal", "contact", "product"],
            record_id=["3002", "3003", "1003", "402"],
            at=moments("2025-05-01T09:00", "2025-05-01T09:00", "2026-06-18T06:30", "2025-10-01T09:00"),
            restored_at=moments(None, "2025-05-03T09:00", None, None),
        ),
        activities=activities(),
        pipelines=table(pipeline_id=["p1"], label=["Sales pipeline"], purpose=["new_business"], display_order=[0]),
        stages=table(
            pipeline_id=["p1", "p1"],
            stage_id=["s1", "s2"],
            label=["Discovery", "Closed won"],
            display_order=[0, 1],
            probability=[0.2, 1.0],
            is_closed=[False, True],
            is_won=[False, True],
            true_stage=["qualification", "won"],
        ),
        products=table(
            product_id=["401", "402"],
            name=["Core", "Workshop"],
            sku=["CORE", None],
            price=[1200.0, 950.5],
            billing_frequency=["annually", None],
            created_at=moments("2019-05-01T08:00", "2019-05-01T08:00"),
        ),
        line_items=table(
            line_item_id=["701", "702", "703"],
            deal_id=["3001", "3001", "3002"],
            product_id=["401", None, "401"],
            name=["Core", "Travel", "Core"],
            sku=["CORE", None, "CORE"],
            billing_frequency=["annually", None, "annually"],
            currency=[None, None, None],
            created_at=moments("2024-02-02T09:00", "2024-02-02T09:00:01", "2025-02-02T09:00"),
        ),
        ad_accounts=table(
            customer_id=["1234567890"], name=["Aldergate US"], currency=["USD"], time_zone=["America/New_York"]
        ),
        campaigns=table(
            campaign_id=["771"],
            customer_id=["1234567890"],
            name=["Brand CZ"],
            channel_type=["SEARCH"],
            status=["ENABLED"],
            start_date=[date(2023, 7, 1)],
            true_channel=["paid_search"],
        ),
        ad_groups=table(ad_group_id=["881"], campaign_id=["771"], name=["Exact"]),
        ad_days=ad_days(),
        events=events(),
        orders=table(
            transaction_id=["T1"],
            visitor_id=["100.4"],
            at=moments("2026-06-17T10:00"),
            revenue=[49.0],
            currency=["EUR"],
        ),
        targets=table(
            period_start=[date(2026, 6, 1), date(2027, 1, 1)],
            period_type=["month", "month"],
            level=["company", "company"],
            member=[None, None],
            measure=["bookings", "bookings"],
            amount=["150000.50", "160000.00"],
            currency=["EUR", "EUR"],
        ),
        rates=table(
            rate_date=[date(2026, 6, 17), date(2026, 6, 18), date(2026, 1, 1)],
            currency=["USD", "USD", "USD"],
            rate_to_reporting=["0.921000000", "0.922000000", "0.900000000"],
            kind=["daily", "daily", "plan"],
        ),
        budgets=table(
            period_start=[date(2026, 6, 1)], campaign_id=["771"], channel=[None], amount=["3000.00"], currency=["EUR"]
        ),
        holidays=table(region=["CZ"], holiday_date=[date(2026, 7, 6)], name=["Jan Hus Day"]),
        channel_effects=table(channel=["paid_search"]),
        contracts=table(
            contract_id=["K1", "K2"],
            account_id=["502", "501"],
            deal_id=["3001", None],
            amount=[1750.5, 12000.0],
            amount_period=["month", "year"],
            currency=["EUR", "USD"],
            signed_date=moments("2024-04-20", "2026-06-18").astype("datetime64[s]"),
            start_date=moments("2024-05-01", "2026-07-01").astype("datetime64[s]"),
            end_date=moments("2025-04-30", "2027-06-30").astype("datetime64[s]"),
            renewal_date=moments("2025-05-01", "2027-07-01").astype("datetime64[s]"),
            notice_date=moments("2025-02-03", None).astype("datetime64[s]"),
        ),
        forecast_submissions=table(
            level=["team", "company"],
            member=["Mid-Market", None],
            period_type=["month", "quarter"],
            period_start=moments("2026-06-01", "2026-04-01").astype("datetime64[s]"),
            category=["commit", "best_case"],
            amount=[90500.0, 300000.0],
            currency=["EUR", "USD"],
            submitted_on=moments("2026-06-15", "2026-06-18").astype("datetime64[s]"),
        ),
        feedback=table(
            feedback_id=["F1", "F2", "81", "82", "83"],
            kind=["nps", "csat", "nps", "csat", "csat"],
            score=[9, 2, 6, 5, 3],
            account_id=["502", "501", "501", "501", "502"],
            contact_id=[None, None, "1003", "1003", "1002"],
            answered_date=moments("2024-06-10", "2026-06-18", *["2026-06-10"] * 3).astype("datetime64[s]"),
            answered_at=moments("2024-06-10T08:00", "2026-06-18T08:00", *["2026-06-10T08:00"] * 3),
        ),
        addressable_accounts=table(
            segment=["mid"], country=["Germany"], account_name=["Müller KG"], domain=["mueller.example"]
        ),
    )


class Vendors:
    """The running server of the tiny company, asked as a client would ask it."""

    def __init__(self, url: str, control: Control) -> None:
        self.url, self.control = url, control
        self.client = httpx.Client(base_url=url, headers={"Authorization": "Bearer demo-token"}, timeout=10)

    def crm(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"/hubspot/crm{path}", params=query)

    def crm_post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(f"/hubspot/crm{path}", json=body)

    def token(self) -> str:
        form = {
            "grant_type": "refresh_token",
            "client_id": "demo-client-id",
            "client_secret": "demo-client-secret",
            "refresh_token": "demo-refresh-token",
        }
        return str(self.client.post("/google_ads/token", data=form).json()["access_token"])

    def ads(self, query: str, *, verb: str = "searchStream", version: str = "v23", **more: Any) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {more.pop('token', None) or self.token()}",
            "developer-token": "demo-developer-token",
        } | more.pop("headers", {})
        path = f"/google_ads/{version}/customers/{more.pop('customer', '1234567890')}/googleAds:{verb}"
        return self.client.post(path, json={"query": query} | more, headers=headers)


@pytest.fixture(scope="session")
def company() -> Company:
    return make_company()


@pytest.fixture
def now() -> Any:
    return NOW


@pytest.fixture
def vendors(company: Company) -> Iterator[Vendors]:
    """Without rate limits, which have tests of their own."""
    limits = hubspot.Limits(ten_seconds=None)
    with running(company, NOW, limits=limits) as (url, control):
        yield Vendors(url, control)
