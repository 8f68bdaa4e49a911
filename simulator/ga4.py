"""The GA4 property's export: a file per day in the BigQuery export schema, and the running day as intraday JSON lines.

What belongs here: writing `events_YYYYMMDD.parquet` and `events_intraday_YYYYMMDD.json.gz` into a folder, for one
moment. What does not: the visitors (company.py) and reading such files. A day's file appears when the property's day
is over and is written again, with more rows, on up to three later days: an event with `late_days` k is in the file
once k further days are over. Only files whose content differs from what the folder holds are written.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulator import fold
from simulator.company import Company

PROPERTY_ZONE = ZoneInfo("Europe/Prague")
STATE = ".written.json"
CHUNK = 100_000

VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)
ITEM = pa.struct(
    [
        ("item_id", pa.string()),
        ("item_name", pa.string()),
        ("item_brand", pa.string()),
        ("item_category", pa.string()),
        ("price", pa.float64()),
        ("quantity", pa.int64()),
        ("item_revenue", pa.float64()),
    ]
)
# Each parameter of an event: its key, the kind of value, and the column of the company's events it is taken from.
PARAMETERS: list[tuple[str, str, str]] = [
    ("ga_session_id", "int", "session_id"),
    ("ga_session_number", "int", "session_number"),
    ("page_location", "string", "page_location"),
    ("page_referrer", "string", "page_referrer"),
    ("session_engaged", "string", "is_engaged"),
    ("engagement_time_msec", "int", "engagement_ms"),
    ("source", "string", "source"),
    ("medium", "string", "medium"),
    ("campaign", "string", "campaign"),
    ("gclid", "string", "gclid"),
    ("transaction_id", "string", "transaction_id"),
    ("currency", "string", "currency"),
    ("value", "double", "revenue"),
]


def write(company: Company, now: datetime, folder: Path) -> list[Path]:
    """Brings `folder` to what the export holds at `now` (aware, or naive UTC); the files written, oldest first."""
    now = fold.aware(now)
    today = now.astimezone(PROPERTY_ZONE).date()
    folder.mkdir(parents=True, exist_ok=True)
    days = _days(company.events)
    order, starts = _grouped(days)
    wanted = _visible(company.events, days, today)
    company_id = _fingerprint(company.events)
    held = _state(folder, company_id)
    fresh: dict[str, int] = {}
    written: list[Path] = []
    stale: list[tuple[str, np.ndarray[Any, Any]]] = []
    for day, first, last in starts:
        rows = order[first:last]
        rows = rows[wanted[rows]]
        if len(rows) == 0:
            continue
        name = _final_name(day)
        fresh[name] = len(rows)
        if held.get(name) != len(rows) or not (folder / name).exists():
            stale.append((name, rows))
    for names in _chunks(stale):
        written += _write_days(company.events, names, folder)
    intraday, rows = _intraday(company.events, days, today, now)
    if len(rows):
        fresh[intraday] = len(rows)
        if held.get(intraday) != len(rows) or not (folder / intraday).exists():
            written.append(_write_intraday(_export(company.events.take(pa.array(rows))), folder / intraday))
    for path in folder.glob("events_*"):
        if path.name not in fresh:
            path.unlink()
    state = {"company": company_id, "rows": fresh}
    _replace(folder / STATE, lambda path: path.write_text(json.dumps(state, indent=0, sort_keys=True)))
    return written


# ------------------------------------------------------------------------------------------- which rows, which files


def _days(events: pa.Table) -> np.ndarray[Any, Any]:
    """The property's day of each event, as days since 1970."""
    return np.asarray(events["event_day"].cast(pa.date32()).cast(pa.int32()).to_numpy())


def _grouped(days: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], list[tuple[int, int, int]]]:
    """Row numbers in order of day, and per day its range in them."""
    order = np.arange(len(days)) if np.all(days[:-1] <= days[1:]) else np.argsort(days, kind="stable")
    found, starts = np.unique(days[order], return_index=True)
    ends = [*starts[1:].tolist(), len(days)]
    return order, list(zip(found.tolist(), starts.tolist(), ends, strict=True))


def _visible(events: pa.Table, days: np.ndarray[Any, Any], today: date) -> np.ndarray[Any, Any]:
    """Which events are in a final file today: their day is over, and so are the days by which they come late."""
    late = np.minimum(np.asarray(pc.fill_null(events["late_days"], 0).to_numpy()), 3)
    return np.asarray(days + late < _day_number(today))


