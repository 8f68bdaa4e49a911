"""The quality source: the gate's verdicts of earlier runs, landed like any other fact.

What belongs here: reading the verdicts that the home keeps, passed or not, and which release came of each. What does
not: judging (expectations/). Rows that broke a rule are not landed: they stay in the verdict's own file.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from configuration.errors import MalformedData
from configuration.model import Settings
from configuration.paths import Home

if TYPE_CHECKING:
    from ingestion.landing import Window

SOURCE = "quality"
_COLUMNS = (
    *("run_id", "release", "as_of", "known_at", "judged_at", "verdict_passed", "check_number", "suite", "mart"),
    *("check_name", "severity", "passed", "observed", "expected"),
)
ENTITIES: dict[str, Any] = {"verdicts": pa.schema([(column, pa.string()) for column in _COLUMNS])}


def enabled(settings: Settings) -> bool:
    """Always: every run is judged."""
    return True


def resources(settings: Settings, window: "Window") -> Mapping[str, Iterator[Any]]:
    """One table per verdict that is new, or whose release was sealed after it was landed."""
    return {"verdicts": _verdicts(window)}


def _verdicts(window: "Window") -> Iterator[pa.Table]:
    home = window.home
    if home is None:
        return
    sealed = _releases(home)
    known = window.recall("verdicts", {})
    read: dict[str, list[str | None]] = {}
    for path in sorted(home.verdicts.glob("*.json")):
        content = path.read_bytes()
        run_id, release = path.stem, sealed.get(path.stem)
        read[run_id] = [hashlib.sha256(content).hexdigest(), release]
        if known.get(run_id) != read[run_id]:
            yield _table(path, content, release)
    window.remember("verdicts", read)


def _releases(home: Home) -> dict[str, str]:
    """Run -> the release that it sealed, of those that are kept."""
    found = {}
    for path in sorted(home.releases.glob("[0-9]*/manifest.json")):
        manifest = _read(path, path.read_bytes())
        found[str(manifest.get("run_id"))] = str(manifest.get("release"))
    return found


def _table(path: Path, content: bytes, release: str | None) -> pa.Table:
    verdict = _read(path, content)
    shared = {
        "run_id": path.stem,
        "release": release,
        "as_of": verdict.get("as_of"),
        "known_at": verdict.get("known_at"),
        "judged_at": verdict.get("judged_at"),
        "verdict_passed": verdict.get("passed"),
    }
    rows = [
        shared
        | {"check_number": number, "check_name": check.get("check")}
        | {name: check.get(name) for name in ("suite", "mart", "severity", "passed", "observed", "expected")}
        for number, check in enumerate(verdict.get("checks", []), start=1)
    ]
    texts = [{name: _text(value) for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(texts, schema=ENTITIES["verdicts"])


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(path: Path, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as exc:
        raise MalformedData(
            f"not valid JSON ({exc})",
            where=str(path),
            effect="no verdict was landed by this run",
            fix="remove the file, or put it back from a copy, and run again",
        ) from exc
    if not isinstance(found, dict):
        raise MalformedData(
            "not a JSON object", where=str(path), effect="no verdict was landed by this run", fix="remove the file"
        )
    return found
