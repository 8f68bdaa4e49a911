"""Files that nobody here wrote, read by the mapping beside this test and compared with a plain count of the files.

They lie in $SALESHOUSE_REAL_DATA, else in ../shared/data/real beside the repository; without them the tests say so.
"""

import csv
import os
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from configuration.model import FileMapping, load
from configuration.paths import REPOSITORY
from ingestion import mappings
from ingestion.files import files_of, resources
from ingestion.files.reading import Counts, read
from ingestion.landing import Window

HERE = Path(__file__).parent
REAL = Path(os.environ.get("SALESHOUSE_REAL_DATA", REPOSITORY.parent / "shared" / "data" / "real")).resolve()

pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"the real files are not in {REAL}; name their folder in SALESHOUSE_REAL_DATA"
)

Rows = list[dict[str, str | None]]


def mapped(name: str, monkeypatch: pytest.MonkeyPatch) -> FileMapping:
    monkeypatch.setenv("SALESHOUSE_REAL_DATA", str(REAL))
    settings = load(HERE / "saleshouse.yml")
    return next(mapping for mapping in settings.sources.files if mapping.name == name)


def read_all(mapping: FileMapping) -> tuple[Rows, Counts]:
    counts = Counts()
    (file,) = files_of(mapping)
    rows = [row for table in read(mapping, file, counts, mapping_hash="") for row in table.to_pylist()]
    return rows, counts


def plain(path: str) -> list[dict[str, str]]:
    with (REAL / path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_leads_equal_a_plain_count(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, counts = read_all(mapped("education_leads", monkeypatch))
    expected = plain("education_leads/Leads.csv")
    assert (counts.fetched, counts.accepted, counts.rejected) == (len(expected), len(expected), 0)
    assert len(expected) == 9240
    assert [row["lead_id"] for row in rows] == [row["Prospect ID"] for row in expected]

    # Google and google are one source by the declared map; everything else stays the export's own word.
    folded = {"google": "Google"}
    by_origin_and_source = Counter((row["source_detail"], row["source_label"]) for row in rows)
    assert by_origin_and_source == Counter(
        (row["Lead Origin"], folded.get(row["Lead Source"], row["Lead Source"]) or None) for row in expected
    )
    assert counts.unmapped["source_label"].total() == sum(
        row["Lead Source"] not in ("Google", "google", "") for row in expected
    )
    converted = [row for row in expected if row["Converted"] == "1"]
    assert Counter(row["stage_label"] for row in rows) == {
        "customer": len(converted),
        "lead": len(expected) - len(converted),
    }
    assert Counter(row["source_detail"] for row in rows if row["is_converted"] == "true") == Counter(
        row["Lead Origin"] for row in converted
    )


def test_placeholders_test_records_and_missing_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, counts = read_all(mapped("education_leads", monkeypatch))
    expected = plain("education_leads/Leads.csv")
    selected = sum(row["Lead Profile"] == "Select" for row in expected)
    assert selected > 4000
    assert counts.nulled == {"status_label": selected}
    assert sum(row["status_label"] is None for row in rows) == selected + sum(
        not row["Lead Profile"] for row in expected
    )
    tests = [row["lead_id"] for row in rows if row["is_test"] == "true"]
    assert tests == [row["Prospect ID"] for row in expected if row["Lead Source"] == "testone"]
    assert len(tests) == 1
    # The export has no dates, so none are invented.
    assert {row["created_at"] for row in rows} == {None}
    # A comma at each line's end makes a column without a name, which nobody can ask for.
    assert "" not in counts.ignored_columns


def test_ads_equal_a_plain_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, counts = read_all(mapped("facebook_ads", monkeypatch))
    expected = plain("facebook_ads/KAG_conversion_data.csv")
    assert (counts.fetched, counts.rejected) == (len(expected), 0) == (1143, 0)
    for ours, theirs in (
        ("spend", "Spent"),
        ("clicks", "Clicks"),
        ("impressions", "Impressions"),
        ("conversions_claimed", "Total_Conversion"),
    ):
        assert sum(Decimal(row[ours] or "") for row in rows) == sum(Decimal(row[theirs]) for row in expected)
    days = {"-".join(reversed(row["Date"].split("-"))) for row in expected}
    assert {row["date_day"] for row in rows} == days
    assert (min(days), max(days)) == ("2023-08-01", "2023-08-31")
    assert {(row["platform"], row["currency"]) for row in rows} == {("facebook", "USD")}


def test_both_land_and_every_source_has_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALESHOUSE_REAL_DATA", str(REAL))
    settings = load(HERE / "saleshouse.yml")
    window = Window(datetime(2026, 6, 18, tzinfo=UTC))
    rows = {entity: sum(t.num_rows for t in tables) for entity, tables in resources(settings, window).items()}
    assert rows == {"leads": 9240, "ad_days": 1143, "readings": 2}
    labels = {str(row["label"]).lower() for row in mappings.read("channels", settings.mappings.channels)}
    assert {row["Lead Source"].lower() for row in plain("education_leads/Leads.csv")} - labels == {""}
