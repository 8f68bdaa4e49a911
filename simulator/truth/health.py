"""Which open deals show signs of trouble."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import absent, days_between, rounded, table
from simulator.truth.team import SOLD, Team

IDLE_DAYS = 21
ENOUGH = 20
FLAGS = (
    "past_close_date", "idle", "older_than_won", "pushed_twice", "amount_cut", "without_next_step", "single_contact",
    "without_contact",
)  # fmt: skip


class Health(Team):
    """Open deals."""

    @cached_property
    def _contacts(self) -> dict[str, set[str]]:
        """deal -> the people whom the vendor shows with it: without those who lay deleted when it was asked.

        A merged deal's people are those of its survivor.
        """
        known = set(self.contacts_existing["contact_id"])
        hidden = {record for kind, record in self.deleted if kind == "contact"}
        created = dict(zip(self.company.deals["deal_id"], self.company.deals["created_at"], strict=True))
        found: dict[str, set[str]] = defaultdict(set)
        rows = self.company.deal_contacts
        for deal, contact in zip(rows["deal_id"], rows["contact_id"], strict=True):
            person = self.surviving("contact", contact)
            if person in known and person not in hidden and ("contact", person) not in self.gone(created[deal]):
                found[str(self.surviving("deal", deal))].add(str(person))
        return found

    @cached_property
    def _last_and_next(self) -> dict[str, tuple[Any, Any]]:
        """deal -> when somebody last dealt with it, and when somebody is to."""
        found: dict[str, tuple[Any, Any]] = {}
        for row in self.fct_activities.to_dict("records"):
            if absent(row["deal_key"]):
                continue
            last, following = found.get(row["deal_key"], (None, None))
            at = row["occurred_at"]
            if row["is_past"] and (row["kind"] != "task" or row["is_completed"]):
                last = at if last is None else max(last, at)
            elif row["is_planned"]:
                following = at if following is None else min(following, at)
            found[row["deal_key"]] = (last, following)
        return found

    @cached_property
    def _ages_of_won(self) -> dict[tuple[str, str | None], Decimal]:
        """(stage, segment; None for all) -> the age by which nine in ten won deals had left it."""
        bulk = {
            (row["deal_key"], row["visit_no"])
            for row in self.fct_deal_stage_visits.to_dict("records")
            if row["is_bulk_update"]
        }
        rows = self.company.deals
        imported = set(rows.loc[rows["is_imported"].to_numpy(dtype=bool), "deal_id"])
        ages: dict[tuple[str, str | None], list[tuple[str, float]]] = defaultdict(list)
        for deal in self.fct_deals.to_dict("records"):
            if deal["is_excluded"] or deal["pipeline_purpose"] not in SOLD or deal["status"] != "won":
                continue
            if deal["deal_id"] in imported:
                continue
            for number, visit in enumerate(self.deal_visits[deal["deal_id"]], start=1):
                if visit.exited_at is not None and not {(deal["deal_key"], number + one) for one in (0, 1)} & bulk:
                    age = float(days_between(deal["created_at"], visit.exited_at))
                    ages[visit.stage, deal["segment"]].append((deal["deal_key"], age))
                    ages[visit.stage, None].append((deal["deal_key"], age))
        return {
            cell: rounded(Decimal(str(np.percentile([age for _, age in found], 90))), 6)
            for cell, found in ages.items()
            if len({deal for deal, _ in found}) >= ENOUGH
        }

    @cached_property
    def fct_deal_health(self) -> pd.DataFrame:
        """One row per open deal."""
        amounts = self.history("deal", "amount", self.end)
        currencies = self.history("deal", "currency", self.end)
        since = self.end - timedelta(days=IDLE_DAYS)
        records = []
        for deal in self.fct_deals.to_dict("records"):
            if deal["is_excluded"] or deal["pipeline_purpose"] not in SOLD or deal["status"] != "open":
                continue
            last, following = self._last_and_next.get(deal["deal_key"], (None, None))
            limit = self._ages_of_won.get((deal["stage"], deal["segment"]))
            limit = self._ages_of_won.get((deal["stage"], None)) if limit is None else limit
            people = len(self._contacts[deal["deal_id"]])
            told = [rounded(Decimal(value), 2) for _, value, _ in amounts.get(deal["deal_id"], []) if value]
            spoken = {value for _, value, _ in currencies.get(deal["deal_id"], []) if value}
            amount = None if absent(deal["amount"]) else deal["amount"]
            cut = amount is not None and bool(told) and len(spoken) <= 1 and max(told) > amount
            due = None if absent(deal["close_date"]) else deal["close_date"]
            flags = {
                "past_close_date": due is not None and due < self.moment.as_of,
                "idle": following is None and (deal["created_at"] if last is None else last) < since,
                "older_than_won": None if limit is None else deal["age_days"] > limit,
                "pushed_twice": deal["pushes"] >= 2,
                "amount_cut": cut,
                "without_next_step": absent(deal["next_step"]),
                "single_contact": people == 1,
                "without_contact": absent(deal["contact_key"]),
            }
            if amount is not None and len(spoken) > 1:
                flags["amount_cut"] = None
            records.append(
                {
                    **{
                        name: deal[name]
                        for name in (
                            *("deal_key", "account_key", "contact_key", "owner_key", "stage_key", "pipeline_id"),
                            *("pipeline_purpose", "segment", "stage", "amount_reporting", "pushes", "pushed_days"),
                            *("age_days", "close_date"),
                        )
                    },
                    "reasons_named": ", ".join(name for name in FLAGS if flags[name]) or None,
                    "amount_cut_reporting": rounded(
                        (max(told) - amount) * self.rate(deal["currency"], self.moment.as_of), 2
                    )
                    if cut and amount is not None
                    else None,
                    "reasons": sum(bool(flag) for flag in flags.values()),
                    "days_past_close": (self.moment.as_of - due).days if due and flags["past_close_date"] else None,
                    "days_since_activity": None if last is None else (self.moment.as_of - self.day(last)).days,
                    "contacts": people,
                    "won_p90_age_days": limit,
                    **{f"is_{name}": flags[name] for name in FLAGS},
                    "last_activity_at": last,
                    "next_activity_at": following,
                }
            )
        return table(records, "deal_key reasons reasons_named contacts")


COMPARISONS = [
    Comparison(
        "fct_deal_health", ("deal_key",),
        measures(
            text="account_key contact_key owner_key stage_key pipeline_id pipeline_purpose segment stage reasons_named",
            money="amount_reporting amount_cut_reporting", number="age_days won_p90_age_days",
            count="reasons days_past_close days_since_activity pushes pushed_days contacts",
            flag=" ".join(f"is_{name}" for name in FLAGS), day="close_date",
            time="last_activity_at next_activity_at",
        ),
    ),
]  # fmt: skip
