"""GA4 export files: every event with its declared columns, changed files again, broken and crafted ones in one line."""

import gzip
import json
import shutil
import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from configuration.errors import MalformedData, SourceError
from configuration.paths import Home
from ingestion import ga4, landing, ledger
from simulator import ga4 as simulated
from simulator.company import Company
from tests.ingestion import lake
from tests.ingestion.conftest import NOW

VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)
PARAMETERS = pa.list_(pa.struct([("key", pa.string()), ("value", VALUE)]))


def parameter(key: str, **value: Any) -> dict[str, Any]:
    return {
        "key": key,
        "value": {"string_value": None, "int_value": None, "float_value": None, "double_value": None} | value,
    }


def event(day: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "event_date": day,
        "event_timestamp": 1_781_000_000_000_000 + number,
        "event_name": "page_view",
        "user_pseudo_id": f"{number}.1",
        "event_params": [parameter("ga_session_id", int_value=9_007_199_254_740_993)],
    } | more


def write_parquet(path: Path, events: list[dict[str, Any]], **fields: pa.DataType) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        [
            ("event_date", pa.string()),
            ("event_timestamp", pa.int64()),
            ("event_name", pa.string()),
            ("user_pseudo_id", pa.string()),
            ("event_params", PARAMETERS),
            *fields.items(),
        ]
    )
    pq.write_table(pa.Table.from_pylist(events, schema=schema), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "export"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Path:
    """The simulated export as it is now; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("written") / "export"
    simulated.write(company, NOW, folder)
    return folder


def land(home: Home, folder: Path, *, now: Any = NOW, pattern: str = "events_*", **more: Any) -> landing.LoadSummary:
    settings = SimpleNamespace(
        start_date=date(2026, 3, 1),
        sources=SimpleNamespace(ga4=SimpleNamespace(enabled=True, path=str(folder / pattern))),
    )
    return landing.land(home, "ga4", settings, now=now, **more)


def events(home: Home) -> list[dict[str, Any]]:
    return lake.rows(home, "ga4", "events")


def test_the_simulated_export_is_landed_whole_and_changed_days_again(
    home: Home, folder: Path, company: Company, written: Path
) -> None:
    shutil.copytree(written, folder)
    first = land(home, folder)
    assert land(home, folder).rows["events"] == 0
    changed = simulated.write(company, NOW + timedelta(days=1), folder)
    second = land(home, folder, now=NOW + timedelta(days=1))

    landed = events(home)[-second.rows["events"] :]
    assert {row["file_name"] for row in landed} == {path.name for path in changed}
    by_file = {path.name: pq.read_metadata(path).num_rows for path in folder.glob("events_*.parquet")}
    newest: dict[str, list[dict[str, Any]]] = {}
    for row in events(home)[: first.rows["events"]] + landed:
        versions = newest.setdefault(row["file_name"], [])
        if versions and versions[0]["file_version"] != row["file_version"]:
            versions.clear()
        versions.append(row)
    wanted = {name: rows for name, rows in by_file.items() if name >= "events_20260301"}
    assert {name: len(rows) for name, rows in newest.items() if "intraday" not in name} == wanted
    ledger.verify(home)


def test_columns_hold_what_the_simulated_visitors_did(home: Home, company: Company, written: Path) -> None:
    land(home, written)
    table = company.events
    days = pc.strftime(table["event_day"].cast(pa.date32()), format="%Y%m%d")
    chosen = table.filter(pc.and_(pc.greater_equal(days, "20260301"), pc.less(days, "20260601"))).to_pylist()
    truth = sorted(
        (
            str(_microseconds(row["event_at"])),
            row["name"],
            row["visitor_id"],
            str(row["session_id"]),
            row["page_location"],
            row["source"] or "",
            row["medium"] or "",
            row["campaign"] or "",
            row["gclid"] or "",
            row["device"],
            row["transaction_id"] or "",
            f"{row['revenue']:.2f}" if row["transaction_id"] else "",
            "1" if row["is_engaged"] else "0",
            len(json.loads(row["items"])) if row["items"] else 0,
        )
        for row in chosen
    )
    landed = sorted(
        (
            row["event_timestamp"],
            row["event_name"],
            row["user_pseudo_id"],
            row["ga_session_id"],
            row["page_location"],
            row["source"] or "",
            row["medium"] or "",
            row["campaign"] or "",
            row["gclid"] or "",
            row["device_category"],
            row["transaction_id"] or "",
            f"{float(row['purchase_revenue']):.2f}" if row["purchase_revenue"] else "",
            row["session_engaged"],
            len(json.loads(row["items"])) if row["items"] else 0,
        )
        for row in events(home)
        if row["event_date"] < "20260601"
    )
    assert landed == truth


def _microseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_nested_values_become_columns_and_one_json_object(home: Home, folder: Path) -> None:
    write_parquet(
        folder / "events_20260601.parquet",
        [
            event("20260601", 1, event_params=None, collected_traffic_source=None, items=None, ecommerce=None),
            event(
                "20260601",
                2,
                event_params=[
                    parameter("source", string_value="parameter"),
                    parameter("medium", string_value="email"),
                    parameter("session_engaged", int_value=1),
                    parameter("session_engaged", string_value="twice"),
                    parameter("value", double_value=12.5),
                    parameter("note", string_value='say "hi"\\\n\x01ž'),
                    parameter("nothing"),
                ],
                collected_traffic_source={"manual_source": "collected", "gclid": "G1"},
                items=[{"item_id": "A", "price": 1.5}, {"item_id": "B", "price": None}],
                ecommerce={"transaction_id": "T1", "purchase_revenue": 1.5},
            ),
        ],
        collected_traffic_source=pa.struct([("manual_source", pa.string()), ("gclid", pa.string())]),
        items=pa.list_(pa.struct([("item_id", pa.string()), ("price", pa.float64())])),
        ecommerce=pa.struct([("transaction_id", pa.string()), ("purchase_revenue", pa.float64())]),
    )
    land(home, folder)
    bare, full = events(home)
    assert (bare["source"], bare["items"], bare["event_params"], bare["transaction_id"]) == (None, None, "{}", None)
    assert (full["source"], full["medium"], full["gclid"]) == ("collected", "email", "G1")
    assert (full["session_engaged"], full["transaction_id"], full["purchase_revenue"]) == ("1", "T1", "1.5")
    assert json.loads(full["items"]) == [{"item_id": "A", "price": 1.5}, {"item_id": "B"}]
    parameters = json.loads(full["event_params"], object_pairs_hook=list)
    assert ["note", 'say "hi"\\\n\x01ž'] in [list(pair) for pair in parameters]
    assert ["value", 12.5] in [list(pair) for pair in parameters]
    assert ["nothing", None] in [list(pair) for pair in parameters]


@pytest.mark.fault(23)
def test_ids_above_two_to_the_53_are_kept(home: Home, folder: Path) -> None:
    write_parquet(folder / "events_20260601.parquet", [event("20260601", 1)])
    lines = event("20260602", 2, event_params=[{"key": "ga_session_id", "value": {"int_value": "9007199254740993"}}])
    (folder / "events_intraday_20260602.json").write_text(json.dumps(lines) + "\n")
    land(home, folder)
    assert {row["ga_session_id"] for row in events(home)} == {"9007199254740993"}
    assert {row["is_intraday"] for row in events(home)} == {"true", "false"}


def test_intraday_lines_are_landed_as_they_say(home: Home, written: Path) -> None:
    (intraday,) = written.glob("events_intraday_*")
    rows = [json.loads(line) for line in gzip.decompress(intraday.read_bytes()).splitlines()]
    summary = land(home, written, pattern="events_intraday_*")
    landed = events(home)
    assert summary.rows["events"] == len(rows) > 0
    assert [row["event_timestamp"] for row in landed] == [row["event_timestamp"] for row in rows]
    sessions = [
        next(one["value"]["int_value"] for one in row["event_params"] if one["key"] == "ga_session_id") for row in rows
    ]
    assert [row["ga_session_id"] for row in landed] == sessions


def test_a_backfill_reads_its_days_again(home: Home, folder: Path) -> None:
    for day in range(1, 6):
        write_parquet(folder / f"events_2026060{day}.parquet", [event(f"2026060{day}", day)])
    land(home, folder)
    summary = land(home, folder, start=date(2026, 6, 2), end=date(2026, 6, 4))
    assert {row["event_date"] for row in events(home)[-summary.rows["events"] :]} == {"20260602", "20260603"}
    assert land(home, folder).rows["events"] == 0


def test_an_old_file_that_was_written_anew_is_landed_again(home: Home, folder: Path) -> None:
    path = folder / "events_20260401.parquet"
    write_parquet(path, [event("20260401", 1)])
    land(home, folder)
    write_parquet(path, [event("20260401", 1), event("20260401", 2)])
    assert land(home, folder).rows["events"] == 2


def test_days_before_the_start_are_left_out(home: Home, folder: Path) -> None:
    write_parquet(folder / "events_20260201.parquet", [event("20260201", 1)])
    write_parquet(folder / "events_20260301.parquet", [event("20260301", 1)])
    assert land(home, folder).rows["events"] == 1


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20:60] = bytes(byte ^ 0xFF for byte in content[20:60])
    path.write_bytes(content)


def _not_parquet(path: Path) -> None:
    path.write_text("<html>sign in</html>")


def _column_missing(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["event_name"]), path)


def _column_flat(path: Path) -> None:
    table = pq.read_table(path).drop_columns(["event_params"])
    pq.write_table(table.append_column("event_params", pa.array(["{}"] * table.num_rows)), path)


def _giant_footer(path: Path) -> None:
    """A footer that claims two gigabytes of metadata."""
    path.write_bytes(path.read_bytes()[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1")


def _nonsense_footer(path: Path) -> None:
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[-8:-4])
    path.write_bytes(content[: -8 - length] + b"\xff" * length + content[-8:])


def _bomb(path: Path) -> None:
    """Two hundred million equal characters in a file of some kilobytes."""
    table = pq.read_table(path)
    rows = pa.concat_tables([table] * 8).set_column(2, "event_name", pa.array(["x" * 500_000] * 400))
    pq.write_table(rows, path, compression="zstd", use_dictionary=False)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "cannot be read"),
        (_flipped, "cannot be read"),
        (_not_parquet, "cannot be read"),
        pytest.param(_column_missing, "lacks the column event_name", marks=pytest.mark.fault(28)),
        pytest.param(_column_flat, "event_params is string and not a list", marks=pytest.mark.fault(29)),
        pytest.param(_giant_footer, "cannot be read", marks=pytest.mark.fault(76)),
        pytest.param(_nonsense_footer, "cannot be read", marks=pytest.mark.fault(76)),
        pytest.param(_bomb, "swells to more than 200 times its size", marks=pytest.mark.fault(70)),
    ],
)
def test_a_broken_file_is_named_and_nothing_is_landed(home: Home, folder: Path, damage: Any, said: str) -> None:
    write_parquet(folder / "events_20260601.parquet", [event("20260601", 1)])
    broken = folder / "events_20260602.parquet"
    write_parquet(broken, [event("20260602", number) for number in range(50)])
    damage(broken)
    with pytest.raises(MalformedData, match=said) as caught:
        land(home, folder)
    assert str(caught.value).startswith("ga4 events_20260602.parquet: ")
    assert "\n" not in str(caught.value)
    assert ledger.read(home) == []
    broken.unlink()
    assert land(home, folder).rows["events"] == 1


@pytest.mark.fault(76)
def test_a_reader_that_crashes_takes_nothing_with_it(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_parquet(folder / "events_20260601.parquet", [event("20260601", 1)])
    crashing = tmp_path / "__init__.py"
    (tmp_path / "reader.py").write_text(
        "import json, os, signal, sys\n"
        "print(json.dumps({'file': json.load(sys.stdin)[0]['name']}), file=sys.stderr, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    monkeypatch.setattr(ga4, "__file__", str(crashing))
    with pytest.raises(
        MalformedData, match=r"^ga4 events_20260601\.parquet: .* the reading process ended with code -11"
    ):
        land(home, folder)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("events_20260602.json.gz", gzip.compress(json.dumps(event("20260602", 1)).encode())[:-6], "ended before"),
        ("events_20260602.json.gz", b"\x1f\x8b\x08\x00" + b"nonsense" * 9, "cannot be read"),
        pytest.param(
            "events_20260602.json.gz",
            gzip.compress(b" " * 300_000_000, compresslevel=6),
            "swells to more than 200 times",
            marks=pytest.mark.fault(70),
        ),
        ("events_20260602.json", json.dumps(event("20260602", 1)).encode()[:-9], "cannot be read"),
        ("events_20260602.json", b'{"event_date": "20260602"}\n', "an event has no date, time or name"),
    ],
    ids=["cut archive", "no archive", "bomb", "cut line", "no time"],
)
def test_broken_json_lines_are_named(home: Home, folder: Path, name: str, content: bytes, said: str) -> None:
    folder.mkdir()
    (folder / name).write_bytes(content)
    with pytest.raises(MalformedData, match=said) as caught:
        land(home, folder)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pattern_that_matches_nothing_is_one_line(home: Home, folder: Path) -> None:
    with pytest.raises(SourceError, match=r"^ga4: no export file matches .*; check sources\.ga4\.path"):
        land(home, folder)


def test_the_doctor_counts_files_and_days(folder: Path) -> None:
    for day in (1, 5):
        write_parquet(folder / f"events_2026060{day}.parquet", [event(f"2026060{day}", day)])
    settings = SimpleNamespace(
        start_date=date(2026, 3, 1), sources=SimpleNamespace(ga4=SimpleNamespace(path=str(folder / "events_*")))
    )
    assert ga4.check(settings) == "2 files, days 2026-06-01 to 2026-06-05"


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("events_20260601.parquet", date(2026, 6, 1)),
        ("events_intraday_20260601.json.gz", date(2026, 6, 1)),
        ("date=2026-06-01/part-00001.parquet", date(2026, 6, 1)),
        ("events_20261341.parquet", None),
        ("all.parquet", None),
    ],
)
def test_a_name_tells_its_day(name: str, day: date | None) -> None:
    assert ga4._day(name) == day
