"""Which open deals and leads show signs of trouble, and how often past ones with the same sign were won.

What belongs here: signs as they could be seen on a past day, the rates of those with and without one, and the lines of
today's. What does not: chances and the amounts that follow from them, which are a forecast and no fact.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simulator import clock
from simulator.truth.comparison import Comparison, measures
from simulator.truth.health import ENOUGH, FLAGS, IDLE_DAYS, Health
from simulator.truth.log import EXIT, Z, absent, days_between, rounded, table, text_of
from simulator.truth.responses import SLA_HOURS, Responses
from simulator.truth.scores import HORIZON, Scores
from simulator.truth.team import SOLD

UNTOLD = ("single_contact", "without_contact")
LEAD_FLAGS = ("answered_late", "without_owner", "idle", "worked_again")
FEWEST = 20
UNSCORED = ("reached_at_capture", "no_creation_date", "no_stage_history")
Stratum = tuple[str | None, str, str | None]  # purpose of the pipeline, stage, age
Signs = dict[str, bool | None]
Case = tuple[Stratum, Signs, bool]


def drawn(key: str, count: int) -> int:
    """A number below `count` that is the key's own."""
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[8:], "little") % count


def aged(days: int) -> str:
    """The band of a lead's age in days."""
    bands = ((7, "0 to 6 days"), (21, "7 to 20 days"), (45, "21 to 44 days"))
    return next((name for limit, name in bands if days < limit), "45 days and more")


@dataclass
class Cell:
    """Cases with and without a sign, and how many of each were won."""

    with_: int = 0
    with_won: int = 0
    without: int = 0
    without_won: int = 0

    def add(self, sign: bool | None, won: bool) -> None:
        if sign is True:
            self.with_ += 1
            self.with_won += won
        elif sign is False:
            self.without += 1
            self.without_won += won

    @property
    def is_told(self) -> bool:
        return self.with_ > 0 and self.without > 0

    @property
    def gap(self) -> float:
        return self.with_won / self.with_ - self.without_won / self.without

    @property
    def variance(self) -> float:
        """With one more case of either outcome on each side (Agresti and Caffo)."""
        total = 0.0
        for won, count in ((self.with_won, self.with_), (self.without_won, self.without)):
            rate = (won + 1) / (count + 2)
            total += rate * (1 - rate) / (count + 2)
        return total


