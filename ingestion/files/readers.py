"""The formats of exported files: CSV, Excel, JSON lines and Parquet, each read into records of cells.

What belongs here: bytes to records, and what a file cannot be (encrypted, packed, half written, in another
encoding). What does not: the meaning of a cell (casting.py) and of a column (reading.py).

Nothing is dropped: a record that cannot be read is handed on with the problem and its raw text.
"""

import codecs
import csv
import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

from configuration.errors import MalformedData
from configuration.model import FileMapping
from ingestion.files.casting import LONGEST_FIELD, Cell, visible

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED = {
    b"PK\x03\x04": "an archive or an Excel file",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an encrypted or old Excel file",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}
_UNDECODED, _REPLACED = re.compile("[\udc80-\udcff]"), re.compile("\ufffd")
_DEEPEST_JSON = 100
_LARGEST_UNPACKED, _LARGEST_RATIO = 100 << 20, 100
_EXCEL_ERRORS = frozenset({"#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})

csv.field_size_limit(LONGEST_FIELD)


@dataclass(frozen=True)
class SourceFile:
    """A file as it was found: `name` below the pattern's folder, `version` the hash of its bytes."""

    path: Path
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `number`: its line (Excel: row; Parquet: record). Without problem, `cells` fit the header."""

    number: int
    cells: list[Any]
    problem: str | None = None


@dataclass
class Opened:
    """A file that is being read, to be closed. The header of JSON lines is the keys that the mapping asks for."""

    header: list[str]
    records: Iterator[Record]
    close: Callable[[], None]


def malformed(mapping: FileMapping, file: SourceFile, what: str, fix: str, line: int | None = None) -> MalformedData:
    """The one line about a file that is refused as a whole."""
    return MalformedData(
        what,
        where=f"files.{mapping.name}: {file.name}" + (f" line {line}" if line else ""),
        effect="nothing of this load was landed, the live release stays",
        fix=fix,
    )


def fingerprint(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def format_of(mapping: FileMapping, file: SourceFile) -> str:
    """csv, xlsx, jsonl or parquet, as declared or by the file's ending. Raises MalformedData."""
    found = mapping.format or FORMATS.get(file.path.suffix.lower())
    if found is None:
        fix = "unpack or export it as CSV, Excel, JSON lines or Parquet, or declare format"
        raise malformed(mapping, file, f"the ending {file.path.suffix!r} is not a format that is read", fix)
    return found


def open_file(mapping: FileMapping, file: SourceFile) -> Opened:
    """Opens the file and reads its header. Raises MalformedData when it is not what it is declared to be."""
    kind = format_of(mapping, file)
    with file.path.open("rb") as stream:
        head = stream.read(4096)
    if not head.strip(b"\0\t\r\n \xef\xbb\xbf\xfe\xff"):
        raise malformed(mapping, file, "the file is empty", "export it again or take it out of the folder")
    packed = next((name for start, name in _PACKED.items() if head.startswith(start)), None)
    expected = {"xlsx": "an archive or an Excel file", "parquet": "a Parquet file"}.get(kind)
    if packed != expected:
        raise malformed(mapping, file, f"this is {packed or 'text'}, not {kind}", "unpack it, or export it again")
    return {"csv": _open_csv, "xlsx": _open_xlsx, "jsonl": _open_jsonl, "parquet": _open_parquet}[kind](mapping, file)


# --- text --------------------------------------------------------------------------------------------------


def _encoding(mapping: FileMapping, file: SourceFile) -> str:
    """The declared encoding, unless the file begins with a byte order mark; refuses a file in another one."""
    with file.path.open("rb") as stream:
        head = stream.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    wide = mapping.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    if not wide and head.count(0) * 3 >= len(head):
        raise malformed(mapping, file, "this looks like UTF-16 without a mark", "declare encoding: utf-16-le")
    if wide:
        return mapping.encoding
    undecodable = decodable = 0
    with file.path.open("rb") as stream:
        for line in stream:
            if not line.isascii():
                try:
                    line.decode(mapping.encoding)
                    decodable += 1
                except UnicodeDecodeError:
                    undecodable += 1
    # A few broken bytes are quarantined; a file without any proper letter beyond ASCII is in another encoding.
    if undecodable > 1 and undecodable > decodable:
        what = f"{undecodable} lines are not {mapping.encoding} and {decodable} are"
        raise malformed(mapping, file, what, "declare the encoding, for example encoding: cp1252")
    return mapping.encoding


def _text(file: SourceFile, encoding: str) -> tuple[TextIO, re.Pattern[str]]:
    """The decoded file, and the pattern that finds where bytes did not fit the encoding."""
    wide = encoding.lower().startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    # newline="": the reader of CSV needs line ends inside quotes as they are.
    text = file.path.open(encoding=encoding, errors="replace" if wide else "surrogateescape", newline="")
    return text, _REPLACED if wide else _UNDECODED


class _Rewindable:
    """Lines that remember what was read since the last whole record, so that reading can resume behind its first."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._again, self.since, self.number = lines, list[str](), list[str](), 0

    def __iter__(self) -> "_Rewindable":
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.since.append(line)
        self.number += 1
        return line

    def resume(self) -> str:
        """Gives back all lines since the last record but the first, which is returned."""
        first, *rest = self.since
        self._again += reversed(rest)
        self.number -= len(rest)
        self.since = []
        return first


def _open_csv(mapping: FileMapping, file: SourceFile) -> Opened:
    text, undecoded = _text(file, _encoding(mapping, file))
    records = _csv_records(mapping, _Rewindable(text), undecoded)
    first = next(records, None)
    if first is None or first.problem:
        text.close()
        what = f"the header cannot be read: {first.problem if first else 'no line'}"
        raise malformed(mapping, file, what, "check delimiter, quote and encoding", line=1)
    header = [visible(name) for name in first.cells]

    def fitting() -> Iterator[Record]:
        for record in records:
            if record.problem is None and len(record.cells) != len(header):
                problem = f"the line has not as many fields as the header ({len(header)})"
                record = Record(record.number, record.cells, problem)
            yield record

    return Opened(header, fitting(), text.close)


def _csv_records(mapping: FileMapping, lines: _Rewindable, undecoded: re.Pattern[str]) -> Iterator[Record]:
    def parser() -> Any:
        return csv.reader(lines, delimiter=mapping.delimiter, quotechar=mapping.quote, strict=True)

    rows = parser()
    while True:
        number = lines.number + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as exc:
            # A stray quote must not swallow the lines behind it: only the first one is refused.
            yield Record(number, [lines.resume()], _csv_problem(exc))
            rows = parser()
            continue
        problem = None
        for line in lines.since:
            if not line.isascii() and undecoded.search(line):
                problem = "bytes that do not fit the encoding"
        lines.since.clear()
        if cells:
            yield Record(number, cells, problem)


def _csv_problem(exc: csv.Error) -> str:
    if "field limit" in str(exc):
        return f"a field longer than {LONGEST_FIELD} characters"
    if "unexpected end" in str(exc):
        return "a quote is opened and never closed"
    return "a quote inside a field that is not doubled"


def _open_jsonl(mapping: FileMapping, file: SourceFile) -> Opened:
    text, undecoded = _text(file, _encoding(mapping, file))
    wanted = list(
        dict.fromkeys([*mapping.columns.values(), *(r.column for rules in mapping.flags.values() for r in rules)])
    )
    seen: set[str] = set()

    def records() -> Iterator[Record]:
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                found = _json_object(line, undecoded)
            except ValueError as exc:
                yield Record(number, [line.rstrip("\r\n")], str(exc))
                continue
            seen.update(found)
            yield Record(number, [_flat(found.get(name)) for name in wanted])
        missing = [name for name in wanted if name not in seen]
        if seen and missing:
            what = f"no line has the key {missing[0]!r}; there are {', '.join(sorted(seen)[:30])}"
            raise malformed(mapping, file, what, "correct columns in saleshouse.yml, or export the key")

    return Opened(wanted, records(), text.close)


def _json_object(line: str, undecoded: re.Pattern[str]) -> dict[str, Any]:
    """Raises ValueError with the reason. Numbers keep their digits."""
    if len(line) > LONGEST_FIELD:
        raise ValueError(f"a line longer than {LONGEST_FIELD} characters")
    if undecoded.search(line):
        raise ValueError("bytes that do not fit the encoding")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice in one record")
        return found

    if line.count("{") + line.count("[") > _DEEPEST_JSON and _depth(line) > _DEEPEST_JSON:
        raise ValueError(f"nested deeper than {_DEEPEST_JSON}")
    try:
        found = json.loads(line, object_pairs_hook=once, parse_float=_exact, parse_constant=str)
    except json.JSONDecodeError as exc:
        raise ValueError("not a whole JSON record") from exc
    if not isinstance(found, dict):
        raise ValueError("not a JSON record of keys and values")
    return found


def _exact(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _depth(line: str) -> int:
    depth = deepest = 0
    for sign in re.sub(r'"(?:[^"\\]|\\.)*"', "", line):
        depth += (sign in "{[") - (sign in "}]")
        deepest = max(deepest, depth)
    return deepest


def _flat(value: Any) -> Cell:
    """Nested parts become JSON text."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value  # type: ignore[no-any-return]


# --- typed formats -----------------------------------------------------------------------------------------


def _open_xlsx(mapping: FileMapping, file: SourceFile) -> Opened:
    _check_zip(mapping, file)
    import openpyxl

    try:
        # Formulas stay text: nothing is evaluated, and a cached value may be stale.
        book = openpyxl.load_workbook(file.path, read_only=True, data_only=False, keep_links=False)
    except Exception as exc:  # openpyxl raises whatever the damaged part leads to
        what = f"the Excel file is damaged ({type(exc).__name__})"
        raise malformed(mapping, file, what, "open it in a spreadsheet and save it again") from exc
    names = [sheet.title for sheet in book.worksheets]
    if mapping.sheet not in names and (mapping.sheet is not None or len(names) != 1):
        book.close()
        what = f"there is no sheet {mapping.sheet!r}" if mapping.sheet else "no sheet is declared"
        raise malformed(mapping, file, f"{what}; the file has {', '.join(names)}", "declare sheet")
    sheet: Any = book[mapping.sheet or names[0]]
    # The stated size of a sheet is often wrong; without it, rows come as they are.
    sheet.reset_dimensions()
    rows = _excel_rows(mapping, file, sheet)
    _, first = next(rows, (1, []))
    header = [visible(str(cell)) if cell is not None else "" for cell in first]
    while header and not header[-1]:
        header.pop()

    def records() -> Iterator[Record]:
        for number, cells in rows:
            if all(cell is None for cell in cells):
                continue
            extra = [cell for cell in cells[len(header) :] if cell is not None]
            cells = (cells + [None] * len(header))[: len(header)] + extra
            problem = f"the row is longer than the header ({len(header)})" if extra else None
            if problem is None and any(isinstance(cell, str) and cell in _EXCEL_ERRORS for cell in cells):
                problem = "a cell holds an Excel error"
            yield Record(number, cells, problem)

    return Opened(header, records(), book.close)


def _excel_rows(mapping: FileMapping, file: SourceFile, sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    number = 0
    rows = sheet.iter_rows(values_only=True)
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as exc:  # as above: the sheet is only parsed while it is read
            what = f"the sheet is damaged ({type(exc).__name__})"
            raise malformed(mapping, file, what, "open it in a spreadsheet and save it again", number) from exc
        # The format keeps every number as a float, so a whole number beyond 2^53 is not the one that was meant.
        yield number, [float(cell) if isinstance(cell, int) and abs(cell) >= 2**53 else cell for cell in row]


def _check_zip(mapping: FileMapping, file: SourceFile) -> None:
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as exc:
        what = "the Excel file is cut off or damaged"
        raise malformed(mapping, file, what, "export it again") from exc
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        is_link = (member.external_attr >> 16) & 0o170000 == 0o120000
        if ".." in parts or parts[0] == "" or is_link:
            what = f"the archive holds the path {visible(member.filename)!r}, which no Excel file has"
            raise malformed(mapping, file, what, "do not open it; ask who made it")
        if member.flag_bits & 1:
            raise malformed(mapping, file, "the Excel file is encrypted", "save it without a password")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members) or 1
    if unpacked > _LARGEST_UNPACKED and unpacked / packed > _LARGEST_RATIO:
        what = f"{packed} bytes would unpack to {unpacked}, which is how a zip bomb looks"
        raise malformed(mapping, file, what, "export it as CSV")


def _open_parquet(mapping: FileMapping, file: SourceFile) -> Opened:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file.path)
        header = list(parquet.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise malformed(
            mapping, file, f"not a readable Parquet file ({type(exc).__name__})", "export it again"
        ) from exc

    def records() -> Iterator[Record]:
        number = 0
        try:
            for batch in parquet.iter_batches(batch_size=10_000):
                columns = [_cells(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield Record(number, list(cells))
        except (pa.ArrowException, OSError, ValueError, OverflowError) as exc:
            what = f"the Parquet file is damaged ({type(exc).__name__})"
            raise malformed(mapping, file, what, "export it again", number) from exc

    return Opened(header, records(), parquet.close)


def _cells(column: Any) -> list[Cell]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return [_flat(value) for value in column.to_pylist()]
