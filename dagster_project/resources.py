"""What assets need from outside: where the state lives, the settings, and the one-writer lock.

What belongs here: resources, and nothing that computes. Settings and secrets are read when a run starts, never
when definitions load, so the project opens without any.
"""

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg

from configuration.errors import RunLocked
from configuration.model import Settings, load
from configuration.paths import Home
from dagster_project import failures


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


class Warehouse(dg.ConfigurableResource["Warehouse"]):
    """The home and the settings of one company; holding it is holding the right to write."""

    home_folder: str | None = None
    settings_file: str | None = None

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["Warehouse", None, None]:
        with ExitStack() as held:
            with failures.told():
                held.enter_context(run_lock(self.home))
            yield self

    @property
    def home(self) -> Home:
        return Home(Path(self.home_folder).resolve()) if self.home_folder else Home.from_environment()

    @property
    def settings(self) -> Settings:
        return load(self.settings_file)
