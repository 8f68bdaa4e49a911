"""What a person is told who has made a mistake in a list that the company keeps: one line with file, row and remedy."""

from collections.abc import Callable

import duckdb
import pytest

from configuration.errors import BuildError
from configuration.model import WorkCalendar
from tests.models.conftest import Lake

Row = dict[str, str | None]
FETCHED = "2026-06-17T05:00:00Z"
SELECTION = ("--indirect-selection", "cautious", "--select", "+int_list_problems")


def listed(name: str, *rows: Row) -> list[Row]:
    """The rows of one file of a list, the header being its first."""
    file: Row = {"system": "finance", "mapping_name": name, "file_name": f"{name}.csv"}
    return [{**file, "row_number": str(number), **row} for number, row in enumerate(rows, start=2)]


def target(month: str, member: str | None, level: str = "owner", amount: str = "100", **more: str | None) -> Row:
    shared: Row = {"period_type": "month", "measure": "bookings", "currency": "EUR"}
    return {"period_start": month, "level": level, "member": member, "amount": amount, **shared, **more}


def rate(day: str, value: str | None, currency: str = "USD", kind: str = "daily") -> Row:
    return {"rate_date": day, "rate_to_reporting": value, "currency": currency, "kind": kind}


def period(year: int, month: int, first: str, last: str) -> Row:
    return {"fiscal_year": str(year), "fiscal_month": str(month), "period_start": first, "period_end": last}


OWNERS: list[Row] = [
    {"system": "crm", "mapping_name": "owners", "file_name": "owners.csv", "row_number": "2", "owner_id": "7",
     "owner_name": "Ann Holm", "email": "ann@aldergate.example", "team": "North"},
]  # fmt: skip
SOUND: dict[str, list[Row]] = {
    "targets": listed(
        "targets", target("2026-05-01", "Ann@aldergate.example"), target("2026-06-01", "crm:7"),
        target("2026-01-01", "7", period_type="quarter"), target("2026-04-01", "7", period_type="quarter"),
        target("2026-05-01", "north", level="team"), target("2026-05-01", None, level="company"),
        # Hired for the month that is going on, and not known to the CRM yet.
        target("2026-06-01", "bob@aldergate.example"), target("2026-07-01", "GBP", level="team", currency="GBP"),
    ),
    "rates": listed(
        "rates", rate("2026-06-16", "0.92"), rate("2026-06-17", "0.93"), rate("2026-01-01", "1.2", "GBP", "plan"),
        rate("2026-01-01", "1.2", "GBP"),
    ),
    "holidays": listed(
        "holidays", {"region": "CZ", "holiday_date": "2025-07-06"}, {"region": "cz ", "holiday_date": "2026-07-06"},
        {"region": "DE", "holiday_date": "2026-10-03"},
    ),
    "fiscal_periods": listed(
        "fiscal_periods", period(2025, 12, "2026-05-04", "2026-05-31"), period(2026, 1, "2026-06-01", "2026-06-28"),
    ),
    "budgets": listed("budgets", {"period_start": "2026-06-01", "amount": "10", "currency": "EUR"}),
}  # fmt: skip
WRONG: dict[str, list[Row]] = {
    "targets": listed(
        "targets", target("2026-05-01", "ann holm"), target("2026-05-31", "Ann@aldergate.example"),
        target("2026-01-01", "7", period_type="quarter"), target("2026-03-01", "7", period_type="quarter"),
        target("2026-05-01", "bob@aldergate.example"), target("2026-05-01", "Nord", level="team"),
        target("2026-06-01", None), target("2026-06-01", "7", currency="USD"),
        {"reject_reason": "level: not one of company, team, owner; add it to values"},
    ),
    "rates": listed(
        "rates", rate("2026-06-17", "0.93"), rate("2026-06-17", "0.39"), rate("2026-06-16", "0"),
        rate("soon", "0.93"), *(rate(f"2026-01-{day}", "1.2", "GBP") for day in range(10, 20)),
        rate("2026-03-06", "1.2", "GBP"),
    ),
    "holidays": listed(
        "holidays", {"holiday_date": "2023-07-06"}, {"region": "DE", "holiday_date": "2024-10-03"},
        {"holiday_date": "2026-07-06"},
    ),
    "fiscal_periods": listed(
        "fiscal_periods", period(2026, 1, "2026-01-01", "2026-01-28"), period(2026, 2, "2026-01-30", "2026-02-25"),
        period(2026, 3, "2026-02-25", "2026-03-31"), period(2026, 5, "2026-04-01", "2026-04-28"),
        period(2026, 5, "2026-04-01", "2026-04-28"), period(2026, 13, "2026-04-29", "2026-05-28"),
        period(2026, 7, "2026-05-28", "2026-04-29"),
    ),
    "budgets": listed("budgets", {"reject_reason": "channel: not one of referral; add it to values"}),
}  # fmt: skip


