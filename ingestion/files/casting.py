"""One cell of an exported file -> the canonical text of one column, by declaration and never by guess.

What belongs here: what a cell may look like under a declared date order, decimal sign or time zone, and what is
refused. What does not: files, rows and columns (readers.py, reading.py).

Canonical text: dates YYYY-MM-DD, timestamps 'YYYY-MM-DD HH:MM:SS[.ffffff]' in UTC, numbers with '.', true/false.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from configuration.entities import Column, Kind

# What readers hand over: text, or what a typed format (Excel, JSON lines, Parquet) says the cell is.
Cell = str | int | float | Decimal | bool | date | datetime | None

LONGEST_FIELD = 1_000_000
_YEARS = range(1900, 2200)
_EXACT_IN_A_FLOAT = 2**53
_EPOCH_LIKE = 100_000_000
# Sixteen digits before the point is what decimal(18,2) of the warehouse holds.
_MOST_DIGITS = 16

# Control characters, zero-width characters and those that turn the direction of writing.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
_HALF = re.compile("[\ud800-\udfff]")
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "1"}), frozenset({"false", "f", "no", "n", "0"})
_TIME = (
    r"(?:(?:[T,]|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp][Mm])?)?\s*(?P<offset>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_ISO = "Y-m-d"


class Refused(ValueError):
    """The cell is not what its column holds; the text is the reason, without the value, so that reasons group."""


class Undeclared(Exception):
    """The column cannot be read without a declaration; the whole file is refused."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


@dataclass(frozen=True)
class Declared:
    """What the mapping says about one column. `dates` None means ISO dates only; `in_percent`: 40 means 0.4."""

    column: Column
    decimal: str = "."
    thousands: str | None = None
    dates: str | None = None
    timezone: str | None = None
    currency_sign: str | None = None
    in_percent: bool = False


def visible(text: str) -> str:
    """`text` without hidden characters and outer blanks."""
    if not (text.isascii() and text.isprintable()):
        text = _HIDDEN.sub("", text)
    return text.strip()


def as_text(cell: Cell) -> str:
    """The cell as text, exactly; typed cells in canonical notation. Raises Refused if that cannot be told any more."""
    if isinstance(cell, str):
        text = visible(cell)
        if not text.isascii() and _HALF.search(text):
            raise Refused("half a character")
        return text
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            raise Refused("not a finite number")
        if abs(cell) >= _EXACT_IN_A_FLOAT:
            raise Refused("a number beyond 2^53 has lost digits in this format; export the column as text")
        return str(int(cell)) if cell.is_integer() else format(Decimal(repr(cell)), "f")
    if isinstance(cell, Decimal):
        if not cell.is_finite() or abs(cell.adjusted()) > 40:
            raise Refused("not a number of usable size")
        return format(cell, "f")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return str(cell)


def canonical(cell: Cell, declared: Declared) -> str:
    """The canonical text of a cell that is not empty. Raises Refused or Undeclared."""
    text = _CASTS[declared.column.kind](cell, declared)
    choices = declared.column.choices
    if choices and text not in choices:
        if text.lower() in choices:
            return text.lower()
        raise Refused(f"not one of {', '.join(choices)}; add it to values")
    return text


def _identifier(cell: Cell, declared: Declared) -> str:
    return as_text(cell)


def _decimal(cell: Cell, declared: Declared) -> str:
    if isinstance(cell, bool | date):
        raise Refused("not a number")
    if not isinstance(cell, str):
        return _plain(as_text(cell), ".", None)
    return _plain(_bare(visible(cell), declared.currency_sign), declared.decimal, declared.thousands)


def _bare(text: str, sign: str | None) -> str:
    """A number without the declared sign before (-$5, $ -5) or behind it (5 EUR); any other text as it is."""
    if sign is None:
        return text
    minus = text[:1] if text[:1] in ("-", "+", "\u2212") else ""
    number = text[len(minus) :].strip()
    if number.startswith(sign):
        return minus + number.removeprefix(sign).lstrip()
    return text.removesuffix(sign).rstrip()


def _percent(cell: Cell, declared: Declared) -> str:
    if isinstance(cell, str) and visible(cell).endswith("%"):
        cell = visible(cell).removesuffix("%").rstrip()
    return _decimal(cell, declared)


def _share(cell: Cell, declared: Declared) -> str:
    """0 to 1, written so, with a % behind it, or in percent by declaration. Typed formats keep 40 % as 0.4."""
    text = _percent(cell, declared)
    number = Decimal(text)
    of_hundred = declared.in_percent or (isinstance(cell, str) and visible(cell).endswith("%"))
    if not of_hundred and 1 < number <= 100:
        what = "holds numbers above 1 where a share of 0 to 1 is needed"
        raise Undeclared(what, "name it in in_percent if 40 is 40 %")
    if of_hundred:
        number /= 100
    if not 0 <= number <= 1:
        raise Refused("not a share of 0 to 1")
    return format(number.normalize(), "f")


def _plain(text: str, decimal: str, thousands: str | None) -> str:
    """A number in declared notation -> digits with '.'. Raises Refused."""
    if thousands == " ":
        text = re.sub("[\u00a0\u202f\u2009]", " ", text)
    match = _number(decimal, thousands).fullmatch(text)
    if match is None:
        written = f"decimal sign {decimal!r}" + (f" and thousands sign {thousands!r}" if thousands else "")
        raise Refused(f"not a number with {written}")
    whole = (match["whole"] or "0").replace(thousands or "\0", "").lstrip("0") or "0"
    if len(whole) > _MOST_DIGITS:
        raise Refused("a number too large to keep")
    sign = "-" if match["sign"] in ("-", "\u2212") else ""
    return f"{sign}{whole}.{match['part']}" if match["part"] else f"{sign}{whole}"


