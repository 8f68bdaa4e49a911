"""What was open on the past days that stand in their months where the forecast's day stands in its own.

What belongs here: the rows of those days with the attributes of that time and what became of them, and the win table's
counts. What does not: rates. A row knows from which origin on its outcome was known and until when it
stood (a reopened deal was won only in between), so an origin sees what it could have seen.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forecasting.facts import NONE, OPEN, Facts, Floats
from forecasting.months import Days

# The attributes of a deal by which it is compared, in the order in which the win table nests them.
ATTRIBUTES = ("part", "stage_no", "days_in_stage", "close", "segment", "age", "pushed")
# Upper bounds in days, inclusive; the last band is open.
DAYS_IN_STAGE = (3, 7, 14, 30, 60, 90, 180)
AGES = (14, 30, 60, 90, 180, 365)
IDLE = (5, 10, 15, 22, 30, 60)
CLOSE = ("none", "long overdue", "overdue", "this month", "next month", "in 2 months", "in 3 months", "later")
NEVER = 32_000


@dataclass(frozen=True)
class Snapshots:
    """Open deals by month, the rows sorted by month and deal; `first` gives each month's first row.

    `won_month` is the month of the next win, -1 without one; it was known at origins `known_from` <= month <
    `known_until`, counted in months of this phase.
    """

    days_left: int
    origin_days: Days
    first: Days
    month: Days
    deal: Days
    span: Days
    cell: Days
    attributes: dict[str, Days]
    source: Days
    idle: Days
    lot: Days
    amount: Floats
    probability: Floats
    close_month: Days
    won_month: Days
    won_amount: Floats
    known_from: Days
    known_until: Days

    def rows(self, month: int) -> slice:
        """The rows of one month's day."""
        return slice(int(self.first[month]), int(self.first[month + 1]))


@dataclass(frozen=True)
class WinCounts:
    """The win table's counts: deals by month of the snapshot, attributes and outcome, sorted by month."""

    first: Days
    month: Days
    attributes: dict[str, Days]
    won_month: Days
    known_from: Days
    known_until: Days
    deals: Floats


def take(facts: Facts, days_left: int) -> tuple[Snapshots, WinCounts]:
    """The snapshots of all months' days with so many days left, up to as_of, and their counts."""
    months, spans, deals = facts.months, facts.spans, facts.deals
    days = months.origins(days_left)
    last = facts.month if days[facts.month] <= facts.as_of else facts.month - 1
    origin_days = days[: last + 1]
    # A span holds on the days from the first at or after its begin up to the last before its end.
    open_spans = np.flatnonzero(spans.status == OPEN)
    begin = _first_at(origin_days, spans.begins[open_spans])
    width = np.maximum(_first_at(origin_days, spans.ends[open_spans]) - begin, 0)
    span = np.repeat(open_spans, width)
    month = np.repeat(begin - np.cumsum(width) + width, width) + np.arange(len(span))
    order = np.argsort(month.astype(np.int16), kind="stable")
    span, month = span[order], month[order]
    deal = spans.deal[span].astype(np.int64)
    day = origin_days[month] if len(month) else month
    # What is only known of today may be used today.
    today = day == facts.as_of
    stage = np.where(today & (spans.stage[span] == 0), deals.stage[deal], spans.stage[span])
    close = np.where(today & (spans.close[span] == NONE), deals.close[deal], spans.close[span]).astype(np.int64)
    amount, probability = spans.amount[span], spans.probability[span]
    amount = np.where(today & np.isnan(amount), deals.amount[deal], amount)
    probability = np.where(today & np.isnan(probability), deals.probability[deal], probability)
    close_month = np.maximum(months.month_of(close), 0)
    won_month, won_amount, known_from, known_until = _outcomes(facts, origin_days, deal, day)
    idle = _bands(day - np.maximum(spans.begins[span], _last_activity(facts, deal, day)), IDLE)
    cell = spans.cell[span].astype(np.int64)
    attributes: dict[str, Days] = {
        "part": facts.is_renewal[cell].astype(np.int16),
        "stage_no": stage.astype(np.int16),
        "days_in_stage": _bands(day - spans.stage_entered[span], DAYS_IN_STAGE),
        "close": _close_bands(close, day, close_month - month),
        "segment": facts.codes["segment"][cell].astype(np.int16),
        "age": _bands(day - deals.created[deal], AGES),
        "pushed": np.minimum(spans.pushes[span], 3).astype(np.int16),
    }
    rows = Snapshots(
        days_left=days_left,
        origin_days=origin_days,
        first=np.searchsorted(month, np.arange(last + 2)),
        month=month,
        deal=deal,
        span=span.astype(np.int32),
        cell=cell,
        attributes=attributes,
        source=deals.source[deal],
        idle=idle,
        lot=deals.lot[deal],
        amount=amount,
        probability=probability,
        close_month=np.where(close == NONE, -1, np.where(close <= day, month, close_month)).astype(np.int16),
        won_month=won_month,
        won_amount=won_amount,
        known_from=known_from,
        known_until=known_until,
    )
    return rows, _count(facts, rows)


