"""What assets need from outside: where the state lives, the settings, and the one-writer lock.

What belongs here: resources, and nothing that computes. Settings and secrets are read when a run starts, never
when definitions load, so the project opens without any.
"""

import fcntl
import importlib
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from configuration.environment import quiet
from configuration.errors import RunLocked
from configuration.model import Settings, load
from configuration.paths import Home
from dagster_project import failures
from dagster_project.progress import report_progress, say
from ingestion.landing import LoadSummary
from publishing import release
from warehouse import build, dbt_runner

# The asset that a run is for.
RELEASE = dg.AssetKey(["publish", "release"])
# From so many rows on, what a source landed is read into history while another source is still waited for.
_STAGED_AHEAD_ROWS = 100_000


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


def import_for_landing() -> None:
    """Threads that import the same package at the same moment may find it half made."""
    _import("dlt", "duckdb", "numpy", "pandas", "pyarrow.parquet")


def import_for_building() -> None:
    """Imports dbt, so that a build finds it there."""
    _import("dbt.cli.main", "dbt.adapters.duckdb")


def import_for_judging() -> None:
    """Imports what judging and reporting need, seconds of it, while something else is waited for."""
    _import("great_expectations", "altair", "vl_convert", "babel")


def _import(*packages: str) -> None:
    quiet()
    for package in packages:
        importlib.import_module(package)


def _parse_ahead(home: Home) -> Any:
    import_for_building()
    return dbt_runner.parse(home)


class Warehouse(dg.ConfigurableResource["Warehouse"]):
    """The home and the settings of one company; holding it is holding the right to write."""

    home_folder: str | None = None
    settings_file: str | None = None
    _held: ExitStack = PrivateAttr(default_factory=ExitStack)
    _landings: dict[str, Future[LoadSummary]] = PrivateAttr(default_factory=dict)
    _manifest: Future[Any] | None = PrivateAttr(default=None)
    _staged: Future[None] | None = PrivateAttr(default=None)
    _ahead: list[dbt_runner.Noted] = PrivateAttr(default_factory=list)
    _stopped: threading.Event = PrivateAttr(default_factory=threading.Event)
    _written: Future[release.Written] | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["Warehouse", None, None]:
        with ExitStack() as held:
            with failures.told():
                held.enter_context(run_lock(self.home))
            self._held = held
            yield self

    def at_end(self, end: Callable[[], object]) -> None:
        """Calls `end` before the lock is given back, whatever became of the run."""
        self._held.callback(end)

    def begin(self, landings: Mapping[str, Callable[[], LoadSummary]], as_of: date) -> None:
        """Starts the landings of a run together: files are read while a vendor's rate limit is waited for."""
        if self._landings or len(landings) < 2:
            return
        import_for_landing()
        pool = ThreadPoolExecutor(max_workers=len(landings) + 2, thread_name_prefix="landing")
        self._landings.update({source: pool.submit(land) for source, land in landings.items()})
        self._manifest = pool.submit(_parse_ahead, self.home)
        self._staged = pool.submit(self._stage_ahead, dict(self._landings), as_of)
        # A run that failed elsewhere still ends its loads, so that none is left half done.
        begun: list[Future[Any]] = [*self._landings.values(), self._staged]
        self.at_end(partial(wait, begun))
        pool.shutdown(wait=False)

    def _stage_ahead(self, landings: Mapping[str, Future[LoadSummary]], as_of: date) -> None:
        manifest = self.manifest()
        import_for_judging()
        for landing in as_completed(landings.values()):
            landed = [source for source, one in landings.items() if one.done() and not one.exception()]
            worth_it = not landing.exception() and sum(landing.result().rows.values()) >= _STAGED_AHEAD_ROWS
            if worth_it and not all(one.done() for one in landings.values()):
                context = build.run_context(self.home, self.settings, as_of=as_of, run_id="ahead")
                for repair in build.stage_ahead(
                    self.home, self.settings, context, manifest, landed, on_event=self._note_ahead
                ):
                    say(f"repaired {repair}")

    def _note_ahead(self, event: Any) -> None:
        node = dbt_runner.noted(event)
        if node is not None:
            self._ahead.append(node)

    def result(self, source: str, land: Callable[[], LoadSummary]) -> LoadSummary:
        """What the landing of this source brought; one that was not begun, or is tried again, lands now."""
        begun = self._landings.pop(source, None)
        if self._stopped.is_set():
            raise failures.stopped()
        try:
            if self._manifest is not None:
                # Whatever is wrong with the project is said when it is built.
                self._manifest.exception()
            return begun.result() if begun else land()
        except BaseException as exc:
            if not isinstance(exc, Exception):
                self._stopped.set()
            raise

    def progress(self, source: str, entity: str, rows: int) -> None:
        """The callback that landings call as rows arrive. Raises Stopped in those that go on after an interruption."""
        if self._stopped.is_set():
            raise failures.stopped()
        report_progress(source, entity, rows)

    def staged_ahead(self) -> list[dbt_runner.Noted]:
        """What was read into history already, once nothing else writes to the stores.

        What broke there breaks again in the build, which says it.
        """
        if self._staged is not None:
            self._staged.exception()
        return [node for node in self._ahead if node.rows is not None]

    def manifest(self) -> Any:
        """dbt's manifest, parsed while sources were waited for or now. Raises BuildError when it does not parse."""
        return self._manifest.result() if self._manifest is not None else dbt_runner.parse(self.home)

    def write_ahead(self, as_of: date) -> None:
        """Starts writing the candidate's marts for the release of that day, while the candidate is judged.

        Raises ReleaseError when the candidate is not closed or the disk refuses.
        """
        write = release.begin_next(self.home, as_of)
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writing")
        self._written = pool.submit(write)
        self.at_end(self._discard)
        pool.shutdown(wait=False)

    def _discard(self) -> None:
        """Takes away what was written of a candidate that was not published."""
        if self._written is not None:
            self._written.exception()
            release.repair(self.home)

    def written(self) -> release.Written | None:
        """What `write_ahead` has written, None where the build was another run's. Raises ReleaseError as it did."""
        begun, self._written = self._written, None
        return begun.result() if begun else None

    @property
    def home(self) -> Home:
        return Home(Path(self.home_folder).resolve()) if self.home_folder else Home.from_environment()

    @property
    def settings(self) -> Settings:
        return load(self.settings_file)
