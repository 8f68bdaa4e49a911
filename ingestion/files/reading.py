"""One exported file and its declared mapping -> Arrow tables of the canonical entity, rejects among them.

What belongs here: columns found by name, cells cast, rows accepted or refused and counted. What does not: formats
(readers.py), single cells (casting.py), and which files are due (the package's __init__).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from configuration.entities import ENTITIES, Column
from configuration.errors import ConfigurationError
from configuration.model import FileMapping
from ingestion.files.casting import Cell, Declared, Refused, Undeclared, as_text, canonical
from ingestion.files.readers import Opened, Record, SourceFile, malformed, open_file

LINEAGE = (
    "system",
    "mapping_name",
    "mapping_hash",
    "file_name",
    "file_version",
    "row_number",
    "reject_reason",
    "rejected_record",
)
_ROWS_PER_TABLE = 10_000
_MOST_REMEMBERED = 100_000
_LONGEST_RAW_CELL, _MOST_RAW_CELLS = 1_000, 300
# In JSON text these may stand as escapes, which show instead of hiding.
_HIDING = re.compile("[\x7f-\x9f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_MISSING: Final = object()


@dataclass
class Counts:
    """What became of a file's records: fetched = accepted + rejected. Values are counted per canonical column."""

    fetched: int = 0
    accepted: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unmapped: dict[str, Counter[str]] = field(default_factory=dict)
    nulled: Counter[str] = field(default_factory=Counter)
    ignored_columns: list[str] = field(default_factory=list)


def schema_of(entity: str) -> Any:
    """The Arrow schema of the raw entity: its canonical columns, then the lineage, all text."""
    return pa.schema([(name, pa.string()) for name in (*ENTITIES[entity], *LINEAGE)])


def read(mapping: FileMapping, file: SourceFile, counts: Counts, *, mapping_hash: str) -> Iterator[Any]:
    """Yields Arrow tables of `schema_of(mapping.entity)` in the file's order and fills `counts` on the way.

    Raises MalformedData when the file as a whole cannot be read by this mapping, ConfigurationError when a constant
    or a mapped value does not fit its column.
    """
    before = file.path.stat()
    opened = open_file(mapping, file)
    try:
        yield from _tables(mapping, file, opened, counts, mapping_hash)
    finally:
        opened.close()
    after = file.path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise malformed(mapping, file, "the file changed while it was read", "run again when the export is complete")
    if counts.fetched == 0:
        fix = "export it again or take it out of the folder"
        raise malformed(mapping, file, "the file has a header and no rows", fix)


def _tables(mapping: FileMapping, file: SourceFile, opened: Opened, counts: Counts, mapping_hash: str) -> Iterator[Any]:
    columns = [
        _CanonicalColumn(mapping, name, column, _position(mapping, file, opened, mapping.columns.get(name)), counts)
        for name, column in ENTITIES[mapping.entity].items()
    ]
    flags = _flags(mapping, file, opened)
    used = {*mapping.columns.values(), *(rule.column for rules in mapping.flags.values() for rule in rules)}
    counts.ignored_columns = [name for name in opened.header if name and name not in used]
    lineage = {
        "system": mapping.system,
        "mapping_name": mapping.name,
        "mapping_hash": mapping_hash,
        "file_name": file.name,
        "file_version": file.version,
    }
    while batch := list(islice(opened.records, _ROWS_PER_TABLE)):
        try:
            yield _table(mapping, opened, columns, flags, batch, lineage, counts)
        except Undeclared as exc:
            raise malformed(mapping, file, exc.what, f"{exc.fix} in saleshouse.yml") from exc


