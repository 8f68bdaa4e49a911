"""One home with a live release, made once; each test gets copies of its own to break."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from configuration.model import Settings
from configuration.paths import Home
from publishing import release
from tests.expectations import candidate
from warehouse.stores import RunContext

if TYPE_CHECKING:
    from expectations.runner import Verdict


@dataclass(frozen=True)
class Gated:
    """A home whose live release equals its candidate, which another run built again."""

    home: Home
    settings: Settings
    context: RunContext

    def mutate(self, *statements: str) -> None:
        """Changes the candidate before it is judged."""
        with duckdb.connect(str(self.home.candidate)) as connection:
            connection.execute("set schema = 'marts'")
            for statement in statements:
                connection.execute(statement)

    def judge(self, *only: str, alone: bool = False, **changes: Any) -> "Verdict":
        """Runs the gate, or `only` these suites of it, against the live release, or `alone` as if there were none."""
        from expectations import runner

        live = None if alone else release.live(self.home)
        suites = {name: module for name, module in runner.discover().items() if not only or name in only}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(runner, "discover", lambda: suites)
            return runner.run(
                self.home.candidate,
                live=live.folder if live else None,
                settings=changes.get("settings", self.settings),
                context=changes.get("context", self.context),
            )


@pytest.fixture(scope="session")
def gated_once(tmp_path_factory: pytest.TempPathFactory) -> Gated:
    home, settings, context = candidate.make(tmp_path_factory.mktemp("gated") / "home")
    verdict = {"passed": True, "run_id": context.run_id, "checks": []}
    written = release.begin(home, "2026-06-17.001")()
    release.seal(home, written, context=context, verdict=verdict, settings_files=[settings.file])
    release.point(home, "2026-06-17.001")
    return Gated(home, settings, context)


@pytest.fixture(scope="session")
def copy_of(gated_once: Gated) -> Callable[[Path], Gated]:
    def copy(root: Path) -> Gated:
        shutil.copytree(gated_once.home.root, root, symlinks=True)
        copied = Gated(Home(root), gated_once.settings, replace(gated_once.context, run_id="run-2"))
        copied.mutate("update release_context set run_id = 'run-2'")
        return copied

    return copy


@pytest.fixture
def gated(copy_of: Callable[[Path], Gated], tmp_path: Path) -> Gated:
    return copy_of(tmp_path / "home")