class Attention(Scores, Health, Responses):
    """What needs somebody's attention."""

    # --- what was seen on a past day --------------------------------------------------------------------------------

    def _ends(self, day: date) -> pd.Timestamp:
        if day not in self._ends_known:
            self._ends_known[day] = clock.day_start(day + timedelta(days=1), self.moment.zone)
        return self._ends_known[day]

    @cached_property
    def _ends_known(self) -> dict[date, pd.Timestamp]:
        return {}

    @cached_property
    def _month_ends(self) -> list[date]:
        """The last days of the months of three years that were over before the day."""
        last, found = self.calendar.month_of(self.moment.as_of).start - timedelta(days=1), []
        since = (pd.Timestamp(self.moment.as_of) - pd.DateOffset(months=36)).date()
        while last >= since:
            found.append(last)
            last = self.calendar.month_of(last).start - timedelta(days=1)
        return found[::-1]

    @cached_property
    def _ages_at_wins(self) -> list[tuple[str, str, str, pd.Timestamp, float]]:
        """(deal, stage, segment, when it was won, its age when it left the stage) of each stay of a won deal."""
        bulk = {
            (row["deal_key"], row["visit_no"])
            for row in self.fct_deal_stage_visits.to_dict("records")
            if row["is_bulk_update"]
        }
        found = []
        for deal in self._counted_deals:
            if deal["status"] != "won":
                continue
            for number, visit in enumerate(self.deal_visits[deal["deal_id"]], start=1):
                if visit.exited_at is not None and not {(deal["deal_key"], number + one) for one in (0, 1)} & bulk:
                    age = float(days_between(deal["created_at"], visit.exited_at))
                    found.append((deal["deal_key"], visit.stage, deal["segment"], deal["closed_at"], age))
        return found

    @cached_property
    def _counted_deals(self) -> list[dict[Any, Any]]:
        imported = set(self.company.deals.loc[self.company.deals["is_imported"].to_numpy(dtype=bool), "deal_id"])
        return [
            deal
            for deal in self.fct_deals.to_dict("records")
            if not deal["is_excluded"] and deal["pipeline_purpose"] in SOLD and deal["deal_id"] not in imported
        ]

    def _old_for_a_win(self, stage: str, segment: str, at: pd.Timestamp) -> Decimal | None:
        """The age by which nine in ten of the deals that had been won before a moment had left a stage."""
        for wanted in (segment, None):
            known = [
                (deal, age)
                for deal, left, of, won_at, age in self._ages_at_wins
                if left == stage and wanted in (of, None) and won_at < at
            ]
            if len({deal for deal, _ in known}) >= ENOUGH:
                return rounded(Decimal(str(np.percentile([age for _, age in known], 90))), 6)
        return None

    @cached_property
    def _acts(self) -> dict[str, dict[str, list[dict[Any, Any]]]]:
        """deal_key or contact_key -> its activities."""
        found: dict[str, dict[str, list[dict[Any, Any]]]] = {
            "deal_key": defaultdict(list),
            "contact_key": defaultdict(list),
        }
        for row in self.fct_activities.to_dict("records"):
            for name, by_key in found.items():
                if not absent(row[name]):
                    by_key[row[name]].append(row)
        return found

    def _silent_since(self, name: str, key: Any, created: pd.Timestamp, at: pd.Timestamp) -> pd.Timestamp | None:
        """When somebody last dealt with it, by what was written down before a moment; None where more is planned."""
        last = created
        touched = False
        for row in self._acts[name].get(key, []):
            if row["created_at"] >= at:
                continue
            if row["occurred_at"] >= at:
                return None
            if row["kind"] != "task" or row["is_completed"]:
                last = row["occurred_at"] if not touched else max(last, row["occurred_at"])
                touched = True
        return last

    @cached_property
    def _past_deals(self) -> list[Case]:
        names = ("amount", "currency", "close_date", "next_step")
        told = {name: self.history("deal", name, self.end) for name in names}
        steps = [at for rows in told["next_step"].values() for at, value, _ in rows if value]
        found: list[Case] = []
        for deal in self._counted_deals:
            visits = self.deal_visits[deal["deal_id"]]
            if deal["status"] == "open":
                continue
            seen = []
            for day in self._month_ends:
                at = self._ends(day)
                there = [visit for visit in visits if visit.entered_at < at]
                begun = self.day(deal["created_at"]) <= day
                if begun and there and there[-1].stage not in ("won", "lost"):
                    seen.append((day, at, there[-1].stage))
            if not seen:
                continue
            day, at, stage = seen[drawn(deal["deal_key"], len(seen))]
            then = {
                name: [value for since, value, _ in told[name].get(deal["deal_id"], []) if since < at] for name in names
            }
            amounts = [rounded(Decimal(value), 2) for value in then["amount"] if value]
            amount = rounded(Decimal(then["amount"][-1]), 2) if then["amount"] and then["amount"][-1] else None
            cut: bool | None = None
            if then["amount"]:
                single = len({value for value in then["currency"] if value}) <= 1
                cut = False if amount is None else max(amounts) > amount if single else None
            due = (
                date.fromisoformat(then["close_date"][-1][:10])
                if then["close_date"] and then["close_date"][-1]
                else None
            )
            limit = self._old_for_a_win(stage, deal["segment"], at)
            silent = self._silent_since("deal_key", deal["deal_key"], deal["created_at"], at)
            signs: Signs = {
                "past_close_date": due is not None and due < day,
                "idle": silent is not None and silent < at - timedelta(days=IDLE_DAYS),
                "older_than_won": None if limit is None else days_between(deal["created_at"], at) > limit,
                "pushed_twice": self._pushes_before(deal["deal_id"], at) >= 2,
                "amount_cut": cut,
                "without_next_step": not (then["next_step"] and then["next_step"][-1])
                if steps and min(steps) < at
                else None,
            }
            found.append(((deal["pipeline_purpose"], stage, None), signs, deal["status"] == "won"))
        return found

    def _pushes_before(self, deal: str, at: pd.Timestamp) -> int:
        """How often the close date had moved later while the deal was open."""
        visits = self.deal_visits[deal]
        pushes, before = 0, None
        dates = self._dates.get(deal, [])
        for since, value in dates:
            if value is None or since >= at:
                continue
            if before is not None and value > before:
                there = [v for v in visits if v.entered_at <= since and (v.exited_at is None or since < v.exited_at)]
                pushes += any(visit.stage not in ("won", "lost") for visit in there)
            before = value
        return pushes

    @cached_property
    def _dates(self) -> dict[str, list[tuple[pd.Timestamp, str | None]]]:
        return {
            deal: [(at, value) for at, value, _ in rows]
            for deal, rows in self.history("deal", "close_date", self.end).items()
        }

    # --- leads ------------------------------------------------------------------------------------------------------

    @cached_property
    def _answers(self) -> dict[tuple[str, int], dict[Any, Any]]:
        rows = self.fct_lead_responses.to_dict("records")
        return {(row["lead_key"], row["assignment_no"]): row for row in rows}

    def _lead_signs(self, lead: dict[Any, Any], day: date) -> tuple[Signs, dict[str, Any]]:
        """A lead's signs at the end of a day, and what two of them are read from."""
        at = self._ends(day)
        turns = self.assignments[lead["lead_id"]]
        place = next(
            (n for n, (_, got, lost) in enumerate(turns, start=1) if got < at and (lost is None or at <= lost)), None
        )
        holder = None if place is None else turns[place - 1][0]
        hours = None
        if place is not None:
            row = self._answers[lead["lead_key"], place]
            if row["response_status"] != "not_measured":
                first = row["first_response_at"]
                hours = (
                    row["business_hours_from_assignment"]
                    if not absent(first) and first < at
                    else self.business_hours(
                        row["assigned_at"], at, self.hours_of(row["owner_key"], self.day(row["assigned_at"]))
                    )
                )
        silent = self._silent_since("contact_key", lead["contact_key"], lead["created_at"], at)
        last = self._last_before(lead, at)
        kind, left = (None, None) if holder is None else self._kinds_and_leavings[holder]
        gone = left is not None and left < at
        exits = [v for v in self.lead_visits[lead["lead_id"]] if v.order >= EXIT and v.entered_at < at]
        signs: Signs = {
            "answered_late": None if hours is None else hours > SLA_HOURS,
            "without_owner": holder is None or kind != "person" or gone,
            "idle": silent is not None and silent < at - timedelta(days=IDLE_DAYS),
            "worked_again": not absent(lead["recycled_from_lead_key"]) or bool(exits),
        }
        told = None if absent(hours) else rounded(Decimal(str(hours)), 2)
        return signs, {"answered_late": told, "idle": (day - self.day(last)).days}

    @cached_property
    def _kinds_and_leavings(self) -> dict[str, tuple[str, pd.Timestamp | None]]:
        """owner -> what they are, and when they left."""
        left = dict(zip(self.company.owners["owner_id"], self.company.owners["left_at"], strict=True))
        return {
            owner: (kind, None if absent(left[owner]) else left[owner])
            for owner, kind in zip(self.dim_owners["owner_id"], self.dim_owners["kind"], strict=True)
        }

    def _last_before(self, lead: dict[Any, Any], at: pd.Timestamp) -> pd.Timestamp:
        done = [
            row["occurred_at"]
            for row in self._acts["contact_key"].get(lead["contact_key"], [])
            if row["created_at"] < at and row["occurred_at"] < at and (row["kind"] != "task" or row["is_completed"])
        ]
        last: pd.Timestamp = max(done) if done else lead["created_at"]
        return last

    @cached_property
    def _counted_leads(self) -> dict[str, dict[Any, Any]]:
        rows = self.fct_leads.loc[~self.fct_leads["is_excluded"].astype(bool)].to_dict("records")
        return {row["lead_key"]: row for row in rows}

    @cached_property
    def _past_leads(self) -> list[Case]:
        found: list[Case] = []
        for score in self.fct_lead_scores.to_dict("records"):
            lead = self._counted_leads[score["lead_key"]]
            if not score["is_over"] or score["not_scored_reason"] in UNSCORED:
                continue
            begun, reached = lead["created_date"], lead["opportunity_at"]
            stays: list[tuple[date, str]] = []
            for number in range(HORIZON):
                day = begun + timedelta(days=number)
                at = self._ends(day)
                there = [v for v in self.lead_visits[lead["lead_id"]] if v.entered_at < at]
                if not there or (not absent(reached) and reached < at) or there[-1].order >= EXIT:
                    continue
                stays.append((day, there[-1].stage))
            if stays:
                day, stage = stays[drawn(lead["lead_key"], len(stays))]
                signs, _ = self._lead_signs(lead, day)
                found.append(((None, stage, aged((day - begun).days)), signs, score["outcome"] == "reached"))
        return found

    @cached_property
    def _open_leads(self) -> list[dict[Any, Any]]:
        open_ = {row["lead_key"] for row in self.fct_lead_scores.to_dict("records") if row["outcome"] == "open"}
        return [
            lead
            for key, lead in self._counted_leads.items()
            if key in open_ and not lead["is_opportunity"] and absent(lead["exit_reason"])
        ]

    # --- what it is compared by -------------------------------------------------------------------------------------

    @cached_property
    def fct_flag_associations(self) -> pd.DataFrame:
        """One row per sign and stage, and one per sign for all stages."""
        health = self.fct_deal_health.to_dict("records")
        today = self.moment.as_of
        kinds: list[tuple[str, tuple[str, ...], list[Case], set[Stratum]]] = [
            ("deal", FLAGS, self._past_deals, {(row["pipeline_purpose"], row["stage"], None) for row in health}),
            (
                "lead", LEAD_FLAGS, self._past_leads,
                {
                    (None, lead["lifecycle_stage"], aged((today - lead["created_date"]).days))
                    for lead in self._open_leads
                },
            ),
        ]  # fmt: skip
        records = []
        for kind, flags, past, present in kinds:
            for flag in flags:
                cells: dict[Stratum, Cell] = {stratum: Cell() for stratum in present | {case[0] for case in past}}
                for stratum, signs, won in past:
                    cells[stratum].add(signs.get(flag), won)
                records += self._compared(kind, flag, cells)
        return table(records, "association_key entity_kind flag association")

    def _compared(self, kind: str, flag: str, cells: dict[Stratum, Cell]) -> list[dict[str, Any]]:
        every = Cell(
            sum(cell.with_ for cell in cells.values()),
            sum(cell.with_won for cell in cells.values()),
            sum(cell.without for cell in cells.values()),
            sum(cell.without_won for cell in cells.values()),
        )
        told = [cell for cell in cells.values() if cell.is_told]
        enough = min(every.with_, every.without) >= FEWEST and bool(told)
        common, doubt, spread = pooled(told) if told else (0.0, 0.0, 0.0)
        records = []
        for stratum, cell in [*cells.items(), (None, every)]:
            own = spread / (spread + cell.variance) if stratum and cell.is_told else 0.0
            gap = common + own * (cell.gap - common) if stratum and cell.is_told else common
            variance = (1 - own) ** 2 * doubt
            if stratum:
                variance += own * cell.variance if cell.is_told else spread
            low, high = gap - Z * variance**0.5, gap + Z * variance**0.5
            word = "less_often" if high < 0 else "more_often" if low > 0 else "not_told_apart"
            if not enough:
                word = "no_history" if every.with_ + every.without == 0 else "not_enough_history"
            purpose, stage, age = stratum or (None, None, None)
            records.append(
                {
                    "association_key": ":".join(part for part in (kind, flag, purpose, stage or "all", age) if part),
                    "entity_kind": kind,
                    "flag": flag,
                    "pipeline_purpose": purpose,
                    "stage": stage,
                    "age_band": age,
                    "association": word,
                    "cases_with": cell.with_,
                    "reached_with": cell.with_won,
                    "cases_without": cell.without,
                    "reached_without": cell.without_won,
                    "rate_with": cell.with_won / cell.with_ if cell.with_ else None,
                    "rate_without": cell.without_won / cell.without if cell.without else None,
                    "own_weight": own if enough and stratum else None,
                    "difference": gap if enough else None,
                    "difference_low": low if enough else None,
                    "difference_high": high if enough else None,
                    "is_of_all_stages": stratum is None,
                }
            )
        return records

    @cached_property
    def rpt_attention_list(self) -> pd.DataFrame:
        """One row per open deal or lead and sign."""
        found = {row["association_key"]: row for row in self.fct_flag_associations.to_dict("records")}
        names = dict(zip(self.dim_owners["owner_key"], self.dim_owners["rollup_owner_name"], strict=True))
        today = self.moment.as_of
        records = []

        def line(kind: str, row: dict[Any, Any], flag: str, stratum: Stratum, **more: Any) -> None:
            purpose, stage, age = stratum
            own = found[":".join(part for part in (kind, flag, purpose, stage, age) if part)]
            read = min(own["cases_with"], own["cases_without"]) >= FEWEST
            shown = own if read else found[f"{kind}:{flag}:all"]
            records.append(
                {
                    "entity_kind": kind,
                    "entity_key": row[f"{kind}_key"],
                    "owner_key": text_of(row["owner_key"]),
                    "owner_name": names.get(row["owner_key"], "Unassigned"),
                    "stage": stage,
                    "flag": flag,
                    "association": own["association"],
                    "evidence_basis": "stage" if read else "all_stages",
                    **{name: own[name] for name in ("difference", "difference_low", "difference_high")},
                    **{
                        name: shown[name] for name in ("cases_with", "reached_with", "cases_without", "reached_without")
                    },
                    **more,
                }
            )

        for deal in self.fct_deal_health.to_dict("records"):
            for flag in FLAGS:
                if deal[f"is_{flag}"]:
                    value, limit = {
                        "past_close_date": (deal["days_past_close"], 0),
                        "idle": (deal["days_since_activity"], IDLE_DAYS),
                        "older_than_won": (deal["age_days"], deal["won_p90_age_days"]),
                        "pushed_twice": (deal["pushes"], 2),
                        "amount_cut": (deal["amount_cut_reporting"], None),
                        "single_contact": (deal["contacts"], None),
                    }.get(flag, (None, None))
                    line(
                        "deal", deal, flag, (deal["pipeline_purpose"], deal["stage"], None), flag_value=value,
                        flag_threshold=limit, days_open=int(deal["age_days"]),
                    )  # fmt: skip
        for lead in self._open_leads:
            signs, values = self._lead_signs(lead, today)
            days = (today - lead["created_date"]).days
            limits = {"answered_late": SLA_HOURS, "idle": IDLE_DAYS}
            for flag in LEAD_FLAGS:
                if signs[flag]:
                    line(
                        "lead", lead, flag, (None, lead["lifecycle_stage"], aged(days)), flag_value=values.get(flag),
                        flag_threshold=limits.get(flag), days_open=days,
                    )  # fmt: skip
        return table(records, "entity_kind entity_key flag")


