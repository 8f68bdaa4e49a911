"""A first mapping for an exported file: what `saleshouse map FILE` prints for a person to check and complete.

What belongs here: looking at headers and values, and saying what was concluded, from what, and what was not. What does
not: printing, and reading by a mapping (reading.py), which never guesses. Whatever the values leave open is written as
a comment to fill in, and its columns are empty in the preview.
"""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from configuration.entities import ENTITIES, Column
from configuration.errors import ConfigurationError, MalformedData
from configuration.model import FileMapping
from ingestion.files.casting import Cell, Declared, Refused, Undeclared, canonical
from ingestion.files.readers import FORMATS, SourceFile, malformed, open_file
from ingestion.files.reading import Counts, read, shown

_SAMPLE = 20_000
_PREVIEW = 10
_PLACEHOLDERS = frozenset(
    {"select", "n/a", "na", "-", "--", "null", "none", "(none)", "(not set)", "unknown value", "nil", "#n/a"}
)
_TEXTUAL_DATES = (
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%b %d, %Y", "%B %d, %Y",
    "%d %b %Y %H:%M", "%b %d, %Y %H:%M", "%d-%b-%Y %H:%M",
)  # fmt: skip
# A number, alone or with a currency's sign or letters on one side: $1,006.00, 1.006,00 EUR, -5 Kč.
_BESIDE = r"[^\W\d_]{0,3}[$\u20a0-\u20cf\u00a2-\u00a5]|[^\W\d_]{2,3}|"
_NUMBER = re.compile(
    rf"[+\-\u2212]?\s*(?P<before>{_BESIDE})\s*"
    rf"(?P<number>[+\-\u2212]?[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*?)\s*(?P<behind>{_BESIDE})"
)
_NUMERIC_DATE = re.compile(r"(\d{1,4})([./-])\s?(\d{1,2})\2\s?(\d{1,4})(?!\d)")

