"""One small company, taken the whole way once: vendors' interfaces, lake, marts, gate, release, report."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from configuration.paths import Home
from dagster_project import demo, headless
from publishing.release import Release, list_releases
from simulator import server
from simulator.company import Company, generate

NOW = datetime(2026, 6, 18, 6)
AS_OF = date(2026, 6, 17)
SCALE = 0.02


@dataclass
class Whole:
    """A warehouse that has published, and the vendors that it read."""

    home: Home
    company: Company
    control: server.Control
    first: Release
    # A copy, since retention removes an earlier release of a day that is run again.
    kept: Release

    def run(self, as_of: date, *, extract: bool = True, baseline: str | None = None) -> Release:
        """One more run of the daily job, as `saleshouse run` does it. Returns the release that it made."""
        known = {one.id for one in list_releases(self.home)}
        console = Console(quiet=True)
        published = headless.run(self.home, as_of=as_of, extract=extract, console=console, baseline=baseline)
        return next((one for one in list_releases(self.home) if one.id not in known), published)

    def advance(self, days: int) -> None:
        """Lets the simulated company live on."""
        self.control.move(self.control.now + timedelta(days=days))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    home = Home(tmp_path_factory.mktemp("whole"))
    company = generate(scale=SCALE)
    before = dict(os.environ)
    os.environ["SALESHOUSE_HOME"] = str(home.root)
    with server.running(company, NOW, files=home.root / "demo") as (address, control):
        os.environ |= demo.CREDENTIALS | demo.addresses(address)
        first = headless.run(home, as_of=AS_OF, extract=True, console=Console(quiet=True))
        kept = Release(first.id, tmp_path_factory.mktemp("kept") / first.id)
        shutil.copytree(first.folder, kept.folder)
        yield Whole(home, company, control, first, kept)
    os.environ.clear()
    os.environ.update(before)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """All rows of a query on a sealed database."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()
