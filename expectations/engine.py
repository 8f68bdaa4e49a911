"""Great Expectations on DuckDB: one in-memory engine to which files are attached read-only under fixed names.

What belongs here: the dialect and the attaching. What does not: any rule, and any write. Great Expectations reads a
result after it has given its connection back, when DuckDB has dropped it; the dialect's execution context therefore
fetches every result at once. Its connections are cursors of one engine, so a suite can compare `candidate`, `live`
and `history` in one query, and closing the engine frees every file.
"""

import collections
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.default import DefaultExecutionContext

from expectations.context import CANDIDATE, SCHEMA

_ENGINES: dict[str, "Engine"] = {}


class Engine:
    """The attached files, and every cursor that was handed out."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.name = uuid.uuid4().hex
        self.connection = connection
        self._cursors: list[duckdb.DuckDBPyConnection] = []

    @property
    def url(self) -> str:
        """SQLAlchemy's address of this engine, valid while it is open."""
        return f"duckdb+buffered:///{self.name}"

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection whose unqualified names are the candidate's marts."""
        cursor = self.connection.cursor()
        cursor.execute(f"use {CANDIDATE}.{SCHEMA}")
        self._cursors.append(cursor)
        return cursor

    def close(self) -> None:
        for cursor in self._cursors:
            cursor.close()
        self.connection.close()


class _BufferedContext(getattr(Dialect, "execution_ctx_cls", DefaultExecutionContext)):  # type: ignore[misc]
    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor is not None and self.cursor.description:
            rows = collections.deque(self.cursor.fetchall())
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(self.cursor, self.cursor.description, rows)


class BufferedDuckDB(Dialect):  # type: ignore[misc]
    """`duckdb+buffered:///<engine>`: connections of an open Engine, each result fetched at once."""

    driver = "buffered"
    execution_ctx_cls = _BufferedContext
    supports_statement_cache = True

    def connect(self, *_: Any, database: str, **__: Any) -> Any:
        return ConnectionWrapper(_ENGINES[database].cursor())


registry.register("duckdb.buffered", __name__, "BufferedDuckDB")


@contextmanager
def attached(files: Mapping[str, Path]) -> Iterator[Engine]:
    """Opens the files read-only under the given names (`candidate` is one of them) and frees all of them at the end.

    Raises duckdb.Error when a file cannot be opened.
    """
    engine = Engine(duckdb.connect(":memory:"))
    try:
        for name, path in files.items():
            quoted = str(path).replace("'", "''")
            engine.connection.execute(f"attach '{quoted}' as \"{name}\" (read_only)")
        _ENGINES[engine.name] = engine
        yield engine
    finally:
        _ENGINES.pop(engine.name, None)
        engine.close()
