"""What brought people closer: their visits, and where their leads came from.

What belongs here: which of the two is the same touch. What does not: sessions (web.py) and leads (deals.py).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.carts import Carts
from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import PAID, PLATFORM, absent, text_of

EVENTS = {"trade_show", "webinar", "other_event"}
PAUSE = pd.Timedelta(minutes=30)


class Touches(Carts, Deals):
    """Visits of contacts and sources of leads."""

    @cached_property
    def fct_touches(self) -> pd.DataFrame:
        """One row per touch. Each contact of this company is one lead."""
        begun = self.company.campaigns
        begun = begun.loc[begun["start_date"] <= pd.Timestamp(self.moment.as_of)]
        campaigns = {
            str(name).lower(): f"{PLATFORM}:{i}" for name, i in zip(begun["name"], begun["campaign_id"], strict=True)
        }
        leads = {str(row["contact_key"]): row for row in self.fct_leads.to_dict("records")}
        contacts = dict(zip(self.dim_contacts["contact_key"], self.dim_contacts["exclusion_reason"], strict=True))
        visits = self.fct_sessions
        visits = visits.loc[visits["contact_key"].notna()].sort_values(["started_at", "session_key"])
        made: dict[str, str] = {}  # lead -> the visit in which it was made
        touches: list[dict[str, Any]] = []
        for visit in visits.to_dict("records"):
            lead = leads[visit["contact_key"]]
            if (
                visit["channel"] == lead["channel"]
                and not lead["is_imported"]
                and visit["started_at"] <= lead["created_at"] <= visit["ended_at"] + PAUSE
            ):
                made[lead["lead_key"]] = visit["session_key"]
            paid = visit["channel"] in PAID
            touches.append(
                {
                    "touch_key": f"session:{visit['session_key']}",
                    "contact_key": visit["contact_key"],
                    "session_key": visit["session_key"],
                    "campaign_key": campaigns.get(str(visit["campaign"]).lower()) if paid else None,
                    "touch_kind": "ad_click" if paid else "session",
                    "channel": visit["channel"],
                    "source": text_of(visit["source"]),
                    "source_detail": text_of(visit["campaign"]),
                    "exclusion_reason": "bot" if visit["is_bot"] else text_of(contacts[visit["contact_key"]]),
                    "touched_at": visit["started_at"],
                }
            )
        for lead in leads.values():
            if lead["channel"] == "not_stated" or lead["lead_key"] in made:
                continue
            touches.append(
                {
                    "touch_key": f"lead:{lead['lead_key']}",
                    "session_key": None,
                    **{
                        name: lead[name]
                        for name in ("contact_key", "campaign_key", "channel", "source_detail", "exclusion_reason")
                    },
                    "touch_kind": "event" if lead["channel"] in EVENTS else "lead_source",
                    "source": lead["source_label"],
                    "touched_at": lead["created_at"],
                }
            )
        maker = {session: lead for lead, session in made.items()}
        turn: dict[str, int] = {}
        never = pd.Timestamp.max
        for touch in sorted(
            touches, key=lambda one: (never if absent(one["touched_at"]) else one["touched_at"], one["touch_key"])
        ):
            lead, counts = leads[touch["contact_key"]], text_of(touch["exclusion_reason"]) is None
            dated = not absent(touch["touched_at"])
            turn[lead["person_key"]] = turn.get(lead["person_key"], 0) + (counts and dated)
            touch |= {
                "person_key": lead["person_key"],
                "account_key": lead["account_key"],
                "lead_key": maker.get(touch["session_key"]) if touch["session_key"] else lead["lead_key"],
                "touch_no": turn[lead["person_key"]] if counts and dated else None,
                "is_paid": touch["channel"] in PAID,
                "is_direct": touch["channel"] == "direct",
                "is_excluded": not counts,
                "touch_date": self.day(touch["touched_at"]) if dated else None,
            }
        return pd.DataFrame.from_records(touches)


COMPARISONS = [
    Comparison(
        "fct_touches", ("touch_key",),
        measures(
            text="contact_key person_key account_key lead_key session_key campaign_key touch_kind channel source "
            "source_detail exclusion_reason",
            count="touch_no", flag="is_paid is_direct is_excluded", day="touch_date", time="touched_at",
        ),
    ),
]  # fmt: skip
