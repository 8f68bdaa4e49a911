"""Where the orchestrator notes what happened: its SQLite storage, with connections that stay open.

What belongs here: how that storage connects. What does not: what it stores, which is the orchestrator's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine


class EventLog(SqliteEventLogStorage):
    """One engine per database instead of one per statement.

    A run of four hundred nodes writes some ten thousand statements. The orchestrator's own class makes an engine and a
    connection for each, and so compiles each statement anew: that alone took longer than the gate.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._found: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EventLog":
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                engine = create_engine(
                    self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
                )
                self._initdb(engine)
                self._engines[shard] = engine
            with engine.begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Asked again for every check: a table that is there stays."""
        if table_name not in self._found and super().has_table(table_name):
            self._found.add(table_name)
        return table_name in self._found

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Asked again for every asset."""
        if column_name not in self._found and super()._has_asset_key_col_on_connection(conn, column_name):
            self._found.add(column_name)
        return column_name in self._found

    def dispose(self) -> Any:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
