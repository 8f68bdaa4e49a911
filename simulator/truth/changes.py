"""What changed of deals from one day's end to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import SOURCE, key_of, rounded, table
from simulator.truth.pipeline import Pipeline, Standing


class Changes(Pipeline):
    """The changes of deals by day."""

    @cached_property
    def fct_deal_changes(self) -> pd.DataFrame:
        """One row per deal, day and kind of change."""
        records = []
        for deal_id, life in self.lives.items():
            # Later standings of a day replace the earlier ones: only its end counts.
            ends = {self.day(standing.since): standing for standing in life}
            before: Standing | None = None
            for day, after in ends.items():
                if after.status == "gone":
                    if before is not None:
                        records.append(self._row(deal_id, day, "deleted", before, before))
                        before = replace(before, status="gone")
                    continue
                records += [self._row(deal_id, day, change, before, after) for change in _kinds(before, after)]
                before = after
        return table(records, "deal_key date_day change old_value new_value amount_change_reporting days_moved")

    def _row(self, deal_id: str, day: date, change: str, before: Standing | None, after: Standing) -> dict[str, Any]:
        values = [
            None if one is None or not one.amount or not one.currency else self.value(one, day)
            for one in (before, after)
        ]
        moved = None
        if change == "close_date" and before is not None and before.due is not None and after.due is not None:
            moved = (after.due - before.due).days
        return {
            "deal_key": key_of(deal_id),
            "date_day": day,
            "change": change,
            "owner_key": key_of(after.owner),
            "stage_key": self._stage(after),
            "pipeline_id": after.pipeline,
            "old_value": None if before is None or change == "restored" else self._told(before, change),
            "new_value": None if change == "deleted" else self._told(after, change),
            "old_stage": None if before is None else self.stage_of[before.stage_id][2],
            "stage": self.stage_of[after.stage_id][2],
            "status": "deleted" if change == "deleted" else after.status,
            "forecast_category": after.category,
            "currency": after.currency,
            "old_amount": None if before is None or not before.amount else rounded(Decimal(before.amount), 2),
            "amount": rounded(Decimal(after.amount), 2) if after.amount else None,
            "amount_reporting": values[1],
            "amount_change_reporting": (values[1] or Decimal(0)) - (values[0] or Decimal(0))
            if change == "amount"
            else None,
            "days_moved": moved,
            "close_date": after.due,
        }

    @staticmethod
    def _stage(standing: Standing) -> str:
        return f"{SOURCE}:deal:{standing.pipeline}:{standing.stage_id}"

    def _told(self, standing: Standing, change: str) -> str | None:
        """What the kind of change is about, in words."""
        if change == "amount":
            return _money(standing)
        if change == "close_date":
            return standing.close_date or None
        if change == "forecast_category":
            return standing.category
        if change == "owner":
            return key_of(standing.owner)
        return self._stage(standing)


def _money(standing: Standing) -> str | None:
    return f"{rounded(Decimal(standing.amount), 2)} {standing.currency}" if standing.amount else None


def _kinds(before: Standing | None, after: Standing) -> list[str]:
    """The kinds of change between two days' ends."""
    found = ["created"] if before is None else []
    status = "open" if before is None else before.status
    if status == "gone":
        found.append("restored")
    elif after.status != status:
        found.append("reopened" if after.status == "open" else after.status)
    if before is None:
        return found
    if after.status == status and (before.pipeline, before.stage_id) != (after.pipeline, after.stage_id):
        found.append("moved")
    if _money(before) != _money(after):
        found.append("amount")
    if before.due != after.due:
        found.append("close_date")
    if before.category != after.category:
        found.append("forecast_category")
    if before.owner != after.owner:
        found.append("owner")
    return found


COMPARISONS = [
    Comparison(
        "fct_deal_changes", ("deal_key", "date_day", "change"),
        measures(
            text="owner_key stage_key pipeline_id old_value new_value old_stage stage status forecast_category "
            "currency",
            money="old_amount amount amount_reporting amount_change_reporting", count="days_moved", day="close_date",
        ),
    ),
]  # fmt: skip
