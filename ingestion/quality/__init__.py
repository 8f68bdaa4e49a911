"""The quality source: what earlier runs have said, landed like any other fact.

What belongs here: reading the verdicts that the home keeps, passed or not, with the release that came of each, and the
forecasts that releases have published. What does not: judging (expectations/) and scoring (dbt/). Rows that broke a
rule are not landed: they stay in the verdict's own file.
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
_FORECAST = "fct_forecast"
_RELEASE_COLUMNS = ("release", "run_id", "known_at", "sealed_at")
# Columns of the published mart; one that an older release lacks is NULL.
_FORECAST_COLUMNS = (
    *("period_type", "method", "level", "member", "measure", "part", "expected", "p10", "p50", "p90"),
    *("target_reporting", "chance_of_target", "as_of", "period_start", "period_end"),
)
ENTITIES: dict[str, Any] = {
    "verdicts": pa.schema([(column, pa.string()) for column in _COLUMNS]),
    "forecasts": pa.schema([(column, pa.string()) for column in (*_RELEASE_COLUMNS, *_FORECAST_COLUMNS)]),
}


def enabled(settings: Settings) -> bool:
    """Always: every run is judged."""
    return True


def resources(settings: Settings, window: "Window") -> Mapping[str, Iterator[Any]]:
    """A table per verdict that is new, or whose release was sealed after it was landed; a table per new release."""
    return {"verdicts": _verdicts(window), "forecasts": _forecasts(window)}


def _forecasts(window: "Window") -> Iterator[pa.Table]:
    """What each release has published since the last landing. A release is landed once and kept when it is removed."""
    home = window.home
    if home is None:
        return
    # By run: the id of a release that was removed may be given again.
    known = set(window.recall("forecasts", []))
    for path in sorted(home.releases.glob("[0-9]*/manifest.json")):
        published = path.parent / "parquet" / f"{_FORECAST}.parquet"
        manifest = _read(path, path.read_bytes())
        if manifest.get("run_id") in known or not published.exists():
            continue
        yield _published(published, {name: manifest.get(name) for name in _RELEASE_COLUMNS})
        known.add(str(manifest.get("run_id")))
    window.remember("forecasts", sorted(known))


def _published(path: Path, shared: Mapping[str, Any]) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as exc:
        raise MalformedData(
            f"not valid Parquet ({exc})",
            where=str(path),
            effect="no forecast was landed by this run",
            fix="put the file back from a copy, or remove its release, and run again",
        ) from exc
    columns = [pa.array([_text(value)] * table.num_rows, pa.string()) for value in shared.values()]
    for name in _FORECAST_COLUMNS:
        found = table[name].cast(pa.string()) if name in table.column_names else pa.nulls(table.num_rows, pa.string())
        columns.append(found)
    return pa.table(columns, schema=ENTITIES["forecasts"])


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
