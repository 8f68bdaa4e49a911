"""Which deals that were due did not come: each deal looked at when a period began and again when it ended."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import key_of, quotient, rounded, table
from simulator.truth.pipeline import Pipeline

OUTCOMES = ("still_open", "closed_later", "won", "lost", "deleted")


class Slips(Pipeline):
    """Deals that were due, and the share that slipped."""

    @cached_property
    def pushes_of(self) -> dict[str, list[tuple[pd.Timestamp, int]]]:
        """deal -> when and by how many days its date moved later while it was open."""
        dates = self.history("deal", "close_date", self.end)
        return {deal: self._pushes(dates.get(deal, []), visits) for deal, visits in self.deal_visits.items()}

    @cached_property
    def fct_deal_slips(self) -> pd.DataFrame:
        """One row per period and deal that was due in it when it began."""
        records = []
        for deal_id, (segment, _) in self.pipeline_deals.items():
            life = self.lives[deal_id]
            if not life:
                continue
            begun, over = self.day(life[0].since), self.day(life[-1].since)
            for period in self.pipeline_periods:
                if period.start <= begun or (life[-1].status != "open" and period.start > over):
                    continue
                opens, ends = self.midnight(period.start), self.midnight(period.last + timedelta(days=1))
                earlier = [standing for standing in life if standing.since < opens]
                if not earlier or earlier[-1].status != "open":
                    continue
                first, last = earlier[-1], [standing for standing in life if standing.since < ends][-1]
                if first.due is None or not period.start <= first.due <= period.end:
                    continue
                outcome = "still_open" if last.status == "open" else self.ended_as(deal_id, last)
                counted = self.moment.close_day == "crm_close_date"
                if outcome in ("won", "lost") and counted and last.due is not None and last.due > period.end:
                    outcome = "closed_later"
                pushed = [days for at, days in self.pushes_of[deal_id] if opens <= at < ends]
                ended = period.end <= self.moment.as_of
                known = first.amount and first.currency
                records.append(
                    {
                        "period_type": period.kind,
                        "period_start": period.start,
                        "deal_key": key_of(deal_id),
                        "owner_key": key_of(first.owner),
                        "pipeline_id": first.pipeline,
                        "segment": segment,
                        "currency": first.currency,
                        "outcome": outcome,
                        "amount": rounded(Decimal(first.amount), 2) if first.amount else None,
                        "amount_reporting": self.value(first, period.start - timedelta(days=1)) if known else None,
                        "pushes": len(pushed),
                        "pushed_days": sum(pushed),
                        "is_slipped": outcome in ("still_open", "closed_later") if ended else None,
                        "is_complete": ended,
                        "period_end": period.end,
                        "closing_date": period.last,
                    }
                )
        return table(records, "period_type period_start deal_key outcome is_slipped pushes pushed_days")

    @cached_property
    def fct_slip_rates(self) -> pd.DataFrame:
        """One row per period, level and member with anything due."""
        owners = self.dim_owners.set_index("owner_key").to_dict("index")
        cells: dict[tuple[Any, ...], list[dict[Any, Any]]] = {}
        for row in self.fct_deal_slips.to_dict("records"):
            owner = owners.get(row["owner_key"], {})
            seller = owner.get("kind") == "person" and owner.get("is_active")
            members = {
                "total": "total",
                "team": self.team_on(row["owner_key"], row["period_start"] - timedelta(days=1)) or "unassigned",
                "owner": row["owner_key"] if seller else "unassigned",
                "segment": row["segment"],
                "pipeline": row["pipeline_id"],
            }
            for level, member in members.items():
                cells.setdefault((row["period_type"], row["period_start"], level, member), []).append(row)
        return table(
            [
                dict(zip(["period_type", "period_start", "level", "member"], key, strict=True)) | _summed(rows)
                for key, rows in cells.items()
            ],
            "period_type period_start level member due_deals slipped_deals slip_rate",
        )


def _summed(rows: list[dict[Any, Any]]) -> dict[str, Any]:
    """The figures of one cell."""
    deals = Counter(row["outcome"] for row in rows)
    values = {
        outcome: sum((row["amount_reporting"] or Decimal(0) for row in rows if row["outcome"] == outcome), Decimal(0))
        for outcome in OUTCOMES
    }
    due, worth = len(rows), sum(values.values(), Decimal(0))
    over = rows[0]["is_complete"]
    slipped = deals["still_open"] + deals["closed_later"] if over else None
    slipped_worth = values["still_open"] + values["closed_later"] if over else None
    pushes, days = sum(row["pushes"] for row in rows), sum(row["pushed_days"] for row in rows)
    return {
        "due_amount": worth,
        "slipped_amount": slipped_worth,
        **{f"{outcome}_amount": values[outcome] for outcome in OUTCOMES},
        "due_deals": due,
        "slipped_deals": slipped,
        **{f"{outcome}_deals": deals[outcome] for outcome in OUTCOMES},
        "deals_without_amount": sum(row["amount_reporting"] is None for row in rows),
        "unknown_deals": 0,
        "pushes": pushes,
        "pushed_days": days,
        "slip_rate": None if slipped is None else quotient(Decimal(slipped), due),
        "slip_rate_value": None if slipped_worth is None else quotient(slipped_worth, worth),
        "pushes_per_deal": quotient(Decimal(pushes), due),
        "pushed_days_per_deal": quotient(Decimal(days), due),
        "is_complete": over,
        "period_end": rows[0]["period_end"],
        "closing_date": rows[0]["closing_date"],
    }


COMPARISONS = [
    Comparison(
        "fct_deal_slips", ("period_type", "period_start", "deal_key"),
        measures(
            text="owner_key pipeline_id segment currency outcome", money="amount amount_reporting",
            count="pushes pushed_days", flag="is_slipped is_complete", day="period_end closing_date",
        ),
    ),
    Comparison(
        "fct_slip_rates", ("period_type", "period_start", "level", "member"),
        measures(
            money="due_amount slipped_amount still_open_amount closed_later_amount won_amount lost_amount "
            "deleted_amount",
            count="due_deals slipped_deals still_open_deals closed_later_deals won_deals lost_deals deleted_deals "
            "deals_without_amount unknown_deals pushes pushed_days",
            number="slip_rate slip_rate_value pushes_per_deal pushed_days_per_deal", flag="is_complete",
            day="period_end closing_date",
        ),
    ),
]  # fmt: skip
