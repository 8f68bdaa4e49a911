"""A company that has only some of it gets a page of what it has, and a line on what the rest would need."""

from collections.abc import Callable

import pytest

from tests.publishing_reports.reading import Page

KINDS = ("full", "no_targets", "deals_only", "leads_only", "dateless", "ads_only", "empty")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_absent_is_printed_as_a_value(page: Callable[..., str], kind: str) -> None:
    source = page(kind)
    text = Page(source).text
    assert not {"None", "nan", "NaN", "inf", "Infinity", "undefined", "null"} & set(text.replace(".", " ").split())
    assert "NaN" not in source
    assert "undefined" not in source


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_well_formed_and_fits_a_phone(page: Callable[..., str], kind: str) -> None:
    read = Page(page(kind))
    assert read.mistakes == []
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pictures = [attributes for tag, attributes in read.elements if tag == "svg" and "chart" in attributes["class"]]
    assert all(picture["role"] == "img" and picture["aria-labelledby"] for picture in pictures)
    assert sum("wide" in picture["class"] for picture in pictures) == sum(
        "narrow" in picture["class"] for picture in pictures
    )
    wide_tables = [
        attributes
        for tag, attributes in read.elements
        if tag == "table" and not {"cards-on-phone", "compact"} & set(attributes.get("class", "").split())
    ]
    assert wide_tables == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_contents_lead_to_every_section(page: Callable[..., str], kind: str) -> None:
    elements = Page(page(kind)).elements
    sections = [attributes["id"] for tag, attributes in elements if tag == "section" and "id" in attributes]
    links = [attributes["href"] for tag, attributes in elements if tag == "a" and attributes["href"].startswith("#")]
    assert links == ["#certificate", *(f"#{section}" for section in sections)]  # the first stands under the headline
    assert sections[-1] == "certificate"


@pytest.mark.parametrize(
    ("kind", "said", "unsaid"),
    [
        (
            "full",
            ("June:", "Needs attention", "Fewer than 20 deals have been won", "Certificate"),
            ("No ad spend has been read",),
        ),
        ("no_targets", ("No target is known", "booked from"), ("pace to target", "Usual by now")),
        ("deals_only", ("No forecast yet", "Open pipeline"), ("Leads in June",)),
        ("leads_only", ("new leads", "No ad spend has been read"), ("Forecast", "Pipeline", "Team", "Won deals")),
        ("dateless", ("900 leads", "converted", "By source", "By origin", "Add deals"), ("Forecast", "June:")),
        ("ads_only", ("of ads brought", "Per click", "Click rate"), ("Forecast", "MQL", "Funnel")),
        ("empty", ("Nothing to report yet", "saleshouse.yml"), ("Forecast", "Funnel", "Leads")),
    ],
)
def test_sections_give_way(page: Callable[..., str], kind: str, said: tuple[str, ...], unsaid: tuple[str, ...]) -> None:
    text = Page(page(kind)).text
    assert [words for words in said if words.lower() not in text.lower()] == []
    assert [words for words in unsaid if words in text] == []


def test_a_company_without_dates_shows_conversion_by_source(page: Callable[..., str]) -> None:
    read = Page(page("dateless"))
    assert any("Conversion by source" in word or "converted" in word for word in read.words)
    assert [cell for cell in read.numbers if "%" in cell]
