"""Events and ad days that land again and again, in any order, whole or not: what counts is what was told last.

Sessions are compared with a plain count of the events of the files that count; ads with rows worked by hand.
"""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .conftest import Lake

WEB = ("--indirect-selection", "cautious", "--select", "+fct_carts")
ADS = ("--indirect-selection", "cautious", "--select", "+fct_ad_performance_daily", "+dim_campaigns")
PRAGUE, UTC = ZoneInfo("Europe/Prague"), ZoneInfo("UTC")
Row = dict[str, str | None]


def event(at: datetime, visitor: str, session: str, name: str, **more: str) -> Row:
    """`at` is UTC without zone; the export's day is Prague's."""
    day = at.replace(tzinfo=UTC).astimezone(PRAGUE).date()
    return {
        "event_date": day.strftime("%Y%m%d"),
        "event_timestamp": str(int(at.replace(tzinfo=UTC).timestamp() * 1_000_000)),
        "event_name": name,
        "user_pseudo_id": visitor,
        "ga_session_id": session,
        **more,
    }


def as_file(events: list[Row], day: date, version: int, is_intraday: bool) -> list[Row]:
    name = f"events_intraday_{day:%Y%m%d}.json" if is_intraday else f"events_{day:%Y%m%d}.parquet"
    told = {"file_name": name, "file_version": f"v{version}", "is_intraday": str(is_intraday).lower()}
    return [{**row, **told} for row in events]


def invented_events(chance: random.Random, days: list[date]) -> dict[date, list[Row]]:
    """Sessions at any hour, so that some go over midnight, with purchases that are sometimes sent twice."""
    events: dict[date, list[Row]] = {day: [] for day in days}
    for number in range(40):
        visitor = f"v{number % 9}"
        moment = datetime.combine(chance.choice(days), datetime.min.time()) + timedelta(minutes=chance.randrange(1440))
        for position in range(chance.randint(1, 5)):
            name = chance.choice(["page_view", "page_view", "scroll", "add_to_cart", "purchase"])
            bought = {"transaction_id": f"t{number}", "purchase_revenue": "5", "currency": "EUR"}
            more = bought if name == "purchase" else {}
            if position == chance.randint(0, 2):
                more = more | {"source": f"s{number % 3}", "medium": "email"}
            row = event(moment, visitor, str(number), name, **more)
            day = datetime.strptime(str(row["event_date"]), "%Y%m%d").date()
            if day in events:
                events[day].append(row)
            moment += timedelta(seconds=chance.randint(1, 2400))
    return events


def counted(files: dict[date, list[Row]]) -> dict[str, tuple[int, int, str | None, datetime]]:
    """Events, page views, first source and first moment by session, plainly."""
    sessions: dict[str, list[Row]] = {}
    for rows in files.values():
        for row in rows:
            sessions.setdefault(f"{row['user_pseudo_id']}:{row['ga_session_id']}", []).append(row)
    found = {}
    for key, rows in sessions.items():
        rows.sort(key=lambda row: int(str(row["event_timestamp"])))
        start = datetime.fromtimestamp(int(str(rows[0]["event_timestamp"])) / 1e6, UTC).replace(tzinfo=None)
        source = next((row["source"] for row in rows if row.get("source")), None)
        found[key] = (len(rows), sum(row["event_name"] == "page_view" for row in rows), source, start)
    return found


def test_event_files_in_any_order_give_what_a_rebuild_gives(lakes: Callable[[], Lake]) -> None:
    chance = random.Random(3)
    days = [date(2026, 6, 14) + timedelta(days=number) for number in range(3)]
    events = invented_events(chance, days)
    by_load, at_once = lakes(), lakes()
    told: dict[date, tuple[bool, list[Row]]] = {}
    for number in range(5):
        rows: list[Row] = []
        for day in chance.sample(days, chance.randint(1, 3)):
            is_intraday = chance.random() < 0.4
            share = [row for row in events[day] if chance.random() < (0.5 if is_intraday else 0.9)]
            if not share:
                continue
            rows += as_file(share, day, number, is_intraday)
            # A final file goes before any intraday one; else the newest.
            if day not in told or not is_intraday or told[day][0]:
                told[day] = (is_intraday, share)
        fetched_at = f"2026-06-17T0{number}:00:00Z"
        by_load.land("ga4", {"events": rows}, fetched_at)
        at_once.land("ga4", {"events": rows}, fetched_at)
        if number in (0, 2, 4):
            by_load.build(selection=WEB)
    at_once.build(selection=WEB)
    assert by_load.contents()["fct_sessions"] == at_once.contents()["fct_sessions"]
    assert by_load.contents()["fct_carts"] == at_once.contents()["fct_carts"]

    found = by_load.rows("select session_key, events, page_views, source, started_at from fct_sessions")
    expected = counted({day: rows for day, (_, rows) in told.items()})
    assert {row.pop("session_key"): tuple(row.values()) for row in found} == expected
    purchases = {row["transaction_id"] for _, rows in told.values() for row in rows if row.get("transaction_id")}
    assert by_load.rows("select sum(purchases) as n from fct_sessions")[0]["n"] == len(purchases)
    put_in = sum(row["event_name"] == "add_to_cart" for _, rows in told.values() for row in rows)
    assert by_load.rows("select sum(additions) as n from fct_carts")[0]["n"] == put_in


