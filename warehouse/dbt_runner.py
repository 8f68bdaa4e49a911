"""dbt inside this process: parse, build, and the results per node.

What belongs here: calling dbt and reading what it says. What does not: what the models compute (dbt/), and turning
results into orchestrator events (dagster_project/).
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from configuration.environment import quiet
from configuration.errors import BuildError
from configuration.paths import REPOSITORY, Home
from warehouse.stores import HistoryTable

PROJECT = REPOSITORY / "dbt"
TARGET = PROJECT / "target"


@dataclass(frozen=True)
class NodeResult:
    """One model, seed or test: status is success, pass, warn, error, fail or skipped."""

    unique_id: str
    name: str
    kind: str
    status: str
    message: str
    failures: int
    seconds: float


@dataclass(frozen=True)
class BuildResult:
    """Results of all nodes of one dbt invocation, in the order in which they ended."""

    nodes: list[NodeResult] = field(default_factory=list)

    @property
    def broken(self) -> list[NodeResult]:
        return [node for node in self.nodes if node.status in ("error", "fail")]


@dataclass(frozen=True)
class Noted:
    """dbt's message about a node that has ended, as plain data, and the rows of a table that was built."""

    message: dict[str, Any]
    rows: int | None

    @property
    def unique_id(self) -> str:
        return str(self.message["data"]["node_info"]["unique_id"])


_NODE_RESULTS = {"LogSeedResult", "LogModelResult", "LogTestResult", "LogNodeResult", "LogUnitTestResult"}


@contextmanager
def _environment(home: Home) -> Iterator[None]:
    quiet()
    previous = os.environ.get("SALESHOUSE_HOME")
    os.environ["SALESHOUSE_HOME"] = str(home.root)
    try:
        yield
    finally:
        if previous is None:
            os.environ.pop("SALESHOUSE_HOME", None)
        else:
            os.environ["SALESHOUSE_HOME"] = previous


_COMMON = [
    "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
    "--target-path", str(TARGET), "--log-path", str(TARGET / "logs"), "--log-level", "none",
]  # fmt: skip


def parse(home: Home) -> Any:
    """Returns dbt's manifest object of the project. Raises BuildError when the project does not parse."""
    with _environment(home):
        from dbt.cli.main import dbtRunner

        outcome = dbtRunner().invoke(["parse", *_COMMON])
    if outcome.exception is not None and not isinstance(outcome.exception, Exception):
        # Somebody interrupted it, which says nothing about the project.
        raise outcome.exception
    if not outcome.success:
        raise BuildError(
            f"the dbt project does not parse: {outcome.exception}",
            where="dbt",
            effect="nothing was built, the live release stays",
            fix="mend the named file and run again",
        )
    return outcome.result


def write_docs(home: Home, path: Path) -> None:
    """Writes dbt's documentation of the parsed project, lineage included, as one page that loads nothing.

    Types come from the contracts, so no warehouse needs to stand. Raises BuildError when dbt cannot write it.
    """
    manifest = parse(home)
    # In a folder of its own, since a build that goes on writes its manifest where dbt's working files lie.
    with _environment(home), TemporaryDirectory() as target:
        from dbt.cli.main import dbtRunner

        shutil.copy(TARGET / "partial_parse.msgpack", target)
        manifest.writable_manifest().write(str(Path(target) / "manifest.json"))
        asked = ["docs", "generate", *_COMMON, "--target-path", target, "--static", "--empty-catalog", "--no-compile"]
        outcome = dbtRunner().invoke(asked)
        if outcome.success:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(target) / "static_index.html", path)
    if not outcome.success:
        raise BuildError(
            f"the documentation could not be written: {outcome.exception}",
            where="dbt",
            effect=f"{path} is as it was",
            fix="mend what it names and run again",
        )


def write_semantics(manifest: Any, path: Path) -> None:
    """Writes what MetricFlow reads of the parsed project: semantic models, metrics and the calendar."""
    from dbt.contracts.graph.semantic_manifest import SemanticManifest

    SemanticManifest(manifest).write_json_to_file(str(path))


