"""Fiscal months as numbers, and the past days that stand in their months where a day stands in its own.

What belongs here: the arithmetic of periods. A month is its position in the given list, so 4-4-5 calendars and years of
53 weeks need no rule of their own: nothing here truncates a date.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.integer[Any]]
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=int(number))


@dataclass(frozen=True)
class Months:
    """Fiscal months in order; all arrays have one entry per month, days as numbers."""

    starts: Days
    ends: Days
    quarter_starts: Days
    quarter_ends: Days
    frozen: Days

    def __len__(self) -> int:
        return len(self.starts)

    def month_of(self, days: Days) -> Days:
        """The month of each day; -1 before the first, `len` after the last."""
        found = np.searchsorted(self.starts, days, side="right") - 1
        return np.where((found >= 0) & (days > self.ends[np.maximum(found, 0)]), len(self), found)

    @cached_property
    def months_in_quarter(self) -> Days:
        """Of each month its place in its quarter, 0 for the first."""
        found: Days = np.arange(len(self)) - np.searchsorted(self.quarter_starts, self.quarter_starts)
        return found

    def month_in_quarter(self, month: int) -> int:
        """0 for a quarter's first month."""
        return int(self.months_in_quarter[month])

    def quarter_of(self, month: int) -> tuple[int, int]:
        """First and last month of the quarter."""
        first = int(np.searchsorted(self.quarter_starts, self.quarter_starts[month], side="left"))
        last = int(np.searchsorted(self.quarter_starts, self.quarter_starts[month], side="right")) - 1
        return first, last

    def origins(self, days_left: int) -> Days:
        """Of each month the day with so many days left in it; its first day where the month is shorter."""
        return np.maximum(self.ends - days_left, self.starts)
