"""Who did what: activities, and each seller's months."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from simulator import clock
from simulator.company import START
from simulator.truth.comparison import Comparison, measures
from simulator.truth.funnel import STEPS, wilson
from simulator.truth.log import DEAL_STAGES, EXIT, SOURCE, absent, key_of, rounded, table, text_of
from simulator.truth.plans import Plans
from simulator.truth.splits import Splits

OUTCOMES = {
    "meeting": {
        "COMPLETED": "held", "NO_SHOW": "no_show", "CANCELED": "cancelled", "RESCHEDULED": "rescheduled",
        "SCHEDULED": "scheduled",
    },
    "call": {
        "CONNECTED": "connected", "NO_ANSWER": "no_answer", "LEFT_VOICEMAIL": "left_message", "BUSY": "busy",
    },
    "email": {"SENT": "sent", "OPENED": "sent", "REPLIED": "sent", "BOUNCED": "bounced"},
    "task": {"COMPLETED": "done", "NOT_STARTED": "open", "DEFERRED": "open"},
}  # fmt: skip
WORKED = {"held", "connected", "left_message", "sent", "done"}
SOLD = {"new_business", "renewal", "upsell"}
NOBODY = "unassigned"
STAGES = STEPS["deal"][:-1]
Cell = tuple[str, date]
# What is told per working day, beside bookings, and of what it is the sum.
DONE = {
    "activities": ("calls", "emails", "tasks_done", "meetings_held"),
    "meetings_booked": ("meetings_booked",),
    "meetings_held": ("meetings_held",),
    "proposals": ("proposals",),
    "created": ("created_reporting",),
    "won_deals": ("won_deals",),
}
# What is asked of a starter in the first months.
RAMP = (Decimal("0.5"), Decimal("0.75"))


def first_of(day: date) -> date:
    return day.replace(day=1)


def months_later(month: date, count: int) -> date:
    place = month.year * 12 + month.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


class Team(Splits, Plans):
    """Sellers."""

    def _basis(self, owner: object, day: date) -> str | None:
        """How a team of a day is known."""
        period = self.team_period(owner, day)
        return None if period is None else "landed_version" if period.since else "assumed_current"

    @cached_property
    def fct_activities(self) -> pd.DataFrame:
        """One row per activity that had been written down."""
        rows = self.company.activities
        known = {
            "contact": set(self.contacts_existing["contact_id"]),
            "deal": set(self.deals_existing["deal_id"]),
            "company": set(self.existing(self.company.accounts, "company", "account_id")["account_id"]),
        }
        deals = self.fct_deals
        test_deals = set(deals.loc[deals["exclusion_reason"] == "test", "deal_id"])
        hidden = {"contact": self.test_contacts, "company": self.test_accounts, "deal": test_deals}
        kinds = dict(zip(self.company.owners["owner_id"], self.company.owners["kind"], strict=True))
        records = []
        for row in rows.loc[rows["created_at"] < self.end].to_dict("records"):
            links: dict[str, str | None] = {}
            gone = self.gone_for(row) | self.deleted.keys()
            for thing, name in (("contact", "contact_id"), ("deal", "deal_id"), ("company", "account_id")):
                linked = self.surviving(thing, row[name])
                links[thing] = linked if linked in known[thing] and (thing, linked) not in gone else None
            past = row["at"] < self.end
            placed = min(self.day(row["at"]), self.moment.as_of)
            outcome = OUTCOMES[row["kind"]][row["outcome"]] if past else "scheduled"
            talk = row["kind"] in ("call", "email")
            test = any(linked in hidden[thing] for thing, linked in links.items())
            records.append(
                {
                    "activity_key": key_of(row["activity_id"]),
                    "activity_id": row["activity_id"],
                    "owner_key": key_of(row["owner_id"]),
                    "deal_key": key_of(links["deal"]),
                    "contact_key": key_of(links["contact"]),
                    "account_key": key_of(links["company"]),
                    "kind": row["kind"],
                    "direction": text_of(row["direction"]),
                    "team": self.team_seen(key_of(row["owner_id"]), placed),
                    "team_history_basis": self._basis(key_of(row["owner_id"]), placed),
                    "outcome": outcome,
                    "exclusion_reason": "test" if test else None,
                    "is_completed": outcome in WORKED,
                    "is_planned": not past,
                    "is_past": past,
                    "is_human_outbound": past
                    and talk
                    and row["direction"] == "outbound"
                    and kinds.get(row["owner_id"]) == "person",
                    "is_deleted": False,
                    "is_excluded": test,
                    "occurred_date": self.day(row["at"]),
                    "created_date": self.day(row["created_at"]),
                    "occurred_at": row["at"],
                    "created_at": row["created_at"],
                }
            )
        return table(
            records, "activity_key owner_key kind direction outcome is_completed is_past is_excluded created_date"
        )

    @cached_property
    def dim_owner_teams(self) -> pd.DataFrame:
        """One row per owner and period in one team; HubSpot has no managers."""
        return self.owner_teams(SOURCE, tells_managers=False)

    def owner_teams(self, system: str, *, tells_managers: bool) -> pd.DataFrame:
        """The same for any system that lists the company's owners."""
        records = []
        places = self.places(tells_managers=tells_managers)
        for owner in self.dim_owners["owner_id"]:
            periods = places[owner]
            for period, following in zip(periods, [*periods[1:], None], strict=True):
                bounds = [one and one.since and clock.day_start(one.since, self.moment.zone)
                          for one in (period, following)]  # fmt: skip
                records.append(
                    {
                        "owner_key": f"{system}:{owner}",
                        "valid_from": bounds[0],
                        "valid_to": bounds[1],
                        "team": period.team if period.since else None,
                        "manager_key": f"{system}:{period.manager}" if period.since and period.manager else None,
                        "history_basis": "landed_version" if period.since else "assumed_current",
                        "is_current": following is None,
                    }
                )
        return table(records, "owner_key valid_from valid_to")

    @cached_property
    def fct_targets_daily(self) -> pd.DataFrame:
        """One row per target and working day: whole cents, dealt out in turn."""
        records = []
        for row in self.fct_targets.to_dict("records"):
            month = row["period_start"]
            days = self.working_days(month, self.calendar.end_of(month))
            cents, left = divmod(int(row["amount_reporting"] * 100), len(days))
            records += [
                {
                    **{name: row[name] for name in ("level", "member", "measure")},
                    "date_day": day,
                    "amount_reporting": Decimal(cents + (number < left)) / 100,
                }
                for number, day in enumerate(days)
            ]
        return table(records, "level member measure date_day amount_reporting")

    # --- months of sellers ------------------------------------------------------------------------------------------

    @cached_property
    def _months(self) -> list[date]:
        return [month.start for month in self.calendar.periods("month", START, self.moment.as_of)]

    @cached_property
    def _employed(self) -> dict[str, tuple[date, date | None]]:
        """owner -> first and last day; whoever leaves later is still there."""
        rows = self.company.owners
        rows = rows.loc[rows["active_from"] < self.end]
        found = {}
        for owner, begun, left in zip(rows["owner_id"], rows["active_from"], rows["left_at"], strict=True):
            gone = not absent(left) and left < self.end
            found[str(key_of(owner))] = (self.day(begun), self.day(left) if gone else None)
        return found

    def _ramped(self, owner: str, month: date) -> Decimal:
        """The share of a month's target that counts: less than all of it in the months that follow a start."""
        if owner in self._employed:
            begun = self._employed[owner][0]
            since = self.calendar.month_of(month).number - self.calendar.month_of(begun).number
            if 0 <= since < len(RAMP):
                return RAMP[since]
        return Decimal(1)

    def _days_at_work(self, owner: str, month: date, until: date) -> int | None:
        """Working days of a month up to a day on which the owner was there; None where they were not there at all."""
        if owner not in self._employed:
            return None
        begun, left = self._employed[owner]
        if begun > self.calendar.end_of(month) or (left is not None and left < month):
            return None
        return len(self.working_days(max(month, begun), min(until, self.calendar.end_of(month), left or until), owner))

    @cached_property
    def _sums(self) -> dict[str, dict[Cell, Any]]:
        """measure -> (owner, month) -> its sum."""
        found: dict[str, dict[Cell, Any]] = defaultdict(lambda: defaultdict(Decimal))
        imported = set(self.company.deals.loc[self.company.deals["is_imported"].to_numpy(dtype=bool), "deal_id"])
        histories = self.history("deal", "owner_id", self.end)
        deals = self.fct_deals
        for deal in deals.loc[~deals["is_excluded"] & deals["pipeline_purpose"].isin(SOLD)].to_dict("records"):
            visits = self.deal_visits[deal["deal_id"]]
            turns = histories.get(deal["deal_id"], [])

            def holder(at: pd.Timestamp, turns: list[Any] = turns, today: Any = deal["owner_key"]) -> str:
                held = [owner for since, owner, _ in turns if since <= at]
                return (key_of(held[-1]) if held else text_of(today)) or NOBODY

            money = Decimal(0) if absent(deal["amount_reporting"]) else deal["amount_reporting"]
            if deal["status"] == "open":
                cell = (text_of(deal["owner_key"]) or NOBODY, self.calendar.first_of(self.moment.as_of))
                found["open_deals"][cell] += 1
                found["open_reporting"][cell] += money
            elif deal["close_day"] <= self.moment.as_of:
                month = self.calendar.first_of(deal["close_day"])
                cell = self._credit(deal, month, found)
                if deal["pipeline_purpose"] == "new_business" and deal["is_qualified"] and not deal["is_zero_day_win"]:
                    found["rated"][cell] += 1
                    found["rated_won"][cell] += deal["status"] == "won"
            if deal["deal_id"] not in imported:
                cell = (holder(visits[0].entered_at), self.calendar.first_of(deal["created_date"]))
                found["created_deals"][cell] += 1
                found["created_reporting"][cell] += money
            proposed = [visit for visit in visits if 4 <= visit.order < EXIT]
            if proposed and deal["pipeline_purpose"] == "new_business":
                at = proposed[0].entered_at
                found["proposals"][holder(at), self.calendar.first_of(self.day(at))] += 1
        self._add_activities(found)
        return found

    def _credit(self, deal: dict[Any, Any], month: date, found: dict[str, dict[Cell, Any]]) -> Cell:
        """Adds a closed deal's parts; the cell in which the deal is counted."""
        won = deal["status"] == "won"
        counted = (NOBODY, month)
        for part in self.credits_of_deals[deal["deal_key"]]:
            cell = (part["owner_key"] or NOBODY, month)
            found[f"{deal['status']}_reporting"][cell] += part["amount_reporting"] or 0
            if won:
                found["won_plan_rate"][cell] += part["amount_plan_rate"] or 0
            if part["is_counted"]:
                counted = cell
                found[f"{deal['status']}_deals"][cell] += 1
                found["won_deals_without_amount"][cell] += won and absent(part["amount_reporting"])
            elif won:
                found["won_deals_shared"][cell] += 1
        for part in self.overlays_of_deals.get(deal["deal_key"], []) if won else []:
            found["won_overlay_plan_rate"][part["owner_key"], month] += part["amount_plan_rate"] or 0
        if not won:
            # An owner whose only deal of the month was lost, or helped with, has a row all the same.
            for part in self.overlays_of_deals.get(deal["deal_key"], []):
                found["seen"][part["owner_key"], month] += 1
        return counted

    def _add_activities(self, found: dict[str, dict[Cell, Any]]) -> None:
        activities = self.fct_activities
        for row in activities.loc[~activities["is_excluded"].astype(bool)].to_dict("records"):
            owner, kind = text_of(row["owner_key"]) or NOBODY, row["kind"]
            if kind == "meeting":
                found["meetings_booked"][owner, self.calendar.first_of(row["created_date"])] += 1
            if not row["is_past"]:
                continue
            found["seen"][owner, self.calendar.first_of(row["occurred_date"])] += 1
            if row["direction"] == "inbound":
                continue
            name = {"call": "calls", "email": "emails", "task": "tasks_done"}.get(kind, f"meetings_{row['outcome']}")
            if kind != "task" or row["outcome"] == "done":
                found[name][owner, self.calendar.first_of(row["occurred_date"])] += 1

    def _trailing(self, month: date) -> dict[str, tuple[int, int]]:
        """owner -> won and closed in the twelve months that end with `month`."""
        first = self.calendar.later(month, -11)
        won: Counter[str] = Counter()
        closed: Counter[str] = Counter()
        for (owner, at), count in self._sums["rated"].items():
            if first <= at <= month:
                closed[owner] += int(count)
                won[owner] += int(self._sums["rated_won"][owner, at])
        return {owner: (won[owner], closed[owner]) for owner in closed}

    @cached_property
    def _quotas(self) -> dict[str, dict[Cell, Decimal]]:
        """measure -> (owner, month) -> the target as it is stated."""
        found: dict[str, dict[Cell, Decimal]] = defaultdict(dict)
        targets = self.fct_targets
        for row in targets.loc[targets["level"] == "owner"].to_dict("records"):
            found[row["measure"]][row["member"], row["period_start"]] = row["amount_reporting"]
        return found

    def _asked(self, owner: str, month: date, stated: Decimal) -> Decimal:
        """What of a stated quota is asked of who began or left within the month, or began not long ago."""
        of_month = len(self.working_days(month, self.calendar.end_of(month), owner))
        employed = self._days_at_work(owner, month, self.calendar.end_of(month))
        left = self._employed.get(owner, (month, None))[1]
        gone = left is not None and left < month
        present = Decimal(0 if gone else of_month if employed is None else employed) / of_month
        return rounded(Decimal(stated) * self._ramped(owner, month) * min(present, Decimal(1)), 2)

    @cached_property
    def fct_quota_attainment(self) -> pd.DataFrame:
        """One row per owner, team or company, measure and month with a quota."""
        names = dict(zip(self.dim_owners["owner_key"], self.dim_owners["rollup_owner_name"], strict=True))
        of_months = self.fct_rep_months
        teams = dict(
            zip(zip(of_months["owner_key"], of_months["month_start"], strict=True), of_months["team"], strict=True)
        )
        credited: dict[tuple[str, str, date], list[Mapping[Any, Any]]] = defaultdict(list)
        for deal in self.fct_deals.to_dict("records"):
            counts = deal["status"] == "won" and not deal["is_excluded"] and deal["pipeline_purpose"] in SOLD
            if counts and deal["close_day"] <= self.moment.as_of:
                month = self.calendar.first_of(deal["close_day"])
                credited["company", "company", month].append({**deal, "is_counted": True})
                for part in self.credits_of_deals[deal["deal_key"]]:
                    team = self.team_on(part["owner_key"], deal["close_day"])
                    credited["owner", part["owner_key"] or NOBODY, month].append(part)
                    credited["team", team or NOBODY, month].append(part)
        records = []
        asked: dict[tuple[str, str, str, date], Decimal] = defaultdict(Decimal)
        for row in self.fct_targets.loc[self.fct_targets["level"].isin(["team", "company"])].to_dict("records"):
            member = row["member"] if row["level"] == "team" else "company"
            asked[row["level"], member, row["measure"], row["period_start"]] += row["amount_reporting"]
        for (level, member, measure, month), target in asked.items():
            if month in self._months:
                records.append(
                    {"level": level, "member": member, "measure": measure, "month_start": month}
                    | dict.fromkeys(("owner_key", "team", "rollup_owner_name"))
                    | {"quota_stated": target, "ramp_share": Decimal(1)}
                    | _attained(measure, target, credited[level, member, month])
                )
        for measure, quotas in self._quotas.items():
            for (owner, month), stated in quotas.items():
                if month in self._months:
                    records.append(
                        {
                            "level": "owner",
                            "member": owner,
                            "owner_key": owner,
                            "measure": measure,
                            "month_start": month,
                            "team": teams.get((owner, month)),
                            "rollup_owner_name": names.get(owner, "Unassigned"),
                            "quota_stated": stated,
                            "ramp_share": self._ramped(owner, month),
                        }
                        | _attained(measure, self._asked(owner, month, stated), credited["owner", owner, month])
                    )
        return table(records, "level member measure month_start")

    @cached_property
    def fct_rep_months(self) -> pd.DataFrame:
        """One row per owner and month."""
        sums = self._sums
        this_month, month_end = self.calendar.first_of(self.moment.as_of), self.calendar.end_of
        quota = self._quotas["bookings"]
        cells = {cell for name, by_cell in sums.items() if not name.startswith("rated") for cell in by_cell}
        cells |= quota.keys()
        people = set(self.dim_owners.loc[self.dim_owners["kind"] == "person", "owner_key"])
        for owner in people & self._employed.keys():
            begun, left = self._employed[owner]
            cells |= {(owner, m) for m in self._months if begun <= month_end(m) and (left is None or left >= m)}
        active = dict(zip(self.dim_owners["owner_key"], self.dim_owners["is_active"], strict=True))
        names = dict(zip(self.dim_owners["owner_key"], self.dim_owners["rollup_owner_name"], strict=True))
        money = ("won_plan_rate", "won_overlay_plan_rate", "won_reporting", "lost_reporting", "created_reporting")
        counts = [
            *("won_deals", "won_deals_without_amount", "won_deals_shared", "lost_deals", "created_deals", "proposals"),
            *("calls", "emails", "tasks_done"),
            *("meetings_booked", "meetings_held", "meetings_no_show", "meetings_cancelled", "meetings_rescheduled"),
        ]
        records = []
        for month in self._months:
            trailing = self._trailing(month)
            strength = worth_of_others(list(trailing.values()))
            last_day = min(month_end(month), self.moment.as_of)
            teams = {owner: self.team_seen(owner, last_day) for owner in self.team_periods}
            for owner in sorted(owner for owner, at in cells if at == month):
                cell = (owner, month)
                days = self._days_at_work(owner, month, self.moment.as_of)
                stated = quota.get(cell)
                share = None if stated is None else self._ramped(owner, month)
                own = None if stated is None else self._asked(owner, month, stated)
                won, closed = trailing.get(owner, (0, 0))
                basis, peer_won, peer_closed = others(owner, trailing, teams)
                booked, rated = sums["won_plan_rate"].get(cell, Decimal(0)), sums["rated"].get(cell, 0)
                peers = peer_won / peer_closed if peer_closed else None
                records.append(
                    {
                        "owner_key": owner,
                        "month_start": month,
                        "manager_key": None,
                        "team": teams.get(owner),
                        "team_history_basis": self._basis(owner, last_day),
                        "rollup_owner_name": names.get(owner, "Unassigned"),
                        "peer_basis": basis,
                        "working_days": days,
                        "quota_stated": stated,
                        "ramp_share": share,
                        "quota": own,
                        **{name: sums[name].get(cell, Decimal(0)) for name in money},
                        **{name: int(sums[name].get(cell, 0)) for name in counts},
                        "open_deals": int(sums["open_deals"].get(cell, 0)) if month == this_month else None,
                        "open_reporting": sums["open_reporting"].get(cell, 0) if month == this_month else None,
                        "attainment": booked / own if own else None,
                        "won_per_working_day": booked / days if days else None,
                        **{
                            f"{name}_per_working_day": sum(sums[part].get(cell, Decimal(0)) for part in parts) / days
                            if days
                            else None
                            for name, parts in DONE.items()
                        },
                        "win_rate": sums["rated_won"].get(cell, 0) / rated if rated else None,
                        "trailing_won_deals": won,
                        "trailing_closed_deals": closed,
                        "trailing_win_rate": won / closed if closed else None,
                        "peer_win_rate": peers,
                        "trailing_win_rate_shrunk": (won + strength * peers) / (closed + strength)
                        if closed and peers is not None
                        else None,
                        "is_active": bool(active.get(owner, False)),
                    }
                )
        return table(records, "owner_key month_start")


