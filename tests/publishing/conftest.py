"""A home with a candidate to seal, made once and copied for each test; nothing here asks the gate."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from configuration.model import Settings
from configuration.paths import Home
from publishing import release
from publishing.release import Release
from tests.expectations import candidate
from warehouse.stores import RunContext


@dataclass(frozen=True)
class Publisher:
    """A home, and what sealing its candidate takes."""

    home: Home
    settings: Settings
    context: RunContext

    @property
    def verdict(self) -> dict[str, Any]:
        check = {"suite": "dim_dates", "check": "row_floor", "passed": True, "sample_rows": [], "sql": "select 1"}
        return {"passed": True, "run_id": self.context.run_id, "checks": [check], "live_release": None}

    def seal(self, release_id: str) -> Release:
        written = release.begin(self.home, release_id)()
        return release.seal(
            self.home,
            written,
            context=self.context,
            verdict=self.verdict,
            settings_files=[self.settings.file, self.settings.mappings.stages],
        )

    def mark(self, number: int) -> None:
        """Writes the number into two marts of the candidate: a reader that sees two different ones saw a mixture."""
        self.change(f"update fct_targets set amount_reporting = {number}; update dim_owners set team = '{number}'")

    def change(self, sql: str) -> None:
        with duckdb.connect(str(self.home.candidate)) as connection:
            connection.execute("set schema = 'marts'")
            connection.execute(sql)


@pytest.fixture(scope="session")
def publisher_once(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    home, settings, context = candidate.make(tmp_path_factory.mktemp("publisher") / "home")
    made = Publisher(home, settings, context)
    # Sealing compresses every table: a few are enough here.
    kept = ("dim_owners", "dim_stages", "fct_closed_figures", "fct_deals", "fct_targets", "release_context")
    with duckdb.connect(str(home.candidate)) as connection:
        names = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    made.change("; ".join(f"drop table {name}" for (name,) in names if name not in kept))
    return made


@pytest.fixture
def publisher(publisher_once: Publisher, tmp_path: Path) -> Publisher:
    root = tmp_path / "home"
    shutil.copytree(publisher_once.home.root, root)
    return Publisher(Home(root), publisher_once.settings, publisher_once.context)
