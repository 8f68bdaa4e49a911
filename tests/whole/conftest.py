"""One small company, taken the whole way once: vendors' interfaces, lake, marts, gate, release, report."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from configuration.model import load
from configuration.paths import REPOSITORY, Home
from dagster_project import demo, headless
from ingestion import landing
from publishing.release import Release
from simulator import server
from simulator.company import Company, generate

NOW = datetime(2026, 6, 18, 6)
AS_OF = date(2026, 6, 17)
SCALE = 0.02
PERIOD = ("period_start", "period_end")


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
        console = Console(quiet=True)
        return headless.run(self.home, as_of=as_of, extract=extract, console=console, baseline=baseline)

    def report_by_weeks(self) -> None:
        """Lands finance's list of fiscal months (4-4-5, one year of 53 weeks), which counts from then on."""
        columns = "".join(f"        {name}: {name}\n" for name in ("fiscal_year", "fiscal_month", *PERIOD))
        listed = (
            "    - name: finance_fiscal_periods\n      entity: fiscal_periods\n      system: finance\n"
            "      path: ${SALESHOUSE_HOME:-var}/demo/finance/fiscal_periods.csv\n"
            f"      delimiter: ;\n      dates: d.m.Y\n      columns:\n{columns}\n"
        )
        text = (REPOSITORY / "saleshouse.yml").read_text().replace(": mappings/", f": {REPOSITORY}/mappings/")
        before, name, after = text.partition("    - name: finance_holidays\n")
        settings = self.home.root / "weeks.yml"
        settings.write_text(before + listed + name + after)
        landing.land(self.home, "files", load(settings), now=self.control.now.replace(tzinfo=UTC))

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


def verify(home: Home, now: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The live release, or the one that `more` names, against the truth at a moment."""
    options = ["--home", str(home.root), "--scale", str(SCALE), "--now", now, *more]
    command = [sys.executable, "-m", "simulator", "verify", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """All rows of a query on a sealed database."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()
