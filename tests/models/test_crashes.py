"""A build that dies, and what it leaves on the disk: the next one makes of raw what it would have made anyway.

The build runs as a process of its own and kills itself when dbt begins a named model, as the kernel kills who takes too
much memory: no handler runs. What it has written by then lies in the history store's write-ahead log.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Lake
from .test_faults import CREATED, deal, landed

SELECTION = ("--indirect-selection", "cautious", "--select", "+fct_deals")
BUILD = """
import os, sys
from datetime import date
from pathlib import Path
from configuration.model import load
from configuration.paths import REPOSITORY, Home
from warehouse import build

home, settings = Home(Path(sys.argv[1])), load(REPOSITORY / "saleshouse.yml")

def die(event):
    if event.info.name == "NodeStart" and event.data.node_info.node_name == sys.argv[2]:
        os.kill(os.getpid(), 9)

context = build.run_context(home, settings, as_of=date(2026, 6, 17), run_id="killed")
build.build(home, settings, context, selection=sys.argv[3:], on_event=die)
"""
MOVED = {"dealstage": [{"value": "s", "timestamp": "2026-06-01T08:00:00Z"}, {"value": "d", "timestamp": CREATED}]}


@pytest.fixture(scope="module")
def killed(lakes: Callable[[], Lake]) -> tuple[Lake, dict[str, list[str]]]:
    """A lake whose second build died among the marts, and what a whole build makes of its raw files."""
    lake, whole = lakes(), lakes()
    for one in (lake, whole):
        landed(one, [deal(number) for number in range(1, 40)])
        if one is lake:
            one.build(selection=SELECTION)
        changed = [deal(n, dealstage="s", properties_with_history=json.dumps(MOVED)) for n in range(1, 20)]
        one.land("hubspot", {"deals": [*changed, *(deal(n) for n in range(40, 60))]}, "2026-06-17T05:00:00Z")
    whole.build(selection=SELECTION)
    release = lake.home.releases / "2026-06-16.001"
    release.mkdir(parents=True)
    lake.home.current.symlink_to(release)
    command = [sys.executable, "-c", BUILD, str(lake.home.root), "fct_deals", *SELECTION]
    died = subprocess.run(command, capture_output=True, text=True, check=False)
    assert died.returncode == -9, died.stdout + died.stderr
    assert lake.home.current.resolve() == release.resolve(), "the previous release stays live"
    shutil.copytree(lake.home.db, lake.home.root / "left")
    return lake, whole.contents()


def as_left(log: Path) -> None:
    """Nothing has happened to the log."""


def truncated(log: Path) -> None:
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])


def flipped(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(as_left, marks=[pytest.mark.fault(42), pytest.mark.fault(52)]),
        pytest.param(truncated, marks=pytest.mark.fault(50)),
        pytest.param(flipped, marks=pytest.mark.fault(50)),
    ],
)
def test_the_build_after_one_that_died_loses_and_repeats_nothing(
    killed: tuple[Lake, dict[str, list[str]]], happens: Callable[[Path], None]
) -> None:
    lake, expected = killed
    shutil.rmtree(lake.home.db)
    shutil.copytree(lake.home.root / "left", lake.home.db)
    log = lake.home.history.with_suffix(".duckdb.wal")
    assert log.stat().st_size > 0, "the build died before it had written anything"
    happens(log)
    lake.build(selection=SELECTION)
    assert lake.contents() == expected
    assert len(expected["fct_deals"]) == 59
