"""The GA4 export: schema, days of the property's zone, late events, and that only what changed is written."""

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from simulator import ga4

MORNING = datetime(2026, 6, 18, 6)


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def events(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_a_file_per_day_of_the_property_and_the_running_day_apart(company: Any, tmp_path: Path) -> None:
    assert names(ga4.write(company, MORNING, tmp_path)) == [
        "events_20260615.parquet",
        "events_20260616.parquet",
        "events_20260617.parquet",
        "events_intraday_20260618.json.gz",
    ]
    # 22:30 UTC on the 15th is the 16th in Prague.
    day = events(tmp_path / "events_20260616.parquet")
    assert [event["event_timestamp"] for event in day] == [1781562600000000, 1781604000000000]
    assert {event["event_date"] for event in day} == {"20260616"}


def test_the_schema_is_bigquerys(company: Any, tmp_path: Path) -> None:
    ga4.write(company, MORNING, tmp_path)
    schema = pq.read_schema(tmp_path / "events_20260617.parquet")
    assert str(schema.field("event_timestamp").type) == "int64"
    parameter = schema.field("event_params").type.value_type
    assert [field.name for field in parameter] == ["key", "value"]
    assert [(field.name, str(field.type)) for field in parameter.field("value").type] == [
        ("string_value", "string"),
        ("int_value", "int64"),
        ("float_value", "double"),
        ("double_value", "double"),
    ]
    click = events(tmp_path / "events_20260615.parquet")[0]
    assert click["collected_traffic_source"]["gclid"] == "Cj0abc"
    parameters = {one["key"]: one["value"] for one in click["event_params"]}
    assert parameters["ga_session_id"]["int_value"] == 1
    assert parameters["session_engaged"]["string_value"] == "1"
    assert parameters["medium"]["string_value"] == "cpc"
    assert "transaction_id" not in parameters
    assert (click["device"]["category"], click["geo"]["country"]) == ("mobile", "Czechia")
    assert click["user_pseudo_id"] == "100.1"


def test_a_purchase_carries_its_order(company: Any, tmp_path: Path) -> None:
    ga4.write(company, MORNING, tmp_path)
    purchase = events(tmp_path / "events_20260617.parquet")[0]
    assert (purchase["ecommerce"]["transaction_id"], purchase["ecommerce"]["purchase_revenue"]) == ("T1", 49.0)
    assert purchase["items"][0]["item_id"] == "sku1"
    assert purchase["items"][0]["item_revenue"] == 49.0
    assert {one["key"]: one["value"]["double_value"] for one in purchase["event_params"]}["value"] == 49.0


def test_the_running_day_is_json_lines_with_numbers_as_text(company: Any, tmp_path: Path) -> None:
    ga4.write(company, MORNING, tmp_path)
    lines = gzip.decompress((tmp_path / "events_intraday_20260618.json.gz").read_bytes()).decode().splitlines()
    assert len(lines) == 1, "an event of 07:00 has not happened at 06:00"
    event = json.loads(lines[0])
    assert event["event_timestamp"] == "1781758800000000"
    assert "transaction_id" not in event.get("ecommerce", {})
    assert {"key": "ga_session_id", "value": {"int_value": "4"}} in event["event_params"]


def test_late_events_rewrite_their_day_and_nothing_else(company: Any, tmp_path: Path) -> None:
    ga4.write(company, datetime(2026, 6, 17, 6), tmp_path)
    assert len(events(tmp_path / "events_20260616.parquet")) == 1
    untouched = (tmp_path / "events_20260615.parquet").stat().st_mtime_ns
    written = names(ga4.write(company, MORNING, tmp_path))
    assert written == ["events_20260616.parquet", "events_20260617.parquet", "events_intraday_20260618.json.gz"]
    assert len(events(tmp_path / "events_20260616.parquet")) == 2
    assert len(events(tmp_path / "events_20260617.parquet")) == 1
    assert (tmp_path / "events_20260615.parquet").stat().st_mtime_ns == untouched
    assert ga4.write(company, MORNING, tmp_path) == []
    # Two days after the 17th its last event arrives, and the intraday file gives way to the day's own.
    assert names(ga4.write(company, datetime(2026, 6, 20, 6), tmp_path)) == [
        "events_20260617.parquet",
        "events_20260618.parquet",
    ]
    assert not (tmp_path / "events_intraday_20260618.json.gz").exists()


def test_moving_back_takes_later_files_away(company: Any, tmp_path: Path) -> None:
    ga4.write(company, MORNING, tmp_path)
    ga4.write(company, datetime(2026, 6, 16, 12), tmp_path)
    assert sorted(path.name for path in tmp_path.glob("events*")) == [
        "events_20260615.parquet",
        "events_intraday_20260616.json.gz",
    ]


@pytest.mark.parametrize("damage", ["file", "state"])
def test_what_is_lost_is_written_again(company: Any, tmp_path: Path, damage: str) -> None:
    ga4.write(company, MORNING, tmp_path)
    (tmp_path / ("events_20260616.parquet" if damage == "file" else ga4.STATE)).unlink()
    assert "events_20260616.parquet" in names(ga4.write(company, MORNING, tmp_path))
