"""How fast owners answered the leads that were given to them.

What belongs here: assignments, outreach and business time. What does not: the leads themselves (people.py).

Business time is whole working days between two days, counted by numpy, plus what is left of the first and last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import absent, key_of, rounded
from simulator.truth.plans import Hours, Plans

SLA_HOURS = Decimal(4)


class Responses(Plans):
    """What became of each assignment."""

    def business_hours(self, start: pd.Timestamp, end: pd.Timestamp, hours: Hours) -> Decimal:
        """Hours of office time between two moments; 0 where the second is not later."""
        if end <= start:
            return Decimal(0)
        days_off = np.array(sorted(self.days_off.get(hours.region, ())), dtype="datetime64[D]")
        calendar = np.busdaycalendar(weekmask=hours.weekmask, holidays=days_off)
        zone = ZoneInfo(hours.zone or self.moment.zone)
        seconds = 0.0
        days = []
        for at, sign in ((end, 1), (start, -1)):
            local: datetime = at.tz_localize("UTC").tz_convert(zone).to_pydatetime()
            of_day = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
            if np.is_busday(local.date(), busdaycal=calendar):
                seconds += sign * (min(max(of_day, hours.opens), hours.closes) - hours.opens)
            days.append(local.date())
        last, first = days
        seconds += int(np.busday_count(first, last, busdaycal=calendar)) * (hours.closes - hours.opens)
        return rounded(Decimal(round(seconds * 1000)) / Decimal(3_600_000), 6)

    @cached_property
    def outreach(self) -> dict[tuple[str, str], list[tuple[pd.Timestamp, str]]]:
        """(contact, owner) -> moments and kinds of their calls, outbound e-mails and held meetings, in order.

        With who lay deleted when they were read the vendor shows none.
        """
        rows = self.company.activities
        rows = rows.loc[
            (rows["at"] < self.end)
            & (rows["created_at"] < self.end)
            & rows["is_completed"].to_numpy(dtype=bool)
            & rows["kind"].isin(["call", "email", "meeting"])
        ]
        found: dict[tuple[str, str], list[tuple[pd.Timestamp, str]]] = {}
        for row in rows.to_dict("records"):
            contact = self.surviving("contact", row["contact_id"])
            if contact is None or ("contact", contact) in self.gone_for(row):
                continue
            if row["direction"] != "inbound":
                found.setdefault((contact, str(row["owner_id"])), []).append((row["at"], row["kind"]))
        return {pair: sorted(moments) for pair, moments in found.items()}

    @cached_property
    def assignments(self) -> dict[str, list[tuple[str, pd.Timestamp, pd.Timestamp | None]]]:
        """lead -> its owners with the moments at which they got and lost it, in order."""
        found: dict[str, list[tuple[str, pd.Timestamp, pd.Timestamp | None]]] = {}
        histories = self.history("contact", "owner_id", self.end)
        for lead in self.contacts_existing["contact_id"]:
            moments: dict[pd.Timestamp, str] = {}
            for at, owner, _ in histories.get(lead, []):
                moments[at] = max(moments.get(at, ""), owner or "")
            turns: list[tuple[str, pd.Timestamp]] = []
            for at in sorted(moments):
                if not turns or turns[-1][0] != moments[at]:
                    turns.append((moments[at], at))
            ends = [*(at for _, at in turns[1:]), None]
            found[lead] = [(owner, at, lost) for (owner, at), lost in zip(turns, ends, strict=True) if owner]
        return found

    @cached_property
    def fct_lead_responses(self) -> pd.DataFrame:
        """One row per lead and assignment."""
        leads = {row["lead_id"]: row for row in self.leads.to_dict("records")}
        kinds = dict(zip(self.dim_owners["owner_id"], self.dim_owners["kind"], strict=True))
        records = []
        for lead, turns in self.assignments.items():
            held: set[str] = set()
            for number, (owner, got, lost) in enumerate(turns, start=1):
                records.append(
                    {
                        "lead_key": key_of(lead),
                        "assignment_no": number,
                        "owner_key": key_of(owner),
                        "owner_kind": kinds[owner],
                        "channel": leads[lead]["channel"],
                        "is_excluded": leads[lead]["is_excluded"],
                        "is_owner_returning": owner in held,
                        "assigned_at": got,
                        "released_at": lost,
                        **self._answer(lead, owner, got, lost, kinds[owner], leads[lead], owner in held),
                    }
                )
                held.add(owner)
        return pd.DataFrame.from_records(records)

    def _answer(
        self, lead: str, owner: str, got: pd.Timestamp, lost: pd.Timestamp | None, kind: str, row: Mapping[Any, Any],
        returning: bool,
    ) -> dict[str, Any]:  # fmt: skip
        names = "response_kind first_response_at sla_status is_untouched business_hours_from_assignment "
        names += "business_hours_from_creation clock_hours_from_assignment clock_hours_from_creation "
        names += "business_hours_waiting clock_hours_waiting"
        answer: dict[str, Any] = dict.fromkeys(names.split()) | {"response_status": "not_measured"}
        answer["is_contacted_before"] = False
        if kind != "person" or (row["is_imported"] and got < self.brought_until):
            return answer
        until = self.end if lost is None else lost
        hours = self.hours_of(key_of(owner), self.day(got))
        fitting = [
            (at, how) for at, how in self.outreach.get((lead, owner), []) if at < until and (at >= got or not returning)
        ]
        answer["is_untouched"] = not fitting
        if fitting:
            at, how = fitting[0]
            worked = self.business_hours(got, at, hours)
            created = None if row["is_imported"] else row["created_at"]
            answer |= {
                "response_status": "answered",
                "response_kind": how,
                "first_response_at": at,
                "is_contacted_before": at < got,
                "business_hours_from_assignment": worked,
                "business_hours_from_creation": created and self.business_hours(created, at, hours),
                "clock_hours_from_assignment": clock_hours(got, at),
                "clock_hours_from_creation": created and clock_hours(created, at),
                "sla_status": "met" if worked <= SLA_HOURS else "missed",
            }
            return answer
        waited = self.business_hours(got, until, hours)
        late = "missed" if waited > SLA_HOURS else None
        answer |= {
            "response_status": "waiting" if lost is None else "handed_on",
            "business_hours_waiting": waited,
            "clock_hours_waiting": clock_hours(got, until),
            "sla_status": late or ("open" if lost is None else None),
        }
        return answer


def clock_hours(start: pd.Timestamp, end: pd.Timestamp) -> Decimal:
    """Hours between two moments; 0 where the second is not later."""
    if absent(end) or end <= start:
        return Decimal(0)
    return rounded(Decimal(round((end - start) / pd.Timedelta(milliseconds=1))) / Decimal(3_600_000), 6)


COMPARISONS = [
    Comparison(
        "fct_lead_responses", ("lead_key", "assignment_no"),
        measures(
            text="owner_key owner_kind channel response_kind response_status sla_status",
            number="business_hours_from_assignment business_hours_from_creation clock_hours_from_assignment "
            "clock_hours_from_creation business_hours_waiting clock_hours_waiting",
            flag="is_excluded is_owner_returning is_contacted_before is_untouched",
            time="assigned_at released_at first_response_at",
        ),
    ),
]  # fmt: skip
