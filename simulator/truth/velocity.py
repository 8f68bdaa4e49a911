"""How fast leads and deals come on, and which way they go: one traveller after the other."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from functools import cached_property
from itertools import groupby, pairwise
from statistics import median

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.funnel import ORDERS, STEPS, Funnel, Part, shares_by
from simulator.truth.log import Visit, days_between, table

HORIZONS = (7, 14, 30, 60, 90, 180, 365)
ENOUGH = 10


class Velocity(Funnel):
    """Speed."""

    @cached_property
    def _stays(self) -> dict[tuple[str, str, str, str, date], list[tuple[str, float, bool, bool]]]:
        """(funnel, stage, dimension, member, month) -> (who, days, whether it has ended, whether it fell back)."""
        found: dict[tuple[str, str, str, str, date], list[tuple[str, float, bool, bool]]] = defaultdict(list)
        segments = dict(zip(self.dim_accounts["account_key"], self.dim_accounts["segment"], strict=True))
        lives: list[tuple[str, str, str, str, list[Visit]]] = []
        leads = self.leads
        for row in leads.loc[~(leads["is_excluded"] | leads["is_imported"]).astype(bool)].to_dict("records"):
            segment = segments.get(row["account_key"]) or "unknown"
            lives.append(("lead", row["lead_id"], row["channel"], segment, self.lead_visits[row["lead_id"]]))
        imported = set(self.company.deals.loc[self.company.deals["is_imported"].to_numpy(dtype=bool), "deal_id"])
        deals = self.fct_deals
        deals = deals.loc[~deals["is_excluded"].astype(bool) & (deals["pipeline_purpose"] == "new_business")]
        for row in deals.to_dict("records"):
            if row["deal_id"] not in imported:
                visits = self.deal_visits[row["deal_id"]]
                lives.append(("deal", row["deal_id"], row["channel"], row["segment"], visits))
        for funnel, who, channel, segment, visits in lives:
            for visit, after in zip(visits, [*visits[1:], None], strict=True):
                if visit.stage not in STEPS[funnel][:-1]:
                    continue
                if funnel == "deal" and (self._is_bulk(visit) or (after is not None and self._is_bulk(after))):
                    continue
                days = float(days_between(visit.entered_at, self.end if after is None else after.entered_at))
                fell = after is not None and after.direction == "backward"
                month = self.day(visit.entered_at).replace(day=1)
                for dimension, member in (("all", "all"), ("channel", channel), ("segment", segment)):
                    found[funnel, visit.stage, dimension, member, month].append((who, days, after is not None, fell))
        return found

    @cached_property
    def fct_funnel_velocity(self) -> pd.DataFrame:
        """One row per funnel, stage, month and part of the company."""
        medians = {
            cell: reached([(days, over) for _, days, over, _ in stays], 0.5) for cell, stays in self._stays.items()
        }
        slowest: dict[tuple[str, str, str, date], tuple[float, int, str]] = {}
        for (funnel, stage, dimension, member, month), stays in self._stays.items():
            middle = medians[funnel, stage, dimension, member, month]
            if middle is None or sum(over for _, _, over, _ in stays) < ENOUGH:
                continue
            part = (funnel, dimension, member, month)
            claim = (-middle, ORDERS[funnel][stage], stage)
            slowest[part] = min(slowest.get(part, claim), claim)
        records = []
        for cell, stays in self._stays.items():
            funnel, stage, dimension, member, month = cell
            ended = [days for _, days, over, _ in stays if over]
            entered, fallen = {who for who, *_ in stays}, {who for who, _, _, fell in stays if fell}
            before = medians.get((funnel, stage, dimension, member, month_before(month)))
            middle = medians[cell]
            records.append(
                {
                    "funnel": funnel,
                    "stage": stage,
                    "dimension": dimension,
                    "member": member,
                    "entry_month": month,
                    "stage_order": ORDERS[funnel][stage],
                    "visits": len(stays),
                    "completed_visits": len(ended),
                    "censored_visits": len(stays) - len(ended),
                    "entities_entered": len(entered),
                    "entities_regressed": len(fallen),
                    "regression_rate": len(fallen) / len(entered),
                    "median_days_completed": median(ended) if ended else None,
                    "survival_median_days": middle,
                    "p90_days": reached([(days, over) for _, days, over, _ in stays], 0.1),
                    "survival_median_change_days": None if middle is None or before is None else middle - before,
                    "is_slowest": slowest.get((funnel, dimension, member, month), (0, 0, ""))[2] == stage,
                }
            )
        return table(records, "funnel stage dimension member entry_month")

    @cached_property
    def fct_conversion_curves(self) -> pd.DataFrame:
        """One row per funnel, stage, month, part of the company and number of days."""
        cells: dict[tuple[str, str, date, Part], list[tuple[float, str, float]]] = defaultdict(list)
        for traveller in self._travellers:
            steps = STEPS[traveller.funnel]
            for stage, following in pairwise(steps):
                entered = traveller.reached(stage)
                if entered is None:
                    continue
                at, fate = traveller.reached(following), "on"
                if at is None:
                    at, fate = (traveller.exited_at, "out") if traveller.exited_at is not None else (self.end, "waits")
                wait = max(float(days_between(entered, at)), 0.0)
                age = float(days_between(entered, self.end))
                month = self.day(entered).replace(day=1)
                for part in traveller.parts:
                    cells[traveller.funnel, stage, month, part].append((wait, fate, age))
        records = []
        for (funnel, stage, month, part), members in cells.items():
            last_day = (pd.Timestamp(month) + pd.offsets.MonthEnd(0)).date()
            for horizon in HORIZONS:
                on, out = shares_by(horizon, [(wait, fate) for wait, fate, _ in members])
                watched = any(age >= horizon for _, _, age in members)
                records.append(
                    {
                        "funnel": funnel,
                        "stage": stage,
                        "entry_month": month,
                        "dimension": part[0],
                        "member": part[1],
                        "horizon_days": horizon,
                        "stage_order": ORDERS[funnel][stage],
                        "cohort_size": len(members),
                        "progressed_incidence": on if watched else None,
                        "exited_incidence": out if watched else None,
                        "is_complete": (self.moment.as_of - last_day).days >= horizon,
                    }
                )
        return table(records, "funnel stage entry_month dimension member horizon_days")


def month_before(month: date) -> date:
    return (month - pd.Timedelta(days=1)).replace(day=1)


def reached(waits: list[tuple[float, bool]], share: float) -> float | None:
    """The first moment at which at most `share` still wait, the unended ones censored (Kaplan and Meier 1958)."""
    left, at_risk = 1.0, len(waits)
    for days, group in groupby(sorted(waits), key=lambda wait: wait[0]):
        ended = [over for _, over in group]
        left *= 1 - sum(ended) / at_risk
        if sum(ended) and left <= share + 1e-9:
            return float(days)
        at_risk -= len(ended)
    return None


COMPARISONS = [
    Comparison(
        "fct_funnel_velocity", ("funnel", "stage", "dimension", "member", "entry_month"),
        measures(
            count="stage_order visits completed_visits censored_visits entities_entered entities_regressed",
            number="regression_rate median_days_completed survival_median_days p90_days survival_median_change_days",
            flag="is_slowest",
        ),
    ),
    Comparison(
        "fct_conversion_curves", ("funnel", "stage", "entry_month", "dimension", "member", "horizon_days"),
        measures(
            count="stage_order cohort_size", number="progressed_incidence exited_incidence", flag="is_complete",
        ),
    ),
]  # fmt: skip
