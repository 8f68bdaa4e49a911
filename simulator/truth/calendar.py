"""The company's months and quarters: those of the calendar, or finance's of weeks.

What belongs here: in which period a day lies, and which periods follow one another. What does not: what is counted.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import pandas as pd


@dataclass(frozen=True)
class Span:
    """A month or quarter, both days included; months have a number that grows by one, others 0."""

    start: date
    end: date
    number: int = 0


@dataclass(frozen=True)
class Calendar:
    """`listed`: fiscal months in order, none for a company that reports by the calendar's. `told`: the days between
    which the list counts; the calendar's months stand in for it outside of them.
    """

    listed: tuple[Span, ...]
    told: tuple[date, date]

    @cached_property
    def _starts(self) -> list[date]:
        return [span.start for span in self.listed]

    def month_of(self, day: date) -> Span:
        """The month that a day lies in."""
        if self.listed and self.told[0] <= day <= self.told[1]:
            return self.listed[bisect_right(self._starts, day) - 1]
        first = day.replace(day=1)
        return Span(
            first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), day.year * 12 + day.month - 1
        )

    def first_of(self, day: date) -> date:
        return self.month_of(day).start

    def end_of(self, start: date) -> date:
        """The last day of the month that begins with a day, which may lie before those that are told."""
        return self.month_of(max(start, self.told[0]) if self.listed else start).end

    def quarter_of(self, day: date) -> Span:
        """The quarter that a day lies in: three months of a year."""
        month = self.month_of(day)
        place = month.number % 3
        if self.listed:
            at = self.listed.index(month)
            return Span(self.listed[at - place].start, self.listed[at - place + 2].end)
        first = (pd.Timestamp(month.start) - pd.DateOffset(months=place)).date()
        return Span(first, (pd.Timestamp(first) + pd.DateOffset(months=3, days=-1)).date())

    def period_of(self, kind: str, day: date) -> Span:
        return self.month_of(day) if kind == "month" else self.quarter_of(day)

    def periods(self, kind: str, first: date, last: date) -> list[Span]:
        """The months or quarters that two days and those between lie in."""
        found = [self.period_of(kind, first)]
        while found[-1].end < last:
            found.append(self.period_of(kind, found[-1].end + timedelta(days=1)))
        return found

    def later(self, start: date, count: int) -> date:
        """The first day of the month so many months after the one that begins with a day."""
        if not self.listed:
            return (pd.Timestamp(start) + pd.DateOffset(months=count)).date()
        return self.listed[self._starts.index(start) + count].start
