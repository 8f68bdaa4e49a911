"""Who got which lead, and how much they had to work already.

What belongs here: counting an owner's leads at one moment. What does not: assignments (responses.py) and visits
(people.py).
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import days_between, key_of
from simulator.truth.responses import Responses, clock_hours

TO_WORK = {"suspect", "lead", "mql", "sql_lead"}


class Routing(Responses):
    """Assignments with the load of those who got them."""

    @cached_property
    def _spans(self) -> dict[str, tuple[list[pd.Timestamp], list[pd.Timestamp]]]:
        """owner -> the moments at which leads joined and left what they had to work, each in order."""
        counted = {row["lead_id"] for row in self.leads.to_dict("records") if not row["is_excluded"]}
        never = pd.Timestamp.max
        found: dict[str, tuple[list[pd.Timestamp], list[pd.Timestamp]]] = {}
        for lead, turns in self.assignments.items():
            for owner, got, lost in turns if lead in counted else []:
                for visit in self.lead_visits[lead]:
                    begin = max(got, visit.entered_at)
                    end = min(never if lost is None else lost, never if visit.exited_at is None else visit.exited_at)
                    if visit.stage in TO_WORK and begin < end:
                        joined, left = found.setdefault(owner, ([], []))
                        joined.append(begin)
                        left.append(end)
        return {owner: (sorted(joined), sorted(left)) for owner, (joined, left) in found.items()}

    @cached_property
    def fct_lead_routing(self) -> pd.DataFrame:
        """One row per lead and assignment."""
        kinds = dict(zip(self.dim_owners["owner_id"], self.dim_owners["kind"], strict=True))
        leads = {row["lead_id"]: row for row in self.leads.to_dict("records")}
        records = []
        for lead, turns in self.assignments.items():
            row = leads[lead]
            owners = [owner for owner, _, _ in turns]
            # Until when nobody held it: an owner who was taken away leaves no one as the previous one.
            for number, (owner, got, lost) in enumerate(turns):
                joined, left = self._spans.get(owner, ([], []))
                visits = self.lead_visits[lead]
                there = [visit.stage for visit in visits if visit.entered_at <= got]
                brought = row["is_imported"] and got < self.brought_until
                created = None if row["is_imported"] else row["created_at"]
                held_on = number > 0 and turns[number - 1][2] == got
                records.append(
                    {
                        "lead_key": key_of(lead),
                        "assignment_no": number + 1,
                        "owner_key": key_of(owner),
                        "previous_owner_key": key_of(owners[number - 1]) if held_on else None,
                        "next_owner_key": key_of(owners[number + 1]) if number + 1 < len(owners) else None,
                        **{name: row[name] for name in ("channel", "temperature", "is_excluded")},
                        "created_at": created,
                        "owner_kind": kinds[owner],
                        "routing": "migrated"
                        if brought
                        else "returned"
                        if owner in owners[:number]
                        else "handed_over"
                        if number
                        else "first",
                        "stage_at_assignment": there[-1] if there else None,
                        "owner_open_leads_before": bisect_left(joined, got) - bisect_left(left, got),
                        "hours_from_creation": created and clock_hours(created, got),
                        "days_held": None if brought else days_between(got, self.end if lost is None else lost),
                        "is_held": lost is None,
                        "is_in_load": lost is None and not row["is_excluded"] and visits[-1].stage in TO_WORK,
                        "assigned_at": got,
                        "released_at": lost,
                    }
                )
        return pd.DataFrame.from_records(records)


COMPARISONS = [
    Comparison(
        "fct_lead_routing", ("lead_key", "assignment_no"),
        measures(
            text="owner_key previous_owner_key next_owner_key channel temperature owner_kind routing "
            "stage_at_assignment",
            count="owner_open_leads_before", number="hours_from_creation days_held",
            flag="is_held is_in_load is_excluded", time="created_at assigned_at released_at",
        ),
    ),
]  # fmt: skip
