"""Discovers the sources and lands one of them: a dlt pipeline into the raw lake, then our ledger.

What belongs here: discovery, the pipeline, recovery of what a crash left, the declared empty tables. What does not:
any vendor's dialect (that is each source's folder) and anything that reads the lake (that is the warehouse).

A source is a folder `ingestion/<source>/` whose `__init__.py` declares

    SOURCE: str
        The folder's name; also `raw/<SOURCE>/`, the dlt pipeline and the dlt schema. Lowercase snake_case.
    ENTITIES: dict[str, pa.Schema]
        Entity (table) name -> its declared Arrow schema, lowercase snake_case, all `pa.string()`. Without
        `fetched_at`, `_dlt_load_id`, `_dlt_id`: landing.py adds those three to every entity.
    def enabled(settings: Settings) -> bool
        Whether the company uses the source. `settings` is the whole `saleshouse.yml` model, here and below.
    def resources(settings: Settings, window: Window) -> Mapping[str, Iterable[pa.Table]]
        Entity -> a generator of Arrow tables of exactly the entity's schema, some thousand rows each
        (`tables_of(schema, rows)` gathers dictionaries into such tables). Entities may be left out; an entity
        without rows lands nothing but is readable, since `_declared.parquet` exists. Generators of different
        entities are advanced by different threads; nothing may be fetched before the first `next()`.
    def check(settings: Settings) -> str                        (optional)
        Asks the vendor a little of everything that a landing will ask, for `saleshouse doctor`; says what answered.
    BY_DAY: bool                                                (optional)
        Whether its facts belong to a day, so that a range of days can be fetched again; False unless declared.
    def mapping_hash(settings: Settings) -> str | None          (optional)
        Written to the ledger entry; the files source hashes its declared mappings, others leave it out.

`Window` is what a source knows about the run: `now` (aware UTC; never ask the clock), `start`/`end` (dates of a
backfill, end exclusive, both None in the daily run), `landed_rows` (entity -> rows in the ledger so far), `home` (for
what the home itself keeps), and a memory that is committed together with the rows: `window.recall(key, default)` and
`window.remember(key, value)` (JSON values: a cursor, `{file name: content hash}`). If the process dies before the rows
are safe, the memory is the old one. A source must not let a backfill move a cursor backwards, and raises a
`configuration.errors.SourceError` (or a subclass) in one line when it cannot read; nothing of that load is landed then.
`window.cancelled` is set when another generator of the same landing failed: a long wait should end then.
"""

import importlib
import json
import os
import pkgutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import pyarrow as pa

import ingestion
from configuration.environment import quiet
from configuration.errors import ConfigurationError, LandingError, SaleshouseError
from configuration.paths import Home
from ingestion import ledger

if TYPE_CHECKING:
    from dlt import Pipeline

# An entity's rows so far in this landing: (source, entity, rows).
Progress = Callable[[str, str, int], None]

# Every row of every entity carries these beside its declared columns.
LANDING_COLUMNS = (
    pa.field("fetched_at", pa.string()),
    pa.field("_dlt_load_id", pa.string()),
    pa.field("_dlt_id", pa.string()),
)

_THREADS = 12


class Source(Protocol):
    """What the module of a source declares; see the head of this file."""

    SOURCE: str
    ENTITIES: dict[str, pa.Schema]

    def enabled(self, settings: Any) -> bool: ...

    def resources(self, settings: Any, window: "Window") -> Mapping[str, Iterable[pa.Table]]: ...


@dataclass
class Window:
    """What a source knows about the run that it is part of. Safe to use from several threads."""

    now: datetime
    start: date | None = None
    end: date | None = None
    landed_rows: Mapping[str, int] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)
    home: Home | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_backfill(self) -> bool:
        return self.start is not None or self.end is not None

    def recall(self, key: str, default: Any = None) -> Any:
        """What was remembered under this key by the last load that was completed."""
        with self._lock:
            return self.memory.get(key, default)

    def remember(self, key: str, value: Any) -> None:
        """Keeps a JSON value for the next run; it is committed together with the rows, or not at all."""
        with self._lock:
            self.memory = {**self.memory, key: value}


