"""The simulated company's exports and finance lists, read whole by the mapping beside this test.

What its marts are, compared with the same company read through its vendors, is a test of the whole path; here each
file's rows are all accepted, all of its words are known, and cells that were written in the export's ways are
the company's own values again.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from configuration.entities import CHANNELS
from configuration.model import FileMapping, Settings, load
from ingestion import mappings
from ingestion.files import files_of
from ingestion.files.reading import Counts, read
from simulator.company import Company, generate
from simulator.exports import write_export, write_finance

HERE = Path(__file__).parent
NOW = datetime(2024, 9, 2, 6, tzinfo=UTC)

Rows = list[dict[str, str | None]]


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(seed=7, scale=0.01, start=date(2023, 7, 1), end=date(2024, 12, 31))


@pytest.fixture(scope="module")
def settings(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("company")
    write_export(company, NOW, folder / "export")
    write_finance(company, NOW, folder / "finance")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EXPORTED_COMPANY", str(folder))
        yield load(HERE / "saleshouse.yml")


def read_all(mapping: FileMapping) -> tuple[Rows, Counts]:
    counts = Counts()
    (file,) = files_of(mapping)
    return [row for t in read(mapping, file, counts, mapping_hash="") for row in t.to_pylist()], counts


def rows_of(settings: Settings, entity: str) -> Rows:
    return read_all(next(mapping for mapping in settings.sources.files if mapping.entity == entity))[0]


def test_every_row_is_accepted_and_every_column_and_word_is_used(settings: Settings) -> None:
    for mapping in settings.sources.files:
        rows, counts = read_all(mapping)
        assert counts.fetched == counts.accepted == len(rows) > 0, (mapping.name, counts.reasons)
        assert not counts.ignored_columns, mapping.name
    (activities,) = [mapping for mapping in settings.sources.files if mapping.entity == "activities"]
    assert not read_all(activities)[1].unmapped


def test_deals_are_the_companys_own(settings: Settings, company: Company) -> None:
    known = company.deals.set_index(company.deals["deal_id"].astype(str))
    deals = rows_of(settings, "deals")
    for deal in deals:
        created = known.loc[str(deal["deal_id"])]["created_at"].to_pydatetime()
        assert datetime.fromisoformat(str(deal["created_at"])) == created
    amounts = [Decimal(deal["amount"]) for deal in deals if deal["amount"]]
    assert sum(amounts) > 0
    assert all(amount == round(amount, 2) for amount in amounts)
    once = {str(deal["deal_id"]): deal["one_time_amount"] for deal in deals}
    assert any(once.values())
    for key, written in once.items():
        said = known.loc[key, "said_paid_once"]
        assert written is None if pd.isna(said) else Decimal(str(written)) == Decimal(said)


def test_local_moments_with_offsets_are_utc_again(settings: Settings, company: Company) -> None:
    known = dict(zip(company.contacts["contact_id"].astype(str), company.contacts["created_at"], strict=True))
    leads, contacts = rows_of(settings, "leads"), rows_of(settings, "contacts")
    for row in (*leads, *contacts):
        key = str(row.get("lead_id") or row["contact_id"])
        assert datetime.fromisoformat(str(row["created_at"])) == known[key].to_pydatetime()
    assert {row["full_name"] for row in leads} == {row["full_name"] for row in contacts}
    assert any(not str(row["full_name"]).isascii() for row in leads)


def test_finance_is_the_companys_own(settings: Settings, company: Company) -> None:
    rates = {
        (row["rate_date"], row["currency"], row["kind"]): row["rate_to_reporting"] for row in rows_of(settings, "rates")
    }
    for day, currency, kind, rate in zip(
        company.rates["rate_date"],
        company.rates["currency"],
        company.rates["kind"],
        company.rates["rate_to_reporting"],
        strict=True,
    ):
        written = rates.get((f"{day:%Y-%m-%d}", currency, kind))
        assert written is None or Decimal(written) == Decimal(str(rate))
    assert {row["channel"] for row in rows_of(settings, "budgets")} <= {*CHANNELS, None}


def test_all_stages_origins_and_processes_are_translated(settings: Settings) -> None:
    def labels(name: str, column: str, path: Path) -> set[str]:
        return {str(row[column]) for row in mappings.read(name, path)}

    stages = labels("stages", "stage_label", settings.mappings.stages)
    origins = labels("channels", "label", settings.mappings.channels)
    deals, leads = rows_of(settings, "deals"), rows_of(settings, "leads")
    assert {str(row["stage_label"]) for row in (*deals, *leads, *rows_of(settings, "stage_changes"))} <= stages
    assert {row["source_label"] for row in leads} <= {*origins, None}
    assert {str(row["pipeline_label"]) for row in deals} <= labels(
        "pipelines", "pipeline_label", settings.mappings.pipelines
    )
