"""Business time: hours by the clock on the wall, holidays of the company's region, days on which clocks change."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from configuration.model import BusinessHours
from tests.models.conftest import Lake

HOUR = 3_600_000_000
SELECTION = ("--indirect-selection", "cautious", "--select", "+int_business_days", "+dim_dates")
HOLIDAYS = [
    ("cz ", "2026-04-06", "Easter Monday"),
    ("DE", "2026-05-25", "Whit Monday"),
    (None, "2026-06-08", "Founders' Day"),
    ("CZ", "soon", "Not a day"),
]


@pytest.fixture(scope="module")
def calendar(lakes: Callable[[], Lake]) -> Lake:
    """Open around the clock on Sundays, from nine to five on Mondays."""
    lake = lakes()
    hours = BusinessHours.model_validate(
        {"weekly": {"sunday": "00:00-24:00", "monday": "09:00-17:00"}, "holiday_region": "CZ"}
    )
    company = lake.settings.company.model_copy(update={"business_hours": hours})
    lake.settings = lake.settings.model_copy(update={"company": company})
    rows = [
        {
            "system": "finance", "mapping_name": "holidays", "file_name": "holidays.csv", "row_number": str(number),
            "region": region, "holiday_date": day, "name": name,
        }
        for number, (region, day, name) in enumerate(HOLIDAYS, start=1)
    ]  # fmt: skip
    lake.land("files", {"holidays": rows}, "2026-06-17T20:00:00Z")
    lake.build(selection=SELECTION)
    return lake


def days(lake: Lake, *wanted: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(lake.home.work), read_only=True) as connection:
        return [
            connection.execute(
                "select business_microseconds, is_working_day, is_holiday, opens_at "
                "from intermediate.int_business_days where date_day = ?",
                [day],
            ).fetchone()
            or ()
            for day in wanted
        ]


def test_a_day_on_which_clocks_change_is_as_long_as_it_is(calendar: Lake) -> None:
    spring, autumn, plain = days(calendar, "2026-03-29", "2026-10-25", "2026-06-14")
    assert [spring[0], autumn[0], plain[0]] == [23 * HOUR, 25 * HOUR, 24 * HOUR]
    winter, summer = days(calendar, "2026-03-23", "2026-03-30")
    assert [winter[3], summer[3]] == [datetime(2026, 3, 23, 8), datetime(2026, 3, 30, 7)]


def test_holidays_of_the_region_and_of_no_region_are_off(calendar: Lake) -> None:
    ours, others, everybodys, plain, tuesday = days(
        calendar, "2026-04-06", "2026-05-25", "2026-06-08", "2026-06-15", "2026-06-16"
    )
    assert ours[:3] == everybodys[:3] == (0, False, True)
    assert others[:3] == plain[:3] == (8 * HOUR, True, False)
    assert tuesday[:3] == (0, False, False)


def test_working_days_leave_holidays_out(calendar: Lake) -> None:
    june = calendar.rows(
        "select date_day, working_day_of_month, working_days_in_month, holiday_name from dim_dates "
        "where month_start = date '2026-06-01' and (is_working_day or is_holiday) order by date_day"
    )
    assert [row["working_days_in_month"] for row in june] == [8] * 9
    assert {row["date_day"]: row["working_day_of_month"] for row in june}[date(2026, 6, 8)] == 2
    assert [row["holiday_name"] for row in june if row["holiday_name"]] == ["Founders' Day"]
    assert len(calendar.rows("select 1 from dim_dates where is_weekend and date_day = date '2026-06-14'")) == 1


def test_business_time_before_a_day_adds_up(calendar: Lake) -> None:
    with duckdb.connect(str(calendar.home.work), read_only=True) as connection:
        found = connection.execute(
            "select count(*) from (select *, sum(business_microseconds) over (order by date_day "
            "rows between unbounded preceding and 1 preceding) as before from intermediate.int_business_days) "
            "where business_microseconds_before <> coalesce(before, 0)"
        ).fetchone()
    assert found == (0,)