def write_comments(manifest: Any, candidate: Path) -> None:
    """Writes the descriptions of marts and their columns into the candidate, where BI tools show them."""
    import duckdb

    with duckdb.connect(str(candidate)) as connection:
        connection.execute("use marts.marts; begin")
        columns: dict[str, set[str]] = {}
        for table, column in connection.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts'"
        ).fetchall():
            columns.setdefault(table, set()).add(column)
        for node in manifest.nodes.values():
            if str(node.resource_type) != "model" or node.schema != "marts" or node.name not in columns:
                continue
            told = {f'table "{node.name}"': node.description}
            for column in node.columns.values():
                if column.name in columns[node.name]:
                    told[f'column "{node.name}"."{column.name}"'] = column.description
            for what, description in told.items():
                quoted = " ".join(description.split()).replace("'", "''")
                connection.execute(f"comment on {what} is '{quoted}'")
        connection.execute("commit")


def build(
    home: Home,
    manifest: Any,
    *,
    selection: Sequence[str] = (),
    without: Sequence[str] = (),
    unit_tests: bool = False,
    on_event: Callable[[Any], None] | None = None,
) -> BuildResult:
    """Builds and tests the nodes that dbt's own `selection` words name (all by default), then frees every lock.

    Models named in `without` stay as they stand; their tests run.

    dbt's unit tests say something about the models and nothing about the data: they run where the code is tested.
    Raises BuildError naming the first broken nodes; nothing of the candidate is used then.
    """
    with _environment(home):
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        # What dbt would write of it, the parsed project once more, nobody reads.
        arguments = ["build", *_COMMON, "--no-write-json", *selection]
        # Or dbt would leave out every test that reads such a model.
        arguments += ["--exclude", *without, "--indirect-selection", "empty"] if without else []
        arguments += [] if unit_tests else ["--exclude-resource-type", "unit_test"]
        try:
            outcome = dbtRunner(manifest=manifest, callbacks=[on_event] if on_event else []).invoke(arguments)
        finally:
            DuckDBConnectionManager.close_all_connections()
    results = getattr(outcome.result, "results", None)
    nodes = [
        NodeResult(
            unique_id=result.node.unique_id,
            name=result.node.name,
            kind=str(result.node.resource_type),
            status=str(result.status),
            message=str(result.message or ""),
            failures=int(result.failures or 0),
            seconds=float(result.execution_time),
        )
        for result in results or []
    ]
    built = BuildResult(nodes)
    if not outcome.success:
        told = _told(home, results or [])
        if told:
            effect = "nothing was published, the live release stays"
            raise BuildError.together(told, effect=effect, then="then `saleshouse run`")
        broken = "; ".join(f"{node.name}: {_short(node.message)}" for node in built.broken[:3])
        raise BuildError(
            broken or str(outcome.exception),
            where="dbt",
            effect=f"{len(built.broken)} of {len(nodes)} nodes broke, nothing was published, the live release stays",
            fix="mend the model or the data it names, then `saleshouse run`",
        )
    return built


def noted(event: Any) -> Noted | None:
    """What an event that `build` reports says of a node that has ended; None of any other event."""
    from google.protobuf.json_format import MessageToDict

    if event.info.name not in _NODE_RESULTS:
        return None
    message = MessageToDict(event, preserving_proto_field_name=True)
    node = message["data"]["node_info"]
    is_table = node["node_status"] == "success" and node["materialized"] in ("table", "incremental", "seed")
    return Noted(message, _count_rows(node["node_relation"]["relation_name"]) if is_table else None)