def _attained(measure: str, quota: Decimal, parts: list[Mapping[Any, Any]]) -> dict[str, Any]:
    """What deals or parts of them make of a quota."""
    money = f"{'amount' if measure == 'bookings' else measure}_plan_rate"
    counted = [part for part in parts if part["is_counted"]]
    won = sum((part[money] for part in parts if not absent(part[money])), Decimal(0))
    return {
        "quota": quota,
        "won_plan_rate": won,
        "won_deals": len(counted),
        "won_deals_without_amount": sum(absent(part[money]) for part in counted),
        "attainment": won / quota if quota else None,
    }


class RepStages(Team):
    """Which stages owners take deals through."""

    @cached_property
    def fct_rep_stage_conversions(self) -> pd.DataFrame:
        """One row per owner and stage, of the deals that came to it within twelve months and have been decided."""
        since = (pd.Timestamp(self.moment.as_of) - pd.DateOffset(months=12)).date()
        turns = self.history("deal", "owner_id", self.end)
        rows = self.company.deals
        imported = rows.loc[rows["is_imported"].to_numpy(dtype=bool), "deal_id"]
        deals = self.fct_deals
        deals = deals.loc[~deals["is_excluded"].astype(bool) & (deals["pipeline_purpose"] == "new_business")]
        deals = deals.loc[~deals["deal_id"].isin(imported)]
        counts: dict[str, dict[str, list[int]]] = {stage: {} for stage in STAGES}
        for deal in deals.to_dict("records"):
            visits = [visit for visit in self.deal_visits[deal["deal_id"]] if visit.order < EXIT]
            furthest = max((visit.order for visit in visits), default=0)
            for stage in STAGES:
                order = DEAL_STAGES[stage]
                entry = next((visit for visit in visits if visit.order >= order), None)
                if entry is None or self.day(entry.entered_at) <= since:
                    continue
                if furthest <= order and deal["status"] != "lost":
                    continue
                held = [owner for at, owner, _ in turns.get(deal["deal_id"], []) if at <= entry.entered_at]
                owner = key_of(held[-1]) if held else text_of(deal["owner_key"])
                count = counts[stage].setdefault(owner or NOBODY, [0, 0])
                count[0] += furthest > order
                count[1] += 1
        teams = {row["owner_key"]: text_of(row["team"]) for row in self.dim_owners.to_dict("records")}
        names = dict(zip(self.dim_owners["owner_key"], self.dim_owners["rollup_owner_name"], strict=True))
        records: list[dict[str, Any]] = []
        for stage, by_owner in counts.items():
            everyone = {owner: (on, decided) for owner, (on, decided) in by_owner.items()}
            strength = worth_of_others(list(everyone.values()))
            for owner, (on, decided) in everyone.items():
                basis, peer_on, peer_decided = others(owner, everyone, teams)
                rate = peer_on / peer_decided if peer_decided else None
                low, high = wilson(on, decided)
                records.append(
                    {
                        "owner_key": owner,
                        "team": teams.get(owner),
                        "rollup_owner_name": names.get(owner, "Unassigned"),
                        "stage": stage,
                        "peer_basis": basis,
                        "stage_order": DEAL_STAGES[stage],
                        "decided": decided,
                        "progressed": on,
                        "peer_decided": peer_decided if basis else None,
                        "peer_progressed": peer_on if basis else None,
                        "conversion_rate": on / decided,
                        "wilson_low": low,
                        "wilson_high": high,
                        "peer_conversion_rate": rate,
                        "conversion_rate_shrunk": None
                        if rate is None
                        else (on + strength * rate) / (decided + strength),
                        "deals_short": None if rate is None else decided * rate - on,
                        **dict.fromkeys(("comparisons", "interval_low", "interval_high")),
                        "is_coaching_hint": False,
                    }
                )
        owners = self.dim_owners
        there = set(owners.loc[owners["is_active"] & (owners["kind"] == "person"), "owner_key"])
        mark_hints([row for row in records if row["owner_key"] in there])
        return table(records, "owner_key stage")


