"""The finance department's calendar of weeks: months of four, four and five weeks, for who wants to report by it.

What belongs here: the list as finance would write it. What does not: what of a warehouse follows it (truth/).
"""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

FIRST_YEAR, LAST_YEAR = 2022, 2028
WEEKS = (4, 4, 5) * 4


def fiscal_periods() -> pd.DataFrame:
    """One row per fiscal month. A year ends with the last Sunday of December: now and then it has a 53rd week, the last
    month's.
    """
    records = []
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        start, end = _last_sunday(year - 1) + timedelta(days=1), _last_sunday(year)
        for month, weeks in enumerate(WEEKS, start=1):
            last = end if month == len(WEEKS) else start + timedelta(weeks=weeks, days=-1)
            records.append((year, month, pd.Timestamp(start), pd.Timestamp(last)))
            start = last + timedelta(days=1)
    return pd.DataFrame.from_records(records, columns=["fiscal_year", "fiscal_month", "period_start", "period_end"])


def _last_sunday(year: int) -> date:
    last = date(year, 12, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)
