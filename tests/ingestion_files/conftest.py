"""A short way to write a file and read it by a mapping."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from configuration.model import FileMapping
from ingestion.files import files_of
from ingestion.files.reading import Counts, read

DEALS: dict[str, Any] = {
    "name": "deals",
    "entity": "deals",
    "system": "crm",
    "columns": {"deal_id": "Id", "deal_name": "Name", "amount": "Amount"},
    "currency": "EUR",
}


@dataclass
class Outcome:
    """All rows in the file's order, those accepted, and the counts."""

    rows: list[dict[str, str | None]]
    counts: Counts

    @property
    def accepted(self) -> list[dict[str, str | None]]:
        return [row for row in self.rows if row["reject_reason"] is None]

    @property
    def rejected(self) -> list[tuple[str | None, str | None]]:
        return [(row["row_number"], row["reject_reason"]) for row in self.rows if row["reject_reason"] is not None]

    def column(self, name: str) -> list[str | None]:
        return [row[name] for row in self.accepted]


Reader = Callable[..., Outcome]


@pytest.fixture
def read_file(tmp_path: Path) -> Reader:
    """read_file(content, name='deals.csv', **keys of the mapping): deals by default."""

    def reader(content: str | bytes, name: str = "deals.csv", **keys: Any) -> Outcome:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        mapping = FileMapping.model_validate({**DEALS, "path": str(path), **keys})
        counts = Counts()
        rows: list[dict[str, str | None]] = []
        for table in read(mapping, files_of(mapping)[0], counts, mapping_hash="hash"):
            rows += table.to_pylist()
        assert counts.fetched == counts.accepted + counts.rejected == len(rows)
        assert counts.rejected == sum(row["reject_reason"] is not None for row in rows)
        return Outcome(rows, counts)

    return reader
