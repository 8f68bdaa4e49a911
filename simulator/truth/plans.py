"""What was planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import rounded
from simulator.truth.people import People


@dataclass(frozen=True)
class Hours:
    """Where and when somebody works: seconds of the day, weekdays from Monday on, and whose holidays are off."""

    region: str = "CZ"
    zone: str | None = None
    opens: int = 9 * 3600
    closes: int = 17 * 3600
    weekmask: str = "1111100"


COMPANY = Hours()
OF_TEAMS = {"Enterprise": Hours(region="DE")}
OF_OWNERS = {"61000107": Hours(zone="America/New_York", opens=8 * 3600, weekmask="1111000")}


class Plans(People):
    """Targets and the working days that they are spread over."""

    @cached_property
    def days_off(self) -> dict[str, set[date]]:
        """region -> its holidays."""
        rows = self.company.holidays
        return {
            str(region): {day.date() for day in pd.to_datetime(own["holiday_date"])}
            for region, own in rows.groupby("region")
        }

    def hours_of(self, owner: object, day: date) -> Hours:
        """By which hours an owner worked on a day; without an owner the company's."""
        named = OF_OWNERS.get(str(owner).partition(":")[2])
        return named or OF_TEAMS.get(str(self.team_on(owner, day)), COMPANY)

    def working_days(self, first: date, last: date, owner: object = None) -> list[date]:
        """Days with business hours that are no holidays, of both days and those between."""
        found = []
        for day in [first + timedelta(days=n) for n in range((last - first).days + 1)]:
            hours = self.hours_of(owner, day)
            if hours.weekmask[day.weekday()] == "1" and day not in self.days_off.get(hours.region, ()):
                found.append(day)
        return found

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