# Names that exports give to a column, beside its own; in small letters without signs.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "acv": ("annual contract value", "average contract value", "annual value", "yearly value"),
    "account_id": (
        "company id",
        "organization id",
        "organisation id",
        "associated company id",
        "firm id",
        "customer id",
    ),
    "account_name": ("company", "company name", "name", "organization", "organisation", "organization name", "firm"),
    "activity_id": ("engagement id", "record id", "event id"),
    "ad_account_id": ("account id", "customer id", "account"),
    "ad_group_id": ("ad set id", "adset id", "ad id", "adgroup id"),
    "ad_group_name": ("ad group", "ad set name", "adset name", "ad set", "ad name"),
    "answered_date": ("answered", "answered on", "response date", "submitted"),
    "amount_period": ("billing period", "per", "billed"),
    "amount": (
        "deal amount",
        "value",
        "deal value",
        "total",
        "price",
        "revenue",
        "target",
        "quota",
        "budget",
        "amount",
    ),
    "arr": ("annual recurring revenue", "annual recurring", "recurring revenue", "yearly recurring revenue"),
    "campaign_id": ("campaign",),
    "campaign_name": ("campaign",),
    "campaign_status": ("campaign state", "campaign status"),
    "changed_at": ("date", "change date", "changed", "last modified", "edit date", "timestamp", "moved at"),
    "channel": ("marketing channel",),
    "channel_type": ("campaign type", "advertising channel type"),
    "percent": ("share", "split", "percentage", "split percentage", "split percent"),
    "clicks": ("clicks all", "link clicks"),
    "close_date": ("closed", "expected close date", "closing date", "expected closing", "won date", "close"),
    "company_name": ("company", "account", "account name", "organization", "organisation", "employer"),
    "contact_id": ("person id", "primary contact id", "associated contact id", "record id", "contact"),
    "conversion_value_claimed": ("conversion value", "conv value", "total conversion value", "purchase value"),
    "conversions_claimed": ("conversions", "total conversion", "total conversions", "results"),
    "contract_id": ("contract", "contract no", "contract number", "subscription id"),
    "country": ("country region", "billing country", "region", "land"),
    "created_at": (
        "created",
        "created date",
        "create date",
        "creation date",
        "date created",
        "created on",
        "added",
        "entered on",
    ),
    "currency": ("currency code", "deal currency", "currency iso code", "account currency", "curr", "ccy"),
    "date_day": ("date", "day", "reporting starts"),
    "deal_id": ("opportunity id", "record id", "opportunity"),
    "deal_name": ("opportunity name", "deal", "title", "deal title", "opportunity", "name"),
    "deal_type": ("type", "opportunity type", "business type"),
    "deleted_at": ("deleted", "deleted on"),
    "direction": ("call direction", "email direction"),
    "domain": ("website", "company domain name", "domain name", "web"),
    "duration_seconds": ("duration", "call duration"),
    "submitted_on": ("submitted", "submission date", "forecast date"),
    "category": ("forecast category", "forecast type", "commitment"),
    "end_date": ("end", "ends", "valid to", "term end"),
    "feedback_id": ("response id", "answer id", "submission id"),
    "email": ("e mail", "email address", "mail", "person email", "work email"),
    "employee_count": ("employees", "number of employees", "company size", "headcount"),
    "forecast_category": ("forecast", "manual forecast category"),
    "full_name": ("name", "contact name", "person name", "lead name", "person", "contact"),
    "gclid": ("google click id",),
    "impressions": ("impr", "views"),
    "industry": ("sector", "branch"),
    "is_active": ("active", "enabled"),
    "is_completed": ("completed", "done"),
    "is_converted": ("converted",),
    "is_deleted": ("deleted", "archived"),
    "is_test": ("test", "test record"),
    "job_title": ("title", "position", "role"),
    "kind": ("type", "activity type", "rate type"),
    "lead_id": ("prospect id", "record id"),
    "lead_status_label": ("lead status", "status"),
    "level": ("target level", "scope"),
    "line_item_id": ("line id", "line no", "position id"),
    "line_name": ("line", "description", "item"),
    "lifecycle_label": ("lifecycle stage", "lifecycle", "stage"),
    "lost_reason": ("loss reason", "closed lost reason", "reason lost", "reason for loss"),
    "measure": ("metric",),
    "member": ("name", "rep", "team", "owner", "salesperson"),
    "merged_ids": ("merged object ids", "merged record ids"),
    "notice_date": ("notice", "cancelled", "cancelled on", "notice given"),
    "next_step": ("next steps", "next activity"),
    "object": ("object type", "record type"),
    "occurred_at": ("date", "activity date", "start", "start date", "due date", "timestamp", "when"),
    "one_time_amount": (
        "one time",
        "one time revenue",
        "one time value",
        "one time fee",
        "one time fees",
        "one off",
        "non recurring revenue",
        "setup fee",
        "services amount",
    ),
    "outcome": ("result", "call outcome", "meeting outcome"),
    "owner_id": (
        "user id",
        "deal owner",
        "owner",
        "lead owner",
        "contact owner",
        "account owner",
        "assigned to",
        "rep id",
        "rep",
    ),
    "owner_name": ("name", "user", "full name", "user name", "rep", "salesperson"),
    "parent_account_id": ("parent company id", "parent account", "parent id"),
    "period_start": ("period", "month", "start", "quarter", "date"),
    "period_type": ("period kind",),
    "pipeline_label": ("pipeline", "pipeline name", "sales process", "process"),
    "platform": ("ad platform", "publisher platform", "network"),
    "product_id": ("product no", "item id"),
    "product_name": ("product", "name"),
    "purchase_timeframe": ("time frame", "timeframe", "buying time frame", "purchase time frame"),
    "quantity": ("qty", "units", "number"),
    "rate_date": ("date", "day"),
    "rate_to_reporting": ("rate", "exchange rate", "fx rate", "conversion rate"),
    "record_id": ("deal id", "opportunity id", "lead id"),
    "renewal_date": ("renewal", "renews on", "renews"),
    "score": ("rating", "nps score", "csat score"),
    "segment": ("customer segment", "size segment", "tier"),
    "signed_date": ("signed", "signed on"),
    "start_date": ("start", "starts", "valid from", "term start"),
    "source_detail": ("lead source detail", "source data 1", "original source drill down 1", "lead origin", "campaign"),
    "source_label": ("lead source", "source", "original source", "origin", "original traffic source"),
    "spend": ("cost", "spent", "amount spent", "ad spend", "costs"),
    "stage_label": (
        "stage",
        "deal stage",
        "stage name",
        "lead stage",
        "new stage",
        "to stage",
        "lifecycle stage",
        "phase",
    ),
    "status_label": ("status", "lead status", "state"),
    "subject": ("title", "activity", "name", "summary"),
    "tcv": ("total contract value", "contract value", "total value"),
    "team": ("group", "sales team", "department"),
    "updated_at": ("updated", "last modified date", "last modified", "update time", "modified", "updated date"),
    "unit_price": ("price", "list price", "price each"),
    "visitor_id": ("ga client id", "client id", "google analytics client id"),
    "win_probability": ("probability", "deal probability", "win probability"),
}
_OWN_ID = {"leads": "lead_id", "contacts": "contact_id", "accounts": "account_id", "deals": "deal_id",
           "products": "product_id", "line_items": "line_item_id",
           "contracts": "contract_id", "feedback": "feedback_id", "owners": "owner_id",
           "activities": "activity_id", "stage_changes": "record_id"}  # fmt: skip
