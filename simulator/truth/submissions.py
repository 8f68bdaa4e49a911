"""What managers have called, what the CRM's categories amounted to at each month's end, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.company import START
from simulator.truth.comparison import Comparison, measures
from simulator.truth.coverage import Coverage, Member
from simulator.truth.log import absent, key_of, rounded, table, text_of
from simulator.truth.pipeline import SOLD, Standing
from simulator.truth.splits import dealt

FROZEN_AFTER = 5  # working days
WORDS = {"COMMIT": 0, "BEST_CASE": 1, "PIPELINE": 2}
CATEGORIES = ("commit", "best_case", "pipeline")
Span = tuple[str, date, date]


class Submissions(Coverage):
    """Calls, scored."""

    def _period(self, kind: str, day: date) -> Span:
        span = self.calendar.period_of(kind, day)
        return kind, span.start, span.end

    def _frozen_day(self, end: date) -> date:
        return self.working_days(end + timedelta(days=1), end + timedelta(days=60))[FROZEN_AFTER - 1]

    def _standing(self, deal_id: str, day: date) -> tuple[Standing | None, Standing | None]:
        """How a deal stood at the end of a day, and the standing in which it was closed the way it then was."""
        end = self.midnight(day + timedelta(days=1))
        life = [standing for standing in self.lives[deal_id] if standing.since < end]
        if not life:
            return None, None
        if life[-1].status != "gone":
            # Who came back had been closed before it lay deleted.
            life = [standing for standing in life if standing.status != "gone"]
        place = len(life) - 1
        while place and life[place - 1].status == life[-1].status:
            place -= 1
        return life[-1], life[place]

    def _won_on(self, standing: Standing, closing: Standing) -> date:
        stated = standing.due
        if self.moment.close_day == "crm_close_date" and stated is not None:
            return stated
        return self.day(closing.since)

    @cached_property
    def _frozen(self) -> dict[tuple[Span, Member], Decimal]:
        """(period, member) -> bookings as they stood on the day of freezing, of periods that are frozen by now."""
        found: dict[tuple[Span, Member], Decimal] = defaultdict(Decimal)
        month = START.replace(month=1, day=1)
        while month <= self.moment.as_of:
            _, first, last = self._period("month", month)
            quarter = self._period("quarter", month)
            for span in (("month", first, last), quarter):
                day = self._frozen_day(span[2])
                if day > self.moment.as_of:
                    continue
                for deal_id in self.pipeline_deals:
                    standing, closing = self._standing(deal_id, day)
                    if standing is None or closing is None or standing.status != "won":
                        continue
                    won = self._won_on(standing, closing)
                    if first <= won <= last:
                        for member, amount in self._parts_won(deal_id, closing, self.value(standing, won), won, day):
                            found[span, member] += amount
            month = last + timedelta(days=1)
        return found

    @cached_property
    def _booked(self) -> dict[tuple[Span, Member], Decimal]:
        """(period, member) -> bookings as known now."""
        found: dict[tuple[Span, Member], Decimal] = defaultdict(Decimal)
        for deal in self.fct_deals.to_dict("records"):
            counts = deal["status"] == "won" and not deal["is_excluded"] and deal["pipeline_purpose"] in SOLD
            if counts and deal["close_day"] <= self.moment.as_of and not absent(deal["amount_reporting"]):
                for kind in ("month", "quarter"):
                    span = self._period(kind, deal["close_day"])
                    for part in self.credits_of_deals[deal["deal_key"]]:
                        for member in self._members(part["owner_key"], deal["close_day"]):
                            found[span, member] += part["amount_reporting"]
        return found

    def _parts_won(
        self, deal_id: str, closing: Standing, amount: Decimal, won: date, day: date
    ) -> Iterator[tuple[Member, Decimal]]:
        """Of a won deal each member's parts, by the split that held at the end of `day`; the total has them all."""
        owner = key_of(closing.owner)
        shares = self.shares_on(deal_id, owner, day)
        names = sorted(shares, key=lambda one: (one != owner, -shares[one], str(one)))
        for one, part in zip(names, dealt(amount, [shares[one] for one in names]), strict=True):
            for member in self._members(one, won):
                yield member, part or Decimal(0)

    def _called_in_files(self) -> list[dict[str, Any]]:
        found = []
        owner_by_email = dict(zip(self.dim_owners["email"], self.dim_owners["owner_key"], strict=True))
        today = pd.Timestamp(self.day(self.moment.now))
        for row in self.company.forecast_submissions.to_dict("records"):
            if row["submitted_on"].date() > self.moment.as_of or row["submitted_on"] >= today:
                continue
            level = "total" if row["level"] == "company" else row["level"]
            member = "total" if level == "total" else owner_by_email.get(row["member"], row["member"])
            amount = rounded(Decimal(str(row["amount"])), 2)
            day = row["submitted_on"].date()
            found.append(
                {
                    "origin": "file", "level": level, "member": member, "category": row["category"],
                    "span": self._period(row["period_type"], row["period_start"].date()), "submitted_on": day,
                    "currency": row["currency"], "amount": amount, "deals": None,
                    "amount_reporting": rounded(amount * self.rate(row["currency"], day), 2)
                    if row["currency"] != "EUR" else amount,
                }
            )  # fmt: skip
        return found

    def _called_in_crm(self) -> list[dict[str, Any]]:
        months = self.calendar.periods("month", START.replace(month=1, day=1), self.moment.as_of)
        days = [span.end for span in months if span.end < self.moment.as_of]
        found = []
        for day in [*days, self.moment.as_of]:
            stood = [(deal_id, *self._standing(deal_id, day)) for deal_id in self.pipeline_deals]
            for kind in ("month", "quarter"):
                span = self._period(kind, day + timedelta(days=1))
                # The fourth is weighted by the sellers' own probabilities.
                sums: dict[Member, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
                counts: dict[Member, list[int]] = defaultdict(lambda: [0] * 4)
                named: set[Member] = set()
                weighed: set[Member] = set()
                for deal_id, standing, closing in stood:
                    if standing is None or closing is None:
                        continue
                    if standing.status == "won":
                        won = self._won_on(standing, closing)
                        if span[1] <= won <= day:
                            for member, part in self._parts_won(deal_id, closing, self.value(standing, won), won, day):
                                sums[member] = [one + part for one in sums[member]]
                    elif standing.status == "open" and text_of(standing.category) in WORDS:
                        word = WORDS[str(standing.category)]
                        due = standing.due is not None and standing.due <= span[2]
                        for member in self._members(key_of(standing.owner), day):
                            named.add(member)
                            for number in range(word, 3) if due else ():
                                sums[member][number] += self.value(standing, day)
                                counts[member][number] += 1
                    if standing.status == "open" and standing.probability:
                        due = standing.due is not None and standing.due <= span[2]
                        for member in self._members(key_of(standing.owner), day):
                            weighed.add(member)
                            if due:
                                worth = self.value(standing, day) * Decimal(standing.probability)
                                sums[member][3] += rounded(worth, 2)
                                counts[member][3] += 1
                for number, category in enumerate((*CATEGORIES, "weighted")):
                    for member in weighed if category == "weighted" else named:
                        found.append(
                            {
                                "origin": "crm", "level": member[0], "member": member[1], "category": category,
                                "span": span, "submitted_on": day, "currency": "EUR", "amount": sums[member][number],
                                "deals": counts[member][number], "amount_reporting": sums[member][number],
                            }
                        )  # fmt: skip
        return found

    @cached_property
    def fct_forecast_submissions(self) -> pd.DataFrame:
        """One row per call."""
        records = self._called_in_files() + self._called_in_crm()
        newest: dict[tuple[Any, ...], date] = {}
        for row in records:
            series = tuple(row[name] for name in ("origin", "span", "level", "member", "category"))
            newest[series] = max(newest.get(series, row["submitted_on"]), row["submitted_on"])
        for row in records:
            span = row.pop("span")
            member = (row["level"], row["member"])
            series = (row["origin"], span, *member, row["category"])
            frozen = self._frozen.get((span, member), Decimal(0))
            is_frozen = self._frozen_day(span[2]) <= self.moment.as_of
            row |= {
                "period_type": span[0],
                "period_start": span[1],
                "period_end": span[2],
                "actual_frozen": frozen if is_frozen else None,
                "actual_now": self._booked.get((span, member), Decimal(0)) if span[2] <= self.moment.as_of else None,
                "error_reporting": row["amount_reporting"] - frozen if is_frozen else None,
                "days_left": (span[2] - row["submitted_on"]).days,
                "is_newest": newest[series] == row["submitted_on"],
            }
        return table(records, "origin period_type period_start level member category submitted_on")


COMPARISONS = [
    Comparison(
        "fct_forecast_submissions",
        ("origin", "period_type", "period_start", "level", "member", "category", "submitted_on"),
        measures(
            text="currency", money="amount amount_reporting actual_frozen actual_now error_reporting",
            count="deals days_left", flag="is_newest", day="period_end",
        ),
    ),
]  # fmt: skip