def mark_hints(rows: list[dict[str, Any]]) -> None:
    """Notes the comparisons that can be made, with intervals as wide as their number asks for, and each owner's hint.

    Of the stages at which the owner lies below the others by more than both rates are unsure of, it is the one at which
    most deals were lost.
    """
    looked_at = [row for row in rows if row["peer_basis"] and row["decided"] >= 10]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in looked_at:
        z = NormalDist().inv_cdf(1 - 0.025 / len(looked_at))
        own, rate = row["progressed"] / row["decided"], row["peer_progressed"] / row["peer_decided"]
        low, high = score_interval(own, row["decided"], z)
        sure = score_interval(rate, row["peer_decided"], z)[0]
        row |= {
            "comparisons": len(looked_at),
            "interval_low": low,
            "interval_high": high,
        }
        if rate - own > math.hypot(high - own, rate - sure):
            found[row["owner_key"]].append(row)
    for candidates in found.values():
        max(candidates, key=lambda row: (row["deals_short"], -row["stage_order"]))["is_coaching_hint"] = True


def score_interval(rate: float, trials: int, z: float) -> tuple[float, float]:
    """The rates that are not further than z standard errors of their own from the one that was seen: the roots of
    (rate - p)^2 = z^2 p (1 - p) / trials."""
    roots = np.roots([1 + z**2 / trials, -2 * rate - z**2 / trials, rate**2]).real
    return float(min(roots)), float(max(roots))


