"""What assets need from outside: where the state lives, the settings, and the one-writer lock.

What belongs here: resources, and nothing that computes. Settings and secrets are read when a run starts, never
when definitions load, so the project opens without any.
"""

import fcntl
import importlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from configuration.environment import quiet
from configuration.errors import RunLocked
from configuration.model import Settings, load
from configuration.paths import Home
from dagster_project import failures
from ingestion.landing import LoadSummary
from warehouse import dbt_runner


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Holds the home's one-writer lock; the kernel frees it when the process dies, so it is never stale.

    Raises RunLocked with the holder's process id.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    with home.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            file.seek(0)
            raise RunLocked(
                f"another run is going on (process {file.read().strip() or 'unknown'})",
                where=str(home.lock),
                effect="this run did not start, the live release stays",
                fix="wait for it to end, or stop that process",
            ) from exc
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def import_ahead() -> None:
    """Imports what building, judging and reporting need, seconds of it, while something else is waited for."""
    quiet()
    for package in ("dbt.cli.main", "dbt.adapters.duckdb", "great_expectations", "altair", "vl_convert", "babel"):
        importlib.import_module(package)


def import_for_landing() -> None:
    """Threads that import the same package at the same moment may find it half made."""
    quiet()
    for package in ("dlt", "duckdb", "numpy", "pandas", "pyarrow.parquet"):
        importlib.import_module(package)


def _parse_ahead(home: Home) -> Any:
    import_ahead()
    return dbt_runner.parse(home)


class Warehouse(dg.ConfigurableResource["Warehouse"]):
    """The home and the settings of one company; holding it is holding the right to write."""

    home_folder: str | None = None
    settings_file: str | None = None
    _landings: dict[str, Future[LoadSummary]] = PrivateAttr(default_factory=dict)
    _manifest: Future[Any] | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["Warehouse", None, None]:
        with ExitStack() as held:
            with failures.told():
                held.enter_context(run_lock(self.home))
            yield self
            for landing in self._landings.values():
                # A run that failed elsewhere still ends its loads, so that none is left half done.
                landing.exception()

    def begin(self, landings: Mapping[str, Callable[[], LoadSummary]]) -> None:
        """Starts the landings of a run together: files are read while a vendor's rate limit is waited for."""
        if self._landings or len(landings) < 2:
            return
        import_for_landing()
        pool = ThreadPoolExecutor(max_workers=len(landings) + 1, thread_name_prefix="landing")
        self._landings.update({source: pool.submit(land) for source, land in landings.items()})
        self._manifest = pool.submit(_parse_ahead, self.home)
        pool.shutdown(wait=False)

    def result(self, source: str, land: Callable[[], LoadSummary]) -> LoadSummary:
        """What the landing of this source brought; one that was not begun, or is tried again, lands now."""
        begun = self._landings.pop(source, None)
        if self._manifest is not None:
            # Whatever is wrong with the project is said when it is built.
            self._manifest.exception()
        return begun.result() if begun else land()

    def manifest(self) -> Any:
        """dbt's manifest, parsed while sources were waited for or now. Raises BuildError when it does not parse."""
        return self._manifest.result() if self._manifest is not None else dbt_runner.parse(self.home)

    @property
    def home(self) -> Home:
        return Home(Path(self.home_folder).resolve()) if self.home_folder else Home.from_environment()

    @property
    def settings(self) -> Settings:
        return load(self.settings_file)
