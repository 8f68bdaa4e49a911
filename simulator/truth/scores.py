"""What could be known of a lead when it came, and what became of it in time.

What belongs here: facts and outcomes. What does not: chances, which are a forecast and no fact.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import absent, text_of
from simulator.truth.web import Web

# What the company says of itself.
HORIZON = 90
FEWEST_LEADS, FEWEST_OUTCOMES = 200, 80
PAUSE, DAY = pd.Timedelta(minutes=30), pd.Timedelta(days=1)


def quarter(day: date) -> date:
    """The first day of the day's quarter."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


class Scores(Web, Deals):
    """Leads as they were scored."""

    @cached_property
    def fct_lead_scores(self) -> pd.DataFrame:
        """One row per lead that counts. This company keeps histories and dates of all leads."""
        visits: dict[str, list[dict[str, Any]]] = {}
        sessions = self.fct_sessions
        told = sessions.loc[sessions["contact_key"].notna() & ~sessions["is_bot"]]
        for visit in told.sort_values(["started_at", "session_key"]).to_dict("records"):
            visits.setdefault(visit["contact_key"], []).append({str(name): value for name, value in visit.items()})
        leads = self.fct_leads.loc[~self.fct_leads["is_excluded"]].sort_values(["created_at", "lead_key"])
        met: set[str] = set()
        rows: list[dict[str, Any]] = []
        for lead in leads.to_dict("records"):
            created, reached = lead["created_at"], lead["opportunity_at"]
            if lead["is_imported"]:
                rows.append(self._brought(lead, met))
                continue
            end = created + HORIZON * DAY
            within = not absent(reached) and reached <= end
            learned = quarter(lead["created_date"] + timedelta(days=HORIZON))
            rows.append(
                {
                    "lead_key": lead["lead_key"],
                    "known_at_capture": "; ".join(
                        [
                            f"channel={lead['channel']}",
                            f"source_detail={text_of(lead['source_detail']) or 'none'}",
                            *self._of_visits(visits.get(lead["contact_key"], []), created),
                            f"capture_time={self._time(created)}",
                            f"known_before={'yes' if lead['person_key'] in met else 'no'}",
                        ]
                    ),
                    "not_scored_reason": "reached_at_capture" if within and reached <= created else None,
                    "outcome": "reached" if within else "missed" if end < self.end else "open",
                    "is_over": end < self.end,
                    "scored_by": quarter(lead["created_date"]),
                    "learned_from": quarter((learned + timedelta(days=95)).replace(day=1)),
                    "as_of": self.moment.as_of,
                }
            )
            met.add(lead["person_key"])
        fit = [row for row in rows if row["not_scored_reason"] is None and row["is_over"]]
        for begin in {row["scored_by"] for row in rows} - {None}:
            known = [row["outcome"] == "reached" for row in fit if row["learned_from"] <= begin]
            few = min(sum(known), len(known) - sum(known)) < FEWEST_OUTCOMES
            reason = "too_few_leads" if len(known) < FEWEST_LEADS else "too_few_outcomes" if few else None
            for row in rows:
                if row["scored_by"] == begin and row["not_scored_reason"] is None:
                    row["told"] = reason
        for row in rows:
            row["not_scored_reason"] = row["not_scored_reason"] or row.pop("told", None)
        return pd.DataFrame.from_records(rows)

    def _brought(self, lead: dict[Hashable, Any], met: set[str]) -> dict[str, Any]:
        """Of what a migration brought nothing is known from a day when it came."""
        named = ["channel=" + lead["channel"], "source_detail=" + (text_of(lead["source_detail"]) or "none")]
        named += [f"{name}=no visit" for name in ("capture_visits", "days_on_site", "device", "visit_country")]
        named += ["capture_time=evening or night", f"known_before={'yes' if lead['person_key'] in met else 'no'}"]
        met.add(lead["person_key"])
        told = dict.fromkeys(("outcome", "scored_by", "learned_from"))
        told |= {"lead_key": lead["lead_key"], "known_at_capture": "; ".join(named), "as_of": self.moment.as_of}
        return told | {"not_scored_reason": "brought_by_migration", "is_over": False}

    @staticmethod
    def _of_visits(visits: list[dict[str, Any]], created: pd.Timestamp) -> list[str]:
        before = [visit for visit in visits if visit["started_at"] <= created]
        if not before or created > before[-1]["ended_at"] + PAUSE:
            return [f"{name}=no visit" for name in ("capture_visits", "days_on_site", "device", "visit_country")]
        days = (created - before[0]["started_at"]) / DAY
        return [
            f"capture_visits={len(before) if len(before) < 4 else '4 or more'}",
            f"days_on_site={'under 1' if days < 1 else '1 to 6' if days < 7 else '7 or more'}",
            f"device={text_of(before[-1]['device']) or 'unknown'}",
            f"visit_country={text_of(before[-1]['country']) or 'unknown'}",
        ]

    def _time(self, at: pd.Timestamp) -> str:
        local = at.tz_localize("UTC").tz_convert(ZoneInfo(self.moment.zone))
        if local.isoweekday() > 5:
            return "weekend"
        return "working day" if 8 <= local.hour <= 17 else "evening or night"


COMPARISONS = [
    Comparison(
        "fct_lead_scores", ("lead_key",),
        measures(text="known_at_capture not_scored_reason outcome", day="as_of"),
    ),
]  # fmt: skip