class _CanonicalColumn:
    """Casts the cells of one canonical column; equal cells are cast once."""

    def __init__(self, mapping: FileMapping, name: str, column: Column, position: int | None, counts: Counts) -> None:
        self.name, self.column, self.position, self.counts = name, column, position, counts
        self.source = mapping.columns.get(name)
        zone = mapping.timezone
        self.declared = Declared(
            column,
            mapping.decimal,
            mapping.thousands,
            mapping.dates.get(name, mapping.dates.get("*")),
            zone,
            mapping.currency_sign,
            name in mapping.in_percent,
        )
        self.nulls = frozenset(text.strip().casefold() for text in mapping.null_values)
        written = Declared(column, timezone=zone)
        self.constant = self._stated(mapping, "constants", mapping.constants.get(name), written)
        values = mapping.values.get(name)
        self.values = values and {
            given.strip().casefold(): self._stated(mapping, "values", value, written) for given, value in values.items()
        }
        self.fallback = mapping.currency if column.kind == "currency" else None
        self.known: dict[Any, str | Refused | None] = {}
        self.unmapped: dict[Any, str] = {}
        self.declared_null: set[Any] = set()

    def _stated(self, mapping: FileMapping, section: str, value: str | None, written: Declared) -> str | None:
        if value is None:
            return None
        try:
            return canonical(value, written)
        except (Refused, Undeclared) as exc:
            raise ConfigurationError(
                f"{value!r} is {exc}",
                where=f"saleshouse.yml sources.files.{mapping.name}.{section}.{self.name}",
                effect="nothing was landed",
                fix="write it as the warehouse does: 2026-01-31, 1234.50, true",
            ) from exc

    def cast(self, cells: list[Cell]) -> list[str | Refused | None]:
        """One result per cell: text, NULL, or the refusal. Raises Undeclared."""
        # 1, 1.0 and True are equal to Python and different here.
        keys: list[Any] = [cell if cell.__class__ is str else (cell.__class__, cell) for cell in cells]
        if len(self.known) > _MOST_REMEMBERED:
            for remembered in (self.known, self.unmapped, self.declared_null):
                remembered.clear()
        for key in set(keys) - self.known.keys():
            self.known[key] = self._one(key, key if isinstance(key, str) else key[1])
        if self.unmapped or self.declared_null:
            for key, times in Counter(keys).items():
                if key in self.declared_null:
                    self.counts.nulled[self.name] += times
                elif key in self.unmapped:
                    self.counts.unmapped.setdefault(self.name, Counter())[self.unmapped[key]] += times
        known = self.known
        return [known[key] for key in keys]

    def _one(self, key: Any, cell: Cell) -> str | Refused | None:
        try:
            text = "" if cell is None else as_text(cell)
            if not text:
                return self.fallback
            if text.casefold() in self.nulls:
                self.declared_null.add(key)
                return self.fallback
            if self.values is not None:
                value = self.values.get(text.casefold(), _MISSING)
                if value is not _MISSING:
                    return value if isinstance(value, str) else self.fallback
                self.unmapped[key] = text[:200]
            return canonical(cell, self.declared)
        except Refused as exc:
            # A fresh one: the caught one would hold on to its frames.
            return Refused(str(exc))
        except Undeclared as exc:
            raise Undeclared(f"column {self.source!r} {exc.what}", exc.fix) from exc


def _position(mapping: FileMapping, file: SourceFile, opened: Opened, name: str | None) -> int | None:
    """Where the header has a column that the mapping names. Raises MalformedData unless it is there exactly once."""
    if name is None:
        return None
    found = [position for position, given in enumerate(opened.header) if given == name.strip()]
    if len(found) == 1:
        return found[0]
    if found:
        what = f"the header has the column {name!r} {len(found)} times"
        raise malformed(mapping, file, what, "give each column its own name", line=1)
    alike = [given for given in opened.header if given.casefold() == name.strip().casefold()]
    shown = ", ".join(repr(given) for given in alike or opened.header[:30])
    hint = "mind capital letters" if alike else "correct columns in saleshouse.yml, or export the column"
    if len(opened.header) == 1:
        hint = "check delimiter in saleshouse.yml; the whole header is one column"
    raise malformed(mapping, file, f"the column {name!r} is not there; there is {shown}", hint, line=1)