def landed(lakes: Callable[[], Lake], lists: dict[str, list[Row]]) -> Lake:
    lake = lakes()
    lake.land("files", {"owners": OWNERS, **lists}, FETCHED)
    return lake


def lines(lake: Lake) -> list[str]:
    with duckdb.connect(str(lake.home.work), read_only=True) as connection:
        rows = connection.execute("select place, what, fix from intermediate.int_list_problems").fetchall()
    return [f"{place}: {what} - {fix}" for place, what, fix in rows]


@pytest.fixture(scope="module")
def told(lakes: Callable[[], Lake]) -> tuple[BuildError, list[str]]:
    """The error of a build over every mistake at once, and all mistakes that it knows of."""
    lake = landed(lakes, WRONG)
    company = lake.settings.company
    hours = company.business_hours
    abroad = WorkCalendar(teams=("Wien",), holiday_region="AT")
    hours = hours.model_copy(update={"calendars": (*hours.calendars[:1], abroad)})
    lake.settings = lake.settings.model_copy(update={"company": company.model_copy(update={"business_hours": hours})})
    with pytest.raises(BuildError) as caught:
        lake.build(selection=SELECTION)
    return caught.value, lines(lake)


@pytest.mark.parametrize(
    "line",
    [
        "files.targets: targets.csv row 3: says the same month of the same owner as row 2 - keep one of them",
        "files.targets: targets.csv row 5: says the same quarter of the same owner as row 4 - keep one of them",
        "files.targets: targets.csv row 6: no owner that a source lists goes by the name of this row - write member as",
        "files.targets: targets.csv row 7: no team that a source lists goes by the name of this row - write member as",
        "files.targets: targets.csv row 8: the owner is not named - write member as",
        "files.targets: targets.csv row 9: there is no plan rate of USD for 2026-06-01 - add it to the list of rates",
        "files.targets: targets.csv row 10: level: not one of company, team, owner; add it to values - correct the row",
        "files.rates: rates.csv row 3: says the daily rate of USD of 2026-06-17 again, which row 2 says - keep one",
        "files.rates: rates.csv row 4: the rate 0.000000000 is not above 0 - write what one USD is worth",
        "files.rates: rates.csv row 5: rate_date is not a date - correct the row",
        "files.rates: rates.csv row 16: there is no daily rate of GBP between 2026-01-19 and 2026-03-06 - add the",
        "files.holidays: holidays.csv: no holiday is listed between 2023 and 2026 - add those of 2024",
        "files.holidays: holidays.csv: no holiday of the region AT is listed between 2023 and 2026 - add those of 2024",
        "files.holidays: holidays.csv: no holiday of the region DE is listed between 2024 and 2026 - add those of 2025",
        "saleshouse.yml company.business_hours.calendars[2].holiday_region: the list has no holiday of the region AT -",
        "saleshouse.yml company.business_hours.holiday_region: the list has no holiday of the region CZ - write the",
        "files.fiscal_periods: fiscal_periods.csv row 3: the period begins on 2026-01-30, the one before it ends",
        "files.fiscal_periods: fiscal_periods.csv row 4: the period begins on 2026-02-25, the one before it ends",
        "files.fiscal_periods: fiscal_periods.csv row 6: says month 5 of 2026 again, which row 5 says - keep",
        "files.fiscal_periods: fiscal_periods.csv row 6: month 5 of 2026 does not follow the period before it - number",
        "files.fiscal_periods: fiscal_periods.csv row 6: the last period ends on 2026-04-28, before the reported day",
        "files.fiscal_periods: fiscal_periods.csv row 7: fiscal_month is not 1 to 12 - correct the row",
        "files.fiscal_periods: fiscal_periods.csv row 8: period_end lies before period_start - correct the row",
        "files.budgets: budgets.csv row 2: channel: not one of referral; add it to values - correct the row",
    ],
)
def test_a_mistake_in_a_list_is_told_with_its_row(told: tuple[BuildError, list[str]], line: str) -> None:
    assert any(one.startswith(line) for one in told[1]), told[1]


def test_the_build_ends_with_one_line_and_tells_the_next_four(told: tuple[BuildError, list[str]]) -> None:
    error, known = told
    line = str(error)
    assert "\n" not in line
    assert len(error.others) == 4
    assert set(error.others) <= set(known)
    assert not any(line.startswith(other.partition(" - ")[0]) for other in error.others)
    first = "files.budgets: budgets.csv row 2: channel: not one of referral; add it to values (and 23 more)"
    assert line.startswith(first)
    assert line.endswith("nothing was published, the live release stays; correct the row, then `saleshouse run`")
    assert len(known) == 24


def test_sound_lists_are_let_through(lakes: Callable[[], Lake]) -> None:
    lake = landed(lakes, SOUND)
    lake.build(selection=SELECTION)
    assert lines(lake) == []
