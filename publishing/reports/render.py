"""Renders the report: rows of the marts, words of the locale and pictures go into one template, one file comes out.

What belongs here: the template environment and its guards (everything escaped, only http and https links). What does
not: figures (facts.py reads them as marts computed them), formats, charts, and where the file belongs afterwards.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from babel.support import NullTranslations, Translations

from publishing.reports import charts, facts, words
from publishing.reports.formats import MISSING, Formats, shown

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from configuration.model import Settings

HERE = Path(__file__).resolve().parent
LOCALE = HERE / "locale"


@dataclass(frozen=True)
class Certificate:
    """What the gate said about the rows that are printed, and which release they belong to."""

    release: str
    checks_passed: int
    checks_warned: int
    warnings: tuple[str, ...] = ()
    baseline: str | None = None

    @classmethod
    def from_verdict(cls, release: str, verdict: Mapping[str, Any]) -> "Certificate":
        """From `expectations.runner.Verdict.to_dict()`, as it also stands in verdicts/<run_id>.json."""
        warned = [check for check in verdict["checks"] if not check["passed"]]
        return cls(
            release=release,
            checks_passed=sum(bool(check["passed"]) for check in verdict["checks"]),
            checks_warned=len(warned),
            warnings=tuple(
                f"{check['suite']}: {check['check'].replace('_', ' ')} ({check['observed']})" for check in warned
            ),
            baseline=verdict.get("live_release"),
        )


def render(marts: Path, out: Path, *, certificate: Certificate, settings: "Settings") -> Path:
    """Writes the report of the release or passed candidate in `marts` to the file `out` and returns it.

    The page holds everything it needs and asks for nothing: no script, no font, no style and no picture from
    elsewhere. Raises ReleaseError when the marts cannot be read and ConfigurationError for an unknown locale.
    """
    read = facts.read(marts)
    company = settings.company
    formats = Formats(company.locale, read.context["reporting_currency"], read.context["reporting_timezone"])
    catalogue = Translations.load(LOCALE, [str(formats.locale), formats.locale.language])
    vocabulary = words.vocabulary(catalogue.gettext)
    environment = _environment(formats, catalogue)
    page = environment.get_template("report.html.j2").render(
        facts=read,
        certificate=certificate,
        company=company.name,
        score=company.lead_score,
        charts=charts.draw(read, formats, vocabulary, catalogue.gettext),
        words=vocabulary,
        language=formats.language,
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        deal_link=_deal_link(company.deal_links),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    return out


def _environment(formats: Formats, catalogue: NullTranslations) -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        # select_autoescape() looks at the last suffix, which is .j2 here, and would escape nothing.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(formats.filters())
    environment.filters["shown"] = shown
    environment.filters["contents"] = _contents
    environment.globals["meter"] = charts.meter
    return environment


def _contents(body: "Markup") -> list[tuple[str, "Markup"]]:
    """The (id, title) of each section of the page, in its order; titles are as escaped as they were in `body`."""
    found = re.findall(r'<section id="([^"]+)"[^>]*>\s*<h2>(.*?)</h2>', body, re.DOTALL)
    return [(section, type(body)(title)) for section, title in found]


def _printable(value: Any) -> Any:
    return MISSING if value is None else value


def safe_link(address: str) -> str | None:
    """The address if it leads to a web page by http or https, else None."""
    if shown(address) != address or re.search(r"\s", address):
        return None
    parts = urlsplit(address)
    return address if parts.scheme in ("http", "https") and parts.netloc else None


def _deal_link(templates: Mapping[str, str]) -> Any:
    def link(source_system: str | None, deal_id: str | None) -> str | None:
        """Where a deal stands in its CRM, if the company said how addresses look there."""
        template = templates.get(source_system or "")
        return safe_link(template.replace("{id}", quote(deal_id, safe=""))) if template and deal_id else None

    return link
