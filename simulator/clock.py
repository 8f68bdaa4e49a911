"""Calendars and clocks of the simulated company: months, working hours, time zones.

What belongs here: arithmetic on naive UTC times (datetime64[ms]). What does not: anything random.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from simulator.draws import Floats, Ints, Times

ZONE = "Europe/Prague"
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER = np.datetime64("NaT", "ms")


def milliseconds(count: Floats | Ints) -> Times:
    """Whole milliseconds as time differences; a missing count stays missing."""
    counts = np.asarray(count, dtype=np.float64)
    whole = np.where(np.isnan(counts), 0, counts).astype(np.int64).astype("timedelta64[ms]")
    whole[np.isnan(counts)] = np.timedelta64("NaT", "ms")
    return whole


def utc_from_local(local: Times, zone: str = ZONE) -> Times:
    """Naive wall-clock times of `zone` as naive UTC; the fold's earlier side, the gap's later end."""
    stamps = pd.DatetimeIndex(local).tz_localize(
        zone, ambiguous=np.ones(len(local), dtype=bool), nonexistent="shift_forward"
    )
    return np.asarray(stamps.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ms]"))


def local_from_utc(moments: Times, zone: str = ZONE) -> Times:
    """Naive UTC times as naive wall-clock times of `zone`."""
    stamps = pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return np.asarray(stamps.to_numpy().astype("datetime64[ms]"))


def local_days(moments: Times, zone: str = ZONE) -> Times:
    """The calendar day (datetime64[D]) of naive UTC times in `zone`."""
    return np.asarray(local_from_utc(moments, zone).astype("datetime64[D]"))


def day_start(day: date, zone: str = ZONE) -> pd.Timestamp:
    """The UTC instant (naive) at which `day` begins in `zone`."""
    return pd.Timestamp(day).tz_localize(zone).tz_convert("UTC").tz_localize(None)


def weekdays(days: Times) -> Ints:
    """Monday is 0."""
    return (days.astype("datetime64[D]").astype(np.int64) + 3) % 7


def month_index(day: date) -> int:
    """Months since year 0, so that a month has one number for all simulations."""
    return day.year * 12 + day.month - 1


def month_first(index: Ints) -> Times:
    """The first day (datetime64[D]) of months numbered as `month_index` does."""
    return (np.asarray(index, dtype=np.int64) - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")


def month_end(days: Times) -> Times:
    """The last day (datetime64[D]) of each day's month."""
    months = days.astype("datetime64[M]")
    return (months + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")


def quarter_end(days: Times) -> Times:
    """The last day (datetime64[D]) of each day's calendar quarter."""
    months = days.astype("datetime64[M]").astype(np.int64)
    last = months - months % 3 + 2
    return month_end(last.astype("datetime64[M]").astype("datetime64[D]"))


def at_work(moments: Times, hour: Floats) -> Times:
    """The same days, weekends moved to Monday, at a working hour of Prague (`hour` evenly in 0..1)."""
    days = local_days(moments)
    weekday = weekdays(days)
    days = days + np.where(weekday == 5, 2, np.where(weekday == 6, 1, 0)).astype("timedelta64[D]")
    wall = days.astype("datetime64[ms]") + milliseconds(8.25 * HOUR + hour * 9.5 * HOUR)
    return utc_from_local(wall)


def daylight_nights(first: date, last: date) -> list[date]:
    """The Sundays on which European clocks change."""
    nights = []
    for year in range(first.year, last.year + 1):
        for month in (3, 10):
            sunday = date(year, month, 31)
            nights.append(date(year, month, 31 - (sunday.weekday() + 1) % 7))
    return [night for night in nights if first <= night <= last]


def strictly_increasing(group: Ints, moments: Times, step_ms: int = 1000) -> Times:
    """Times of rows that are ordered within each group (groups contiguous), pushed forward where they would not grow.

    A row comes at least `step_ms` after the row before it in its group.
    """
    if len(group) == 0:
        return moments
    codes = np.cumsum(np.r_[0, (group[1:] != group[:-1]).astype(np.int64)])
    first_of_group = np.r_[True, group[1:] != group[:-1]]
    position = np.arange(len(group)) - np.maximum.accumulate(np.where(first_of_group, np.arange(len(group)), 0))
    shifted = moments.astype("datetime64[ms]").astype(np.int64) - position * step_ms + codes * (10**13)
    grown = np.maximum.accumulate(shifted) - codes * (10**13) + position * step_ms
    return np.asarray(grown.astype("datetime64[ms]"))
