"""Turns GA4 export files into Arrow tables of text columns, in a process of its own.

What belongs here: the BigQuery export schema, its nesting, and whole files at a time. What does not: which files are
new (`__init__.py`) and what an event means (staging). It runs as a child process, so that a file made to crash or to
fill the memory ends this process in one line, never the landing: file list as JSON on the standard input, an Arrow
stream on the standard output, the file in work and the reason of a failure on the standard error.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

EVENTS = pa.schema(
    [
        ("file_name", pa.string()),
        ("file_version", pa.string()),
        ("is_intraday", pa.string()),
        ("event_date", pa.string()),
        ("event_timestamp", pa.string()),
        ("event_name", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("user_id", pa.string()),
        ("ga_session_id", pa.string()),
        ("ga_session_number", pa.string()),
        ("page_location", pa.string()),
        ("page_referrer", pa.string()),
        ("session_engaged", pa.string()),
        ("engagement_time_msec", pa.string()),
        ("source", pa.string()),
        ("medium", pa.string()),
        ("campaign", pa.string()),
        ("gclid", pa.string()),
        ("device_category", pa.string()),
        ("country", pa.string()),
        ("transaction_id", pa.string()),
        ("purchase_revenue", pa.string()),
        ("currency", pa.string()),
        ("items", pa.string()),
        ("event_params", pa.string()),
    ]
)
ROWS_PER_TABLE = 100_000

_REQUIRED = ("event_date", "event_timestamp", "event_name", "user_pseudo_id")
# Declared column -> the parameter that fills it; collected_traffic_source and ecommerce win where they have a value.
_FROM_PARAMETERS = (
    "ga_session_id",
    "ga_session_number",
    "page_location",
    "page_referrer",
    "session_engaged",
    "engagement_time_msec",
    "source",
    "medium",
    "campaign",
    "gclid",
    "transaction_id",
    "currency",
)
# Column of the flat table -> path in the export's nested columns.
_NESTED = {
    "device_category": ("device", "category"),
    "country": ("geo", "country"),
    "traffic_source": ("collected_traffic_source", "manual_source"),
    "traffic_medium": ("collected_traffic_source", "manual_medium"),
    "traffic_campaign": ("collected_traffic_source", "manual_campaign_name"),
    "traffic_gclid": ("collected_traffic_source", "gclid"),
    "order_id": ("ecommerce", "transaction_id"),
    "purchase_revenue": ("ecommerce", "purchase_revenue"),
}
_PARAMETERS = pa.list_(
    pa.struct(
        [
            ("key", pa.string()),
            ("is_text", pa.bool_()),
            ("text", pa.string()),
        ]
    )
)
_JSON_VALUE = "STRUCT(string_value VARCHAR, int_value VARCHAR, float_value VARCHAR, double_value VARCHAR)"
_JSON_COLUMNS = {
    "event_date": "VARCHAR",
    "event_timestamp": "VARCHAR",
    "event_name": "VARCHAR",
    "event_params": f"STRUCT(key VARCHAR, value {_JSON_VALUE})[]",
    "user_id": "VARCHAR",
    "user_pseudo_id": "VARCHAR",
    "device": "STRUCT(category VARCHAR)",
    "geo": "STRUCT(country VARCHAR)",
    "ecommerce": "STRUCT(transaction_id VARCHAR, purchase_revenue VARCHAR)",
    "collected_traffic_source": (
        "STRUCT(manual_source VARCHAR, manual_medium VARCHAR, manual_campaign_name VARCHAR, gclid VARCHAR)"
    ),
    "items": "JSON",
}
# A day of events compresses by ten to forty; what swells beyond this was made to.
_LARGEST_SWELLING, _HARMLESS_BYTES = 200, 100_000_000
_MEMORY_BYTES = 6 << 30


def main() -> None:
    """Reads the files named on the standard input; exits with 3 and a reason when one of them is not sound."""
    _limit_memory()
    files = json.load(sys.stdin)
    current = ""
    try:
        with pa.ipc.new_stream(sys.stdout.buffer, EVENTS) as stream:
            waiting: list[pa.Table] = []
            rows = 0
            for file in files:
                current = file["name"]
                print(json.dumps({"file": current}), file=sys.stderr, flush=True)
                for flat in _flat_tables(Path(file["path"])):
                    waiting.append(_labelled(flat, file))
                    rows += flat.num_rows
                    if rows >= ROWS_PER_TABLE:
                        stream.write_table(_declared(pa.concat_tables(waiting).combine_chunks()).combine_chunks())
                        waiting, rows = [], 0
            if waiting:
                stream.write_table(_declared(pa.concat_tables(waiting).combine_chunks()).combine_chunks())
    except BrokenPipeError:
        sys.exit(4)
    except Exception as exc:
        reason = " ".join(str(exc).split())[:200] or type(exc).__name__
        print(json.dumps({"file": current, "reason": reason}), file=sys.stderr, flush=True)
        sys.exit(3)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        # Not every system has this limit; the process is still a separate one.
        return


def _flat_tables(path: Path) -> Iterator[pa.Table]:
    """A file's rows with nesting taken apart, except parameters: lists of (key, is_text, text)."""
    batches = _parquet(path) if path.suffix == ".parquet" else _json_lines(path)
    for batch in batches:
        if batch.num_rows:
            yield _flat(batch)


