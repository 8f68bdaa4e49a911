"""Finished companies, each built once, and the settings that a report is rendered with."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from configuration.model import Settings
from publishing.reports.render import Certificate, render
from tests.publishing_reports import invented as invented_company

CERTIFICATE = Certificate("2026-06-18-0600", checks_passed=62, checks_warned=1, warnings=("fct_deals: no_amount (7)",))


@pytest.fixture(scope="session")
def invented() -> ModuleType:
    return invented_company


@pytest.fixture(scope="session")
def company(invented: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The marts of one of invented.COMPANIES, built when first asked for."""
    folder = tmp_path_factory.mktemp("companies")

    def get(kind: str) -> Path:
        path = folder / f"{kind}.duckdb"
        return path if path.exists() else invented.company(path, kind)

    return get


def settings(**company: Any) -> Settings:
    return Settings.model_validate(
        {
            "company": {
                "name": "Aldergate",
                "reporting_timezone": "Europe/Prague",
                "reporting_currency": "EUR",
                "deal_links": {"hubspot": "https://crm.example/deals/{id}"},
            }
            | company,
            "start_date": "2023-07-01",
            "mappings": {"stages": "stages.csv", "channels": "channels.csv", "pipelines": "pipelines.csv"},
            "file": Path("saleshouse.yml"),
        }
    )


@pytest.fixture(scope="session")
def page(company: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The page of a company as text; pages with the same settings are rendered once."""
    folder = tmp_path_factory.mktemp("pages")
    made: dict[str, str] = {}

    def get(kind: str | Path, certificate: Certificate = CERTIFICATE, **changed: Any) -> str:
        key = repr((kind, certificate, changed))
        if key not in made:
            marts = kind if isinstance(kind, Path) else company(kind)
            out = render(marts, folder / f"{len(made)}.html", certificate=certificate, settings=settings(**changed))
            made[key] = out.read_text(encoding="utf-8")
        return made[key]

    return get
