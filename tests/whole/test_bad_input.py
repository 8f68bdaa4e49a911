"""Bad input, as a person meets it: one line that says what, where, effect and fix, and the live release stays."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from configuration.errors import (
    AuthenticationError,
    BuildError,
    ConfigurationError,
    MalformedData,
    PermissionMissing,
    RunLocked,
    SaleshouseError,
    Unreachable,
)
from configuration.model import load
from configuration.paths import REPOSITORY
from dagster_project.resources import run_lock
from ingestion import http, landing
from publishing import release
from tests.whole.conftest import Whole

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]


@contextmanager
def refused(whole: Whole, error: type[SaleshouseError], *words: str) -> Iterator[None]:
    """The run ends with this error in one line that holds these words, and readers keep what they have."""
    live = release.require_live(whole.home)
    with pytest.raises(error) as caught:
        yield
    told = str(caught.value)
    assert "\n" not in told
    assert all(word in told for word in words), told
    assert release.live(whole.home) == live


@pytest.fixture
def day(whole: Whole) -> Iterator[Whole]:
    """The warehouse with its vendors; faults end with the test."""
    yield whole
    whole.control.switch_faults()


def test_missing_token(day: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBSPOT_TOKEN")
    with refused(day, AuthenticationError, "HUBSPOT_TOKEN", "saleshouse doctor"):
        day.run(release.require_live(day.home).as_of)


def test_wrong_token(day: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-eu1-not-the-one")
    with refused(day, AuthenticationError, "401", "HUBSPOT_TOKEN") as _:
        day.run(release.require_live(day.home).as_of)


def test_scope_missing(day: Whole) -> None:
    day.control.switch_faults({"kind": "scope_revoked", "path": "/hubspot/crm/v3/objects/deals*", "times": None})
    with refused(day, PermissionMissing, "crm.objects.deals.read"):
        day.run(release.require_live(day.home).as_of)


def test_vendor_unreachable(day: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_BASE_URL", "http://127.0.0.1:9/hubspot")
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.01)
    with refused(day, Unreachable, "127.0.0.1"):
        day.run(release.require_live(day.home).as_of)


def test_malformed_page(day: Whole) -> None:
    day.control.switch_faults({"kind": "html", "path": "/hubspot/crm/v3/objects/*", "times": None})
    with refused(day, MalformedData, "hubspot"):
        day.run(release.require_live(day.home).as_of)


def test_malformed_file(day: Whole) -> None:
    path = day.home.root / "demo" / "finance" / "rates.csv"
    kept = path.read_bytes()
    path.write_bytes(b"\x00\x01 this was a table once")
    try:
        with refused(day, SaleshouseError, "rates.csv"):
            day.run(release.require_live(day.home).as_of)
    finally:
        path.write_bytes(kept)


def test_mistake_in_a_list_of_the_company(day: Whole) -> None:
    path = day.home.root / "demo" / "finance" / "targets.csv"
    kept = path.read_bytes()
    rows = kept.splitlines(keepends=True)
    path.write_bytes(b"".join([*rows, rows[1]]))
    told = (f"files.finance_targets: targets.csv row {len(rows) + 1}", "same month", "row 2", "keep one of them")
    try:
        with refused(day, BuildError, *told):
            day.run(release.require_live(day.home).as_of)
    finally:
        path.write_bytes(kept)
        # The list with the mistake has landed and counts until the next landing: later tests build without one.
        landing.land(day.home, "files", settings=load(), now=day.control.now)


def test_mistake_in_the_settings(day: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (REPOSITORY / "saleshouse.yml").read_text()
    line = next(number for number, row in enumerate(text.splitlines(), 1) if row.strip().startswith("trailing_days"))
    settings = tmp_path / "saleshouse.yml"
    settings.write_text(text.replace("trailing_days: 30", "trailing_day: 30"))
    monkeypatch.setenv("SALESHOUSE_CONFIG", str(settings))
    with refused(day, ConfigurationError, f"saleshouse.yml:{line}", "trailing_day", "did you mean 'trailing_days'"):
        day.run(release.require_live(day.home).as_of)


@pytest.mark.fault(53)
def test_second_run_while_one_is_going_on(day: Whole) -> None:
    with run_lock(day.home), refused(day, RunLocked, str(os.getpid())):
        day.run(release.require_live(day.home).as_of, extract=False)


@pytest.mark.fault(57)
def test_lock_of_a_dead_process_is_free(day: Whole) -> None:
    program = (
        "import os, sys; from pathlib import Path; from configuration.paths import Home; "
        "from dagster_project.resources import run_lock; held = run_lock(Home(Path(sys.argv[1]))); held.__enter__(); "
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(day.home.root)], check=False)
    assert killed.returncode == -9
    with run_lock(day.home):
        assert day.home.lock.read_text() == str(os.getpid())