def _intraday(
    events: pa.Table, days: np.ndarray[Any, Any], today: date, now: datetime
) -> tuple[str, np.ndarray[Any, Any]]:
    at = np.asarray(events["event_at"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy())
    late = np.asarray(pc.fill_null(events["late_days"], 0).to_numpy())
    moment = int(now.timestamp() * 1_000_000)
    rows = np.flatnonzero((days == _day_number(today)) & (late == 0) & (at < moment))
    return f"events_intraday_{today:%Y%m%d}.json.gz", rows


def _day_number(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def _final_name(day: int) -> str:
    return f"events_{date.fromordinal(day + date(1970, 1, 1).toordinal()):%Y%m%d}.parquet"


def _state(folder: Path, company_id: str) -> dict[str, int]:
    """File -> rows written; a day's rows only ever grow, so their number tells its versions apart."""
    path = folder / STATE
    state = json.loads(path.read_text()) if path.exists() else {}
    return dict(state["rows"]) if state.get("company") == company_id else {}


def _fingerprint(events: pa.Table) -> str:
    """Tells another seed or size from the same company."""
    at = events["event_at"].cast(pa.timestamp("us")).cast(pa.int64())
    return f"{len(events)} {pc.min(at)} {pc.max(at)} {int(np.bitwise_xor.reduce(at.to_numpy())) if len(at) else 0}"


def _chunks(
    stale: list[tuple[str, np.ndarray[Any, Any]]],
) -> Iterator[list[tuple[str, np.ndarray[Any, Any]]]]:
    """Files gathered until they hold about CHUNK rows: nested columns are built per chunk, at bounded memory."""
    gathered: list[tuple[str, np.ndarray[Any, Any]]] = []
    rows = 0
    for name, numbers in stale:
        gathered.append((name, numbers))
        rows += len(numbers)
        if rows >= CHUNK:
            yield gathered
            gathered, rows = [], 0
    if gathered:
        yield gathered


# ------------------------------------------------------------------------------------------------------- the schema


def _export(events: pa.Table) -> pa.Table:
    """Events as rows of the BigQuery export schema (the columns that a web property fills)."""
    rows = len(events)

    def column(name: str) -> pa.Array:
        found = events[name].combine_chunks()
        return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found

    def same(value: Any, kind: pa.DataType) -> pa.Array:
        return pa.repeat(pa.scalar(value, kind), rows)

    at = column("event_at").cast(pa.timestamp("us")).cast(pa.int64())
    revenue = column("revenue").cast(pa.float64())
    purchase = pc.is_valid(column("transaction_id"))
    source, medium = column("source"), column("medium")
    campaign, gclid = column("campaign"), column("gclid")
    items = _items(column("items"))
    device = pa.StructArray.from_arrays(
        [column("device"), same("Windows", pa.string()), same("en-us", pa.string()), same("No", pa.string())],
        names=["category", "operating_system", "language", "is_limited_ad_tracking"],
    )
    geo = pa.StructArray.from_arrays([column("country"), same(None, pa.string())], names=["country", "city"])
    collected = pa.StructArray.from_arrays(
        [campaign, source, medium, gclid],
        names=["manual_campaign_name", "manual_source", "manual_medium", "gclid"],
        mask=pc.invert(
            pc.or_(pc.or_(pc.is_valid(source), pc.is_valid(medium)), pc.or_(pc.is_valid(campaign), pc.is_valid(gclid)))
        ),
    )
    ecommerce = pa.StructArray.from_arrays(
        [
            pc.if_else(purchase, pc.cast(pc.list_value_length(items), pa.int64()), pa.scalar(None, pa.int64())),
            pc.if_else(purchase, revenue, pa.scalar(None, pa.float64())),
            column("transaction_id"),
        ],
        names=["unique_items", "purchase_revenue", "transaction_id"],
        mask=pc.invert(purchase),
    )
    columns = {
        "event_date": _dates(column("event_day").cast(pa.date32())),
        "event_timestamp": at,
        "event_name": column("name"),
        "event_params": _parameters(column, rows),
        "event_bundle_sequence_id": same(1, pa.int64()),
        "user_id": column("user_id"),
        "user_pseudo_id": column("visitor_id"),
        "device": device,
        "geo": geo,
        "stream_id": same("4711000001", pa.string()),
        "platform": same("WEB", pa.string()),
        "ecommerce": ecommerce,
        "items": items,
        "collected_traffic_source": collected,
        "is_active_user": pc.fill_null(column("is_engaged").cast(pa.bool_()), False),
    }
    return pa.table(columns)


def _dates(days: pa.Array) -> pa.Array:
    """Days as BigQuery writes them, each written once: a hundred times dearer than repeating it."""
    encoded = days.dictionary_encode()
    return pc.strftime(encoded.dictionary, format="%Y%m%d").take(encoded.indices)


def _parameters(column: Callable[[str], pa.Array], rows: int) -> pa.Array:
    """event_params of all rows at once: row-major over the parameters, absent ones left out."""
    known, strings, integers, doubles = [], [], [], []
    empty = {
        kind: pa.nulls(rows, arrow)
        for kind, arrow in (("string", pa.string()), ("int", pa.int64()), ("double", pa.float64()))
    }
    for key, kind, name in PARAMETERS:
        values = column(name)
        if key == "session_engaged":
            values = pc.if_else(pc.fill_null(values.cast(pa.bool_()), False), "1", "0")
        values = values.cast(empty[kind].type)
        known.append(np.asarray(pc.is_valid(values).to_numpy(zero_copy_only=False)))
        strings.append(values if kind == "string" else empty["string"])
        integers.append(values if kind == "int" else empty["int"])
        doubles.append(values if kind == "double" else empty["double"])
    present = np.column_stack(known)
    row_numbers, parameter_numbers = np.nonzero(present)
    positions = pa.array(parameter_numbers * rows + row_numbers)
    offsets = np.zeros(rows + 1, dtype="int32")
    np.cumsum(present.sum(axis=1), out=offsets[1:])
    keys = pa.DictionaryArray.from_arrays(
        pa.array(parameter_numbers.astype("int32")), pa.array([key for key, _, _ in PARAMETERS])
    ).cast(pa.string())
    values = pa.StructArray.from_arrays(
        [
            pa.concat_arrays(strings).take(positions),
            pa.concat_arrays(integers).take(positions),
            pa.nulls(len(positions), pa.float64()),
            pa.concat_arrays(doubles).take(positions),
        ],
        fields=list(VALUE),
    )
    entries = pa.StructArray.from_arrays([keys, values], names=["key", "value"])
    return pa.ListArray.from_arrays(pa.array(offsets), entries)


def _items(column: pa.Array) -> pa.Array:
    """Items come as JSON text on the few events of a shop; an event without any has an empty list."""
    encoded = column.dictionary_encode()
    lists = [[_item(one) for one in json.loads(text)] for text in encoded.dictionary.to_pylist()]
    known = pa.array([*lists, []], pa.list_(ITEM))
    return known.take(pc.fill_null(encoded.indices, len(lists)))


def _item(given: dict[str, Any]) -> dict[str, Any]:
    price, quantity = given.get("price"), given.get("quantity", 1)
    return {
        "item_id": given.get("item_id"),
        "item_name": given.get("item_name"),
        "item_brand": given.get("item_brand"),
        "item_category": given.get("item_category"),
        "price": None if price is None else float(price),
        "quantity": int(quantity),
        "item_revenue": None if price is None else float(price) * int(quantity),
    }


# ------------------------------------------------------------------------------------------------------------ files


def _write_days(events: pa.Table, names: list[tuple[str, np.ndarray[Any, Any]]], folder: Path) -> list[Path]:
    numbers = np.concatenate([rows for _, rows in names])
    exported = _export(events.take(pa.array(numbers)))
    starts = np.cumsum([0, *[len(rows) for _, rows in names]]).tolist()

    def write_one(position: int) -> Path:
        name, rows = names[position]
        part = exported.slice(starts[position], len(rows))
        _replace(folder / name, partial(_write_parquet, part))
        return folder / name

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(write_one, range(len(names))))


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="snappy", write_statistics=False, store_schema=False)


def _write_intraday(table: pa.Table, path: Path) -> Path:
    """JSON lines as BigQuery exports them: int64 as text, what is null or empty left out."""
    lines = "".join(json.dumps(_bare(row), ensure_ascii=False) + "\n" for row in table.to_pylist())
    _replace(path, lambda temporary: temporary.write_bytes(gzip.compress(lines.encode(), mtime=0)))
    return path


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        bare = {key: _bare(one) for key, one in value.items()}
        return {key: one for key, one in bare.items() if one is not None and one != [] and one != {}}
    if isinstance(value, list):
        return [_bare(one) for one in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _replace(path: Path, write_to: Callable[[Path], object]) -> None:
    """A reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.part")
    write_to(temporary)
    temporary.replace(path)
