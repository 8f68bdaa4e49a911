"""What a hostile name, link or label can do to a reader of the report: nothing."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from publishing.reports.formats import shown
from publishing.reports.render import Certificate, safe_link
from tests.publishing_reports.reading import Page

SCRIPT = "<script>alert(1)</script>"
BREAKOUT = "\"'><img src=x onerror=alert(1)></script></style></title></svg>{{ 7 * 7 }}"
ALLOWED = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "nav",
        "header",
        "section",
        "div",
        "p",
        "b",
        "small",
        "span",
    ),
    *("a", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "figure"),
    *("figcaption", "details", "summary", "svg", "g", "path", "text", "tspan", "rect", "line", "desc", "defs"),
    "clippath",
}


@pytest.fixture(scope="module")
def hostile(invented: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose every free text is an attack."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.duckdb"
    connection = invented.create(path, leads=300, deals=400, ad_days=40, targets=True, forecast=True, dateless_leads=50)
    attack = SCRIPT + BREAKOUT
    for table, columns in {
        "fct_deals": ("deal_name", "stage_label"),
        "dim_accounts": ("account_name",),
        "dim_owners": ("owner_name", "team"),
        "dim_campaigns": ("campaign_name",),
        "dim_channels": ("channel_name",),
        "dim_dates": ("fiscal_quarter_label",),
        "fct_leads": ("source_label", "source_detail"),
        "fct_rejected_rows": ("reason",),
    }.items():
        for column in columns:
            connection.execute(f"update marts.{table} set {column} = $1 || coalesce({column}, '')", [attack])
    connection.execute("update marts.fct_deals set deal_id = $1 || deal_id", ['" onclick="alert(1)" x="'])
    connection.execute("update marts.fct_leads set channel = $1 where channel = 'partner'", [attack])
    connection.execute("update marts.fct_deals set stage = 'unmapped' where deal_key like '%7'")
    invented.finish(connection)
    return path


@pytest.fixture(scope="module")
def hostile_page(hostile: Path, page: Callable[..., str]) -> str:
    attack = SCRIPT + BREAKOUT
    certificate = Certificate(attack, checks_passed=1, checks_warned=1, warnings=(attack,), baseline=attack)
    return page(hostile, certificate, name=attack)


@pytest.mark.fault(63)
def test_markup_in_any_name_stays_text(hostile_page: str) -> None:
    read = Page(hostile_page)
    assert {tag for tag, _ in read.elements} <= ALLOWED
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert read.mistakes == []
    assert SCRIPT in read.text, "the name itself is still shown, as text"


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>",
        "//crm.example/1",
        "https:",
        "https://crm.example/\u202egpj",
    ],
)
def test_only_web_addresses_become_links(address: str) -> None:
    assert safe_link(address) is None


@pytest.mark.fault(64)
def test_links_lead_to_the_deal_and_nowhere_else(hostile_page: str) -> None:
    targets = [attributes["href"] for tag, attributes in Page(hostile_page).elements if tag == "a"]
    outside = [target for target in targets if not target.startswith("#")]
    assert outside
    assert all(target.startswith("https://crm.example/deals/%22%20onclick") for target in outside)


@pytest.mark.fault(65)
def test_nothing_closes_what_surrounds_it(hostile_page: str) -> None:
    lowered = hostile_page.lower()
    assert "<script" not in lowered, "the page holds no script and so no embedded data that could end one"
    assert "</script" not in lowered
    assert lowered.count("</style>") == 1
    assert lowered.count("</title>") == 1 + lowered.count("<title id=")


@pytest.mark.fault(71)
def test_a_template_in_a_name_is_not_run(hostile_page: str) -> None:
    assert "{{ 7 * 7 }}" in hostile_page
    assert "{{ 7 * 7 }}49" not in hostile_page


@pytest.mark.fault(75)
def test_addresses_of_people_are_masked(invented: ModuleType, page: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "people.duckdb"
    connection = invented.create(path, deals=200, dateless_leads=30)
    for table, column in (
        ("fct_deals", "deal_name"),
        ("dim_owners", "owner_name"),
        ("dim_owners", "rollup_owner_name"),
        ("dim_accounts", "account_name"),
        ("fct_leads", "source_label"),
    ):
        connection.execute(f"update marts.{table} set {column} = 'Renewal <jana.novakova@firm.example>'")
    invented.finish(connection)
    text = page(path)
    assert "Renewal" in text
    assert "firm.example" not in text
    assert "novakova" not in text
    assert "@example.com" not in text, "owners' own addresses are never printed"


def test_invisible_and_direction_marks_are_taken_out() -> None:
    assert shown("Ald\u202eergate\u200b\x00") == "Aldergate"


def test_the_page_asks_nobody_for_anything(page: Callable[..., str]) -> None:
    source = page("full")
    read = Page(source)
    assert not [attributes for _, attributes in read.elements if {"src", "srcset", "action", "data"} & set(attributes)]
    assert "@import" not in source
    assert "url(#" in source or "url(" not in source
    assert source.count("url(") == source.count("url(#")
    assert not [tag for tag, _ in read.elements if tag in ("link", "script", "iframe", "object", "img", "image", "use")]
    addresses = {part.split('"')[0].split("<")[0] for part in source.split("http")[1:]}
    assert all(address.startswith(("s://crm.example/", "://www.w3.org/")) for address in addresses), addresses
