"""Numbers, dates and words follow the company's locale; every sentence can be translated."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from configuration.errors import ConfigurationError
from publishing.reports import render as rendering
from publishing.reports.formats import Formats
from tests.publishing_reports.reading import Page

REPORTS = Path(rendering.__file__).parent


@pytest.mark.parametrize(
    ("locale", "currency", "money", "short", "percent", "day", "month"),
    [
        ("en_GB", "EUR", "€1,234,568", "€1.23M", "44%", "17 June 2026", "June"),
        ("cs_CZ", "CZK", "1 234 568 Kč", "1,23 mil. Kč", "44 %", "17. června 2026", "červen"),
        ("pt_PT", "EUR", "1 234 568 €", "1,23 M €", "44%", "17 de junho de 2026", "junho"),
        ("bg_BG", "EUR", "1 234 568 €", "1,23 млн. €", "44%", "17 юни 2026 г.", "юни"),
        ("zh_Hant_TW", "TWD", "$1,234,568", "$123萬", "44%", "2026年6月17日", "6月"),
    ],
)
def test_formats(locale: str, currency: str, money: str, short: str, percent: str, day: str, month: str) -> None:
    formats = Formats(locale, currency, "UTC")
    written = [
        formats.money("1234567.89"),
        formats.money_short("1234567.89"),
        formats.percent("0.4376"),
        formats.day(date(2026, 6, 17)),
        formats.month_name(date(2026, 6, 1)),
    ]
    assert [re.sub(r"\s", " ", part) for part in written] == [money, short, percent, day, month]


def test_a_small_chance_is_not_none() -> None:
    formats = Formats("en_GB", "EUR", "UTC")
    written = [formats.chance(value) for value in (0, "0.0004", "0.005", "0.994", "0.996", 1, None)]
    assert written == ["0%", "<1%", "1%", "99%", ">99%", "100%", "–"]


def test_rounding_never_shows_a_thousand_thousands() -> None:
    assert Formats("en_GB", "EUR", "UTC").money_short(999_999) == "€1M"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "-Infinity"])
def test_what_is_no_number_is_a_dash(value: object) -> None:
    formats = Formats("en_GB", "EUR", "UTC")
    assert {formats.money(value), formats.percent(value), formats.integer(value), formats.times(value)} == {"–"}


def test_an_unknown_locale_is_told_in_one_line() -> None:
    with pytest.raises(ConfigurationError, match="xx_XX is not a locale"):
        Formats("xx_XX", "EUR", "UTC")


def _messages() -> set[str]:
    options = {"**.j2": {"trimmed": "true"}}
    found = extract_from_dir(
        REPORTS,
        method_map=[("**.py", "python"), ("templates/**.j2", "jinja2")],
        options_map=options,
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "text": None},
    )
    return {message[2] for message in found if isinstance(message[2], str)}


def test_the_catalogue_holds_every_sentence() -> None:
    with (REPORTS / "locale" / "messages.pot").open("rb") as file:
        catalogue = {message.id for message in read_po(file) if message.id}
    assert catalogue == _messages(), "extract again, as babel.cfg says"


def test_words_come_from_the_catalogue(
    page: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (REPORTS / "locale" / "messages.pot").open("rb") as file:
        catalogue = read_po(file, locale="cs")
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            message.string = "¤" + message.id
            message.flags.discard("fuzzy")
    folder = tmp_path / "cs" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    monkeypatch.setattr(rendering, "LOCALE", tmp_path)
    source = page("deals_only", locale="cs_CZ")
    read = Page(source)
    assert '<html lang="cs-CZ">' in source
    assert "¤Bookings against target" in read.text
    assert "17. června 2026" in re.sub(r"\s", " ", read.text)
    untranslated = [
        word.strip()
        for word in read.words
        if re.search(r"[a-z]{4,} [a-z]{3,}", word) and "¤" not in word and "Account" not in word
    ]
    assert untranslated == []