@dataclass(frozen=True)
class LoadSummary:
    """One landing. `rows` per entity of this load; `recovered` are numbers of earlier loads completed on the way."""

    source: str
    load_number: int
    dlt_load_id: str
    rows: Mapping[str, int]
    recovered: tuple[int, ...]
    seconds: float


def discover() -> dict[str, Source]:
    """All known sources by name. Raises ConfigurationError when a folder does not declare what a source must."""
    found: dict[str, Source] = {}
    for info in pkgutil.iter_modules(ingestion.__path__):
        if not info.ispkg:
            continue
        module = importlib.import_module(f"ingestion.{info.name}")
        missing = [name for name in ("SOURCE", "ENTITIES", "enabled", "resources") if not hasattr(module, name)]
        if missing or getattr(module, "SOURCE", None) != info.name:
            raise ConfigurationError(
                f"the source does not declare {', '.join(missing) or 'its own folder as SOURCE'}",
                where=f"ingestion/{info.name}/__init__.py",
                effect="no source is landed",
                fix="declare it as the head of ingestion/landing.py says",
            )
        found[info.name] = cast(Source, module)
    return found


def enabled_sources(settings: Any) -> list[str]:
    """Names of the sources that the company uses, in alphabetical order."""
    return [name for name, source in sorted(discover().items()) if source.enabled(settings)]


def by_day() -> list[str]:
    """Names of the sources of which a range of days can be fetched again."""
    return [name for name, source in sorted(discover().items()) if getattr(source, "BY_DAY", False)]


def declare(home: Home) -> None:
    """Writes `_declared.parquet`, zero rows, for every entity of every known source, so that all staging can build.

    Raises LandingError when the home cannot be written.
    """
    import pyarrow.parquet as pq

    for name, source in discover().items():
        for entity, schema in source.ENTITIES.items():
            path = home.raw / name / entity / "_declared.parquet"
            wanted = pa.schema([*schema, *LANDING_COLUMNS])
            try:
                if path.exists() and pq.read_schema(path).equals(wanted):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                draft = path.with_suffix(".draft")
                pq.write_table(wanted.empty_table(), draft)
                with draft.open("rb") as file:
                    os.fsync(file.fileno())
                draft.replace(path)
                ledger.fsync_directory(path.parent)
            except OSError as exc:
                raise ledger.unwritable(path, exc) from exc


def land(
    home: Home,
    source: str,
    settings: Any,
    *,
    now: datetime,
    start: date | None = None,
    end: date | None = None,
    progress: Progress | None = None,
) -> LoadSummary:
    """Fetches what is new of one source, or the days from `start` to before `end`, and appends it to the raw lake.

    `now` is an aware UTC time. What a crash left is completed first. Raises SourceError when the vendor or file cannot
    be read (nothing is landed then) and LandingError when the lake cannot be written.
    """
    began = time.monotonic()
    known = discover()
    if source not in known:
        raise ConfigurationError(
            "there is no such source", where=source, effect="nothing was landed", fix=f"use one of {', '.join(known)}"
        )
    module = known[source]
    now = now.astimezone(UTC)
    with _one_line(home, source):
        pipeline = _pipeline(home, source)
        recovered = _recover(home, pipeline, module)
        entries = [entry for entry in ledger.read(home) if entry.source == source]
        rows: dict[str, int] = {}
        for entry in entries:
            for entity, landed in entry.entities.items():
                rows[entity] = rows.get(entity, 0) + landed.rows
        # A memory without a ledger belongs to a lake that is gone: everything is fetched again.
        memory = _state(pipeline).get("memory", {}) if entries else {}
        window = Window(now, start, end, rows, dict(memory), home=home)
        hasher = getattr(module, "mapping_hash", None)
        load = {
            "arguments": {
                "now": now.isoformat(),
                "start": start.isoformat() if start else None,
                "end": end.isoformat() if end else None,
            },
            "mapping_hash": hasher(settings) if hasher else None,
        }
        _extract(pipeline, module, settings, window, load, progress)
        pipeline.normalize()
        pipeline.load()
        registered = _register(home, pipeline, module)
    if not registered:
        raise LandingError(
            "dlt reported success but completed no load",
            where=f"{source} in {home.raw}",
            effect="this load is not part of the lake, the live release stays",
            fix="run again; if it stays, remove the folder "
            f"{home.dlt / source}, the state is then restored from the lake",
        )
    entry = registered[-1]
    return LoadSummary(
        source,
        entry.load_number,
        entry.dlt_load_id,
        {entity: landed.rows for entity, landed in entry.entities.items()},
        tuple(other.load_number for other in (*recovered, *registered[:-1])),
        time.monotonic() - began,
    )