def others(
    owner: str, trailing: dict[str, tuple[int, int]], teams: dict[str, str | None]
) -> tuple[str | None, int, int]:
    """Whom an owner is compared with (the team, else the company, without the owner), what they won and closed."""
    rest = {other: counts for other, counts in trailing.items() if other != owner}
    team = teams.get(owner)
    mates = {other: counts for other, counts in rest.items() if team is not None and teams.get(other) == team}
    for basis, group in (("team", mates), ("company", rest)):
        closed = sum(count for _, count in group.values())
        if closed:
            return basis, sum(won for won, _ in group.values()), closed
    return None, 0, 0


def worth_of_others(counts: list[tuple[int, int]]) -> float:
    """How many deals the others' rate is worth beside an owner's own: moments of the beta-binomial (Kleinman 1973).

    `counts`: won and closed of each owner. Between 1 and 199.
    """
    total = sum(closed for _, closed in counts)
    correlation = 0.005
    if total:
        rate = sum(won for won, _ in counts) / total
        noise = rate * (1 - rate)
        spread = sum(closed * (won / closed - rate) ** 2 for won, closed in counts)
        free = len(counts) - 1
        room = total - sum(closed**2 for _, closed in counts) / total - free
        if noise * room > 0:
            correlation = (spread - noise * free) / (noise * room)
    return 1 / min(0.5, max(0.005, correlation)) - 1


