"""GA4 by its export files: one file per day in the BigQuery export schema, Parquet or JSON lines, final or intraday.

What belongs here: which files are new or changed, and the process that reads them. What does not: the nesting of the
export (reader.py beside this file), sessions and meaning (staging).
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NoReturn

import pyarrow as pa

from configuration.errors import MalformedData, SourceError
from configuration.model import Settings
from configuration.sources.ga4 import Ga4
from ingestion.ga4.reader import EVENTS
from ingestion.http import NOTHING_LANDED
from ingestion.landing import Window
from ingestion.ledger import sha256

SOURCE = "ga4"
BY_DAY = True
ENTITIES: dict[str, pa.Schema] = {"events": EVENTS}

# Google completes a day's file for up to three days; those are compared by content, older ones by size and time.
_UNSETTLED_DAYS = 4
_SUFFIXES = (".parquet", ".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")


@dataclass(frozen=True)
class ExportFile:
    """One file; `name` is its path below the part of the pattern that holds no wildcard."""

    path: Path
    name: str
    day: date | None
    is_intraday: bool


def enabled(settings: Settings) -> bool:
    section: Ga4 = settings.sources.ga4
    return section.enabled


def resources(settings: Settings, window: Window) -> Mapping[str, Iterable[pa.Table]]:
    """Events of every file that is new or changed, or of the backfill's days; see `landing.py` for the seam."""
    return {"events": _events(settings, window)}


def check(settings: Settings) -> str:
    """Looks at the folder. Raises SourceError when no file matches."""
    files = _files(settings, Window(datetime.now(UTC)))
    days = sorted(file.day for file in files if file.day is not None)
    return f"{len(files)} files" + (f", days {days[0]} to {days[-1]}" if days else "")


def _events(settings: Settings, window: Window) -> Iterator[pa.Table]:
    known: dict[str, list[Any]] = window.recall("files", {})
    chosen: list[dict[str, str]] = []
    seen: dict[str, list[Any]] = {}
    for file in _files(settings, window):
        status = file.path.stat()
        before = known.get(file.name)
        stamp = [status.st_size, status.st_mtime_ns]
        settled = file.day is not None and file.day < window.now.date() - timedelta(days=_UNSETTLED_DAYS)
        if settled and before is not None and before[1:] == stamp and not window.is_backfill:
            continue
        version = sha256(file.path)
        seen[file.name] = [version, *stamp]
        if window.is_backfill or before is None or before[0] != version:
            chosen.append(
                {
                    "path": str(file.path),
                    "name": file.name,
                    "version": version,
                    "is_intraday": str(file.is_intraday).lower(),
                }
            )
    if chosen:
        yield from _read(chosen, window)
    window.remember("files", {**known, **seen})


def _files(settings: Settings, window: Window) -> list[ExportFile]:
    """The export's files by name. Raises SourceError when there are none at all."""
    root, pattern = _split(Path(str(settings.sources.ga4.path)))
    paths = [
        path
        for path in sorted(root.glob(pattern))
        if path.name.endswith(_SUFFIXES) and not path.name.startswith(".") and path.is_file()
    ]
    if not paths:
        raise SourceError(
            f"no export file matches {settings.sources.ga4.path}",
            where=SOURCE,
            effect=NOTHING_LANDED,
            fix="check sources.ga4.path in saleshouse.yml; it names Parquet or JSON files, such as ga4/events_*",
        )
    names = [path.relative_to(root).as_posix() for path in paths]
    files = [
        ExportFile(path, name, _day(name), "intraday" in path.name) for path, name in zip(paths, names, strict=True)
    ]
    first = window.start or settings.start_date
    return [
        file
        for file in files
        if file.day is None or (file.day >= first and (window.end is None or file.day < window.end))
    ]


def _split(pattern: Path) -> tuple[Path, str]:
    """The folder above the first wildcard, and the pattern below it; a plain folder means its files."""
    parts = pattern.parts
    wild = next((number for number, part in enumerate(parts) if re.search(r"[*?\[]", part)), None)
    if wild is not None:
        return Path(*parts[:wild]), str(Path(*parts[wild:]))
    return (pattern, "*") if pattern.is_dir() else (pattern.parent, pattern.name)


def _day(name: str) -> date | None:
    """The day that a file's name speaks of: its last eight digits in a row, or a date with hyphens."""
    for text in reversed(re.findall(r"(?<!\d)\d{4}-?\d{2}-?\d{2}(?!\d)", name)):
        try:
            return datetime.strptime(text.replace("-", ""), "%Y%m%d").date()
        except ValueError:
            continue
    return None


def _read(files: list[dict[str, str]], window: Window) -> Iterator[pa.Table]:
    """What the child process makes of the files. Raises MalformedData naming the one it stumbled over."""
    with tempfile.TemporaryFile() as said:
        # Isolated: the child sees the installed packages, and no setting of this process.
        process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("reader.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(files).encode())
                process.stdin.close()
                with pa.ipc.open_stream(process.stdout) as stream:
                    for batch in stream:
                        if window.cancelled.is_set():
                            return
                        yield pa.Table.from_batches([batch], EVENTS)
            except (pa.ArrowInvalid, OSError) as exc:
                process.wait()
                _refuse(said, process.returncode, exc)
            if process.wait() != 0:
                _refuse(said, process.returncode, None)
        finally:
            process.kill()
            process.wait()


def _refuse(said: IO[bytes], code: int, cause: Exception | None) -> NoReturn:
    said.seek(0)
    last: dict[str, str] = {}
    for line in said.read().decode("utf-8", "replace").splitlines():
        try:
            last |= json.loads(line)
        except ValueError:
            # Not ours: a library's warning, or its last words.
            last["reason"] = line[:200]
    reason = last.get("reason") or f"the reading process ended with code {code}"
    raise MalformedData(
        f"the file cannot be read: {reason}",
        where=f"{SOURCE} {last.get('file', 'export')}",
        effect=NOTHING_LANDED,
        fix="export this day again, or move the file out of the folder",
    ) from cause