def tables_of(schema: pa.Schema, rows: Iterable[Mapping[str, Any]], rows_per_table: int = 2_000) -> Iterator[pa.Table]:
    """Gathers dictionaries (column -> text or None; columns left out are NULL) into Arrow tables of `schema`."""
    buffer: list[Mapping[str, Any]] = []
    for row in rows:
        buffer.append(row)
        if len(buffer) >= rows_per_table:
            yield pa.Table.from_pylist(buffer, schema=schema)
            buffer = []
    if buffer:
        yield pa.Table.from_pylist(buffer, schema=schema)


def _pipeline(home: Home, source: str) -> "Pipeline":
    quiet()
    # The load's id is added while Arrow tables are written; our own row ids spare a second pass over all rows.
    os.environ["NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID"] = "true"
    import dlt
    from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION, INIT_FILE_NAME

    # dlt marks a dataset as its own by this file, and gives up for good on a folder that has none: declare() or a kill
    # between its two steps leaves one.
    mark = home.raw / source / INIT_FILE_NAME
    if not mark.exists():
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps({"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}))
    lake = dlt.destinations.filesystem(
        bucket_url=home.raw.absolute().as_uri(), layout="{table_name}/{load_id}.{file_id}.{ext}"
    )
    return dlt.pipeline(source, destination=lake, dataset_name=source, pipelines_dir=str(home.dlt.absolute()))


def _state(pipeline: "Pipeline") -> dict[str, Any]:
    sources = cast(dict[str, Any], pipeline.state).get("sources", {})
    return cast(dict[str, Any], sources.get(pipeline.pipeline_name, {}))


def _extract(
    pipeline: "Pipeline",
    module: Source,
    settings: Any,
    window: Window,
    load: dict[str, Any],
    progress: Progress | None,
) -> None:
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    failures: list[BaseException] = []

    def entity_resource(entity: str, tables: Iterable[pa.Table]) -> Any:
        def generate() -> Iterator[pa.Table]:
            rows = 0
            try:
                for table in tables:
                    if window.cancelled.is_set():
                        return
                    rows += table.num_rows
                    yield _with_landing_columns(table.cast(module.ENTITIES[entity]))
                    if progress is not None:
                        progress(module.SOURCE, entity, rows)
            except BaseException as exc:
                failures.append(exc)
                window.cancelled.set()
                raise
            commit()

        # A named generator function: dlt shows this name in its errors.
        return dlt.resource(generate, name=entity, write_disposition="append", parallelized=True)

    def commit() -> None:
        # dlt stores the state with the rows of the same package: both are kept or neither.
        state = dlt.current.source_state(pipeline.pipeline_name)
        state.update(load, memory=window.memory)

    def always() -> Iterator[list[Any]]:
        # Also a run that finds nothing new is a load: the ledger then says when the source was last read.
        commit()
        yield []

    resources = [entity_resource(entity, tables) for entity, tables in module.resources(settings, window).items()]
    load["run"] = uuid.uuid4().hex
    try:
        pipeline.extract(
            [*resources, dlt.resource(always, name="run", write_disposition="append")],
            loader_file_format="parquet",
            workers=_THREADS,
        )
    except PipelineStepFailed as exc:
        # Others stop because one failed, and dlt may have met one of them first.
        if failures and isinstance(failures[0], SaleshouseError):
            raise failures[0] from exc
        raise


def _with_landing_columns(table: pa.Table) -> pa.Table:
    fetched_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    prefix = uuid.uuid4().hex[:12]
    ids = pa.array([f"{prefix}{number}" for number in range(table.num_rows)], pa.string())
    table = table.append_column("fetched_at", pa.repeat(pa.scalar(fetched_at), table.num_rows))
    return table.append_column("_dlt_id", ids)


def _recover(home: Home, pipeline: "Pipeline", module: Source) -> list[ledger.LoadEntry]:
    """Completes the packages of a killed run and registers loads that died before their ledger entry."""
    normalised = {*pipeline.list_normalized_load_packages(), *_completed(home, module.SOURCE)}
    for load_id in normalised.intersection(pipeline.list_extracted_load_packages()):
        # Killed between its two steps, dlt keeps what it has normalised already and stumbles over it for ever.
        pipeline._get_normalize_storage().extracted_packages.delete_package(load_id)
    if pipeline.list_extracted_load_packages():
        pipeline.normalize()
    if pipeline.list_normalized_load_packages():
        pipeline.load()
    pipeline.sync_destination()
    return _register(home, pipeline, module)


def _register(home: Home, pipeline: "Pipeline", module: Source) -> list[ledger.LoadEntry]:
    """Enters every completed dlt load that the ledger does not know, in the order of their ids."""
    source = module.SOURCE
    folder = home.raw / source
    missing = _completed(home, source) - {entry.dlt_load_id for entry in ledger.read(home) if entry.source == source}
    state = _state(pipeline)
    entries = []
    for load_id in sorted(missing, key=float):
        entities = {}
        for entity in module.ENTITIES:
            paths = sorted((folder / entity).glob(f"{load_id}.*.parquet"))
            files = tuple(ledger.describe(home, path) for path in paths)
            if files:
                ledger.fsync_directory(folder / entity)
            entities[entity] = ledger.LandedEntity(sum(file.rows for file in files), files)
        entries.append(
            ledger.append(
                home,
                dlt_load_id=load_id,
                source=source,
                landed_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                arguments=state.get("arguments", {}),
                mapping_hash=state.get("mapping_hash"),
                entities=entities,
            )
        )
    return entries


def _completed(home: Home, source: str) -> set[str]:
    """Ids of the loads that dlt counts as complete."""
    return {path.stem.partition("__")[2] for path in (home.raw / source / "_dlt_loads").glob(f"{source}__*.jsonl")}


@contextmanager
def _one_line(home: Home, source: str) -> Iterator[None]:
    """Finds the reason inside what dlt raises and lets that one out."""
    try:
        yield
    except SaleshouseError:
        raise
    except Exception as exc:
        chain: list[BaseException] = []
        cause: BaseException | None = exc
        while cause is not None and cause not in chain:
            chain.append(cause)
            cause = cause.__cause__ or cause.__context__ or getattr(cause, "exception", None)
        for reason in chain:
            if isinstance(reason, SaleshouseError):
                raise reason from exc
        for reason in reversed(chain):
            if isinstance(reason, OSError) and reason.errno is not None:
                raise ledger.unwritable(Path(reason.filename or home.raw), reason) from exc
        raise LandingError(
            f"{type(chain[-1]).__name__}: {str(chain[-1])[:300]}",
            where=f"{source} on its way into {home.raw}",
            effect="this load is not part of the lake, the live release stays",
            fix="run again; the next landing completes or repeats the load",
        ) from exc