_FILE_WORDS = {
    "leads": ("lead", "prospect"),
    "contacts": ("contact", "people", "person"),
    "accounts": ("account", "compan", "organi", "client"),
    "deals": ("deal", "opportunit"),
    "products": ("product", "price list", "catalog"),
    "line_items": ("line", "position"),
    "deal_splits": ("split",),
    "stage_changes": ("stage", "history", "change"),
    "owners": ("owner", "user", "rep", "team"),
    "activities": ("activit", "call", "meeting", "engagement"),
    "ad_days": ("ads", "ad_", "campaign", "facebook", "google", "linkedin", "conversion"),
    "targets": ("target", "quota"),
    "budgets": ("budget",),
    "rates": ("rate", "fx"),
    "holidays": ("holiday",),
    "fiscal_periods": ("fiscal", "445", "4-4-5"),
    "addressable_accounts": ("addressable", "market", "tam"),
    "contracts": ("contract", "subscription", "recurring"),
    "feedback": ("feedback", "survey", "nps", "csat"),
    "forecast_submissions": ("commit", "submission", "forecast"),
}


@dataclass(frozen=True)
class Proposal:
    """A mapping to check. `yaml` goes below sources.files; lines in it that begin with # are still to be filled in.

    `columns` is canonical -> source column. `rows` are up to ten canonical rows as the mapping reads them; a column
    that still needs a declaration is None in them. `notes` say what was concluded from what; `open_points` what only
    a person knows; `unmapped` are columns of the file that nothing uses.
    """

    entity: str
    yaml: str
    columns: dict[str, str]
    rows: list[dict[str, str | None]]
    unmapped: list[str]
    notes: list[str] = field(default_factory=list)
    open_points: list[str] = field(default_factory=list)


@dataclass
class _Draft:
    """What has been found out so far."""

    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    open_points: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    undeclared: set[str] = field(default_factory=set)


def propose(path: Path, *, entity: str | None = None, sheet: str | None = None) -> Proposal:
    """Looks at the first 20,000 records of a file and proposes how to map it.

    `entity` and `sheet` settle what the file leaves open. Raises MalformedData when the file cannot be read at all and
    ConfigurationError for an entity that does not exist.
    """
    if entity is not None and entity not in ENTITIES:
        raise ConfigurationError(
            f"{entity!r} is not an entity",
            where=f"saleshouse map {path}",
            effect="nothing was proposed",
            fix=f"choose one of {', '.join(ENTITIES)}",
        )
    try:
        return _proposal(path, entity, sheet)
    except MalformedData as exc:
        where = f"saleshouse map {path.name}"
        raise MalformedData(exc.what, where=where, effect="nothing was proposed", fix=exc.fix) from exc


def _proposal(path: Path, entity: str | None, sheet: str | None) -> Proposal:
    draft = _Draft()
    header, sample = _look(path, sheet, draft)
    entity = entity or _entity(path, header, draft)
    columns = _columns(entity, header, sample, draft)
    for name, source in columns.items():
        _placeholders(name, source, sample[source], draft)
    _dates(entity, columns, sample, draft)
    _numbers(entity, columns, sample, draft)
    _money(entity, columns, draft)
    _choices(entity, columns, sample, draft)
    missing = [n for n, c in ENTITIES[entity].items() if c.required and n not in columns]
    text = _yaml(path, entity, columns, missing, draft)
    rows = _preview(path, entity, columns, missing, draft)
    unmapped = [name for name in header if name and name not in columns.values()]
    return Proposal(entity, text, columns, rows, unmapped, draft.notes, draft.open_points)


# --- the file ----------------------------------------------------------------------------------------------


