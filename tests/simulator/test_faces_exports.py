"""Exported files: their words, encodings, date orders and numbers, and what such an export does not hold."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from simulator import exports

NOW = datetime(2026, 6, 18, 6)


def rows(path: Path, encoding: str = "utf-8", delimiter: str = ";") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


@pytest.fixture
def folder(company: Any, tmp_path: Path) -> Path:
    exports.write_export(company, NOW, tmp_path)
    return tmp_path


def test_finance_lists_write_dates_and_numbers_the_continental_way(company: Any, tmp_path: Path) -> None:
    exports.write_finance(company, NOW, tmp_path)
    targets = rows(tmp_path / "targets.csv")
    assert [(one["period_start"], one["amount"], one["member"]) for one in targets] == [("01.06.2026", "150000,50", "")]
    rates = rows(tmp_path / "rates.csv")
    assert [(one["rate_date"], one["rate_to_reporting"], one["kind"]) for one in rates] == [
        ("17.06.2026", "0,921000000", "daily"),
        ("01.01.2026", "0,900000000", "plan"),
    ]
    assert rows(tmp_path / "addressable_accounts.csv")[0]["account_name"] == "Müller KG"
    (contract,) = rows(tmp_path / "contracts.csv")
    assert (contract["amount"], contract["end_date"], contract["notice_date"]) == (
        "1750,50",
        "30.04.2025",
        "03.02.2025",
    )
    # Before the notice was given, nobody knew of it.
    exports.write_finance(company, datetime(2025, 2, 3, 12), tmp_path)
    assert [one["notice_date"] for one in rows(tmp_path / "contracts.csv")] == [""]


def test_next_years_plan_is_known_in_december(company: Any, tmp_path: Path) -> None:
    exports.write_finance(company, datetime(2026, 12, 2), tmp_path)
    assert len(rows(tmp_path / "targets.csv")) == 2


def test_deleted_and_merged_records_are_missing_and_survivors_are_named(folder: Path) -> None:
    contacts = rows(folder / "contacts.csv", "cp1252")
    assert [one["Person No"] for one in contacts] == ["1001", "1003", "9007199254740993"]
    assert contacts[0]["Person"] == "Anna Weiß"
    assert contacts[0]["Path"] == "Warmed up"
    assert (contacts[0]["Origin"], contacts[0]["Entered on"]) == ("Search ad", "10.01.2024 10:00:00.123")
    accounts = rows(folder / "accounts.csv", "cp1252")
    assert [(one["Firm No"], one["Firm"], one["Staff"], one["Rep No"]) for one in accounts] == [
        ("501", "Brückner SE", "12.500", "12")
    ]
    calls = rows(folder / "activities.csv", "cp1252")
    assert (calls[0]["Person No"], calls[0]["Firm No"]) == ("1001", "501")


def test_deals_are_a_workbook_with_real_dates_and_numbers(folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "deals.xlsx")["Deals"]
    header, first, second = sheet.iter_rows(values_only=True)
    deal: dict[Any, Any] = dict(zip(header, first, strict=True))
    assert deal["Deal"] == "=Brückner licence"
    assert (deal["Value"], deal["Set-up"]) == (1750.5, 250.5)
    assert deal["Expected on"] == datetime(2024, 4, 30)
    assert deal["Entered on"] == datetime(2024, 2, 1, 9)
    assert (deal["Firm No"], deal["Person No"]) == ("501", "1001")
    assert (deal["Process"], deal["Phase"], deal["Chance"]) == ("Acquisition", "A1 Order", 1)
    assert (second[0], second[header.index("Set-up")]) == ("3003", 0)
    assert sheet["B2"].data_type == "s", "a name that begins with = is no formula"


def test_stage_changes_hold_deals_and_leads_with_exits_and_returns(folder: Path) -> None:
    moves = rows(folder / "stage_changes.csv")
    deal = [(one["Phase"], one["Moved on"]) for one in moves if one["No"] == "3001"]
    assert deal == [
        ("A0 Need checked", "01.02.2024 10:00:00.000+01:00"),
        ("A1 Order", "20.04.2024 11:00:00.000+02:00"),
    ]
    lead = [one["Phase"] for one in moves if one["No"] == "1001"]
    assert lead == ["Interested", "Warmed up", "Dropped", "Warmed up"]
    assert not [one for one in moves if one["No"] in ("3002", "1002")]


def test_lines_go_with_their_deal_and_take_its_currency(folder: Path) -> None:
    line, travel = rows(folder / "line_items.csv")
    assert [line[name] for name in ("Line No", "Deal No", "Item No", "Pieces", "Each", "Sum", "Curr.", "Kept")] == [
        *("701", "3001", "401", "2", "1000,50", "1650,50", "EUR", ""),
    ]
    assert (travel["Text"], travel["Kept"], travel["Charged"]) == ("Travel", "no", "once")
    assert [one["Item"] for one in rows(folder / "products.csv")] == ["Core"]


def test_splits_are_the_newest_of_each_deal_and_finance_notes_the_rest(
    folder: Path, company: Any, tmp_path: Path
) -> None:
    parts = [tuple(one.values()) for one in rows(folder / "deal_splits.csv")]
    assert parts == [("3001", "12", "66,666667", "05.05.2024"), ("3001", "11", "33,333333", "05.05.2024")]
    exports.write_finance(company, NOW, tmp_path)
    # Half past eleven in the evening UTC is the next day in Prague.
    assert [tuple(one.values()) for one in rows(tmp_path / "deal_splits.csv")] == [
        ("3001", "11", "overlay", "100", "06.02.2024"),
    ]


def test_local_moments_say_their_offset(folder: Path) -> None:
    leads = {one["Lead No"]: one for one in rows(folder / "leads.csv", "cp1252")}
    assert leads["1003"]["Entered on"] == "31.03.2024 01:30:00.000+01:00"
    assert leads["1001"]["Phase"] == "Warmed up"
    assert leads["1001"]["Firm"] == "Brückner SE"


def test_ad_days_are_american_and_as_reported_now(folder: Path) -> None:
    days = {one["Day"]: one for one in rows(folder / "ad_days.csv", delimiter=",")}
    assert days["06/01/2026"]["Cost"] == "1,234.567890"
    assert days["06/01/2026"]["Shown"] == "12,345"
    assert days["06/16/2026"]["Conversions"] == "3.00"


def test_an_activity_that_lies_ahead_has_no_result(folder: Path) -> None:
    work = {one["Activity No"]: one for one in rows(folder / "activities.csv", "cp1252")}
    assert (work["602"]["Type"], work["602"]["Result"], work["602"]["Done"]) == ("Visit", "", "no")
    assert (work["601"]["Result"], work["601"]["Done"], work["601"]["Seconds"]) == ("CONNECTED", "yes", "125")


def test_owners(folder: Path) -> None:
    owners = {one["Rep No"]: one for one in rows(folder / "owners.csv")}
    assert (owners["11"]["Rep"], owners["11"]["Works here"]) == ("Jana Nováková", "yes")
    assert (owners["12"]["Works here"], owners["13"]["Rep type"]) == ("no", "Queue")
    assert (owners["12"]["Reports to"], owners["11"]["Reports to"]) == ("11", "")


def test_files_that_stay_the_same_are_left_alone(company: Any, folder: Path) -> None:
    assert exports.write_export(company, NOW, folder) == []
    assert [path.name for path in exports.write_export(company, datetime(2026, 6, 19), folder)] == [
        "owners.csv",
        "accounts.csv",
        "contacts.csv",
        "leads.csv",
        "deals.xlsx",
        "stage_changes.csv",
        "activities.csv",
    ], "in New York it is still the 18th"