def _flags(mapping: FileMapping, file: SourceFile, opened: Opened) -> dict[str, list[tuple[int, str, bool]]]:
    """Flag -> its rules as (position, text to look for, whether the whole cell must equal it)."""
    flags: dict[str, list[tuple[int, str, bool]]] = {}
    for name, rules in mapping.flags.items():
        for rule in rules:
            position = _position(mapping, file, opened, rule.column)
            if position is not None:
                sought = (rule.equals if rule.equals is not None else rule.contains or "").strip().casefold()
                flags.setdefault(name, []).append((position, sought, rule.equals is not None))
    return flags


def _is_flagged(cells: list[Cell], rules: list[tuple[int, str, bool]]) -> bool:
    for position, sought, whole in rules:
        cell = cells[position]
        text = shown(cell).casefold()
        if text == sought if whole else sought in text:
            return True
    return False


def shown(cell: Cell) -> str:
    """The cell as text, '' where it is empty or has no exact text."""
    try:
        return "" if cell is None else as_text(cell)
    except Refused:
        return ""


def _table(
    mapping: FileMapping,
    opened: Opened,
    columns: list[_CanonicalColumn],
    flags: dict[str, list[tuple[int, str, bool]]],
    batch: list[Record],
    lineage: dict[str, str],
    counts: Counts,
) -> Any:
    rows = len(batch)
    problems: dict[int, str] = {row: record.problem for row, record in enumerate(batch) if record.problem is not None}
    sound = [row for row in range(rows) if row not in problems]
    result: dict[str, list[str | None]] = {}
    for column in columns:
        values: list[str | None] = [None] * rows
        result[column.name] = values
        if column.position is not None:
            position = column.position
            cast = column.cast([batch[row].cells[position] for row in sound])
            for row, value in zip(sound, cast, strict=True):
                if isinstance(value, Refused):
                    problems.setdefault(row, f"{column.name}: {value}")
                else:
                    values[row] = value
        elif column.constant is not None or column.fallback is not None:
            for row in sound:
                values[row] = column.constant or column.fallback
        if column.name in flags:
            for row in sound:
                if _is_flagged(batch[row].cells, flags[column.name]):
                    values[row] = "true"
                elif values[row] is None:
                    values[row] = "false"
        if column.column.required:
            for row in sound:
                if values[row] is None:
                    problems.setdefault(row, f"{column.name}: empty")
    money = next((name for name in ("amount", "spend") if name in result and "currency" in result), None)
    if money is not None:
        for row in sound:
            if result[money][row] is not None and result["currency"][row] is None:
                problems.setdefault(row, f"{money}: without a currency")
    for row in problems:
        for values in result.values():
            values[row] = None
    counts.fetched += rows
    counts.rejected += len(problems)
    counts.accepted += rows - len(problems)
    counts.reasons.update(problems.values())
    arrays = [pa.array(values, pa.string()) for values in result.values()]
    arrays += [pa.repeat(pa.scalar(value), rows) for value in lineage.values()]
    arrays += [
        pa.array([str(record.number) for record in batch], pa.string()),
        pa.array([problems.get(row) for row in range(rows)], pa.string()),
        pa.array([_raw(opened, record) if row in problems else None for row, record in enumerate(batch)], pa.string()),
    ]
    return pa.Table.from_arrays(arrays, schema=schema_of(mapping.entity))


def _raw(opened: Opened, record: Record) -> str:
    """The refused record as JSON: by column where it fits the header, else a list; long cells are cut and say so."""
    cells = [_shortened(cell) for cell in record.cells[:_MOST_RAW_CELLS]]
    fits = len(record.cells) == len(opened.header) <= _MOST_RAW_CELLS and len(set(opened.header)) == len(opened.header)
    raw: Any = dict(zip(opened.header, cells, strict=True)) if fits else cells
    text = json.dumps(raw, ensure_ascii=False, default=str)
    return _HIDING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _shortened(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell if cell is None or isinstance(cell, bool | int) else str(cell)
    # A byte that could not be decoded is shown as its number: 0xE9 as \udce9.
    text = cell[:_LONGEST_RAW_CELL].encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(cell) <= _LONGEST_RAW_CELL else f"{text}... ({len(cell)} characters)"
