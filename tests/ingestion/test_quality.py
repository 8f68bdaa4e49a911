"""Verdicts land once, and once more when it is known which release came of them; published forecasts land once."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configuration.errors import MalformedData
from configuration.model import Settings, load
from configuration.paths import REPOSITORY, Home
from ingestion import landing, ledger

NOW = datetime(2026, 6, 18, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(REPOSITORY / "saleshouse.yml")


def judged(home: Home, run_id: str, *, passed: bool) -> Path:
    home.verdicts.mkdir(parents=True, exist_ok=True)
    path = home.verdicts / f"{run_id}.json"
    checks = [
        {"suite": "fct_deals", "mart": "fct_deals", "check": "row_floor", "severity": "block", "passed": True,
         "observed": 12, "expected": "at least 1 rows", "sample_rows": [], "sql": None},
        {"suite": "fct_deals", "mart": "fct_deals", "check": "filled", "severity": "block", "passed": passed,
         "observed": 0 if passed else 3, "expected": "filled", "sample_rows": [{"deal_name": "J***"}], "sql": "select"},
    ]  # fmt: skip
    verdict = {"run_id": run_id, "as_of": "2026-06-17", "known_at": 4, "passed": passed, "checks": checks}
    path.write_text(json.dumps(verdict | {"judged_at": "2026-06-18T05:01:02Z"}))
    return path


def landed(home: Home, settings: Settings, hours: int, entity: str = "verdicts") -> list[dict[str, Any]]:
    """The rows that one more landing brings."""
    landing.land(home, "quality", settings, now=NOW + timedelta(hours=hours))
    entry = ledger.read(home)[-1]
    return [row for file in entry.entities[entity].files for row in pq.read_table(home.raw / file.path).to_pylist()]


def published(home: Home, release: str, run_id: str, **columns: list[Any]) -> Path:
    """A sealed release that holds a forecast."""
    folder = home.releases / release
    (folder / "parquet").mkdir(parents=True)
    manifest = {"release": release, "run_id": run_id, "known_at": 4, "sealed_at": "2026-06-18T05:02:03+00:00"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    pq.write_table(pa.table(columns), folder / "parquet" / "fct_forecast.parquet")
    return folder


def test_each_verdict_lands_once_and_again_with_its_release(tmp_path: Path, settings: Settings) -> None:
    home = Home(tmp_path)
    assert landed(home, settings, 0) == []
    judged(home, "run-1", passed=True)
    judged(home, "run-2", passed=False)
    rows = landed(home, settings, 1)
    assert [(row["run_id"], row["check_name"], row["passed"], row["observed"], row["release"]) for row in rows] == [
        ("run-1", "row_floor", "true", "12", None),
        ("run-1", "filled", "true", "0", None),
        ("run-2", "row_floor", "true", "12", None),
        ("run-2", "filled", "false", "3", None),
    ]
    assert {row["verdict_passed"] for row in rows if row["run_id"] == "run-2"} == {"false"}
    # Names stay in the verdict's own file.
    assert "J***" not in str(rows)
    assert landed(home, settings, 2) == []
    sealed = home.releases / "2026-06-17.001"
    sealed.mkdir(parents=True)
    (sealed / "manifest.json").write_text(json.dumps({"release": "2026-06-17.001", "run_id": "run-1"}))
    again = landed(home, settings, 3)
    assert {(row["run_id"], row["release"]) for row in again} == {("run-1", "2026-06-17.001")}
    assert len(again) == 2


def test_a_torn_verdict_is_one_line(tmp_path: Path, settings: Settings) -> None:
    home = Home(tmp_path)
    path = judged(home, "run-1", passed=True)
    path.write_text(path.read_text()[:40])
    with pytest.raises(MalformedData, match="not valid JSON") as error:
        landed(home, settings, 0)
    assert "\n" not in str(error.value)
    assert ledger.read(home) == []


def test_a_published_forecast_lands_once_and_outlives_its_release(tmp_path: Path, settings: Settings) -> None:
    home = Home(tmp_path)
    first = published(
        home, "2026-06-17.001", "run-1", method=["crm_view"], as_of=[date(2026, 6, 17)],
        expected=pa.array([Decimal("10.50")], pa.decimal128(18, 2)), period_start=[date(2026, 6, 1)],
    )  # fmt: skip
    (row,) = landed(home, settings, 1, "forecasts")
    told = ("release", "run_id", "known_at", "method", "expected", "as_of", "period_start", "p10", "part")
    assert [row[name] for name in told] == [
        *("2026-06-17.001", "run-1", "4", "crm_view", "10.50", "2026-06-17", "2026-06-01"), None, None,
    ]  # fmt: skip
    assert landed(home, settings, 2, "forecasts") == []
    # Its id is given again after it was removed.
    shutil.rmtree(first)
    published(home, "2026-06-17.001", "run-2", method=["saleshouse"], expected=["11"])
    assert [(row["run_id"], row["expected"]) for row in landed(home, settings, 3, "forecasts")] == [("run-2", "11")]
    (home.releases / "2026-06-17.001" / "parquet" / "fct_forecast.parquet").write_bytes(b"torn")
    assert landed(home, settings, 4, "forecasts") == []
    published(home, "2026-06-18.001", "run-3")
    (home.releases / "2026-06-18.001" / "parquet" / "fct_forecast.parquet").write_bytes(b"torn")
    with pytest.raises(MalformedData, match="not valid Parquet"):
        landed(home, settings, 5, "forecasts")
