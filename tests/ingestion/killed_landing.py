"""A landing that kills itself at a named point, run as a process of its own by test_landing.py.

What belongs here: the toy source and the places to die. What does not: what must be true afterwards.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from configuration.paths import Home
from ingestion import landing, ledger

ROWS = 6_000
SCHEMA = pa.schema([("id", pa.string()), ("value", pa.string())])


def resources(settings: Any, window: landing.Window) -> Mapping[str, Iterator[pa.Table]]:
    """ROWS numbered rows a run, going on where the last completed run ended."""

    def numbers() -> Iterator[dict[str, str]]:
        first = int(window.recall("next", 0))
        for number in range(first, first + ROWS):
            yield {"id": str(number), "value": f"row {number}"}
        window.remember("next", first + ROWS)

    return {"numbers": landing.tables_of(SCHEMA, numbers())}


TOY = SimpleNamespace(
    SOURCE="toy",
    ENTITIES={"numbers": SCHEMA, "nothing": SCHEMA},
    enabled=lambda settings: True,
    resources=resources,
)


def land(root: Path, **more: Any) -> landing.LoadSummary:
    with patch.object(landing, "discover", lambda: {"toy": TOY}):
        return landing.land(Home(root), "toy", None, now=datetime.now(UTC), **more)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def then_dies(function: Callable[..., None]) -> Callable[..., None]:
    def last(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        die()

    return last


def dies_after_the_first(function: Callable[..., None]) -> Callable[..., None]:
    """dlt deletes an old target first and what was extracted in the end: the second call is the one to die at."""
    calls: list[int] = []

    def counted(*arguments: Any, **options: Any) -> None:
        if calls:
            die()
        calls.append(1)
        function(*arguments, **options)

    return counted


def main(root: Path, point: str) -> None:
    from dlt.common.storages.load_package import PackageStorage
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
    from dlt.pipeline.pipeline import Pipeline

    progress = None
    print("ready", flush=True)
    if point == "in the middle of a page":
        progress = die
    elif point == "after extraction":
        Pipeline.normalize = die
    elif point == "before the clean-up of normalisation":
        PackageStorage.delete_package = dies_after_the_first(PackageStorage.delete_package)
    elif point == "after normalisation":
        Pipeline.load = die
    elif point == "file in place":
        FilesystemClient.complete_load = die
    elif point == "after dlt's own commit":
        FilesystemClient.complete_load = then_dies(FilesystemClient.complete_load)
    elif point == "after the cursor's commit":
        ledger.append = die
    land(root, progress=progress)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
