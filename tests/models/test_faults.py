"""Records that mislead, from raw to marts: what the models refuse, neutralise, or name as the reason for failing."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from configuration.errors import BuildError

from .conftest import CRM, Lake

FETCHED = "2026-06-17T05:00:00Z"
CREATED = "2026-05-04T08:00:00.000Z"


def deal(number: int, **more: str | None) -> dict[str, str | None]:
    """A readable deal in stage Demo, open."""
    history = {"dealstage": [{"value": "d", "timestamp": CREATED, "sourceType": "CRM_UI"}]}
    row: dict[str, str | None] = {
        "id": str(number), "created_at": CREATED, "createdate": CREATED, "archived": "false",
        "dealname": f"Deal {number}", "amount": "100", "deal_currency_code": "EUR", "dealstage": "d", "pipeline": "p",
        "properties_with_history": json.dumps(history),
    }  # fmt: skip
    return row | more


def pipelines(*labels: str) -> list[dict[str, str | None]]:
    stages = [
        {"id": label[0].lower(), "label": label, "metadata": {"isClosed": "false", "probability": "0.5"}}
        for label in labels
    ]
    return [{"id": "p", "label": "Sales pipeline", "stages": json.dumps(stages)}]


STAGES = [
    {"object": "deal", "stage_label": "Demo", "stage": "meeting", "row_number": "1", "file_name": "stages.csv"},
    {"object": "deal", "stage_label": "Signed", "stage": "won", "row_number": "2", "file_name": "stages.csv"},
]
UNMAPPED = {"dealstage": [{"value": "n", "timestamp": CREATED}]}
TEMPLATE = "{{ 7 * 7 }}'; drop table fct_deals; --"


def landed(lake: Lake, deals: list[dict[str, Any]]) -> None:
    lake.land("mappings", {"stages": STAGES}, FETCHED)
    lake.land("hubspot", {"deals": deals, "pipelines": pipelines("Demo", "New one", "Signed")}, FETCHED)


@pytest.fixture(scope="module")
def told(lakes: Callable[[], Lake]) -> Lake:
    """One build over everything that must not stop one."""
    lake = lakes()
    landed(
        lake,
        [
            deal(1),
            deal(2, amount="NaN"),
            deal(3, amount="1e400"),
            deal(4, amount="twelve"),
            deal(5, deal_currency_code=None),
            deal(6, createdate="10000-01-01T00:00:00Z"),
            deal(7, closedate="2026-02-30T00:00:00Z"),
            deal(8, closedate="2028-02-29T11:00:00Z"),
            deal(9, amount=None, deal_currency_code=None),
            deal(10, dealname="Al\u200bpha\u202e \x00<b>"),
            deal(11, dealstage="n", properties_with_history=json.dumps(UNMAPPED)),
            deal(12, amount="-30.25"),
            deal(13, dealname=TEMPLATE),
            deal(14, dealstage="s", closedate="2026-05-01T08:00:00Z", properties_with_history=None),
            deal(2**53),
            deal(2**53 + 1),
            deal(1),
            deal(12, amount="-30.25"),
        ],
    )
    lake.build()
    return lake


@pytest.mark.fault(21)
@pytest.mark.fault(22)
@pytest.mark.fault(36)
@pytest.mark.fault(61)
def test_what_cannot_be_read_is_kept_with_a_reason(told: Lake) -> None:
    rejects = told.rows(
        "select reason, count(*) as n, min(rejected_record) as record from fct_rejected_rows group by 1"
    )
    assert {row["reason"]: row["n"] for row in rejects} == {
        "amount is not a number": 3,
        "currency is missing": 1,
        "created_at is not a time": 1,
        "close_date is not a date": 1,
    }
    assert json.loads(next(row["record"] for row in rejects if row["reason"].startswith("currency")))["id"] == "5"
    ids = {row["deal_id"] for row in told.rows("select deal_id from fct_deals")}
    assert ids == {"1", *(str(number) for number in range(8, 15)), str(2**53), str(2**53 + 1)}
    assert told.rows("select close_date from fct_deals where deal_id = '8'") == [{"close_date": date(2028, 2, 29)}]


@pytest.mark.fault(18)
def test_hidden_characters_are_taken_out_of_names(told: Lake) -> None:
    assert told.rows("select deal_name from fct_deals where deal_id = '10'") == [{"deal_name": "Alpha <b>"}]


@pytest.mark.fault(31)
def test_a_stage_that_nobody_mapped_keeps_its_label(told: Lake) -> None:
    assert told.rows("select stage, stage_label, status from fct_deals where deal_id = '11'") == [
        {"stage": "unmapped", "stage_label": "New one", "status": "open"}
    ]


@pytest.mark.fault(34)
def test_a_negative_amount_counts_negative(told: Lake) -> None:
    found = told.rows("select amount_reporting from fct_deals where deal_id = '12'")
    assert found == [{"amount_reporting": Decimal("-30.25")}]


@pytest.mark.fault(35)
def test_a_deal_that_closed_before_it_was_created_is_booked_and_has_no_cycle(told: Lake) -> None:
    deal_of = "select status, close_day, cycle_days, cycle_reject_reason, amount_reporting, is_excluded from fct_deals"
    assert told.rows(f"{deal_of} where deal_id = '14'") == [
        {
            "status": "won",
            "close_day": date(2026, 5, 1),
            "cycle_days": None,
            "cycle_reject_reason": "closed_before_created",
            "amount_reporting": Decimal("100.00"),
            "is_excluded": False,
        }
    ]


@pytest.mark.fault(67)
@pytest.mark.fault(71)
def test_templates_and_sql_in_data_stay_text(told: Lake) -> None:
    assert told.rows("select deal_name from fct_deals where deal_id = '13'") == [{"deal_name": TEMPLATE}]


@pytest.mark.fault(23)
def test_ids_beyond_two_to_the_53_stay_apart(told: Lake) -> None:
    assert len(told.rows("select distinct deal_key from fct_deals where length(deal_id) = 16")) == 2


@pytest.mark.fault(14)
def test_a_page_that_came_twice_counts_once(told: Lake) -> None:
    assert told.rows(
        "select rows_fetched, rows_staged, rows_rejected, rows_duplicate from fct_source_freshness "
        "where source = 'hubspot' and entity = 'deals'"
    ) == [{"rows_fetched": 18, "rows_staged": 10, "rows_rejected": 6, "rows_duplicate": 2}]


def test_a_landed_row_that_is_lost_is_found(told: Lake, tmp_path: Path) -> None:
    query = told.manifest.nodes["test.saleshouse.assert_landed_rows_are_accounted_for"].compiled_code
    with duckdb.connect() as connection:
        shutil.copy(told.home.history, tmp_path / "history.duckdb")
        connection.execute(f"attach '{tmp_path / 'history.duckdb'}' as history")
        assert connection.execute(query).fetchall() == []
        connection.execute("delete from history.staging.stg_hubspot__deals where deal_id = '14'")
        assert [row[0::2] for row in connection.execute(query).fetchall()] == [("hubspot__deals", "14")]


def test_merged_records_vanish_and_what_names_them_follows(lake: Lake) -> None:
    def record(number: str, **more: str | None) -> dict[str, str | None]:
        return {"id": number, "createdate": CREATED, "archived": "false"} | more

    linked = {"contacts": {"results": [{"id": "c1"}]}, "companies": {"results": [{"id": "a1"}]}}
    before = {
        "contacts": [record("c1", associatedcompanyid="a1"), record("c2"), record("c3")],
        "companies": [record("a1"), record("a2")],
        "deals": [deal(1, associations=json.dumps(linked)), deal(2), deal(3)],
    }
    merged = {
        "contacts": [record("c2", hs_merged_object_ids="c1"), record("c3", hs_merged_object_ids="c2")],
        "companies": [record("a2", hs_merged_object_ids="a1")],
        "deals": [deal(3, hs_merged_object_ids="2")],
    }
    landed(lake, [])
    lake.land("hubspot", before, FETCHED)
    lake.land("hubspot", merged, FETCHED)
    lake.build()
    assert lake.rows("select contact_id from dim_contacts") == [{"contact_id": "c3"}]
    assert lake.rows("select lead_id from fct_leads") == [{"lead_id": "c3"}]
    assert lake.rows("select account_id from dim_accounts") == [{"account_id": "a2"}]
    assert lake.rows("select deal_id, contact_key, account_key, lead_key from fct_deals order by all") == [
        {"deal_id": "1", "contact_key": "hubspot:c3", "account_key": "hubspot:a2", "lead_key": "hubspot:c3"},
        {"deal_id": "3", "contact_key": None, "account_key": None, "lead_key": None},
    ]


def test_a_restored_deal_is_present_again(lake: Lake) -> None:
    binned = deal(1, archived="true", archived_at="2026-06-10T10:00:00Z")
    landed(lake, [deal(1)])
    lake.land("hubspot", {"deals": [binned]}, FETCHED)
    lake.build()
    query = "select is_deleted, exclusion_reason from fct_deals"
    assert lake.rows(query) == [{"is_deleted": True, "exclusion_reason": "deleted"}]
    # On the day before, it was not deleted yet.
    lake.build(as_of=date(2026, 6, 9))
    assert lake.rows(query) == [{"is_deleted": False, "exclusion_reason": None}]
    # Restored, it says to the letter what the first landing said.
    lake.land("hubspot", {"deals": [deal(1)]}, FETCHED)
    lake.build()
    assert lake.rows(query) == [{"is_deleted": False, "exclusion_reason": None}]


@pytest.mark.fault(37)
def test_a_circle_of_merges_fails_by_name(lake: Lake) -> None:
    landed(lake, [deal(1, hs_merged_object_ids="2"), deal(2, hs_merged_object_ids="1")])
    with pytest.raises(BuildError, match="assert_merges_have_an_end"):
        lake.build()


def test_a_missing_exchange_rate_is_told_by_currency_and_day(lake: Lake) -> None:
    contract: dict[str, str | None] = {
        "system": "finance", "mapping_name": "contracts", "file_name": "contracts.csv", "row_number": "2",
        "contract_id": "1", "account_id": "a", "amount": "9", "amount_period": "month", "currency": "SEK",
        "start_date": "2026-02-01",
    }  # fmt: skip
    landed(lake, [deal(1, deal_currency_code="USD")])
    lake.land("files", {"contracts": [contract]}, FETCHED)
    rated = ("+int_contracts", "+fct_ad_performance_daily", "+int_purchases", "+fct_targets")
    with pytest.raises(BuildError) as caught:
        lake.build(selection=(*CRM, *rated))
    told = str(caught.value)
    assert told.startswith(
        "saleshouse.yml sources.files: there is no daily rate of USD on or before 2026-06-17, which 1 "
    )
    assert "(and 1 more)" in told
    assert "add it to the list of rates (kind daily)" in told
