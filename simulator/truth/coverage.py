"""How far what is open covers what is missing to the target, and whether the period is on course."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.company import START
from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import key_of, quotient, rounded, table
from simulator.truth.pipeline import SOLD, Period, Pipeline, Standing
from simulator.truth.plans import Plans
from simulator.truth.splits import Splits

NOBODY = "unassigned"
KINDS = ("due", "overdue", "dateless", "later")
Member = tuple[str, str]


class Coverage(Pipeline, Splits, Plans):
    """Coverage and pacing of months and quarters."""

    @cached_property
    def _rolled(self) -> dict[str, str]:
        """owner -> the owner that sums show."""
        return {
            owner["owner_key"]: owner["owner_key"] if owner["kind"] == "person" and owner["is_active"] else NOBODY
            for owner in self.dim_owners.to_dict("records")
        }

    def _members(self, owner: object, day: date) -> list[Member]:
        """Whose figures what an owner has on a day is part of."""
        seller = self._rolled.get(str(owner), NOBODY)
        return [("total", "total"), ("team", self.team_on(owner, day) or NOBODY), ("owner", seller)]

    @cached_property
    def _wins(self) -> list[tuple[date, str | None, Decimal | None, Decimal | None, bool]]:
        """(day, who is credited, amount, that at plan rate, whether the deal counts there) of each booking's parts."""
        found = []
        parts = ("owner_key", "amount_reporting", "amount_plan_rate", "is_counted")
        for deal in self.fct_deals.to_dict("records"):
            counts = deal["status"] == "won" and not deal["is_excluded"] and deal["pipeline_purpose"] in SOLD
            if counts and deal["close_day"] <= self.moment.as_of:
                found += [
                    (deal["close_day"], *(part[name] for name in parts))
                    for part in self.credits_of_deals[deal["deal_key"]]
                ]
        return found

    @cached_property
    def _targets(self) -> dict[tuple[Member, date], Decimal]:
        """(member, month) -> target."""
        found: dict[tuple[Member, date], Decimal] = defaultdict(Decimal)
        for row in self.fct_targets.loc[self.fct_targets["measure"] == "bookings"].to_dict("records"):
            if row["level"] == "company":
                member = ("total", "total")
            elif row["level"] == "owner":
                member = ("owner", self._rolled.get(row["member"], row["member"]))
            else:
                member = (row["level"], row["member"])
            found[member, row["period_start"]] += row["amount_reporting"]
        return found

    def _same_day(self, period: Period, current: Period) -> date | None:
        """The last day on which no greater share of the working days was over than today; None before the first."""
        here = self.working_days(current.start, current.end)
        there = self.working_days(max(period.start, self.calendar.told[0]), period.end)
        gone = bisect_right(here, self.moment.as_of)
        # The first working day that would be too many ends the comparison.
        allowed = gone * len(there) // len(here)
        if allowed >= len(there):
            return period.end
        last = there[allowed] - timedelta(days=1)
        return last if last >= max(period.start, self.calendar.told[0]) else None

    def _open_on(self, day: date) -> list[Standing]:
        """Every deal that stood open at the end of a day."""
        end = self.midnight(day + timedelta(days=1))
        found = []
        for deal_id in self.pipeline_deals:
            before = [standing for standing in self.lives[deal_id] if standing.since < end]
            if before and before[-1].status == "open":
                found.append(before[-1])
        return found

    def _open_sums(self, day: date, period: Period) -> dict[Member, dict[str, Any]]:
        """member -> amounts and numbers of the open deals, by when they are due."""
        found: dict[Member, dict[str, Any]] = {}
        for standing in self._open_on(day):
            if standing.due is None:
                kind = "dateless"
            elif standing.due < day:
                kind = "overdue"
            else:
                kind = "due" if standing.due <= period.end else "later"
            for member in self._members(key_of(standing.owner), day):
                sums = found.setdefault(member, defaultdict(Decimal))
                sums[kind] += self.value(standing, day)
                sums[f"{kind}_deals"] += 1
                sums["amountless"] += not (standing.amount and standing.currency)
        return found

    @cached_property
    def fct_coverage_pacing(self) -> pd.DataFrame:
        """One row per month or quarter, level and member."""
        records = []
        first_win = min((win[0] for win in self._wins), default=None)
        # The product's calendar reaches back to the first of January of the year in which reports begin.
        begins = START.replace(month=1, day=1)
        for kind in ("month", "quarter"):
            spans = [
                Period(kind, span.start, span.end, span.start, span.end)
                for span in self.calendar.periods(kind, begins, self.moment.as_of)
            ]
            current = spans[-1]
            earlier: dict[Member, list[dict[str, Any]]] = defaultdict(list)
            begun: set[Member] = {("total", "total")}
            for period in spans:
                is_current = period is current
                day = self.moment.as_of if is_current else self._same_day(period, current)
                won: dict[Member, Decimal] = defaultdict(Decimal)
                planned: dict[Member, Decimal] = defaultdict(Decimal)
                final: dict[Member, Decimal] = defaultdict(Decimal)
                deals: dict[Member, int] = defaultdict(int)
                targets: dict[Member, Decimal] = {}
                for at, owner, money, at_plan, is_counted in self._wins:
                    for member in self._members(owner, at) if period.start <= at <= period.end else []:
                        final[member] += money or 0
                        begun.add(member)
                        if day is not None and at <= day:
                            won[member] += money or 0
                            planned[member] += at_plan or 0
                            deals[member] += is_counted
                for (member, month), amount in self._targets.items():
                    if period.start <= month <= period.end:
                        targets[member] = targets.get(member, Decimal(0)) + amount
                opened = self._open_sums(day, period) if day is not None else {}
                begun |= targets.keys() | opened.keys()
                if day is None:
                    continue
                working = self.working_days(max(period.start, self.calendar.told[0]), period.end)
                gone = bisect_right(working, day)
                known = first_win is not None and first_win <= period.end
                for member in begun:
                    sums = opened.get(member, {})
                    booked = won[member] if known or is_current else None
                    towards = planned[member] if known or is_current else None
                    target = targets.get(member)
                    missing = None if towards is None or target is None else target - towards
                    due = sums.get("due", Decimal(0))
                    coverage = quotient(due, missing) if missing is not None and missing > 0 else None
                    before = earlier[member]
                    complete = [one for one in before[-12:] if one["won_final"] is not None]
                    covered = [one for one in before[-4:] if one["coverage"] is not None]
                    share = None
                    if len(complete) >= 3:
                        whole = sum((one["won_final"] for one in complete), Decimal(0))
                        share = quotient(sum((one["won_reporting"] for one in complete), Decimal(0)), whole)
                        share = None if share is None else rounded(share, 9)
                    expected = None if share is None or target is None else share * target
                    row = {
                        "period_type": kind,
                        "level": member[0],
                        "member": member[1],
                        "won_reporting": booked,
                        "won_final": final[member] if known and not is_current else None,
                        "won_plan_rate": towards,
                        "target_reporting": target,
                        "missing": missing,
                        "open_due": due,
                        **{f"{name}_open": sums.get(name, Decimal(0)) for name in KINDS[1:]},
                        "won_deals": deals[member] if known or is_current else None,
                        **{f"{name}_open_deals": sums.get(f"{name}_deals", 0) for name in KINDS},
                        "amountless_open_deals": sums.get("amountless", 0),
                        "unknown_deals": 0,
                        "coverage": coverage,
                        "coverage_previous": quotient(
                            sum((one["open_due"] for one in covered), Decimal(0)),
                            sum((one["missing"] for one in covered), Decimal(0)),
                        ),
                        "elapsed_working_days": gone,
                        "working_days": len(working),
                        "elapsed_share": quotient(Decimal(gone), len(working)),
                        "pacing_periods": len(complete),
                        "pacing_share": share,
                        "pacing_expected": None if expected is None else rounded(expected, 2),
                        "pacing_ratio": None if expected is None or towards is None else quotient(towards, expected),
                        "is_target_met": None if missing is None else missing <= 0,
                        "is_current": is_current,
                        "same_day": day,
                        "period_start": period.start,
                        "period_end": period.end,
                    }
                    records.append(row)
                    earlier[member].append(row)
        return table(records, "period_type period_start level member coverage pacing_share is_target_met")


COMPARISONS = [
    Comparison(
        "fct_coverage_pacing", ("period_type", "period_start", "level", "member"),
        measures(
            money="won_reporting won_final won_plan_rate target_reporting missing open_due overdue_open dateless_open "
            "later_open pacing_expected",
            count="won_deals due_open_deals overdue_open_deals dateless_open_deals later_open_deals "
            "amountless_open_deals unknown_deals elapsed_working_days working_days pacing_periods",
            number="coverage coverage_previous elapsed_share pacing_share pacing_ratio",
            flag="is_target_met is_current", day="same_day period_end",
        ),
    ),
]  # fmt: skip
