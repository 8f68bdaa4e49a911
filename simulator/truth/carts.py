"""Carts of the shop: put together, bought, left, and bought after all.

What belongs here: one walk along each visitor's own events. What does not: sessions (web.py).
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import rounded, table, text_of
from simulator.truth.web import Web

ABANDONED_AFTER, RECOVERED_WITHIN = pd.Timedelta(hours=24), pd.Timedelta(days=7)


class Carts(Web):
    """What visitors put in and whether they paid. Each contact of this company has one visitor id."""

    @cached_property
    def fct_carts(self) -> pd.DataFrame:
        """One row per cart."""
        events = self.events
        events = events.loc[events["name"].isin(["add_to_cart", "purchase"])]
        bought: set[str] = set()
        shelves: dict[str, list[dict[str, Any]]] = {}
        for row in events.to_dict("records"):
            carts = shelves.setdefault(str(row["visitor_id"]), [])
            at = pd.Timestamp(row["event_at"])
            if row["name"] == "purchase":
                if row["transaction_id"] not in bought:
                    bought.add(row["transaction_id"])
                    _pay(carts, row, at, self._worth(row, at))
            elif carts and carts[-1]["purchased_at"] is None and at - carts[-1]["last_added_at"] <= ABANDONED_AFTER:
                carts[-1]["last_added_at"] = at
                carts[-1]["additions"] += 1
            else:
                carts.append(
                    {
                        "cart_key": f"{row['visitor_id']}:{at.value // 1000}",
                        "visitor_id": row["visitor_id"],
                        "session_key": f"{row['visitor_id']}:{row['session_id']}",
                        "additions": 1,
                        "cart_date": self.day(at),
                        "first_added_at": at,
                        "last_added_at": at,
                        "purchased_at": None,
                        "transaction_id": None,
                        "revenue_reporting": None,
                        "hours_to_purchase": None,
                    }
                )
        sessions = self.fct_sessions.set_index("session_key")
        tests = set(self.dim_contacts.loc[self.dim_contacts["exclusion_reason"] == "test", "contact_key"])
        records = []
        for cart in (cart for carts in shelves.values() for cart in carts):
            visit = sessions.loc[cart["session_key"]]
            over = cart["last_added_at"] + ABANDONED_AFTER
            paid = cart["purchased_at"]
            left = paid > over if paid is not None else over < self.end
            reason = "bot" if visit["is_bot"] else "test" if visit["contact_key"] in tests else None
            records.append(
                cart
                | {
                    "contact_key": text_of(visit["contact_key"]),
                    "person_key": text_of(visit["person_key"]),
                    "channel": visit["channel"],
                    "status": ("recovered" if left else "purchased")
                    if paid is not None
                    else "abandoned"
                    if left
                    else "open",
                    "exclusion_reason": reason,
                    "is_excluded": reason is not None,
                    "is_abandoned": left,
                    "is_recovered": left and paid is not None,
                    "abandoned_at": over if left else None,
                }
            )
        return table(records, "cart_key status")

    def _worth(self, row: dict[Any, Any], at: pd.Timestamp) -> Decimal:
        money = rounded(Decimal(row["revenue"]), 2)
        return rounded(money * self.rate(str(row["currency"]), self.day(at)), 2)


def _pay(carts: list[dict[str, Any]], row: dict[Any, Any], at: pd.Timestamp, worth: Decimal) -> None:
    """Every cart of the last seven days that waits for a purchase has it; the newest one has its money."""
    for cart in carts:
        if cart["purchased_at"] is None and at - cart["last_added_at"] <= RECOVERED_WITHIN:
            hours = (at - cart["last_added_at"]) / pd.Timedelta(hours=1)
            cart |= {
                "purchased_at": at,
                "transaction_id": row["transaction_id"],
                "hours_to_purchase": Decimal(str(hours)),
                "revenue_reporting": worth if cart is carts[-1] else None,
            }


COMPARISONS = [
    Comparison(
        "fct_carts", ("cart_key",),
        measures(
            text="contact_key person_key session_key visitor_id channel transaction_id status exclusion_reason",
            count="additions", money="revenue_reporting", number="hours_to_purchase",
            flag="is_abandoned is_recovered is_excluded", day="cart_date",
            time="first_added_at last_added_at abandoned_at purchased_at",
        ),
    ),
]  # fmt: skip
