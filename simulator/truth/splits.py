"""Who is credited with how much of each deal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import absent, key_of, rounded, table, text_of

CENT, ROUNDING = Decimal("0.01"), Decimal("0.001")
PARTS = ("tcv", "acv", "arr", "one_time_amount")
MONEYS = ("amount", "amount_reporting", "amount_plan_rate", *(f"{part}_plan_rate" for part in PARTS))
Part = dict[str, Any]


class Splits(Deals):
    """Splits of revenue and overlay credit."""

    @cached_property
    def unlinked(self) -> set[str]:
        """Deals that the CRM shows no splits of: deleted ones and merged ones."""
        return self.deals_gone | set(self.deals_merged)

    def _shown(self, agreed: Iterable[pd.Timestamp]) -> set[pd.Timestamp]:
        """The splits of a deal that a landing has shown: the CRM tells the one that holds when it is asked."""
        asked = (*self.moment.landed, self.links_read_at, self.moment.now)
        shown = ([at for at in agreed if at < until] for until in asked)
        return {max(earlier) for earlier in shown if earlier}

    @cached_property
    def _agreed(self) -> dict[tuple[str, str], dict[str, Decimal]]:
        """(deal, kind) -> owner -> share of the newest split on the day, of those that were ever told.

        The CRM tells only the split that holds, finance every one that it noted by yesterday, by its day.
        """
        rows = self.company.deal_splits
        today = self.day(self.moment.now)
        told = [
            row
            for row in rows.to_dict("records")
            if (row["agreed_at"] < self.moment.now if row["noted_in"] == "crm" else self.day(row["agreed_at"]) < today)
        ]
        agreed: dict[tuple[str, str, str], set[pd.Timestamp]] = defaultdict(set)
        for row in told:
            agreed[row["deal_id"], row["kind"], row["noted_in"]].add(row["agreed_at"])
        newest = {
            place: max((at for at in (self._shown(ats) if place[2] == "crm" else ats) if at < self.end), default=None)
            for place, ats in agreed.items()
        }
        found: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for row in told:
            holds = row["agreed_at"] == newest[row["deal_id"], row["kind"], row["noted_in"]]
            if holds and row["deal_id"] not in self.unlinked:
                found[row["deal_id"], row["kind"]][str(key_of(row["owner_id"]))] += Decimal(row["share"])
        return found

    @cached_property
    def _splits_shown(self) -> dict[str, list[tuple[date, pd.Timestamp, dict[str, Decimal]]]]:
        """deal -> the splits of its revenue that a landing has shown: day, moment of the agreement, owner -> share."""
        told: dict[tuple[str, str], dict[pd.Timestamp, dict[str, Decimal]]] = defaultdict(dict)
        today = self.day(self.moment.now)
        for row in self.company.deal_splits.to_dict("records"):
            if row["kind"] != "revenue" or row["deal_id"] in self.unlinked:
                continue
            if row["noted_in"] == "crm" or self.day(row["agreed_at"]) < today:
                parts = told[row["deal_id"], row["noted_in"]].setdefault(row["agreed_at"], defaultdict(Decimal))
                parts[str(key_of(row["owner_id"]))] += Decimal(row["share"])
        found: dict[str, list[tuple[date, pd.Timestamp, dict[str, Decimal]]]] = defaultdict(list)
        for (deal_id, noted_in), splits in told.items():
            kept = self._shown(splits) if noted_in == "crm" else set(splits)
            found[deal_id] += [(self.day(at), at, splits[at]) for at in kept if at < self.end]
        return found

    def shares_on(self, deal_id: str, owner: str | None, day: date) -> dict[str | None, Decimal]:
        """Who is credited with which share of a deal at the end of a day; `owner`: who held it or closed it."""
        known = [split for split in self._splits_shown.get(deal_id, []) if split[0] <= day]
        if not known:
            return {owner: Decimal(1)}
        return self._whole(dict(max(known, key=lambda split: split[1])[2]), owner)[1]

    def owner_at_close(self, deal: dict[Any, Any]) -> str | None:
        """Who held the deal when it closed; of an open one who holds it."""
        held: list[str | None] = []
        if deal["status"] != "open":
            held = [owner for at, owner, _ in self._owner_turns.get(deal["deal_id"], []) if at <= deal["closed_at"]]
        return key_of(held[-1]) if held else text_of(deal["owner_key"])

    @cached_property
    def _owner_turns(self) -> dict[str, list[tuple[pd.Timestamp, str | None, str | None]]]:
        return self.history("deal", "owner_id", self.end)

    @cached_property
    def credits_of_deals(self) -> dict[str, list[Part]]:
        """deal -> the parts of its revenue, of which exactly one counts the deal."""
        return {str(deal["deal_key"]): self._revenue(deal) for deal in self.fct_deals.to_dict("records")}

    def _revenue(self, deal: dict[Any, Any]) -> list[Part]:
        owner = self.owner_at_close(deal)
        agreed = self._agreed.get((deal["deal_id"], "revenue"), {})
        status, shares = self._whole(agreed, owner)
        stated = agreed if status in ("short", "complete") else {}
        names = sorted(shares, key=lambda one: (one != owner, -shares[one], str(one)))
        worth = {name: dealt(deal[name], [shares[one] for one in names]) for name in MONEYS}
        return [
            {
                "owner_key": one,
                "split_status": status,
                "stated_share": stated.get(str(one)),
                "share": shares[one],
                **{name: worth[name][place] for name in MONEYS},
                "is_counted": place == 0,
                "is_deal_owner": one == owner,
            }
            for place, one in enumerate(names)
        ]

    def _whole(self, stated: dict[str, Decimal], owner: str | None) -> tuple[str, dict[str | None, Decimal]]:
        """What became of a split, and shares that sum to the whole."""
        total = sum(stated.values(), Decimal(0))
        shares: dict[str | None, Decimal] = {one: share for one, share in stated.items()}  # noqa: C416 - wider keys
        if not stated or total > 1 + ROUNDING:
            return "excessive" if stated else "undivided", {owner: Decimal(1)}
        if total < 1 - ROUNDING:
            shares[owner] = shares.get(owner, Decimal(0)) + 1 - total
            return "short", shares
        largest = min(shares, key=lambda one: (-shares[one], str(one)))
        shares[largest] += 1 - total
        return "complete", shares

    @cached_property
    def overlays_of_deals(self) -> dict[str, list[Part]]:
        """deal -> credit beside the revenue."""
        found: dict[str, list[Part]] = {}
        for deal in self.fct_deals.to_dict("records"):
            owner = self.owner_at_close(deal)
            for one, share in self._agreed.get((deal["deal_id"], "overlay"), {}).items():
                part: Part = {"owner_key": one, "split_status": None, "stated_share": share, "share": share}
                for name in MONEYS:
                    part[name] = None if absent(deal[name]) else rounded(deal[name] * share, 2)
                part |= {"is_counted": False, "is_deal_owner": one == owner}
                found.setdefault(str(deal["deal_key"]), []).append(part)
        return found

    @cached_property
    def fct_deal_splits(self) -> pd.DataFrame:
        """One row per deal, kind of credit and owner."""
        records = []
        for deal in self.fct_deals.to_dict("records"):
            kept = {
                name: deal[name]
                for name in (
                    *("deal_key", "pipeline_purpose", "status", "currency", "exclusion_reason"),
                    *("is_excluded", "close_day"),
                )
            }
            key = deal["deal_key"]
            for kind, parts in (("revenue", self.credits_of_deals), ("overlay", self.overlays_of_deals)):
                for part in parts.get(key, []):
                    split = f"{key}:{kind}:{part['owner_key'] or 'unassigned'}"
                    records.append({**kept, **part, "kind": kind, "split_key": split})
        return table(records, "split_key deal_key owner_key kind split_status share amount_reporting")


def dealt(amount: Decimal | None, shares: list[Decimal]) -> list[Decimal | None]:
    """Whole cents by shares; those that are left go to the parts that lost most of one, earlier ones first."""
    if amount is None or absent(amount):
        return [None] * len(shares)
    sign = -1 if amount < 0 else 1
    exact = [abs(amount) * share for share in shares]
    cut = [part.quantize(CENT, ROUND_DOWN) for part in exact]
    left = int((abs(amount) - sum(cut, Decimal(0))) / CENT)
    for place in sorted(range(len(shares)), key=lambda place: (cut[place] - exact[place], place))[:left]:
        cut[place] += CENT
    return [sign * part for part in cut]


COMPARISONS = [
    Comparison(
        "fct_deal_splits", ("split_key",),
        measures(
            text="deal_key owner_key kind split_status pipeline_purpose status currency exclusion_reason",
            number="stated_share share", money=" ".join(MONEYS),
            flag="is_counted is_deal_owner is_excluded", day="close_day",
        ),
    ),
]  # fmt: skip
