"""What leads became, by where they came from and when.

What belongs here: counting along each lead's own path. What does not: the paths themselves (people.py, deals.py).
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import absent, days_between

Row = dict[Hashable, Any]
COUNTS = (
    *(
        "leads",
        "mqls",
        "sql_leads",
        "opportunities",
        "customers",
        "leads_with_deal",
        "deals",
        "open_deals",
        "won_deals",
    ),
    *("lost_deals", "won_deals_without_amount"),
)
SUMS = ("won_amount_reporting", "won_new_business_reporting", "open_amount_reporting")
STEPS = ("to_mql", "mql_to_sql_lead", "to_deal", "deal_to_won", "lead_to_won")


class Sources(Deals):
    """From source to bookings."""

    @cached_property
    def rpt_source_to_revenue(self) -> pd.DataFrame:
        """One row per month and channel."""
        cells: dict[tuple[date | None, str], Row] = {}

        def cell(day: date, channel: str) -> Row:
            empty: Row = {
                **dict.fromkeys(COUNTS, 0),
                **dict.fromkeys(SUMS, Decimal("0.00")),
                **{step: [] for step in STEPS},
            }
            # What a migration brought stands in no month.
            return cells.setdefault((None if absent(day) else day.replace(day=1), channel), empty)

        def took(found: Row, step: str, begin: object, end: object) -> None:
            if not absent(begin) and not absent(end) and end >= begin:  # type: ignore[operator]
                found[step].append(days_between(begin, end))  # type: ignore[arg-type]

        leads = {str(row["lead_key"]): row for row in self.fct_leads.to_dict("records")}
        deals = {str(row["deal_key"]): row for row in self.fct_deals.to_dict("records") if not row["is_excluded"]}
        imported = dict(zip(self.company.deals["deal_id"], self.company.deals["is_imported"], strict=True))
        for lead in leads.values():
            if lead["is_excluded"]:
                continue
            found = cell(lead["created_date"], lead["channel"])
            found["leads"] += 1
            for flag, name in (
                ("is_mql", "mqls"), ("is_sql_lead", "sql_leads"), ("is_opportunity", "opportunities"),
                ("is_customer", "customers"),
            ):  # fmt: skip
                found[name] += bool(lead[flag])
            found["leads_with_deal"] += lead["deals_count"] > 0
            took(found, "to_mql", lead["created_at"], lead["mql_at"])
            took(found, "mql_to_sql_lead", lead["mql_at"], lead["sql_lead_at"])
            if lead["deals_count"]:
                took(found, "to_deal", lead["created_at"], deals[lead["first_deal_key"]]["created_at"])
        for deal in deals.values():
            source = None if absent(deal["lead_key"]) else leads[deal["lead_key"]]
            found = (
                cell(deal["created_date"], "unattributed")
                if source is None
                else cell(source["created_date"], source["channel"])
            )
            amount = None if absent(deal["amount_reporting"]) else deal["amount_reporting"]
            found["deals"] += 1
            found[f"{deal['status']}_deals"] += 1
            if deal["status"] == "open":
                found["open_amount_reporting"] += amount or 0
            if deal["status"] != "won":
                continue
            found["won_deals_without_amount"] += amount is None
            found["won_amount_reporting"] += amount or 0
            if deal["pipeline_purpose"] == "new_business":
                found["won_new_business_reporting"] += amount or 0
            if not absent(deal["cycle_days"]):
                found["deal_to_won"].append(deal["cycle_days"])
            if source is not None and not imported[deal["deal_id"]]:
                if not absent(deal["close_event_at"]):
                    took(found, "lead_to_won", source["created_at"], deal["close_event_at"])
                elif not absent(source["created_date"]) and deal["close_day"] >= source["created_date"]:
                    found["lead_to_won"].append(Decimal((deal["close_day"] - source["created_date"]).days))
        return pd.DataFrame.from_records(
            [
                {
                    "cohort_month": month,
                    "channel": channel,
                    "is_unattributed": channel == "unattributed",
                    **{name: found[name] for name in (*COUNTS, *SUMS)},
                    **{f"median_days_{step}": median(found[step]) if found[step] else None for step in STEPS},
                }
                for (month, channel), found in cells.items()
            ]
        )


COMPARISONS = [
    Comparison(
        "rpt_source_to_revenue", ("cohort_month", "channel"),
        measures(
            count=" ".join(COUNTS), money=" ".join(SUMS), number=" ".join(f"median_days_{step}" for step in STEPS),
            flag="is_unattributed",
        ),
    ),
]  # fmt: skip
