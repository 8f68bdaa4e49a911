"""The files source: any export, CSV, Excel, JSON lines or Parquet, by a mapping declared in saleshouse.yml.

What belongs here: which files are due, in the form that ingestion/landing.py asks of a source. What does not: formats
(readers.py), cells (casting.py), rows (reading.py), proposals (propose.py).

Each canonical entity is a raw entity with exactly its canonical columns; `readings` has one row per file that was
read: which columns the export had, which of them no mapping uses, and which of those are new.
"""

import glob
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from configuration.entities import ENTITIES as CANONICAL
from configuration.errors import SourceError
from configuration.model import FileMapping, Settings
from ingestion.files.readers import SourceFile, fingerprint, malformed, open_file
from ingestion.files.reading import Counts, read, schema_of

if TYPE_CHECKING:
    from ingestion.landing import Window

SOURCE = "files"
READINGS: Any = pa.schema(
    [
        (name, pa.string())
        for name in (
            "system",
            "mapping_name",
            "mapping_hash",
            "entity",
            "file_name",
            "file_version",
            "source_columns",
            "ignored_columns",
            "new_columns",
        )
    ]
)
ENTITIES: dict[str, Any] = {**{entity: schema_of(entity) for entity in CANONICAL}, "readings": READINGS}

# Part of every mapping's hash: raised when the same cell is to be read in another way, so that files land again.
_READER_VERSION = 1
# So many rows that are all refused are no accident.
_NO_ACCIDENT = 5


def enabled(settings: Settings) -> bool:
    """Whether any file is mapped."""
    return bool(settings.sources.files)


def check(settings: Settings) -> str:
    """How many files each mapping finds. Raises SourceError if one finds none."""
    return ", ".join(f"{mapping.name} ({len(files_of(mapping))})" for mapping in settings.sources.files)


def mapping_hash(settings: Settings) -> str:
    """One hash over all declared mappings."""
    return hashlib.sha256("".join(hash_of(one) for one in settings.sources.files).encode()).hexdigest()


def hash_of(mapping: FileMapping) -> str:
    """The hash of what a mapping says about a file's contents; where the file lies is no part of it."""
    said = mapping.model_dump(mode="json", exclude={"path"})
    # Keys that came later say nothing where they are not used: files that have landed need not land again.
    said = {key: value for key, value in said.items() if value or key not in ("currency_sign", "in_percent")}
    return hashlib.sha256(json.dumps([_READER_VERSION, said], sort_keys=True).encode()).hexdigest()


def _some_fit(mapping: FileMapping, file: SourceFile, counts: Counts) -> None:
    """A row that does not fit is dirty data, a whole file of them a wrong mapping. Raises MalformedData."""
    if counts.accepted == 0 and counts.fetched >= _NO_ACCIDENT:
        reason, times = counts.reasons.most_common(1)[0]
        what = f"none of its {counts.fetched:,} rows fits the mapping; {times:,} for: {reason}"
        raise malformed(mapping, file, what, "correct the mapping in saleshouse.yml, or export the file again")


def resources(settings: Settings, window: "Window") -> Mapping[str, Iterator[Any]]:
    """Entity -> tables of the files that are new or changed, or whose mapping changed, whatever the days asked for."""
    mappings = settings.sources.files
    due: dict[str, list[SourceFile]] = {}
    lock = threading.Lock()

    def due_of(mapping: FileMapping) -> list[SourceFile]:
        with lock:
            if mapping.name not in due:
                landed = window.recall(f"landed/{mapping.name}", {})
                mapped = hash_of(mapping)
                due[mapping.name] = [f for f in files_of(mapping) if landed.get(f.name) != [f.version, mapped]]
            return due[mapping.name]

    def entity_tables(entity: str) -> Iterator[Any]:
        for mapping in mappings:
            if mapping.entity == entity:
                landed = dict(window.recall(f"landed/{mapping.name}", {}))
                mapped = hash_of(mapping)
                for file in due_of(mapping):
                    counts = Counts()
                    yield from read(mapping, file, counts, mapping_hash=mapped)
                    _some_fit(mapping, file, counts)
                    landed[file.name] = [file.version, mapped]
                window.remember(f"landed/{mapping.name}", landed)

    def readings() -> Iterator[Any]:
        for mapping in mappings:
            known = set(window.recall(f"columns/{mapping.name}", []))
            for file in due_of(mapping):
                opened = open_file(mapping, file)
                opened.close()
                header = [name for name in opened.header if name]
                used = {*mapping.columns.values(), *(r.column for rules in mapping.flags.values() for r in rules)}
                ignored = [name for name in header if name not in used]
                row = {
                    "system": mapping.system,
                    "mapping_name": mapping.name,
                    "mapping_hash": hash_of(mapping),
                    "entity": mapping.entity,
                    "file_name": file.name,
                    "file_version": file.version,
                    "source_columns": json.dumps(header, ensure_ascii=False),
                    "ignored_columns": json.dumps(ignored, ensure_ascii=False),
                    "new_columns": json.dumps([n for n in ignored if known and n not in known], ensure_ascii=False),
                }
                known.update(header)
                yield pa.Table.from_pylist([row], schema=READINGS)
            window.remember(f"columns/{mapping.name}", sorted(known))

    wanted = {mapping.entity for mapping in mappings}
    return {**{entity: entity_tables(entity) for entity in CANONICAL if entity in wanted}, "readings": readings()}


def files_of(mapping: FileMapping) -> list[SourceFile]:
    """The files that a mapping's pattern finds, by name. Raises SourceError if there is none or one leads elsewhere."""
    base = Path(mapping.path).parent
    while glob.has_magic(str(base)):
        base = base.parent
    found = sorted(base.glob(Path(mapping.path).relative_to(base).as_posix()))
    files = []
    for path in found:
        name = path.relative_to(base).as_posix()
        if not path.is_file() or path.name.startswith((".", "~$")):
            continue
        file = SourceFile(path, name, "")
        if not path.resolve().is_relative_to(base.resolve()):
            fix = "copy the file into the folder, or name its real folder in path"
            raise malformed(mapping, file, "a symbolic link leads out of the folder", fix)
        try:
            files.append(SourceFile(path, name, fingerprint(path)))
        except OSError as exc:
            fix = "make it readable for this user"
            raise malformed(mapping, file, f"the file cannot be opened ({exc.strerror})", fix) from exc
    if not files:
        raise SourceError(
            "no file matches the path",
            where=f"files.{mapping.name}: {mapping.path}",
            effect="nothing of this load was landed, the live release stays",
            fix="put the export there, or correct path in saleshouse.yml",
        )
    return files
