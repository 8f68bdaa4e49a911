"""One cell at a time: what a declaration reads, what it refuses, and what it will not guess."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.entities import Column
from ingestion.files.casting import Cell, Declared, Refused, Undeclared, as_text, canonical, visible

DATE, TIMESTAMP = Column("date"), Column("timestamp")
PRAGUE = "Europe/Prague"


def number(text: Cell, decimal: str = ".", thousands: str | None = None) -> str:
    return canonical(text, Declared(Column("decimal"), decimal, thousands))


def day(text: Cell, dates: str | None = None, timezone: str | None = None) -> str:
    return canonical(text, Declared(DATE, dates=dates, timezone=timezone))


def moment(text: Cell, dates: str | None = None, timezone: str | None = PRAGUE) -> str:
    return canonical(text, Declared(TIMESTAMP, dates=dates, timezone=timezone))


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "expected"),
    [
        ("1.234,50", ",", ".", "1234.50"),
        ("1,234.50", ".", ",", "1234.50"),
        ("1 234 567,5", ",", " ", "1234567.5"),
        ("1\u00a0234,5", ",", " ", "1234.5"),
        ("12'000.00", ".", "'", "12000.00"),
        ("-0,5", ",", None, "-0.5"),
        ("\u22125.00", ".", None, "-5.00"),
        ("+7", ".", None, "7"),
        (".5", ".", None, "0.5"),
        ("007.10", ".", None, "7.10"),
        ("1234.", ".", None, "1234"),
    ],
)
def test_numbers_follow_the_declared_signs(text: str, decimal: str, thousands: str | None, expected: str) -> None:
    assert number(text, decimal, thousands) == expected


@pytest.mark.parametrize(
    ("text", "decimal", "thousands"),
    [
        ("1.234,50", ".", None),
        ("1.234,50", ".", ","),
        ("1,234.50", ",", "."),
        ("1,23,4.5", ".", ","),
        ("12.34.56", ".", None),
        ("1.5", ",", "."),
        ("EUR 5", ".", None),
        ("(5.00)", ".", None),
        ("-", ".", None),
        (".", ".", None),
        ("1e3", ".", None),
        ("٣", ".", None),
    ],
)
def test_numbers_in_other_signs_are_refused(text: str, decimal: str, thousands: str | None) -> None:
    with pytest.raises(Refused, match="not a number with decimal sign"):
        number(text, decimal, thousands)


@pytest.mark.parametrize(
    ("text", "sign", "expected"),
    [
        ("$1,006.00", "$", "1006.00"),
        ("-$5", "$", "-5"),
        ("$ -5", "$", "-5"),
        ("1,006.00 EUR", "EUR", "1006.00"),
        ("5\u00a0K\u010d", "K\u010d", "5"),
        ("7.5", "$", "7.5"),
    ],
)
def test_a_declared_sign_beside_an_amount_is_taken_off(text: str, sign: str, expected: str) -> None:
    assert canonical(text, Declared(Column("decimal"), ".", ",", currency_sign=sign)) == expected


@pytest.mark.parametrize("text", ["\u20ac5", "$$5", "-$-5", "5$5", "$", "40%"])
def test_other_signs_beside_an_amount_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="not a number"):
        canonical(text, Declared(Column("decimal"), currency_sign="$"))


def test_shares_and_percents_follow_their_sign_or_the_declaration() -> None:
    share, in_percent = Declared(Column("share")), Declared(Column("share"), in_percent=True)
    cells: tuple[Cell, ...] = ("0.4", "40%", "12.5 %", 0.4, "100%", "0")
    assert [canonical(cell, share) for cell in cells] == ["0.4", "0.4", "0.125", "0.4", "1", "0"]
    assert [canonical(cell, in_percent) for cell in ("40", "40%", 100)] == ["0.4", "0.4", "1"]
    with pytest.raises(Undeclared, match="above 1"):
        canonical("40", share)
    for refused in ("-0.1", "140", "140%", "%"):
        with pytest.raises(Refused):
            canonical(refused, share)
    assert canonical("40%", Declared(Column("percent"))) == canonical("40", Declared(Column("percent"))) == "40"


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "cell",
    ["NaN", "inf", "-Infinity", "1e400", float("nan"), float("inf"), Decimal("1E+400"), Decimal("NaN"), "9" * 17, True],
)
def test_numbers_that_are_none_are_refused(cell: Cell) -> None:
    with pytest.raises(Refused):
        number(cell)


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=2, allow_nan=False))
def test_a_number_written_in_any_declared_way_is_the_same_number(value: Decimal) -> None:
    english = f"{value:,.2f}"
    continental = english.replace(",", " ").replace(".", ",").replace(" ", ".")
    assert Decimal(number(english, ".", ",")) == value
    assert Decimal(number(continental, ",", ".")) == value
    assert Decimal(number(value)) == value


@pytest.mark.fault(23)
def test_ids_keep_every_digit() -> None:
    an_id = Declared(Column("id"))
    assert canonical("9007199254740993", an_id) == "9007199254740993"
    assert canonical("00123456789012345678901234567890", an_id) == "00123456789012345678901234567890"
    assert canonical(9007199254740993, an_id) == "9007199254740993"
    assert canonical(123.0, an_id) == "123"
    with pytest.raises(Refused, match=r"beyond 2\^53 has lost digits"):
        canonical(9007199254740994.0, an_id)


@pytest.mark.fault(25)
def test_a_date_without_a_declared_order_is_not_guessed() -> None:
    for text in ("01/02/2026", "13/02/2026", "2026/02/01", "1.2.2026", "20260201", "1 Feb 2026"):
        with pytest.raises(Undeclared, match="no order is declared"):
            day(text)
    assert day("01/02/2026", "d/m/Y") == "2026-02-01"
    assert day("01/02/2026", "m/d/Y") == "2026-01-02"
    with pytest.raises(Refused, match="but one with day and month swapped"):
        day("02/13/2026", "d/m/Y")


@pytest.mark.parametrize(
    ("text", "dates", "expected"),
    [
        ("2026-02-01", None, "2026-02-01"),
        ("1.2.2026", "d.m.Y", "2026-02-01"),
        ("1. 2. 2026", "d.m.Y", "2026-02-01"),
        ("01.02.26", "d.m.y", "2026-02-01"),
        ("20260201", "Ymd", "2026-02-01"),
        ("1 Feb 2026", "%d %b %Y", "2026-02-01"),
        (date(2026, 2, 1), None, "2026-02-01"),
        (datetime(2026, 2, 1, 23, 59), None, "2026-02-01"),
    ],
)
def test_days(text: Cell, dates: str | None, expected: str) -> None:
    assert day(text, dates) == expected


@pytest.mark.fault(61)
def test_days_that_do_not_exist_are_refused() -> None:
    assert day("2024-02-29") == "2024-02-29"
    for text in ("2023-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "9999-12-31", "1899-12-31", "0000-01-01"):
        with pytest.raises(Refused):
            day(text)
    with pytest.raises(Refused, match="a year outside"):
        moment("9999-12-31 23:59:59")


@pytest.mark.fault(62)
def test_a_time_without_a_zone_is_not_guessed() -> None:
    for cell in ("2026-06-01 10:00", "2026-06-01", datetime(2026, 6, 1, 10), date(2026, 6, 1)):
        with pytest.raises(Undeclared, match="times without a zone"):
            moment(cell, timezone=None)
    assert moment("2026-06-01T10:00:00Z", timezone=None) == "2026-06-01 10:00:00"
    assert moment("2026-06-01 10:00:00.25+02:00", timezone=None) == "2026-06-01 08:00:00.250000"
    assert moment(datetime(2026, 6, 1, 10, tzinfo=UTC), timezone=None) == "2026-06-01 10:00:00"
    assert moment("2026-06-01 10:00") == "2026-06-01 08:00:00"
    assert moment("2026-06-01") == "2026-05-31 22:00:00"


def test_a_day_is_never_shifted_but_a_moment_with_an_offset_needs_the_zone() -> None:
    assert day("2026-06-01 23:30:00") == "2026-06-01"
    assert day("2026-06-01T23:30:00Z", timezone=PRAGUE) == "2026-06-02"
    with pytest.raises(Undeclared, match="a day is needed"):
        day("2026-06-01T23:30:00Z")


@pytest.mark.fault(58)
def test_hours_that_occur_twice_or_never() -> None:
    assert moment("2026-10-25 02:30") == "2026-10-25 00:30:00"
    assert moment("2026-10-25 02:30+01:00") == "2026-10-25 01:30:00"
    assert moment("2026-03-29 02:30") == "2026-03-29 01:30:00"
    assert moment("2026-03-29 01:59:59") < moment("2026-03-29 02:30") < moment("2026-03-29 03:31")


@pytest.mark.parametrize(
    ("text", "dates", "expected"),
    [
        ("01/02/2026 2:05 PM", "d/m/Y", "2026-02-01 13:05:00"),
        ("01/02/2026 12:00 am", "m/d/Y", "2026-01-01 23:00:00"),
        ("31.12.2025, 09:07", "d.m.Y", "2025-12-31 08:07:00"),
        ("1780300800", "epoch_s", "2026-06-01 08:00:00"),
        (1780300800500, "epoch_ms", "2026-06-01 08:00:00.500000"),
    ],
)
def test_times_of_day(text: Cell, dates: str, expected: str) -> None:
    assert moment(text, dates) == expected


@pytest.mark.parametrize("text", ["2026-06-01 25:00", "2026-06-01 10:61", "2026-06-01 13:00 PM", "2026-06-01Z"])
def test_times_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        moment(text)


@pytest.mark.fault(18)
def test_hidden_characters_are_taken_out() -> None:
    assert visible("A\x00cme\u200b \u202eLtd\u2066\ufeff ") == "Acme Ltd"
    assert visible("Žluťoučký\tkůň\n2") == "Žluťoučký\tkůň\n2"


def test_half_characters_are_refused() -> None:
    with pytest.raises(Refused):
        as_text("\ud800")


@pytest.mark.fault(66)
@pytest.mark.parametrize("text", ["=1+1", "+420 777", "-cmd|' /C calc'!A0", "@SUM(A1)"])
def test_a_cell_like_a_formula_stays_text(text: str) -> None:
    assert canonical(text, Declared(Column("text"))) == text
    with pytest.raises(Refused):
        canonical("=1+1", Declared(Column("decimal")))


@pytest.mark.fault(71)
def test_templates_and_statements_in_data_are_text() -> None:
    for text in ("{{ 7 * 7 }}", "{% raw %}", "'; drop table deals; --", "${HOME}"):
        assert canonical(text, Declared(Column("text"))) == text


def test_true_false_currencies_whole_numbers_and_choices() -> None:
    boolean, integer = Declared(Column("boolean")), Declared(Column("integer"))
    assert [canonical(cell, boolean) for cell in ("Yes", "0", True, "n")] == ["true", "false", "true", "false"]
    assert [canonical(cell, integer) for cell in ("12", "12.00", 12.0)] == ["12", "12", "12"]
    assert canonical("eur", Declared(Column("currency"))) == "EUR"
    assert canonical("Daily", Declared(Column("text", choices=("daily", "plan")))) == "daily"
    for cell, declared in (
        ("maybe", boolean),
        ("1.5", integer),
        ("€", Declared(Column("currency"))),
        ("weekly", Declared(Column("text", choices=("daily", "plan")))),
    ):
        with pytest.raises(Refused):
            canonical(cell, declared)
