"""Google Ads' face: the token exchange, the query language, restated figures, error documents."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from simulator import google_ads, hubspot
from simulator.server import running

DAYS = (
    "SELECT campaign.id, ad_group.id, ad_group.name, segments.date, metrics.impressions, metrics.clicks, "
    "metrics.cost_micros, metrics.conversions, metrics.conversions_value FROM ad_group "
    "WHERE segments.date BETWEEN '{}' AND '{}'"
)


def failure(answer: httpx.Response) -> dict[str, Any]:
    detail = answer.json()["error"]["details"][0]
    assert detail["@type"].endswith("errors.GoogleAdsFailure")
    found: dict[str, Any] = detail["errors"][0]["errorCode"]
    return found


def test_a_refresh_token_is_exchanged_for_an_hours_access(vendors: Any) -> None:
    form = {"grant_type": "refresh_token", "client_id": "demo-client-id", "client_secret": "demo-client-secret"}
    good = vendors.client.post("/google_ads/token", data=form | {"refresh_token": "demo-refresh-token"})
    assert (good.json()["token_type"], good.json()["expires_in"]) == ("Bearer", 3599)
    bad = vendors.client.post("/google_ads/token", data=form | {"refresh_token": "revoked"})
    assert (bad.status_code, bad.json()["error"]) == (400, "invalid_grant")
    stranger = vendors.client.post("/google_ads/token", data=form | {"client_id": "x", "refresh_token": "y"})
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")


def test_an_access_token_ends_after_its_hour(vendors: Any) -> None:
    token = vendors.token()
    clock = vendors.control.ads.clock
    vendors.control.ads.clock = lambda: clock() + 3600
    answer = vendors.ads("SELECT customer.id FROM customer", token=token)
    assert answer.status_code == 401
    assert failure(answer) == {"authenticationError": "OAUTH_TOKEN_INVALID"}


def test_rows_are_nested_camel_case_with_int64_as_text(vendors: Any) -> None:
    batch = vendors.ads(DAYS.format("2026-06-01", "2026-06-01")).json()[0]
    assert batch["results"] == [
        {
            "adGroup": {"resourceName": "customers/1234567890/adGroups/881", "id": "881", "name": "Exact"},
            "campaign": {"id": "771"},
            "segments": {"date": "2026-06-01"},
            "metrics": {
                "impressions": "12345",
                "clicks": "321",
                "costMicros": "1234567890",
                "conversions": 3.5,
                "conversionsValue": 350.0,
            },
        }
    ]
    assert batch["fieldMask"].startswith("campaign.id,adGroup.id")


def test_customer_and_campaign(vendors: Any) -> None:
    asked = "SELECT customer.id, customer.currency_code, customer.time_zone FROM customer LIMIT 1"
    customer = vendors.ads(asked).json()[0]["results"][0]["customer"]
    assert customer["currencyCode"] == "USD"
    assert customer["timeZone"] == "America/New_York"
    campaigns = "SELECT campaign.name, campaign.start_date_time FROM campaign WHERE campaign.status = 'ENABLED'"
    campaign = vendors.ads(campaigns).json()[0]["results"][0]["campaign"]
    assert (campaign["name"], campaign["startDateTime"]) == ("Brand CZ", "2023-07-01 00:00:00")


def test_figures_of_a_campaign_are_summed_over_its_groups_and_days(vendors: Any) -> None:
    asked = "SELECT campaign.id, metrics.clicks FROM campaign WHERE segments.date BETWEEN '2026-06-01' AND '2026-06-16'"
    assert vendors.ads(asked).json()[0]["results"][0]["metrics"]["clicks"] == "341"


def test_conversions_grow_over_the_accounts_own_days(vendors: Any) -> None:
    def day(wanted: str) -> dict[str, Any]:
        found: dict[str, Any] = vendors.ads(DAYS.format(wanted, wanted)).json()[0]["results"][0]["metrics"]
        return found

    # 06:00 UTC on the 18th is 02:00 on the 18th in New York: the 16th is two days old, 3 of 10 tenths are known.
    assert (day("2026-06-16")["conversions"], day("2026-06-16")["conversionsValue"]) == (3.0, 300.0)
    vendors.control.move(datetime(2026, 6, 26, 6))
    assert day("2026-06-16")["conversions"] == 10.0


def test_the_running_day_is_served_as_far_as_it_has_gone(vendors: Any) -> None:
    vendors.control.move(datetime(2026, 6, 17, 16))  # noon in New York
    metrics = vendors.ads(DAYS.format("2026-06-17", "2026-06-30")).json()[0]["results"][0]["metrics"]
    assert (metrics["impressions"], metrics["clicks"], metrics["costMicros"]) == ("1200", "24", "12000000")
    vendors.control.move(datetime(2026, 6, 17, 3))  # still the 16th there
    assert "results" not in vendors.ads(DAYS.format("2026-06-17", "2026-06-30")).json()[0]


def test_search_pages_by_token_and_refuses_a_page_size(company: Any, now: datetime) -> None:
    from typing import cast

    limits = hubspot.Limits(ten_seconds=None)
    with running(company, now, limits=limits, page_rows=2) as (url, _):
        client = httpx.Client(base_url=url)
        form = {
            "grant_type": "refresh_token",
            "client_id": "demo-client-id",
            "client_secret": "demo-client-secret",
            "refresh_token": "demo-refresh-token",
        }
        token = client.post("/google_ads/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "developer-token": "demo-developer-token"}
        path = "/google_ads/v23/customers/1234567890/googleAds:search"

        def page(**more: Any) -> dict[str, Any]:
            body = {"query": DAYS.format("2026-06-01", "2026-06-17") + " ORDER BY segments.date DESC"}
            return cast(dict[str, Any], client.post(path, json=body | more, headers=headers).json())

        first = page()
        assert [row["segments"]["date"] for row in first["results"]] == ["2026-06-17", "2026-06-16"]
        second = page(pageToken=first["nextPageToken"])
        assert [row["segments"]["date"] for row in second["results"]] == ["2026-06-01"]
        assert "nextPageToken" not in second
        refused = page(pageSize=100)
        assert refused["error"]["details"][0]["errors"][0]["errorCode"] == {"requestError": "PAGE_SIZE_NOT_SUPPORTED"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT campaign.start_date FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.id FROM keyword", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("campaign.id", "EXPECTED_FROM"),
    ],
)
def test_a_wrong_query_is_named(vendors: Any, query: str, code: str) -> None:
    answer = vendors.ads(query)
    assert answer.status_code == 400
    assert failure(answer) == {"queryError": code}


def test_headers_and_version_are_checked(vendors: Any) -> None:
    query = "SELECT customer.id FROM customer"
    assert failure(vendors.ads(query, version="v22")) == {"requestError": "UNSUPPORTED_VERSION"}
    assert failure(vendors.ads(query, token="x")) == {"authenticationError": "OAUTH_TOKEN_INVALID"}
    assert failure(vendors.ads(query, headers={"developer-token": "x"})) == {
        "authenticationError": "DEVELOPER_TOKEN_INVALID"
    }
    login = vendors.ads(query, headers={"login-customer-id": "123-456-7890"})
    assert failure(login) == {"headerError": "INVALID_LOGIN_CUSTOMER_ID"}
    foreign = vendors.ads(query, customer="1112223333")
    assert (foreign.status_code, failure(foreign)) == (403, {"authorizationError": "USER_PERMISSION_DENIED"})
    assert vendors.ads(query, headers={"login-customer-id": "1234567890"}).status_code == 200


def test_the_language_is_read_in_full() -> None:
    query = google_ads.parse(
        "select campaign.id from campaign where campaign.name IN ('a b', \"c\") and metrics.clicks >= 3 "
        "AND segments.date DURING LAST_30_DAYS order by campaign.id desc limit 5"
    )
    assert query.conditions == (
        ("campaign.name", "in", ("a b", "c")),
        ("metrics.clicks", ">=", ("3",)),
        ("segments.date", "during", ("LAST_30_DAYS",)),
    )
    assert (query.orders, query.limit) == ((("campaign.id", True),), 5)
