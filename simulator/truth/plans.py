"""What was planned."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import rounded
from simulator.truth.people import People

REGION = "CZ"


class Plans(People):
    """Targets and the working days that they are spread over."""

    @cached_property
    def days_off(self) -> set[date]:
        """Holidays where the company sits."""
        rows = self.company.holidays
        return {day.date() for day in pd.to_datetime(rows.loc[rows["region"] == REGION, "holiday_date"])}

    def working_days(self, first: date, last: date) -> list[date]:
        """Mondays to Fridays that are no holidays, of both days and those between."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [day for day in days if day.weekday() < 5 and day not in self.days_off]

    @cached_property
    def fct_targets(self) -> pd.DataFrame:
        """One row per month, level and member; a seller who has not started yet goes by e-mail."""
        rows = self.company.targets
        planned = (
            self.moment.now.tz_localize("UTC").tz_convert(ZoneInfo(self.moment.zone)) + pd.Timedelta(days=31)
        ).year
        rows = rows.loc[rows["period_start"].dt.year <= planned]
        owner_by_email = dict(zip(self.dim_owners["email"], self.dim_owners["owner_key"], strict=True))
        return pd.DataFrame.from_records(
            [
                {
                    "level": row["level"],
                    "member": owner_by_email.get(row["member"], row["member"])
                    if row["level"] == "owner"
                    else row["member"],
                    "measure": row["measure"],
                    "currency": row["currency"],
                    "amount": rounded(Decimal(str(row["amount"])), 2),
                    "period_start": self.calendar.first_of(row["period_start"].date()),
                    "amount_reporting": rounded(
                        Decimal(str(row["amount"])) * self.rate(row["currency"], row["period_start"].date(), "plan"), 2
                    ),
                }
                for row in rows.to_dict("records")
            ]
        )


COMPARISONS = [
    Comparison(
        "fct_targets", ("level", "member", "measure", "period_start"),
        measures(text="currency", money="amount amount_reporting"),
    ),
]  # fmt: skip