@cache
def _number(decimal: str, thousands: str | None) -> re.Pattern[str]:
    whole = r"\d+" if thousands is None else rf"(?:\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+)"
    part = rf"(?:{re.escape(decimal)}(?P<part>\d*))?"
    return re.compile(rf"(?P<sign>[+\-\u2212]?)(?=\D?\d)(?P<whole>{whole})?{part}", re.ASCII)


def _integer(cell: Cell, declared: Declared) -> str:
    whole, _, part = _decimal(cell, declared).partition(".")
    if part.strip("0"):
        raise Refused("not a whole number")
    return whole


def _boolean(cell: Cell, declared: Declared) -> str:
    text = as_text(cell).lower()
    if text in _TRUE:
        return "true"
    if text in _FALSE:
        return "false"
    raise Refused("neither true nor false; add it to values")


def _currency(cell: Cell, declared: Declared) -> str:
    text = as_text(cell).upper()
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise Refused("not a currency code such as EUR; add it to values")
    return text


def _date(cell: Cell, declared: Declared) -> str:
    """A date is never shifted; only a moment with an offset needs the declared zone to become a day."""
    moment = _moment(cell, declared)
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        if declared.timezone is None:
            raise Undeclared("holds moments with an offset where a day is needed", "declare timezone")
        moment = moment.astimezone(ZoneInfo(declared.timezone))
    return _known_year(moment).strftime("%Y-%m-%d")


def _timestamp(cell: Cell, declared: Declared) -> str:
    moment = _moment(cell, declared)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    _known_year(moment)
    if moment.tzinfo is None:
        if declared.timezone is None:
            raise Undeclared("holds times without a zone", "declare timezone, for example timezone: Europe/Prague")
        # An hour that occurs twice is the first of the two, one that the clocks skip counts from before the skip.
        moment = moment.replace(tzinfo=ZoneInfo(declared.timezone))
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _known_year(moment: date) -> date:
    if moment.year not in _YEARS:
        raise Refused(f"a year outside {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


def _moment(cell: Cell, declared: Declared) -> date:
    if isinstance(cell, date):
        return cell
    if declared.dates in ("epoch_s", "epoch_ms"):
        return _epoch(as_text(cell), 1 if declared.dates == "epoch_s" else 1000)
    if isinstance(cell, int) and cell >= _EPOCH_LIKE:
        raise Undeclared("holds numbers where a date is needed", "declare dates: epoch_s or epoch_ms")
    if not isinstance(cell, str):
        raise Refused("not a date")
    text = visible(cell)
    if declared.dates is not None and "%" in declared.dates:
        try:
            return datetime.strptime(text, declared.dates)
        except ValueError as exc:
            raise Refused(f"not a date written as {declared.dates}") from exc
    order = declared.dates or _ISO
    match = _order(order).fullmatch(text)
    if match is None:
        if declared.dates is None and sum(map(str.isdigit, text)) >= 4:
            raise Undeclared(
                "holds dates that are not YYYY-MM-DD and no order is declared",
                "declare dates: d/m/Y or m/d/Y (with the signs of the file), or a format such as '%d %b %Y'",
            )
        raise Refused(f"not a date written as {order}" if declared.dates else "not a date")
    return _from_parts(match, order)


def _epoch(text: str, per_second: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text) / per_second)
    except (ValueError, OverflowError) as exc:
        raise Refused("not a number of seconds or milliseconds since 1970") from exc


@cache
def _order(order: str) -> re.Pattern[str]:
    """d/m/Y and the like -> a pattern, with an optional time of day and offset behind it."""
    run_together = order.isalpha()
    digits = {"d": r"\d{2}" if run_together else r"\d{1,2}", "Y": r"\d{4}", "y": r"\d{2}"}
    digits["m"] = digits["d"]
    parts = [f"(?P<{sign}>{digits[sign]})" if sign in digits else rf"{re.escape(sign)}\s?" for sign in order]
    return re.compile("".join(parts) + _TIME, re.ASCII)


def _from_parts(match: re.Match[str], order: str) -> date:
    part = match.groupdict()
    year = int(part["Y"]) if "Y" in part else 2000 + int(part["y"])
    month, day = int(part["m"]), int(part["d"])
    try:
        found = date(year, month, day)
    except ValueError as exc:
        swapped = 12 < month <= 31 and day <= 12
        raise Refused(f"no such day as {order}" + (", but one with day and month swapped" if swapped else "")) from exc
    if part["hour"] is None:
        if part["offset"]:
            raise Refused("an offset without a time")
        return found
    hour = int(part["hour"])
    if part["half"]:
        if not 1 <= hour <= 12:
            raise Refused("no such time of day")
        hour = hour % 12 + (12 if part["half"].lower() == "pm" else 0)
    microsecond = int((part["fraction"] or "0")[:6].ljust(6, "0"))
    try:
        clock = time(hour, int(part["minute"]), int(part["second"] or 0), microsecond, _offset(part["offset"]))
    except ValueError as exc:
        raise Refused("no such time of day") from exc
    return datetime.combine(found, clock)


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in ("Z", "UTC"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


_CASTS: dict[Kind, Callable[[Cell, Declared], str]] = {
    "id": _identifier,
    "text": _identifier,
    "date": _date,
    "timestamp": _timestamp,
    "decimal": _decimal,
    "share": _share,
    "percent": _percent,
    "integer": _integer,
    "boolean": _boolean,
    "currency": _currency,
}
