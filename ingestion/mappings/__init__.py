"""The mappings source: the CSV files by which a company translates its stages, lead sources, pipelines and more.

What belongs here: reading and checking these files, and landing one whole when it changed, since what a label means
is versioned like any fact. What does not: applying them (staging).
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from configuration.entities import CHANNELS, CREATOR_KINDS, DEAL_STAGES, LEAD_STAGES, LOSS_REASONS, PIPELINE_PURPOSES
from configuration.errors import ConfigurationError
from configuration.model import Settings
from ingestion.files.casting import visible

if TYPE_CHECKING:
    from ingestion.landing import Window

SOURCE = "mappings"
_COLUMNS = {
    "stages": ("object", "source_system", "pipeline_label", "stage_label", "stage", "valid_from"),
    "channels": ("source_system", "label", "detail", "channel", "valid_from"),
    "pipelines": ("source_system", "pipeline_label", "purpose", "valid_from"),
    "loss_reasons": ("source_system", "label", "reason", "valid_from"),
    "creator_kinds": ("source_system", "role", "team", "channel", "kind", "valid_from"),
}
# What a label is translated to: the column, which is no part of a row's key.
_TARGETS = {
    "stages": "stage",
    "channels": "channel",
    "pipelines": "purpose",
    "loss_reasons": "reason",
    "creator_kinds": "kind",
}
_NEEDED = {
    "stages": ("object", "stage_label"),
    "channels": ("label",),
    "pipelines": ("pipeline_label",),
    "loss_reasons": ("label",),
    "creator_kinds": (),
}
_ALLOWED = {
    "channels": CHANNELS,
    "pipelines": PIPELINE_PURPOSES,
    "loss_reasons": LOSS_REASONS,
    "creator_kinds": CREATOR_KINDS,
}
_OBJECTS = ("lead", "lead_status", "deal")
ENTITIES: dict[str, Any] = {
    name: pa.schema([(column, pa.string()) for column in (*columns, "file_name", "row_number")])
    for name, columns in _COLUMNS.items()
}

_EFFECT = "nothing of the mappings was landed, the live release stays"


def enabled(settings: Settings) -> bool:
    """Always: a company without any word of its own still has the files."""
    return True


def check(settings: Settings) -> str:
    """How many rows each file has. Raises ConfigurationError with file and row."""
    return ", ".join(f"{len(read(name, path))} {name}" for name, path in settings.mappings.files().items())


def mapping_hash(settings: Settings) -> str:
    """One hash over the files as they are now."""
    digest = hashlib.sha256()
    for path in settings.mappings.files().values():
        digest.update(_bytes(path))
    return digest.hexdigest()


def resources(settings: Settings, window: "Window") -> Mapping[str, Iterator[Any]]:
    """Entity -> the whole file, unless it is the one landed last. Raises ConfigurationError with file and row."""

    def changed(name: str) -> Iterator[Any]:
        path = settings.mappings.files().get(name)
        if path is None:
            return
        rows = read(name, path)
        version = hashlib.sha256(_bytes(path)).hexdigest()
        if window.recall(name) == version:
            return
        if not rows and window.landed_rows.get(name):
            raise _wrong(path, None, "has no rows any more", "keep at least one row; the last one counts until then")
        yield pa.Table.from_pylist(rows, schema=ENTITIES[name])
        window.remember(name, version)

    return {name: changed(name) for name in _COLUMNS}


def read(name: str, path: Path) -> list[dict[str, str | None]]:
    """The rows of one mapping file (stages, channels, ...). Raises ConfigurationError with file and row."""
    columns = _COLUMNS[name]
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _wrong(path, None, "is not UTF-8 text", "save it as CSV UTF-8") from exc
    first = text.partition("\n")[0]
    # A spreadsheet in many countries saves with semicolons; the header, which is known, tells.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    rows: list[dict[str, str | None]] = []
    known: dict[tuple[str, ...], int] = {}
    mistakes: list[tuple[str, str, str]] = []
    try:
        header = [visible(cell).lower() for cell in next(reader, [])]
        if sorted(header) != sorted(columns):
            shown = ",".join(header) or "nothing"
            raise _wrong(path, 1, f"the header is {shown}", f"write {','.join(columns)}")
        for cells in reader:
            number = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                what = f"{len(cells)} fields where the header has {len(header)}"
                mistakes.append((what, _place(path, number), "put texts that hold the separator in quotes"))
                continue
            row = dict(zip(header, map(visible, cells), strict=True))
            mistake = _mistake(name, row)
            key = tuple(row[column].casefold() for column in columns if column != _TARGETS[name])
            if mistake is None and key in known:
                what = f"says the same labels as row {known[key]}"
                mistake = what, "keep one of them, or give them different days in valid_from"
            if mistake is not None:
                mistakes.append((mistake[0], _place(path, number), mistake[1]))
                continue
            known[key] = number
            values = {column: row[column] or None for column in columns}
            rows.append({**values, "file_name": path.name, "row_number": str(number)})
    except csv.Error as exc:
        mistakes.append((f"not valid CSV ({exc})", _place(path, reader.line_num), "check the quotes"))
    if mistakes:
        raise ConfigurationError.together(mistakes, effect=_EFFECT)
    return rows


def _mistake(name: str, row: dict[str, str]) -> tuple[str, str] | None:
    """What is wrong with a row, which is put into our own spelling, and how to mend it."""
    for column in _NEEDED[name]:
        if not row[column]:
            return f"{column} is empty", "fill it in"
    target = _TARGETS[name]
    allowed = _ALLOWED.get(name)
    if name == "creator_kinds":
        row["channel"] = row["channel"].lower()
        if not (row["role"] or row["team"] or row["channel"]):
            return "role, team and channel are empty", "fill in at least one of them"
        if row["channel"] and row["channel"] not in CHANNELS:
            return f"the channel {row['channel']!r} is unknown", f"use one of {', '.join(CHANNELS)}"
    if name == "stages":
        row["object"] = row["object"].lower()
        if row["object"] not in _OBJECTS:
            return f"the object {row['object']!r} is unknown", f"use one of {', '.join(_OBJECTS)}"
        allowed = DEAL_STAGES if row["object"] == "deal" else LEAD_STAGES
    row[target] = row[target].lower()
    if allowed is not None and row[target] not in allowed:
        return f"the {target} {row[target]!r} is unknown", f"use one of {', '.join(allowed)}"
    if row["valid_from"]:
        try:
            row["valid_from"] = date.fromisoformat(row["valid_from"]).isoformat()
        except ValueError:
            what = f"valid_from {row['valid_from']!r} is no day"
            return what, "write it as 2026-01-31, or leave it empty for always"
    return None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        fix = "create it, or correct mappings in saleshouse.yml"
        raise _wrong(path, None, f"cannot be opened ({exc.strerror})", fix) from exc


def _wrong(path: Path, row: int | None, what: str, fix: str) -> ConfigurationError:
    return ConfigurationError(what, where=_place(path, row), effect=_EFFECT, fix=fix)


def _place(path: Path, row: int | None) -> str:
    return f"{path.parent.name}/{path.name}" + (f" row {row}" if row else "")