def _parquet(path: Path) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        wanted = {*_REQUIRED, "user_id", "event_params", "items", *(parent for parent, _ in _NESTED.values())}
        columns = [name for name in file.schema_arrow.names if name in wanted]
        _require(columns)
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        _refuse_bomb(path, sum(group.total_byte_size for group in groups))
        for batch in file.iter_batches(batch_size=ROWS_PER_TABLE, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


def _json_lines(path: Path) -> Iterator[pa.Table]:
    import duckdb

    if path.suffix == ".gz":
        # The checksum stands at the end: nothing is read from an archive that is cut or damaged.
        size = 0
        with gzip.open(path) as archive:
            while piece := archive.read(1 << 20):
                size += len(piece)
                _refuse_bomb(path, size)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _JSON_COLUMNS.items())
    with duckdb.connect(config={"threads": "1", "autoinstall_known_extensions": "false"}) as connection:
        reader = connection.execute(
            f"select * from read_json($path, format = 'newline_delimited', columns = {{{columns}}})",
            {"path": str(path)},
        ).to_arrow_reader(ROWS_PER_TABLE)
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _require(columns: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        _refuse(f"it lacks the column {', '.join(missing)} of the GA4 export")


def _refuse_bomb(path: Path, size: int) -> None:
    if size > _HARMLESS_BYTES and size > _LARGEST_SWELLING * path.stat().st_size:
        _refuse(f"it swells to more than {_LARGEST_SWELLING} times its size")


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)


def _flat(batch: pa.Table) -> pa.Table:
    """Raises ValueError when a column is not what the export documents."""
    columns = {name: _text(_array(batch, name)) for name in (*_REQUIRED, "user_id")}
    if any(columns[name].null_count for name in ("event_date", "event_timestamp", "event_name")):
        _refuse("an event has no date, time or name")
    for column, (parent, child) in _NESTED.items():
        columns[column] = _text(_child(_array(batch, parent), child, parent))
    columns["items"] = _items(_array(batch, "items"))
    columns["event_params"] = _parameters(_array(batch, "event_params"))
    return pa.table(columns)


def _array(batch: pa.Table, name: str) -> pa.Array:
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows)
    column = batch[name].combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _child(array: pa.Array, name: str, parent: str) -> pa.Array:
    """A field of a struct column, NULL where the struct is."""
    if pa.types.is_null(array.type):
        return array
    if not pa.types.is_struct(array.type):
        _refuse(f"its column {parent} is {array.type} and not a record")
    return pc.struct_field(array, name) if array.type.get_field_index(name) >= 0 else pa.nulls(len(array))


def _text(array: pa.Array) -> pa.Array:
    if pa.types.is_date(array.type):
        return pc.strftime(array, format="%Y%m%d")
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.string())
    if pa.types.is_nested(array.type):
        _refuse(f"a column is {str(array.type)[:60]} where a plain value belongs")
    return array.cast(pa.string())


def _parameters(array: pa.Array) -> pa.Array:
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), _PARAMETERS)
    if not pa.types.is_list(array.type) or not pa.types.is_struct(array.type.value_type):
        _refuse(f"its column event_params is {str(array.type)[:60]} and not a list of records")
    entries = array.flatten()
    value = _child(entries, "value", "event_params")
    kinds = [_text(_child(value, f"{kind}_value", "event_params")) for kind in ("string", "int", "double", "float")]
    flat = pa.StructArray.from_arrays(
        [_text(_child(entries, "key", "event_params")), pc.is_valid(kinds[0]), pc.coalesce(*kinds)],
        fields=list(_PARAMETERS.value_type),
    )
    # flatten() leaves out what stands under a NULL list, so lengths and not the old offsets say where a list ends.
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int32")
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=_PARAMETERS)