def test_a_day_that_loses_its_last_shop_event_loses_its_cart(lake: Lake) -> None:
    noon, day = datetime(2026, 6, 16, 10), date(2026, 6, 16)
    put_in, seen = event(noon, "v", "1", "add_to_cart"), event(noon, "v", "1", "page_view")
    lake.land("ga4", {"events": as_file([seen, put_in], day, 1, True)}, "2026-06-16T12:00:00Z")
    lake.build(selection=WEB)
    assert lake.rows("select status, additions from fct_carts") == [{"status": "abandoned", "additions": 1}]
    lake.land("ga4", {"events": as_file([seen], day, 2, False)}, "2026-06-17T06:00:00Z")
    lake.build(selection=WEB)
    assert lake.rows("select count(*) as n from fct_carts") == [{"n": 0}]


@pytest.mark.fault(38)
def test_a_surge_of_bots_is_flagged_and_not_deleted(lake: Lake) -> None:
    noon = datetime(2026, 6, 16, 10)
    visits = [event(noon + timedelta(seconds=n), f"bot{n % 50}", "1", "page_view") for n in range(50 * 30)]
    visits += [event(noon, "person", "1", "page_view", engagement_time_msec="900")]
    lake.land("ga4", {"events": as_file(visits, date(2026, 6, 16), 1, False)}, "2026-06-17T06:00:00Z")
    lake.build(selection=WEB)
    found = lake.rows("select is_bot, count(*) as n, sum(events) as events from fct_sessions group by all order by all")
    assert [tuple(row.values()) for row in found] == [(False, 1, 1), (True, 50, 1500)]


def ad_day(day: str, cost: int, campaign: str = "c", window: tuple[str, str] = ("2026-06-01", "2026-06-17")) -> Row:
    return {
        "customer_id": "1", "campaign_id": campaign, "ad_group_id": "g", "date": day, "impressions": "10",
        "clicks": "1", "cost_micros": str(cost), "conversions": "0", "conversions_value": "0", "currency_code": "USD",
        "time_zone": "America/Los_Angeles", "window_start": window[0], "window_end": window[1],
    }  # fmt: skip


def daily_rates() -> list[Row]:
    quoted = {"2026-06-15": "0.8", "2026-06-16": "0.9", "2026-06-17": "0.7"}
    more = {"currency": "USD", "kind": "daily", "system": "finance", "mapping_name": "rates", "file_name": "rates.csv"}
    return [
        {"rate_date": day, "rate_to_reporting": rate, "row_number": str(number), **more}
        for number, (day, rate) in enumerate(quoted.items(), start=1)
    ]


@pytest.mark.fault(60)
def test_an_ad_day_is_the_accounts_day_and_is_converted_at_its_rate(lake: Lake) -> None:
    # The 16th in Los Angeles ends at 9 o'clock of the 17th in Prague: it stays the 16th, with the rate of the 16th.
    lake.land("files", {"rates": daily_rates()}, "2026-06-17T05:00:00Z")
    lake.land("google_ads", {"ad_group_days": [ad_day("2026-06-16", 10_000_000)]}, "2026-06-17T06:00:00Z")
    lake.build(selection=ADS)
    found: list[dict[str, Any]] = lake.rows("select date_day, spend, spend_reporting from fct_ad_performance_daily")
    assert found == [{"date_day": date(2026, 6, 16), "spend": Decimal(10), "spend_reporting": Decimal(9)}]


def test_days_that_are_read_again_are_replaced_and_what_they_lack_is_taken_back(lake: Lake) -> None:
    lake.land("files", {"rates": daily_rates()}, "2026-06-17T05:00:00Z")
    first = [ad_day("2026-06-15", 1_000_000), ad_day("2026-06-16", 2_000_000), ad_day("2026-06-16", 5_000_000, "gone")]
    lake.land("google_ads", {"ad_group_days": first}, "2026-06-17T06:00:00Z")
    lake.build(selection=ADS)
    assert lake.rows("select sum(spend) as spend from fct_ad_performance_daily") == [{"spend": Decimal(8)}]

    again = [ad_day("2026-06-16", 3_000_000, window=("2026-06-16", "2026-06-17"))]
    lake.land("google_ads", {"ad_group_days": again}, "2026-06-18T06:00:00Z")
    lake.build(selection=ADS)
    found = lake.rows("select campaign_id, date_day, spend from fct_ad_performance_daily order by date_day")
    assert [tuple(row.values()) for row in found] == [
        ("c", date(2026, 6, 15), Decimal(1)),
        ("c", date(2026, 6, 16), Decimal(3)),
    ]
    # Both versions stay where they were staged.
    assert lake.staged("stg_google_ads__ad_days") == 4