def _look(path: Path, sheet: str | None, draft: _Draft) -> tuple[list[str], dict[str, list[Cell]]]:
    """The header and a sample by column; notes encoding and delimiter on the way."""
    file = SourceFile(path, path.name, "")
    unread = FileMapping.model_construct(name="map", columns={}, flags={}, sheet=sheet)
    if path.is_dir():
        kept = sorted(one.name for one in path.iterdir() if one.suffix.lower() in FORMATS)
        what = f"a folder; of its files these can be mapped: {', '.join(kept) or 'none'}"
        raise malformed(unread, file, what, "name one file")
    if not path.is_file():
        raise malformed(unread, file, "there is no such file", "check the path")
    kind = FORMATS.get(path.suffix.lower())
    draft.keys["sheet"] = sheet
    columns: dict[str, str] = {}
    if kind in ("csv", "jsonl"):
        with path.open("rb") as stream:
            head = stream.read(1 << 20)
        draft.keys["encoding"] = _encoding(head, draft)
        text = head.decode(draft.keys["encoding"] or "utf-8", "replace").lstrip("\ufeff")
        if kind == "csv":
            draft.keys["delimiter"] = _delimiter(text, draft)
        else:
            columns = {key: key for key in _keys(text.splitlines()[:1000])}
    stated = {key: value for key, value in draft.keys.items() if value is not None}
    mapping = FileMapping.model_construct(name="map", flags={}, columns=columns, **stated)
    opened = open_file(mapping, file)
    try:
        records = list(islice(opened.records, _SAMPLE))
    finally:
        opened.close()
    if not records:
        raise malformed(mapping, file, "the file has a header and no rows", "export some rows first")
    if not any(opened.header):
        raise malformed(mapping, file, "the first row names no column", "take out the rows above the header", line=1)
    sound = [record.cells for record in records if record.problem is None]
    if len(sound) < len(records):
        draft.notes.append(
            f"{len(records) - len(sound)} of {len(records)} records cannot be read and would be rejected"
        )
    sample = {name: [cells[at] for cells in sound] for at, name in enumerate(opened.header)}
    twice = [name for name, times in Counter(opened.header).items() if name and times > 1]
    if twice:
        draft.open_points.append(f"the header has {', '.join(twice)} more than once; rename before mapping them")
    folded = Counter(name.casefold() for name in set(opened.header))
    alike = [name for name in opened.header if name and folded[name.casefold()] > 1]
    if alike:
        draft.open_points.append(f"{', '.join(alike)} differ by capital letters only; rename all but one in the file")
    if not all(opened.header) or (len(opened.header) == 1 and len(sound) < len(records) / 2):
        draft.open_points.append(
            "the first row does not name every column; if the header stands lower, take out the rows above it"
        )
    return [name for name in opened.header if name not in twice], sample


def _encoding(head: bytes, draft: _Draft) -> str | None:
    """None when the reader finds it by itself: UTF-8, or a byte order mark."""
    if head.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return "utf-16" if head[:1] in b"\xff\xfe" else None
    if head.count(0) * 3 >= len(head) > 0:
        found = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        draft.notes.append(f"encoding {found}: every other byte is empty")
        return found
    try:
        # The cut may fall into a character.
        head.decode("utf-8") if len(head) < 1 << 20 else head[: head.rfind(b"\n")].decode("utf-8")
    except UnicodeDecodeError:
        draft.notes.append("encoding cp1252: the bytes are not UTF-8; check that accented letters look right below")
        return "cp1252"
    return None


def _delimiter(text: str, draft: _Draft) -> str | None:
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best, most = ",", 0
    for sign in ",;\t|":
        counts = [re.sub(r'"[^"]*"', "", line).count(sign) for line in lines]
        agreeing = sum(count == counts[0] for count in counts) if counts and counts[0] else 0
        if agreeing and (agreeing, counts[0]) > (most, 0):
            best, most = sign, agreeing
    if best == ",":
        return None
    draft.notes.append(f"delimiter {'tab' if best == chr(9) else best}: it divides the first lines evenly")
    return best


def _keys(lines: Iterable[str]) -> list[str]:
    keys: dict[str, None] = {}
    for line in lines:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            keys.update(dict.fromkeys(found))
    return list(keys)


# --- entity and columns ------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    """Small letters and single blanks: 'Deal - Owner_ID' -> 'deal owner id'."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub("[^a-z0-9#]+", " ", name.lower()).split()
    return " ".join("id" if word in ("no", "nr", "number", "num", "#") and word != words[0] else word for word in words)


def _likeness(entity: str, canonical_name: str, source: str) -> float:
    """0 to 1: how well a header fits a canonical column."""
    plain = _plain(source)
    if not plain:
        return 0.0
    own = canonical_name.replace("_", " ")
    if plain == own or (plain == "id" and _OWN_ID.get(entity) == canonical_name):
        return 1.0
    names = _SYNONYMS.get(canonical_name, ())
    if plain in names:
        return 0.95 - 0.01 * names.index(plain)
    # "Deal - Amount" says the entity first.
    singular = {"activities": "activity", "stage_changes": "stage change"}.get(entity, entity.rstrip("s"))
    short = plain.removeprefix(singular).strip()
    if short != plain and (short == own or short in names):
        return 0.9
    ratio = max(difflib.SequenceMatcher(None, plain, known).ratio() for known in (own, *names))
    return ratio * 0.85 if ratio >= 0.86 else 0.0


