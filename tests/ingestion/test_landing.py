"""Landing: nothing lost and nothing twice whatever kills it, one line when it cannot, empty entities readable."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
import pytest

from configuration.errors import ConfigurationError, LandingError, MalformedData
from configuration.paths import REPOSITORY, Home
from ingestion import landing, ledger
from tests.ingestion import killed_landing, lake

POINTS = [
    pytest.param("in the middle of a page", marks=pytest.mark.fault(39)),
    "after extraction",
    "before the clean-up of normalisation",
    "after normalisation",
    pytest.param("file in place", marks=pytest.mark.fault(40)),
    "after dlt's own commit",
    pytest.param("after the cursor's commit", marks=pytest.mark.fault(41)),
]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_landing_loses_and_doubles_nothing(home: Home, point: str) -> None:
    killed_landing.land(home.root)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    script = str(Path(killed_landing.__file__))
    killed = subprocess.run([sys.executable, script, str(home.root), point], env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    summary = killed_landing.land(home.root)

    ledger.verify(home)
    # What was left is completed before anything new is asked for.
    assert summary.recovered == (() if point == "in the middle of a page" else (2,))
    landed = lake.contents(home, "toy", "numbers")
    ids = sorted(int(row["id"]) for row in lake.rows(home, "toy", "numbers"))
    assert len(set(landed)) == len(set(ids)), "one version per id"
    assert sorted(set(ids)) == list(range(max(ids) + 1)), "no number is missing"
    # A run that died after its rows were safe counts; one that died before is repeated from the same place.
    expected = 2 if point == "in the middle of a page" else 3
    assert max(ids) + 1 == expected * killed_landing.ROWS
    in_lake = duckdb.sql(f"select count(*) from read_parquet('{home.raw}/toy/numbers/*.parquet')").fetchone()
    assert in_lake == (len(ids),), "every row that lies in the lake belongs to a load of the ledger"


@pytest.mark.slow
@pytest.mark.fault(39)
def test_kills_at_random_moments_lose_and_double_nothing(home: Home) -> None:
    draw = random.Random(20260618)
    killed_landing.land(home.root)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    for _ in range(30):
        command = [sys.executable, str(Path(killed_landing.__file__)), str(home.root), "as time allows"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(draw.uniform(0, 0.6))
        process.kill()
        process.wait()
    killed_landing.land(home.root)
    ledger.verify(home)
    landed = lake.contents(home, "toy", "numbers")
    ids = [int(row["id"]) for row in lake.rows(home, "toy", "numbers")]
    assert len(set(landed)) == len(set(ids))
    assert set(ids) == set(range(max(ids) + 1))


def test_a_load_without_news_is_still_a_load(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = SimpleNamespace(**vars(killed_landing.TOY) | {"resources": lambda settings, window: {}})
    monkeypatch.setattr(landing, "discover", lambda: {"toy": quiet})
    numbers = [landing.land(home, "toy", None, now=datetime.now(UTC)).load_number for _ in range(2)]
    assert numbers == [1, 2]
    assert ledger.read(home)[1].entities["numbers"].rows == 0


def test_every_entity_of_every_source_is_readable_before_anything_is_landed(home: Home) -> None:
    landing.declare(home)
    landing.declare(home)
    for name, source in landing.discover().items():
        for entity, schema in source.ENTITIES.items():
            relation = duckdb.sql(f"from read_parquet('{home.raw}/{name}/{entity}/*.parquet', union_by_name = true)")
            assert {*schema.names, "fetched_at", "_dlt_id", "_dlt_load_id"} == set(relation.columns)
            assert set(map(str, relation.types)) == {"VARCHAR"}
            assert relation.fetchall() == []


def test_landing_after_declaring_works(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "discover", lambda: {"toy": killed_landing.TOY})
    landing.declare(home)
    assert killed_landing.land(home.root).rows == {"numbers": killed_landing.ROWS, "nothing": 0}


def test_a_lake_that_is_gone_is_fetched_again_from_the_start(home: Home) -> None:
    killed_landing.land(home.root)
    killed_landing.land(home.root)
    home.raw.rename(home.root / "lost")
    killed_landing.land(home.root)
    assert min(int(row["id"]) for row in lake.rows(home, "toy", "numbers")) == 0


def test_a_source_that_fails_lands_nothing_and_says_why(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[pa.Table]:
        yield killed_landing.SCHEMA.empty_table()
        raise MalformedData("a page is broken", where="toy.nothing", effect="nothing was landed", fix="mend it")

    def resources(settings: Any, window: landing.Window) -> Any:
        return {**killed_landing.resources(settings, window), "nothing": broken()}

    failing = SimpleNamespace(**vars(killed_landing.TOY) | {"resources": resources})
    monkeypatch.setattr(landing, "discover", lambda: {"toy": failing})
    with pytest.raises(MalformedData, match=r"^toy\.nothing: a page is broken - nothing was landed; mend it$"):
        landing.land(home, "toy", None, now=datetime.now(UTC))
    assert ledger.read(home) == []
    assert killed_landing.land(home.root).rows["numbers"] == killed_landing.ROWS
    assert min(int(row["id"]) for row in lake.rows(home, "toy", "numbers")) == 0


@pytest.mark.fault(48)
def test_a_full_disk_is_one_line_and_the_next_run_lands_all(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "part.parquet")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        patched.setattr(shutil, "copy", full)
        patched.setattr(shutil, "copyfileobj", full)
        with pytest.raises(LandingError, match="No space left on device") as caught:
            killed_landing.land(home.root)
    assert "\n" not in str(caught.value)
    assert "free some space" in str(caught.value)
    killed_landing.land(home.root)
    ids = {int(row["id"]) for row in lake.rows(home, "toy", "numbers")}
    assert ids == set(range(max(ids) + 1))


def test_an_unwritable_home_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(LandingError, match="Not a directory") as caught:
        killed_landing.land(blocked / "var")
    assert "\n" not in str(caught.value)


def test_an_unknown_source_names_the_known_ones(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="hubspot"):
        landing.land(home, "hubspto", None, now=datetime.now(UTC))