def _bands(values: Days, bounds: tuple[int, ...]) -> Days:
    """0 for values up to the first bound, 1 up to the second, and so on."""
    found: Days = np.searchsorted(np.array(bounds), values, side="left").astype(np.int16)
    return found


def _close_bands(close: Days, day: Days, ahead: Days) -> Days:
    band = 3 + np.clip(ahead, 0, 4)
    band = np.where(close <= day, 2, band)
    band = np.where(close <= day - 30, 1, band)
    found: Days = np.where(close == NONE, 0, band).astype(np.int16)
    return found


def _outcomes(facts: Facts, origin_days: Days, deal: Days, day: Days) -> tuple[Days, Floats, Days, Days]:
    """Of each row the next win after its day: month (-1: none), amount, and the origins that knew of it."""
    wins = facts.wins
    won_month, amount = np.full(len(deal), -1, dtype=np.int16), np.zeros(len(deal))
    known_from, known_until = (np.full(len(deal), NEVER, dtype=np.int16) for _ in range(2))
    if len(wins.deal):
        place = np.searchsorted(wins.deal * 2**23 + wins.known_from, deal * 2**23 + day, side="right")
        place = np.minimum(place, len(wins.deal) - 1)
        has = (wins.deal[place] == deal) & (wins.known_from[place] > day)
        which = place[has]
        won_month[has] = facts.months.month_of(wins.day)[which]
        amount[has] = wins.amount[which]
        known_from[has] = _first_origin(origin_days, wins.known_from)[which]
        known_until[has] = _first_origin(origin_days, wins.known_until)[which]
    return won_month, amount, known_from, known_until


def _first_at(origin_days: Days, days: Days) -> Days:
    """Of each day the first origin on or after it, by a table of all days: there are few of them and many spans."""
    if len(origin_days) == 0:
        return np.zeros(len(days), dtype=np.int64)
    first = origin_days[0]
    place = np.searchsorted(origin_days, np.arange(first, origin_days[-1] + 2))
    found: Days = place[np.clip(days, first, origin_days[-1] + 1) - first]
    return found


def _first_origin(origin_days: Days, days: Days) -> Days:
    place = _first_at(origin_days, days)
    found: Days = np.where(place == len(origin_days), NEVER, place)
    return found


def _last_activity(facts: Facts, deal: Days, day: Days) -> Days:
    """The last day with an activity up to each row's day; long ago without one."""
    keys = facts.activities
    if len(keys) == 0:
        return np.full(len(deal), NONE)
    place = np.searchsorted(keys, deal * 2**20 + day, side="right") - 1
    found = keys[np.maximum(place, 0)]
    return np.where((place >= 0) & (found // 2**20 == deal), found % 2**20, NONE)


def _count(facts: Facts, rows: Snapshots) -> WinCounts:
    """The win table's counts, in SQL over the rows."""
    table = {**rows.attributes, "month": rows.month.astype(np.int16), "won_month": rows.won_month,
             "known_from": rows.known_from, "known_until": rows.known_until}  # fmt: skip
    facts.connection.register("forecast_rows", pa.table(table))
    found = facts.connection.execute(
        f"""
        select month, {", ".join(ATTRIBUTES)}, won_month, known_from, known_until, count(*) as deals
        from forecast_rows group by all order by all
        """
    ).fetchnumpy()
    facts.connection.unregister("forecast_rows")
    month = np.asarray(found["month"]).astype(np.int64)
    return WinCounts(
        first=np.searchsorted(month, np.arange(len(rows.origin_days) + 1)),
        month=month,
        attributes={name: np.asarray(found[name]).astype(np.int64) for name in ATTRIBUTES},
        won_month=np.asarray(found["won_month"]).astype(np.int64),
        known_from=np.asarray(found["known_from"]).astype(np.int64),
        known_until=np.asarray(found["known_until"]).astype(np.int64),
        deals=np.asarray(found["deals"], dtype=np.float64),
    )