def _items(array: pa.Array) -> pa.Array:
    """JSON text of the items; few events have any."""
    if pa.types.is_null(array.type) or pa.types.is_string(array.type):
        return array.cast(pa.string())
    if not pa.types.is_list(array.type):
        _refuse(f"its column items is {str(array.type)[:60]} and not a list")
    filled = np.flatnonzero(
        pc.fill_null(pc.greater(pc.list_value_length(array), 0), False).to_numpy(zero_copy_only=False)
    )
    texts = [
        json.dumps([{name: value for name, value in item.items() if value is not None} for item in items], default=str)
        for items in array.take(pa.array(filled)).to_pylist()
    ]
    where = np.full(len(array), -1, dtype="int64")
    where[filled] = np.arange(len(filled))
    return pa.array(texts, pa.string()).take(pa.array(where, mask=where < 0))


def _labelled(flat: pa.Table, file: dict[str, Any]) -> pa.Table:
    for name in ("name", "version", "is_intraday"):
        flat = flat.append_column(f"file_{name}", pa.repeat(pa.scalar(str(file[name])), flat.num_rows))
    return flat


def _declared(flat: pa.Table) -> pa.Table:
    """The declared columns of a flat table; parameters become columns and one JSON object per event."""
    parameters = _array(flat, "event_params")
    entries = parameters.flatten()
    owner = pc.list_parent_indices(parameters).to_numpy()
    key = entries.field("key").dictionary_encode()
    names = [str(name) for name in key.dictionary.to_pylist()]
    codes = key.indices.to_numpy(zero_copy_only=False)
    text = entries.field("text")
    columns: dict[str, Any] = {name: flat[name] for name in EVENTS.names if name in flat.schema.names}
    for name in _FROM_PARAMETERS:
        columns[name] = _parameter(name, names, codes, owner, text, flat.num_rows)
    for name, better in (
        ("source", "traffic_source"),
        ("medium", "traffic_medium"),
        ("campaign", "traffic_campaign"),
        ("gclid", "traffic_gclid"),
        ("transaction_id", "order_id"),
    ):
        columns[name] = pc.coalesce(_array(flat, better), columns[name])
    columns["is_intraday"] = flat["file_is_intraday"]
    columns["event_params"] = _json_objects(parameters, names, key.indices, text, entries.field("is_text"))
    return pa.table({name: columns[name] for name in EVENTS.names}, schema=EVENTS)


def _parameter(
    name: str, names: list[str], codes: "np.ndarray[Any, Any]", owner: "np.ndarray[Any, Any]", text: pa.Array, rows: int
) -> pa.Array:
    """One parameter as a column: the first of its name in each event."""
    if name not in names:
        return pa.nulls(rows, pa.string())
    found = np.flatnonzero(codes == names.index(name))[::-1]
    where = np.full(rows, -1, dtype="int64")
    where[owner[found]] = found
    return text.take(pa.array(where, mask=where < 0))


def _json_objects(
    parameters: pa.Array, names: list[str], codes: pa.Array, text: pa.Array, is_text: pa.Array
) -> pa.Array:
    """`{"key": value, ...}` per event, for all events at once."""
    escaped = text
    used = np.bincount(np.frombuffer(text.buffers()[2] or b"", dtype="uint8"), minlength=256)
    # The backslash first, or it would escape the others' escapes.
    for code in (ord("\\"), ord('"'), *range(32)):
        if used[code]:
            escaped = pc.replace_substring(escaped, chr(code), json.dumps(chr(code))[1:-1])
    values = pc.if_else(is_text, pc.binary_join_element_wise('"', escaped, '"', ""), escaped)
    keys = pa.DictionaryArray.from_arrays(codes, pa.array([json.dumps(name) + ":" for name in names], pa.string()))
    pairs = pc.binary_join_element_wise(keys.cast(pa.string()), pc.fill_null(values, "null"), "")
    joined = pc.binary_join(pa.ListArray.from_arrays(parameters.offsets, pairs), ",")
    return pc.binary_join_element_wise("{", joined, "}", "")


if __name__ == "__main__":
    main()