COMPARISONS = [
    Comparison(
        "dim_owner_teams", ("owner_key", "valid_from"),
        measures(text="team manager_key history_basis", flag="is_current", time="valid_to"),
        "owner_key like 'hubspot:%'",
    ),
    Comparison(
        "fct_activities", ("activity_key",),
        measures(
            text="activity_id owner_key deal_key contact_key account_key kind direction outcome exclusion_reason "
            "team team_history_basis",
            flag="is_completed is_planned is_past is_human_outbound is_deleted is_excluded",
            day="occurred_date created_date", time="occurred_at created_at",
        ),
    ),
    Comparison(
        "fct_rep_stage_conversions", ("owner_key", "stage"),
        measures(
            text="team rollup_owner_name peer_basis", flag="is_coaching_hint",
            count="stage_order decided progressed peer_decided peer_progressed comparisons",
            number="conversion_rate wilson_low wilson_high peer_conversion_rate conversion_rate_shrunk "
            "interval_low interval_high deals_short",
        ),
    ),
    Comparison(
        "fct_quota_attainment", ("level", "member", "measure", "month_start"),
        measures(
            text="owner_key team rollup_owner_name", money="quota_stated quota won_plan_rate",
            count="won_deals won_deals_without_amount", number="ramp_share attainment",
        ),
    ),
    Comparison("fct_targets_daily", ("level", "member", "measure", "date_day"), measures(money="amount_reporting")),
    Comparison(
        "fct_rep_months", ("owner_key", "month_start"),
        measures(
            text="manager_key team team_history_basis rollup_owner_name peer_basis",
            money="quota_stated quota won_plan_rate won_overlay_plan_rate "
            "won_reporting lost_reporting created_reporting open_reporting",
            count="working_days won_deals won_deals_without_amount won_deals_shared "
            "lost_deals created_deals proposals calls emails tasks_done meetings_booked "
            "meetings_held meetings_no_show meetings_cancelled meetings_rescheduled open_deals trailing_won_deals "
            "trailing_closed_deals",
            number=" ".join(f"{name}_per_working_day" for name in DONE)
            + " ramp_share attainment won_per_working_day win_rate trailing_win_rate peer_win_rate "
            "trailing_win_rate_shrunk",
            flag="is_active",
        ),
    ),
]  # fmt: skip
