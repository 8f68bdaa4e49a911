"""How many come how far, of leads and of deals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise, zip_longest

import numpy as np
import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import DEAL_STAGES, EXIT, LEAD_STAGES, SOURCE, Visit, Z, days_between, moment_of, rounded

STEPS = {
    "lead": ["suspect", "lead", "mql", "sql_lead", "opportunity", "customer"],
    "deal": ["prospecting", "qualification", "meeting", "proposal", "negotiation", "closing", "won"],
}
MILESTONES = {"lead": STEPS["lead"][2:], "deal": STEPS["deal"][1:]}
ORDERS = {"lead": LEAD_STAGES, "deal": DEAL_STAGES}
# A dimension and the member of it.
Part = tuple[str, str]


@dataclass(frozen=True)
class Traveller:
    """A lead or a deal on its way through a funnel; `exited_at` is set while it is out."""

    funnel: str
    channel: str
    segment: str
    created_at: pd.Timestamp
    visits: list[Visit]
    exited_at: pd.Timestamp | None

    def reached(self, stage: str) -> pd.Timestamp | None:
        """When it first came to `stage` or past it."""
        order = ORDERS[self.funnel][stage]
        return next((visit.entered_at for visit in self.visits if order <= visit.order < EXIT), None)

    @property
    def parts(self) -> tuple[Part, ...]:
        return ("all", "all"), ("channel", self.channel), ("segment", self.segment)

    @property
    def furthest(self) -> int:
        return max((visit.order for visit in self.visits if visit.order < EXIT), default=0)


class Funnel(Deals):
    """Both funnels."""

    @cached_property
    def _travellers(self) -> list[Traveller]:
        """Leads and new-business deals, without those left out of figures and what a migration brought."""
        found = []
        leads = self.leads
        segments = dict(zip(self.dim_accounts["account_key"], self.dim_accounts["segment"], strict=True))
        for row in leads.loc[~leads["is_excluded"] & ~leads["is_imported"]].to_dict("records"):
            visits = self.lead_visits[row["lead_id"]]
            segment = segments.get(row["account_key"]) or "unknown"
            exited_at = moment_of(row["exited_at"])
            found.append(Traveller("lead", row["channel"], segment, row["created_at"], visits, exited_at))
        rows = self.company.deals
        imported = rows.loc[rows["is_imported"].to_numpy(dtype=bool), "deal_id"]
        deals = self.fct_deals
        chosen = deals.loc[~deals["is_excluded"] & (deals["pipeline_purpose"] == "new_business")]
        chosen = chosen.loc[~chosen["deal_id"].isin(imported)]
        for row in chosen.to_dict("records"):
            lost_at = moment_of(row["closed_at"]) if row["status"] == "lost" else None
            visits = self.deal_visits[row["deal_id"]]
            found.append(Traveller("deal", row["channel"], row["segment"], row["created_at"], visits, lost_at))
        return found

    @cached_property
    def _bulk_visits(self) -> set[tuple[str, pd.Timestamp]]:
        rows = self.fct_deal_stage_visits
        rows = rows.loc[rows["is_bulk_update"]]
        return set(zip(rows["stage_key"], rows["entered_at"], strict=True))

    @cached_property
    def fct_funnel_stages(self) -> pd.DataFrame:
        """One row per funnel, stage, month of entry and part of the company."""
        cells: dict[tuple[str, str, date, Part], list[Traveller]] = {}
        for traveller in self._travellers:
            for stage in STEPS[traveller.funnel]:
                entered = traveller.reached(stage)
                if entered is not None:
                    month = self.day(entered).replace(day=1)
                    for part in traveller.parts:
                        cells.setdefault((traveller.funnel, stage, month, part), []).append(traveller)
        horizon = {group: ninetieth(waits) for group, waits in self._waits().items()}
        records = []
        for (funnel, stage, month, part), members in cells.items():
            last = stage == STEPS[funnel][-1]
            typical = horizon.get((funnel, stage, part))
            month_end = (pd.Timestamp(month) + pd.offsets.MonthEnd(0)).date()
            mature = typical is not None and (self.moment.as_of - month_end).days >= typical
            order = ORDERS[funnel][stage]
            progressed = sum(traveller.furthest > order for traveller in members)
            exited = sum(traveller.furthest <= order and traveller.exited_at is not None for traveller in members)
            stays = sorted(
                float(days_between(visit.entered_at, visit.exited_at))
                for traveller in members
                for visit, after in zip_longest(traveller.visits, traveller.visits[1:])
                if visit.stage == stage and visit.exited_at is not None and not self._is_bulk(visit)
                if after is None or not self._is_bulk(after)
            )
            low, high = (None, None) if last else wilson(progressed, len(members))
            records.append(
                {
                    "funnel": funnel,
                    "stage": stage,
                    "entry_month": month,
                    "dimension": part[0],
                    "member": part[1],
                    "entities_entered": len(members),
                    "entities_progressed": progressed,
                    "entities_exited": exited,
                    "entities_open": len(members) - progressed - exited,
                    "conversion_rate": None if last else progressed / len(members),
                    "wilson_low": low,
                    "wilson_high": high,
                    "median_days_completed": float(np.median(stays)) if stays else None,
                    "completed_visits": len(stays),
                    "p90_days_to_outcome": typical,
                    "is_mature": None if last else mature,
                }
            )
        return pd.DataFrame.from_records(records)

    def _waits(self) -> dict[tuple[str, str, Part], list[tuple[float, bool]]]:
        """(funnel, stage, part) -> days from the stage to a later one or out, and whether either has come."""
        found: dict[tuple[str, str, Part], list[tuple[float, bool]]] = {}
        for traveller in self._travellers:
            for stage, following in pairwise(STEPS[traveller.funnel]):
                entered = traveller.reached(stage)
                if entered is None:
                    continue
                outcome = traveller.reached(following) or traveller.exited_at
                wait = (self.end if outcome is None else outcome) - entered
                days = float(rounded(Decimal(str(max(wait / pd.Timedelta(days=1), 0.0))), 6))
                for part in traveller.parts:
                    found.setdefault((traveller.funnel, stage, part), []).append((days, outcome is not None))
        return found

    def _is_bulk(self, visit: Visit) -> bool:
        return (f"{SOURCE}:deal:{visit.pipeline_id}:{visit.stage_id}", visit.entered_at) in self._bulk_visits

    @cached_property
    def fct_conversions_cohort(self) -> pd.DataFrame:
        """One row per funnel, month of creation, part of the company and milestone."""
        cells: dict[tuple[str, date, Part, str], list[Traveller]] = {}
        fates: dict[tuple[str, date, Part, str], list[tuple[float, str]]] = {}
        groups: dict[tuple[str, Part, str], list[tuple[float, bool]]] = {}
        for traveller in self._travellers:
            month = self.day(traveller.created_at).replace(day=1)
            for stage in MILESTONES[traveller.funnel]:
                at = traveller.reached(stage)
                outcome = at if at is not None else traveller.exited_at
                wait = (outcome if outcome is not None else self.end) - traveller.created_at
                days = max(wait / pd.Timedelta(days=1), 0.0)
                fate = "on" if at is not None else "waits" if outcome is None else "out"
                for part in traveller.parts:
                    cells.setdefault((traveller.funnel, month, part, stage), []).append(traveller)
                    fates.setdefault((traveller.funnel, month, part, stage), []).append((round(days, 6), fate))
                    groups.setdefault((traveller.funnel, part, stage), []).append((days, outcome is not None))
        horizon = {group: ninetieth(waits) for group, waits in groups.items()}
        records = []
        for (funnel, month, part, stage), members in cells.items():
            reached = sum(traveller.reached(stage) is not None for traveller in members)
            low, high = wilson(reached, len(members))
            on, out = shares_by(math.inf, fates[funnel, month, part, stage])
            typical = horizon[funnel, part, stage]
            month_end = (pd.Timestamp(month) + pd.offsets.MonthEnd(0)).date()
            records.append(
                {
                    "funnel": funnel,
                    "cohort_month": month,
                    "dimension": part[0],
                    "member": part[1],
                    "milestone": stage,
                    "cohort_size": len(members),
                    "reached": reached,
                    "conversion_rate": reached / len(members),
                    "wilson_low": low,
                    "wilson_high": high,
                    "reached_incidence": on,
                    "exited_incidence": out,
                    "p90_days_to_outcome": typical,
                    "is_mature": typical is not None and (self.moment.as_of - month_end).days >= typical,
                }
            )
        return pd.DataFrame.from_records(records)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share = successes / trials
    centre = share + Z * Z / (2 * trials)
    spread = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    scale = 1 + Z * Z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def ninetieth(waits: list[tuple[float, bool]]) -> float | None:
    """The wait within which nine tenths have had an outcome, the others censored (Kaplan and Meier 1958)."""
    share, at_risk = 1.0, len(waits)
    ordered = sorted(waits)
    place = 0
    while place < len(ordered):
        days = ordered[place][0]
        group = [outcome for wait, outcome in ordered[place : _after(ordered, place)]]
        if sum(group):
            share *= 1 - sum(group) / at_risk
            if share <= 0.1 + 1e-9:
                return days
        at_risk -= len(group)
        place += len(group)
    return None


def shares_by(horizon: float, waits: Iterable[tuple[float, str]]) -> tuple[float, float]:
    """The shares that went on and out within `horizon` days (Aalen and Johansen), found by redistributing weights.

    Each begins with an equal weight; whoever is censored hands theirs in equal parts to those who wait longer
    (B. Efron 1967: the same estimate). Those whose outcome comes at the moment of a censoring go first.
    """
    ordered = sorted(waits, key=lambda wait: (wait[0], wait[1] == "waits"))
    weight = 1 / len(ordered)
    share = {"on": 0.0, "out": 0.0}
    for place, (days, fate) in enumerate(ordered):
        if fate != "waits":
            if days <= horizon:
                share[fate] += weight
        elif place + 1 < len(ordered):
            weight += weight / (len(ordered) - place - 1)
    return share["on"], share["out"]


def _after(ordered: list[tuple[float, bool]], place: int) -> int:
    """The first position behind the group of equal waits that begins at `place`."""
    end = place
    while end < len(ordered) and ordered[end][0] == ordered[place][0]:
        end += 1
    return end


COMPARISONS = [
    Comparison(
        "fct_funnel_stages", ("funnel", "stage", "entry_month", "dimension", "member"),
        measures(
            count="entities_entered entities_progressed entities_exited entities_open completed_visits",
            number="conversion_rate wilson_low wilson_high median_days_completed p90_days_to_outcome",
            flag="is_mature",
        ),
    ),
    Comparison(
        "fct_conversions_cohort", ("funnel", "cohort_month", "dimension", "member", "milestone"),
        measures(
            count="cohort_size reached",
            number="conversion_rate wilson_low wilson_high reached_incidence exited_incidence p90_days_to_outcome",
            flag="is_mature",
        ),
    ),
]  # fmt: skip
