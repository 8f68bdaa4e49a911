"""A raw lake written by hand, and builds over it, for the tests of the dbt project.

What belongs here: fixtures and the little that writes rows as landing does. What does not: assertions.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configuration.model import Settings, load
from configuration.paths import REPOSITORY, Home
from ingestion import landing, ledger
from warehouse import build, dbt_runner
from warehouse.baselines import FIGURES, Baseline
from warehouse.build import Candidate

Rows = Mapping[str, Sequence[Mapping[str, str | None]]]
AS_OF = date(2026, 6, 17)
# What no mart of the CRM needs is left out: each build then takes seconds.
CRM = (
    *("--indirect-selection", "cautious", "--select"),
    *(
        "+fct_leads",
        "+fct_lead_stages",
        "+fct_lead_responses",
        "+fct_deals",
        "+dim_dates",
        "+fct_rejected_rows",
        "+fct_source_freshness",
        "+fct_quality_results",
        "+fct_forecast_ledger",
    ),
)
# Every mart, without dbt's own tests.
EVERYTHING = ("--select", "fqn:*", "--resource-type", "model", "--resource-type", "seed")


@dataclass
class Lake:
    """One home with its raw lake; `land` appends a load, `build` builds a candidate and returns its connection."""

    home: Home
    settings: Settings
    manifest: Any

    def land(self, source: str, entities: Rows, fetched_at: str, *, asked: str | None = None) -> None:
        """Writes one load as landing leaves it: files per entity, load columns, an entry in the ledger.

        `asked`: the instant that the source was asked for, where a test asks for days.
        """
        schemas = landing.discover()[source].ENTITIES
        load_id = f"{fetched_at}.{source}.{next(_NUMBERS)}"
        landed = {}
        for entity, rows in entities.items():
            names = [field.name for field in schemas[entity]]
            assert not {name for row in rows for name in row} - set(names), "no such raw column"
            columns = {name: [row.get(name) for row in rows] for name in names}
            columns |= {
                "fetched_at": [fetched_at] * len(rows),
                "_dlt_load_id": [load_id] * len(rows),
                "_dlt_id": [f"{load_id}.{number}" for number in range(len(rows))],
            }
            path = self.home.raw / source / entity / f"{load_id}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), path)
            landed[entity] = ledger.LandedEntity(len(rows), (ledger.describe(self.home, path),))
        ledger.append(
            self.home,
            dlt_load_id=load_id,
            source=source,
            landed_at=fetched_at,
            arguments={} if asked is None else {"now": asked},
            mapping_hash=None,
            entities=landed,
        )

    def build(
        self,
        *,
        as_of: date = AS_OF,
        known_at: int | None = None,
        selection: Sequence[str] = CRM,
        full_refresh: bool = False,
        unit_tests: bool = False,
        baseline: Baseline | None = None,
    ) -> build.Candidate:
        """Builds the selected models with their tests. Raises BuildError."""
        context = build.run_context(self.home, self.settings, as_of=as_of, run_id="test", known_at=known_at)
        return build.build(
            self.home,
            self.settings,
            context,
            manifest=self.manifest,
            selection=selection,
            full_refresh=full_refresh,
            unit_tests=unit_tests,
            baseline=baseline,
        )

    def read_ahead(self, *sources: str) -> None:
        """Reads into history what these sources have landed, as a run does that waits for another one."""
        context = build.run_context(self.home, self.settings, as_of=AS_OF, run_id="ahead")
        assert build.stage_ahead(self.home, self.settings, context, self.manifest, sources) == []

    def sealed(self, candidate: Candidate) -> Baseline:
        """The candidate's closed figures as a release keeps them."""
        path = self.home.root / "sealed" / f"{next(_NUMBERS)}.parquet"
        path.parent.mkdir(exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.home.candidate}' as candidate (read_only)")
            connection.execute(f"copy (from candidate.marts.{FIGURES}) to '{path}'")
        context = candidate.context
        return Baseline(path.stem, context.as_of, context.known_at, context.definitions, path)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query over the candidate, whose tables go by their bare names."""
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.home.candidate}' as candidate (read_only); use candidate.marts")
            return connection.execute(query).to_arrow_table().to_pylist()

    def staged(self, model: str) -> int:
        """Rows of a staged table in the history store."""
        with duckdb.connect(str(self.home.history), read_only=True) as connection:
            found = connection.execute(f'select count(*) from staging."{model}"').fetchone()
            return int(found[0]) if found else 0

    def contents(self) -> dict[str, list[str]]:
        """Every mart as sorted texts of its rows, less the columns that name the run or count landings."""
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.home.candidate}' as candidate (read_only); use candidate.marts")
            names = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
            return {
                name: sorted(str(row) for row in connection.execute(f'select * from "{name}"').fetchall())
                for name in names
                if name not in ("release_context", "fct_rejected_rows", "fct_restatements")
            }


_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load(REPOSITORY / "saleshouse.yml")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return dbt_runner.parse(Home(tmp_path_factory.mktemp("parse")))


@pytest.fixture(scope="session")
def lakes(tmp_path_factory: pytest.TempPathFactory, settings: Settings, manifest: Any) -> Callable[[], Lake]:
    """Makes a lake whenever it is called."""
    return lambda: Lake(Home(tmp_path_factory.mktemp("lake")), settings, manifest)


@pytest.fixture
def lake(lakes: Callable[[], Lake]) -> Lake:
    return lakes()
