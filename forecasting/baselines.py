"""The forecasts that ours is set beside: by the series of bookings, and as CRMs make them.

What belongs here: expected revenue of what is still to come, cell x month ahead, for each simple method; a method that
cannot speak of a month leaves NaN in its column. What does not: our own method, scores.
"""

import numpy as np

from forecasting.facts import Facts, Floats
from forecasting.interface import HORIZONS
from forecasting.months import Days
from forecasting.rates import first_ahead
from forecasting.snapshots import Snapshots

TRAILING = 3
HAIRCUT_ORIGINS = 12
HAIRCUT_AT_LEAST = 3


def booked(facts: Facts, day: int, after: Days | None = None) -> Floats:
    """Cell x month: cents that were known as booked at the end of `day`; only those after the months' days `after`."""
    bookings, months = facts.bookings, len(facts.months)
    rows = bookings.known(day) & (bookings.month >= 0) & (bookings.month < months)
    if after is not None:
        limit = np.full(months, np.iinfo(np.int64).max)
        limit[: len(after)] = after
        rows &= bookings.day > limit[np.clip(bookings.month, 0, months - 1)]
    keys = bookings.cell[rows] * months + bookings.month[rows]
    cents = np.bincount(keys, bookings.cents[rows].astype(np.float64), facts.cells * months)
    return cents.astype(np.float64).reshape(-1, months)


def trailing_three(whole: Floats, rest: Floats, month: int, days_left: int, begin: int) -> Floats:
    """The mean of the last three whole months; of the running month what came after this day in them."""
    ended = month if days_left == 0 else month - 1
    found = np.full((len(whole), HORIZONS), np.nan)
    if ended - TRAILING + 1 < begin:
        return found
    span = slice(ended - TRAILING + 1, ended + 1)
    found[:, :] = whole[:, span].mean(axis=1, keepdims=True)
    if first_ahead(days_left) == 0:
        found[:, 0] = rest[:, span].mean(axis=1)
    return found


def seasonal_naive(whole: Floats, rest: Floats, month: int, days_left: int, begin: int) -> Floats:
    """The same month a year ago."""
    found = np.full((len(whole), HORIZONS), np.nan)
    for ahead in range(first_ahead(days_left), HORIZONS):
        year_ago = month + ahead - 12
        if year_ago >= begin:
            found[:, ahead] = rest[:, year_ago] if ahead == 0 else whole[:, year_ago]
    return found


def crm_view(facts: Facts, snapshots: Snapshots, month: int) -> Floats:
    """Probability x amount in the month of the stated date; what is overdue stands in the running month."""
    rows = snapshots.rows(month)
    weighted = snapshots.amount[rows] * snapshots.probability[rows] * 100
    close = snapshots.close_month[rows].astype(np.int64)
    ahead = close - month
    counted = (close >= 0) & (ahead >= 0) & (ahead < HORIZONS) & ~np.isnan(weighted)
    found = np.zeros((facts.cells, HORIZONS))
    if rows.stop > rows.start and np.isnan(snapshots.probability[rows]).all():
        return np.full_like(found, np.nan)
    credited = facts.credits.of(snapshots.span[rows][counted], snapshots.cell[rows][counted])
    keys = credited.cell * HORIZONS + ahead[counted][credited.place]
    shared = weighted[counted][credited.place] * credited.share
    found += np.bincount(keys, shared, facts.cells * HORIZONS).reshape(-1, HORIZONS)
    return found


def haircut(views: dict[int, Floats], actuals: Floats, rests: Floats, month: int, days_left: int) -> Floats:
    """By month ahead: what past views of the CRM turned into; NaN with too few of them.

    `views`: total of the CRM's view by month of origin; `actuals`, `rests`: total booked by month, whole and after the
    origins' days.
    """
    found = np.full(HORIZONS, np.nan)
    ended = month if days_left == 0 else month - 1
    for ahead in range(first_ahead(days_left), HORIZONS):
        origins = [place for place in sorted(views) if place < month and place + ahead <= ended][-HAIRCUT_ORIGINS:]
        seen = sum(float(views[place][ahead]) for place in origins)
        came = sum(float((rests if ahead == 0 else actuals)[place + ahead]) for place in origins)
        if len(origins) >= HAIRCUT_AT_LEAST and seen > 0:
            found[ahead] = came / seen
    return found