def _matches(entity: str, header: list[str]) -> list[tuple[float, str, str]]:
    """(likeness, canonical, source) for every pair that is alike, best first."""
    pairs = [(_likeness(entity, name, source), name, source) for name in ENTITIES[entity] for source in header]
    order = {name: position for position, name in enumerate(ENTITIES[entity])}
    return sorted((pair for pair in pairs if pair[0]), key=lambda pair: (-pair[0], order[pair[1]]))


def _entity(path: Path, header: list[str], draft: _Draft) -> str:
    scores: dict[str, float] = {}
    for entity, canonical_columns in ENTITIES.items():
        taken: dict[str, str] = {}
        score = 0.0
        for likeness, name, source in _matches(entity, header):
            if name not in taken and source not in taken.values():
                taken[name] = source
                score += likeness * (2 if canonical_columns[name].required else 1)
        required = [name for name, column in canonical_columns.items() if column.required]
        score -= 1.5 * sum(name not in taken for name in required)
        score += 1.5 * sum(word in path.stem.lower() for word in _FILE_WORDS[entity])
        scores[entity] = score if taken else -10.0
    ranked = sorted(scores, key=lambda one: -scores[one])
    draft.notes.append(f"entity {ranked[0]}: its columns fit the header and the file's name best")
    if scores[ranked[0]] - scores[ranked[1]] < 1:
        draft.open_points.append(f"the file may also hold {ranked[1]}; if so, run map again with --entity {ranked[1]}")
    return ranked[0]


def _columns(entity: str, header: list[str], sample: dict[str, list[Cell]], draft: _Draft) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for likeness, name, source in _matches(entity, header):
        if name in chosen or source in chosen.values():
            continue
        column = ENTITIES[entity][name]
        if not _plausible(column, sample[source]):
            draft.notes.append(f"{source!r} is named like {name} but does not hold {_nouns(column)}; left out")
            continue
        chosen[name] = source
        if likeness < 0.9:
            draft.notes.append(f"{name} from {source!r}: only the name is alike; check it")
    return {name: chosen[name] for name in ENTITIES[entity] if name in chosen}


def _nouns(column: Column) -> str:
    return {"date": "dates", "timestamp": "times", "boolean": "true or false", "currency": "currencies"}.get(
        column.kind, "numbers"
    )


def _plausible(column: Column, cells: list[Cell]) -> bool:
    """Whether at least four in five values look like the kind; a column without values may be anything."""
    if column.kind in ("text", "id"):
        return True
    values = [cell for cell in cells if shown(cell) and shown(cell).lower() not in _PLACEHOLDERS]
    return sum(_looks_like(column, cell) for cell in values) >= 0.8 * len(values)


def _looks_like(column: Column, cell: Cell) -> bool:
    text = shown(cell)
    if column.kind in ("date", "timestamp"):
        return _dated(cell)
    if column.kind == "boolean":
        return text.lower() in ("true", "false", "yes", "no", "0", "1", "y", "n", "t", "f")
    if column.kind == "currency":
        return re.fullmatch("[A-Za-z]{3}", text) is not None
    if column.kind in ("share", "percent"):
        text = text.removesuffix("%").rstrip()
    return _written(text) is not None


def _written(text: str) -> tuple[str, str] | None:
    """A number as written -> (what stands beside it, the number); None for anything else."""
    match = _NUMBER.fullmatch(text)
    if match is None or (match["before"] and match["behind"]):
        return None
    return (match["before"] or match["behind"] or "", match["number"].strip())


def _dated(cell: Cell) -> bool:
    if not isinstance(cell, str):
        return isinstance(cell, datetime) or hasattr(cell, "year") or _epoch(shown(cell)) is not None
    text = shown(cell)
    return bool(_NUMERIC_DATE.match(text)) or _epoch(text) is not None or _textual([text]) is not None


def _placeholders(name: str, source: str, cells: list[Cell], draft: _Draft) -> None:
    found = Counter(shown(cell) for cell in cells if shown(cell).lower() in _PLACEHOLDERS)
    for text, times in found.items():
        draft.notes.append(f"null_values {text!r}: {times} of {len(cells)} cells of {source!r} hold it")
        nulls = draft.keys.setdefault("null_values", [])
        if text not in nulls:
            nulls.append(text)