def pooled(cells: list[Cell]) -> tuple[float, float, float]:
    """Over stages: the difference (Mantel and Haenszel), its variance, and by how much stages differ beyond chance
    (DerSimonian and Laird)."""
    weights = [cell.with_ * cell.without / (cell.with_ + cell.without) for cell in cells]
    total = sum(weights)
    common = sum(weight * cell.gap for weight, cell in zip(weights, cells, strict=True)) / total
    doubt = sum(weight**2 * cell.variance for weight, cell in zip(weights, cells, strict=True)) / total**2
    if len(cells) < 2:
        return common, doubt, 0.0
    sure = [1 / cell.variance for cell in cells]
    middle = sum(one * cell.gap for one, cell in zip(sure, cells, strict=True)) / sum(sure)
    apart = sum(one * (cell.gap - middle) ** 2 for one, cell in zip(sure, cells, strict=True))
    room = sum(sure) - sum(one**2 for one in sure) / sum(sure)
    return common, doubt, max(0.0, (apart - (len(cells) - 1)) / room)


COMPARISONS = [
    Comparison(
        "fct_flag_associations", ("association_key",),
        measures(
            text="entity_kind flag pipeline_purpose stage age_band association",
            count="cases_with reached_with cases_without reached_without",
            number="rate_with rate_without own_weight difference difference_low difference_high",
            flag="is_of_all_stages",
        ),
    ),
    Comparison(
        "rpt_attention_list", ("entity_kind", "entity_key", "flag"),
        measures(
            text="owner_key owner_name stage association evidence_basis",
            count="cases_with reached_with cases_without reached_without days_open",
            money="flag_value flag_threshold", number="difference difference_low difference_high",
        ),
    ),
]  # fmt: skip