def _count_rows(relation: str) -> int:
    """Rows of a table that dbt has made (its name in SQL), asked from a callback while dbt holds the stores."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    with DuckDBConnectionManager.env().conn.cursor() as cursor:
        return int(cursor.execute(f"select count(*) from {relation}").fetchone()[0])


def cancel() -> None:
    """Breaks off the queries that dbt is running in other threads, and lets it begin no further node after them."""
    from dbt.adapters.factory import FACTORY
    from dbt.flags import get_flags

    object.__setattr__(get_flags(), "FAIL_FAST", True)
    for adapter in list(FACTORY.adapters.values()):
        # A connection that is closed at this moment has nothing to break off.
        with suppress(Exception):
            adapter.cancel_open_connections()


def _told(home: Home, results: Sequence[Any]) -> list[tuple[str, str, str]]:
    """What failed tests say for people: the rows of those that answer in `what`, `place` and `fix`."""
    import duckdb

    told: list[tuple[str, str, str]] = []
    # Generic tests (unique, not null) answer with values of columns, which may be personal.
    failed = [result.node for result in results if str(result.status) == "fail"]
    for node in (node for node in failed if getattr(node, "test_metadata", None) is None):
        with duckdb.connect() as connection:
            for name, path in (("history", home.history), ("work", home.work), ("marts", home.candidate)):
                quoted = str(path).replace("'", "''")
                connection.execute(f"attach '{quoted}' as {name} (read_only)")
            answer = connection.execute(node.compiled_code)
            columns = [str(column[0]) for column in answer.description or ()]
            if {"what", "place", "fix"} <= set(columns):
                rows = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
                told += [(str(row["what"]), str(row["place"]), str(row["fix"])) for row in rows]
    return told


def _short(message: str) -> str:
    """dbt's message without its trace of macros and its compiled code."""
    told = message.split("> in macro")[0].split("compiled code at")[0]
    return " ".join(told.split())[:300]


def consumers(manifest: Any) -> tuple[dict[str, list[str]], dict[str, HistoryTable]]:
    """Reads the lineage: staging models by raw table, and every table of the history store with its code's hash."""
    by_raw: dict[str, list[str]] = {}
    tables: dict[str, HistoryTable] = {}
    for node in manifest.nodes.values():
        if str(node.resource_type) != "model" or node.database != "history":
            continue
        tables[node.name] = HistoryTable(node.schema, _code(manifest, node))
        for parent in node.depends_on.nodes:
            source = manifest.sources.get(parent)
            if source is not None and source.source_name == "raw" and "__" in source.name:
                by_raw.setdefault(source.name, []).append(node.name)
    return by_raw, tables


def history_of(manifest: Any, sources: Iterable[str]) -> list[str]:
    """The models of the history store that read nothing of any other source's raw tables, by name."""
    others = {
        key
        for key, source in manifest.sources.items()
        if source.source_name == "raw" and source.name.split("__")[0] not in set(sources)
    }
    found = []
    for node in manifest.nodes.values():
        if str(node.resource_type) != "model" or node.database != "history":
            continue
        upstream = _upstream(manifest, node.unique_id)
        if not upstream & others and any(key in manifest.sources for key in upstream):
            found.append(node.name)
    return sorted(found)


def _upstream(manifest: Any, key: str) -> set[str]:
    """The keys of a node and of all that it is made from."""
    waiting, seen = [key], set()
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            node = manifest.nodes.get(key)
            waiting += node.depends_on.nodes if hasattr(getattr(node, "depends_on", None), "nodes") else []
    return seen


def code_of(manifest: Any, model: str) -> str:
    """A hash of the text of a model and of all that it is made from: models, seeds, and our macros."""
    by_name = {node.name: key for key, node in manifest.nodes.items() if str(node.resource_type) in ("model", "seed")}
    digest = hashlib.sha256()
    for key in sorted(_upstream(manifest, by_name[model]) & manifest.nodes.keys()):
        node = manifest.nodes[key]
        told = node.checksum.checksum if str(node.resource_type) == "seed" else _code(manifest, node)
        digest.update(f"{key} {told}".encode())
    return digest.hexdigest()


def _code(manifest: Any, node: Any) -> str:
    """A hash of a model's text and of our macros that it uses, at any depth."""
    digest = hashlib.sha256(node.raw_code.encode())
    waiting, seen = list(node.depends_on.macros), set()
    while waiting:
        name = waiting.pop()
        macro = manifest.macros.get(name)
        if name in seen or macro is None or macro.package_name != node.package_name:
            continue
        seen.add(name)
        waiting += macro.depends_on.macros
    for name in sorted(seen):
        digest.update(manifest.macros[name].macro_sql.encode())
    return digest.hexdigest()