# --- dates, numbers, money, choices --------------------------------------------------------------------------


def _epoch(text: str) -> str | None:
    if re.fullmatch(r"1\d{9}", text):
        return "epoch_s"
    return "epoch_ms" if re.fullmatch(r"1\d{12}", text) else None


def _textual(texts: list[str]) -> str | None:
    for pattern in _TEXTUAL_DATES:
        try:
            for text in texts:
                datetime.strptime(text, pattern)
        except ValueError:
            continue
        return pattern
    return None


def _dates(entity: str, columns: dict[str, str], sample: dict[str, list[Cell]], draft: _Draft) -> None:
    found: dict[str, str | None] = {}
    nulls = {text.casefold() for text in draft.keys.get("null_values", [])}
    naive = []
    for name, source in columns.items():
        column = ENTITIES[entity][name]
        if column.kind not in ("date", "timestamp"):
            continue
        cells = [cell for cell in sample[source] if shown(cell) and shown(cell).casefold() not in nulls]
        texts = list(dict.fromkeys(shown(cell) for cell in cells if isinstance(cell, str)))
        order = _order(name, source, texts, draft)
        if texts:
            found[name] = order
        if column.kind == "timestamp" and cells and name not in draft.undeclared:
            try:
                for cell in cells[:100]:
                    canonical(cell, Declared(column, dates=order))
            except Undeclared:
                naive.append(name)
            except Refused:
                pass
    if naive:
        draft.undeclared.update(naive)
        draft.comments.append("# timezone: the zone in which the export writes its times, for example Europe/Prague")
        draft.open_points.append(f"{', '.join(naive)}: the times bear no zone; declare timezone")
    declared = {name: order for name, order in found.items() if order is not None}
    if declared:
        # One declaration for all only if it holds for all: it would settle an open column in silence.
        draft.keys["dates"] = declared if len(set(found.values())) > 1 else next(iter(declared.values()))


def _order(name: str, source: str, texts: list[str], draft: _Draft) -> str | None:
    """The date format that all values agree on; None for ISO, for typed cells, and where it stays open."""
    numeric = [match for text in texts if (match := _NUMERIC_DATE.match(text))]
    if len(numeric) == len(texts) and all(len(match[1]) == 4 and match[2] == "-" for match in numeric):
        return None
    epochs = {_epoch(text) for text in texts}
    if len(epochs) == 1 and None not in epochs:
        return str(next(iter(epochs)))
    textual = _textual(texts)
    if textual is not None:
        draft.notes.append(f"dates {textual} for {name}: all values of {source!r} read so")
        return textual
    if len(numeric) * 5 < len(texts) * 4:
        _undated(name, f"the dates of {source!r} have no one form", "a format such as '%d %b %Y'", draft)
        return None
    sign = Counter(match[2] for match in numeric).most_common(1)[0][0]
    alike = [match for match in numeric if match[2] == sign]
    if all(len(match[1]) == 4 for match in alike):
        return f"Y{sign}m{sign}d"
    year = "Y" if all(len(match[4]) == 4 for match in alike) else "y"
    first_is_day = any(int(match[1]) > 12 for match in alike)
    second_is_day = any(int(match[3]) > 12 for match in alike)
    by_day, by_month = f"d{sign}m{sign}{year}", f"m{sign}d{sign}{year}"
    if first_is_day == second_is_day:
        why = "mixes both orders" if first_is_day else "never goes beyond 12, so its order is open"
        _undated(name, f"{source!r} {why} (for example {alike[0][0]})", f"{by_day} or {by_month}", draft)
        return None
    order = by_day if first_is_day else by_month
    proof = next(match[0] for match in alike if int(match[1 if first_is_day else 3]) > 12)
    draft.notes.append(f"dates {order} for {name}: {proof} in {source!r} can be nothing else")
    return order


def _undated(name: str, what: str, choices: str, draft: _Draft) -> None:
    draft.undeclared.add(name)
    draft.comments.append(f"# dates: for {name} declare: {choices}")
    draft.open_points.append(f"{name}: {what}; declare dates")


