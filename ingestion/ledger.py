"""The ledger of loads: which files of the raw lake count, in which order they came, and what their bytes were.

What belongs here: one JSON file per load below `raw/_loads/`, its number, reading it back, proving that the lake
still is what was landed. What does not: making loads (landing.py) and reading the rows (the warehouse). A load without
an entry does not exist for anybody downstream.
"""

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from configuration.errors import LandingError
from configuration.paths import Home

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class LandedFile:
    """One Parquet file; `path` is relative to `raw/`, `sha256` in hexadecimal."""

    path: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class LandedEntity:
    """What one load brought for one entity."""

    rows: int
    files: tuple[LandedFile, ...]


@dataclass(frozen=True)
class LoadEntry:
    """One load. `load_number` is monotonic over all sources, whatever the clock does; `landed_at` is UTC ISO text."""

    load_number: int
    dlt_load_id: str
    source: str
    landed_at: str
    arguments: Mapping[str, Any]
    mapping_hash: str | None
    entities: Mapping[str, LandedEntity]


def read(home: Home) -> list[LoadEntry]:
    """All entries by load number. Raises LandingError when an entry cannot be read."""
    try:
        paths = sorted(home.ledger.glob("[0-9]*.json"))
    except OSError as exc:
        raise unwritable(home.ledger, exc) from exc
    return [_read_entry(path) for path in paths]


def append(
    home: Home,
    *,
    dlt_load_id: str,
    source: str,
    landed_at: str,
    arguments: Mapping[str, Any],
    mapping_hash: str | None,
    entities: Mapping[str, LandedEntity],
) -> LoadEntry:
    """Writes the next entry: complete or not at all, durable when this returns. Raises LandingError."""
    try:
        home.ledger.mkdir(parents=True, exist_ok=True)
        draft = home.ledger / f".draft-{os.getpid()}-{uuid.uuid4().hex}"
        while True:
            numbers = [int(path.stem) for path in home.ledger.glob("[0-9]*.json")]
            entry = LoadEntry(
                max(numbers, default=0) + 1, dlt_load_id, source, landed_at, arguments, mapping_hash, entities
            )
            try:
                with draft.open("w", encoding="utf-8") as file:
                    json.dump(asdict(entry), file, indent=1, ensure_ascii=False)
                    file.flush()
                    os.fsync(file.fileno())
                # A hard link is the one step that is both atomic and refuses to overwrite another run's number.
                os.link(draft, home.ledger / f"{entry.load_number:010d}.json")
            except FileExistsError:
                continue
            finally:
                draft.unlink(missing_ok=True)
            fsync_directory(home.ledger)
            return entry
    except OSError as exc:
        raise unwritable(home.ledger, exc) from exc


def describe(home: Home, path: Path) -> LandedFile:
    """Makes a landed Parquet file durable and measures it. Raises LandingError when it is not readable Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        rows = pq.read_metadata(path).num_rows
        return LandedFile(path.relative_to(home.raw).as_posix(), path.stat().st_size, sha256(path), rows)
    except pa.ArrowInvalid as exc:
        raise _damaged(path, f"is not readable as Parquet ({str(exc)[:80]})") from exc
    except OSError as exc:
        raise unwritable(path, exc) from exc


def verify(home: Home) -> int:
    """Compares every file of the lake with the ledger and returns the number of loads.

    Raises LandingError naming the first damaged file.
    """
    entries = read(home)
    for expected, entry in enumerate(entries, start=1):
        if entry.load_number != expected:
            raise _damaged(home.ledger / f"{expected:010d}.json", "is missing, later loads exist")
    check_files(home, [file for entry in entries for entity in entry.entities.values() for file in entity.files])
    return len(entries)


def check_files(home: Home, files: Iterable[LandedFile]) -> None:
    """Compares these files' bytes with what was landed. Raises LandingError naming the first damaged one."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        for damage in pool.map(lambda file: _damage(home, file), files):
            if damage is not None:
                raise damage


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file's bytes, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def fsync_directory(path: Path) -> None:
    """Makes the names inside a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, exc: OSError) -> LandingError:
    """The one line for a disk that is full, read-only or failing."""
    fixes = {
        errno.ENOSPC: "free some space and run again",
        errno.EDQUOT: "raise the disk quota and run again",
        errno.EACCES: "give this user write access or set SALESHOUSE_HOME to a folder of yours",
        errno.EPERM: "give this user write access or set SALESHOUSE_HOME to a folder of yours",
        errno.EROFS: "the file system is read-only: set SALESHOUSE_HOME to a writable folder",
    }
    return LandingError(
        f"{exc.strerror or exc}",
        where=str(exc.filename or path),
        effect="this load is not part of the lake, the live release stays",
        fix=fixes.get(exc.errno or 0, "check the disk and run again, the next landing completes or repeats the load"),
    )


def _read_entry(path: Path) -> LoadEntry:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        entities = {
            name: LandedEntity(entity["rows"], tuple(LandedFile(**file) for file in entity["files"]))
            for name, entity in document.pop("entities").items()
        }
        entry = LoadEntry(**document, entities=entities)
    except OSError as exc:
        raise unwritable(path, exc) from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _damaged(path, "is not a ledger entry") from exc
    if entry.load_number != int(path.stem):
        raise _damaged(path, f"claims to be load {entry.load_number}")
    return entry


def _damage(home: Home, file: LandedFile) -> LandingError | None:
    path = home.raw / file.path
    try:
        size = path.stat().st_size
        if size != file.bytes:
            return _damaged(path, f"has {size} bytes instead of {file.bytes}")
        if sha256(path) != file.sha256:
            return _damaged(path, "has other bytes than were landed (sha256 differs)")
    except FileNotFoundError:
        return _damaged(path, "is gone")
    except OSError as exc:
        return unwritable(path, exc)
    return None


def _damaged(path: Path, what: str) -> LandingError:
    return LandingError(
        f"the file {what}",
        where=str(path),
        effect="nothing is built from a damaged lake, the live release stays",
        fix="restore this file from a backup, or start a new SALESHOUSE_HOME and land again",
    )
