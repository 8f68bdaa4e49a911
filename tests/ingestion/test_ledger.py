"""The ledger: numbers, durability, and that damage to the lake never goes unseen."""

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configuration.errors import LandingError
from configuration.paths import Home
from ingestion import ledger


def landed(home: Home, number: int = 1) -> Path:
    path = home.raw / "toy" / "deals" / f"{number}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": ["1", "2"]}), path)
    file = ledger.describe(home, path)
    entered(home, {"deals": ledger.LandedEntity(file.rows, (file,))})
    return path


def entered(home: Home, entities: dict[str, ledger.LandedEntity]) -> ledger.LoadEntry:
    return ledger.append(
        home,
        dlt_load_id="1.5",
        source="toy",
        landed_at="2026-06-18T06:00:00.000Z",
        arguments={"now": "2026-06-18T06:00:00+00:00"},
        mapping_hash=None,
        entities=entities,
    )


def test_what_is_appended_is_read_back(home: Home) -> None:
    path = landed(home)
    (entry,) = ledger.read(home)
    assert entry.load_number == 1
    assert entry.entities["deals"].rows == 2
    (file,) = entry.entities["deals"].files
    assert (file.path, file.bytes, file.rows) == ("toy/deals/1.parquet", path.stat().st_size, 2)
    written = json.loads((home.ledger / "0000000001.json").read_text())
    assert written["entities"]["deals"]["files"][0]["sha256"] == file.sha256
    ledger.verify(home)


def test_writers_at_the_same_time_get_different_numbers(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = [entry.load_number for entry in pool.map(lambda _: entered(home, {}), range(24))]
    assert sorted(numbers) == list(range(1, 25))
    assert [entry.load_number for entry in ledger.read(home)] == list(range(1, 25))
    assert not list(home.ledger.glob(".draft*"))


@pytest.mark.fault(51)
@pytest.mark.parametrize("position", [0, 0.5, 0.99])
def test_one_flipped_byte_is_found_and_named(home: Home, position: float) -> None:
    landed(home, 1)
    path = landed(home, 2)
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(LandingError, match=r"toy/deals/2\.parquet: the file has other bytes"):
        ledger.verify(home)


@pytest.mark.parametrize(("damage", "said"), [("cut", "has 10 bytes instead of"), ("gone", "is gone")])
def test_a_short_or_missing_file_is_named(home: Home, damage: str, said: str) -> None:
    path = landed(home)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:10])
    else:
        path.unlink()
    with pytest.raises(LandingError, match=said):
        ledger.verify(home)


def test_a_missing_entry_is_seen(home: Home) -> None:
    landed(home, 1)
    landed(home, 2)
    (home.ledger / "0000000001.json").unlink()
    with pytest.raises(LandingError, match=r"0000000001\.json: the file is missing"):
        ledger.verify(home)


def test_a_damaged_entry_is_named(home: Home) -> None:
    landed(home)
    (home.ledger / "0000000001.json").write_text('{"load_number": 1')
    with pytest.raises(LandingError, match=r"0000000001\.json: the file is not a ledger entry"):
        ledger.read(home)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(errno.ENOSPC, marks=pytest.mark.fault(48)),
        pytest.param(errno.EIO, marks=pytest.mark.fault(49)),
    ],
)
def test_a_full_or_failing_disk_is_one_line_and_no_entry(
    home: Home, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LandingError, match=os.strerror(number)) as caught:
        entered(home, {})
    assert "\n" not in str(caught.value)
    assert ledger.read(home) == []
    assert not list(home.ledger.glob(".draft*"))