def _numbers(entity: str, columns: dict[str, str], sample: dict[str, list[Cell]], draft: _Draft) -> None:
    kinds = ("decimal", "share", "percent", "integer")
    numeric = [name for name in columns if ENTITIES[entity][name].kind in kinds]
    written = [
        pair
        for name in numeric
        for cell in sample[columns[name]]
        if isinstance(cell, str) and (pair := _written(shown(cell).removesuffix("%").rstrip())) is not None
    ]
    _signs({name: sample[columns[name]] for name in numeric}, written, draft)
    _percents(entity, {name: sample[columns[name]] for name in numeric}, draft)
    texts = [number for _, number in written]
    thousands = {sign for text in texts for sign in re.findall(r"\d([ '\u00a0\u202f])\d{3}", text)}
    texts = [re.sub(r"[ '\u00a0\u202f]", "", text) for text in texts]
    evidence: dict[str, str] = {}
    open_example = None
    for text in texts:
        signs = re.findall("[.,]", text)
        if not signs:
            continue
        last = signs[-1]
        other = "," if last == "." else "."
        if other in signs or not re.search(r"[.,]\d{3}$", text) or re.match(r"[+-]?(0|\d{4,})[.,]", text):
            if signs.count(last) == 1:
                evidence.setdefault(last, text)
            if other in signs:
                thousands.add(other)
        elif signs.count(last) > 1:
            evidence.setdefault(other, text)
            thousands.add(last)
        else:
            open_example = open_example or text
    if len(evidence) == 2:
        draft.undeclared.update(numeric)
        draft.open_points.append(
            f"numbers use both signs as decimal ({', '.join(evidence.values())}); export them anew"
        )
    elif evidence:
        decimal, proof = next(iter(evidence.items()))
        if open_example and ("," if decimal == "." else ".") in open_example:
            thousands.add("," if decimal == "." else ".")
        draft.notes.append(f"decimal {decimal}: {proof} can be nothing else")
        draft.keys["decimal"] = decimal if decimal != "." else None
    elif open_example:
        draft.undeclared.update(numeric)
        draft.comments.append(f"# decimal: declare '.' or ',' ({open_example} may be either), and thousands likewise")
        draft.open_points.append(f"numbers such as {open_example} may be thousands or decimals; declare decimal")
    if thousands:
        draft.keys["thousands"] = " " if thousands & set(" \u00a0\u202f") else sorted(thousands)[0]


def _signs(cells: dict[str, list[Cell]], written: list[tuple[str, str]], draft: _Draft) -> None:
    """What stands beside numbers: one sign is proposed, several are several currencies."""
    found = Counter(sign for sign, _ in written if sign)
    if not found:
        return
    sign, times = found.most_common(1)[0]
    if len(found) == 1:
        draft.keys["currency_sign"] = sign
        draft.notes.append(f"currency_sign {sign}: it stands beside {times} of the numbers and is taken off")
    else:
        signed = [name for name, column in cells.items() if any((_written(shown(c)) or ("",))[0] for c in column)]
        draft.undeclared.update(signed)
        draft.open_points.append(
            f"{', '.join(signed)}: amounts bear {', '.join(found)}, and a file has one currency_sign; "
            "export the currency as a column of its own"
        )


def _percents(entity: str, cells: dict[str, list[Cell]], draft: _Draft) -> None:
    """Shares that are written as 40 are named; 40% says it itself."""
    for name, column in cells.items():
        if ENTITIES[entity][name].kind != "share":
            continue
        plain = [text for cell in column if (text := shown(cell)) and "%" not in text and _written(text) is not None]
        above = next((text for text in plain if re.match(r"\d*[2-9]|1\d", re.split("[.,]", text)[0])), None)
        if above is not None:
            draft.keys.setdefault("in_percent", []).append(name)
            draft.notes.append(f"in_percent {name}: {above} can be no share of one")


def _money(entity: str, columns: dict[str, str], draft: _Draft) -> None:
    known = ENTITIES[entity]
    if "currency" in known and "currency" not in columns and {"amount", "spend"} & columns.keys():
        sign = draft.keys.get("currency_sign")
        meant = f"for which {sign} stands" if sign else "for example EUR"
        draft.comments.append(f"# currency: the currency of the amounts, {meant}")
        draft.open_points.append("the amounts bear no currency; declare currency")


def _choices(entity: str, columns: dict[str, str], sample: dict[str, list[Cell]], draft: _Draft) -> None:
    for name, source in columns.items():
        choices = ENTITIES[entity][name].choices
        if not choices:
            continue
        found = Counter(shown(cell) for cell in sample[source] if shown(cell))
        other = [text for text in found if text.lower() not in choices]
        values = {
            text: match[0] for text in other if (match := difflib.get_close_matches(text.lower(), choices, 1, 0.75))
        }
        if values:
            draft.keys.setdefault("values", {})[name] = values
            draft.notes.append(f"values of {name}: {', '.join(f'{a} -> {b}' for a, b in values.items())}; check them")
        left = [text for text in other if text not in values]
        if left:
            draft.open_points.append(
                f"{name}: {', '.join(left[:8])} must become one of {', '.join(choices)}; add them to values"
            )


# --- the result --------------------------------------------------------------------------------------------


def _yaml(path: Path, entity: str, columns: dict[str, str], missing: list[str], draft: _Draft) -> str:
    slug = re.sub("[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    slug = slug if slug[:1].isalpha() else f"file_{slug}".rstrip("_")
    lines = [
        f"- name: {slug}",
        f"  entity: {entity}",
        f"  system: {slug}  # the system that it was exported from",
        f"  path: {_quoted(str(path))}",
    ]
    for key in ("sheet", "encoding", "delimiter", "decimal", "thousands", "currency_sign"):
        if draft.keys.get(key) is not None:
            lines.append(f"  {key}: {'tab' if draft.keys[key] == chr(9) else _quoted(draft.keys[key])}")
    dates = draft.keys.get("dates")
    if isinstance(dates, str):
        lines.append(f"  dates: {_quoted(dates)}")
    elif dates:
        lines += ["  dates:", *(f"    {name}: {_quoted(order)}" for name, order in dates.items())]
    lines += [f"  {comment}" for comment in draft.comments]
    if draft.keys.get("in_percent"):
        lines.append(f"  in_percent: [{', '.join(draft.keys['in_percent'])}]")
    if draft.keys.get("null_values"):
        lines.append(f"  null_values: [{', '.join(_quoted(text) for text in draft.keys['null_values'])}]")
    lines += ["  columns:", *(f"    {name}: {_quoted(source)}" for name, source in columns.items())]
    for name in missing:
        choices = ENTITIES[entity][name].choices
        lines.append(f"    # {name}: needed; name its column here, or its value in constants" + _of(choices))
        draft.open_points.append(f"{name} is needed and no column looks like it")
    for name, values in draft.keys.get("values", {}).items():
        lines += ["  values:"] if "  values:" not in lines else []
        lines += [f"    {name}:", *(f"      {_quoted(given)}: {_quoted(value)}" for given, value in values.items())]
    return "\n".join(lines) + "\n"


def _of(choices: tuple[str, ...]) -> str:
    return f" ({', '.join(choices)})" if choices else ""


def _quoted(text: str) -> str:
    text = text.replace("${", "$${")
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_/. -]*(?<! )", text) and text.lower() not in ("null", "none"):
        return text
    return json.dumps(text, ensure_ascii=False)


def _preview(
    path: Path, entity: str, columns: dict[str, str], missing: list[str], draft: _Draft
) -> list[dict[str, str | None]]:
    """The first rows that the mapping accepts; what is undeclared or missing stays None."""
    known = ENTITIES[entity]
    required = {name for name in columns if known[name].required}
    stand_ins = {name: _stand_in(known[name]) for name in [*missing, *(draft.undeclared & required)]}
    keys = {key: value for key, value in draft.keys.items() if value is not None}
    if isinstance(keys.get("dates"), str):
        keys["dates"] = {"*": keys["dates"]}
    mapping = FileMapping.model_validate(
        {
            **keys,
            "name": "map",
            "entity": entity,
            "system": "map",
            "path": str(path),
            "columns": {name: source for name, source in columns.items() if name not in draft.undeclared},
            "constants": stand_ins,
            # Without one, every amount would be refused; it is not shown.
            "currency": None if "currency" in columns or "currency" not in known else "XXX",
        }
    )
    counts = Counts()
    rows: list[dict[str, str | None]] = []
    for table in islice(read(mapping, SourceFile(path, path.name, ""), counts, mapping_hash=""), 1):
        accepted = (row for row in table.to_pylist() if row["reject_reason"] is None)
        for row in islice(accepted, _PREVIEW):
            rows.append({name: None if name in draft.undeclared else row[name] for name in columns})
    for reason, times in counts.reasons.most_common(5):
        draft.notes.append(f"{times} of the first {counts.fetched} rows would be rejected: {reason}")
    return rows


def _stand_in(column: Column) -> str:
    if column.choices:
        return column.choices[0]
    stand_ins = {"date": "2000-01-01", "timestamp": "2000-01-01T00:00:00Z"}
    numbers = dict.fromkeys(("decimal", "share", "percent", "integer"), "0")
    return (stand_ins | numbers).get(column.kind, "XXX")
