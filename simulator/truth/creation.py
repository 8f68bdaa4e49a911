"""Who creates pipeline: new business by month and kind of creator."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.company import START
from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import absent, key_of, table, text_of
from simulator.truth.plans import Plans

KINDS = {"Inside Sales": "sdr", "Marketing": "marketing"}
NOBODY = "unassigned"
SELLERS = {"Small Business", "Mid-Market", "Enterprise", "Customer Success"}


class Creation(Deals, Plans):
    """Pipeline by who created it."""

    @cached_property
    def fct_pipeline_creation(self) -> pd.DataFrame:
        """One row per month, level and member."""
        rows = self.company.deals
        creators = dict(zip(rows["deal_id"], rows["created_by"], strict=True))
        imported = set(rows.loc[rows["is_imported"].to_numpy(dtype=bool), "deal_id"])
        people = self.company.owners
        people = people.loc[people["active_from"] < self.moment.now]
        owner_of = dict(zip(people["user_id"], people["owner_id"], strict=True))
        rolled = {
            owner["owner_key"]: owner["owner_key"] if owner["kind"] == "person" and owner["is_active"] else NOBODY
            for owner in self.dim_owners.to_dict("records")
        }
        cells: dict[tuple[Any, str, str], dict[str, Any]] = {}
        deals = self.fct_deals
        for deal in deals.loc[~deals["is_excluded"] & (deals["pipeline_purpose"] == "new_business")].to_dict("records"):
            if deal["deal_id"] in imported:
                continue
            user = text_of(creators[deal["deal_id"]])
            team = self.team_on(key_of(owner_of.get(user)), deal["created_date"])
            kind = KINDS.get(str(team), "ae" if team in SELLERS else "unmapped" if user else "not_stated")
            kind = "partner" if deal["channel"] == "partner" else kind
            owner = rolled.get(key_of(owner_of.get(user)), NOBODY)
            money = Decimal(0) if absent(deal["amount_reporting"]) else deal["amount_reporting"]
            for level, member in (("total", "total"), ("creator_kind", kind), ("owner", owner)):
                cell = cells.setdefault(
                    (self.calendar.first_of(deal["created_date"]), level, member), defaultdict(lambda: Decimal(0))
                )
                for name, counts in (
                    ("created", True),
                    ("qualified", deal["is_qualified"]),
                    ("won", deal["status"] == "won"),
                ):
                    cell[f"{name}_deals"] += counts
                    cell[f"{name}_reporting"] += money if counts else 0
                cell["amountless_deals"] += absent(deal["amount_reporting"])
        for row in self.fct_targets.loc[self.fct_targets["measure"] == "pipeline_created"].to_dict("records"):
            if row["period_start"] <= self.moment.as_of and self.calendar.end_of(row["period_start"]) >= START:
                member = rolled.get(row["member"], row["member"]) if row["level"] == "owner" else row["member"]
                place = (row["period_start"], row["level"], member)
                cells.setdefault(place, defaultdict(lambda: Decimal(0)))["target"] += row["amount_reporting"]
        records = [
            {
                "month_start": month,
                "level": level,
                "member": member,
                **{name: int(cell[name]) for name in COUNTS},
                **{name: cell[name] for name in SUMS},
                "target_reporting": cell.get("target"),
                "attainment": cell["created_reporting"] / cell["target"] if cell.get("target") else None,
            }
            for (month, level, member), cell in cells.items()
        ]
        return table(records, "month_start level member created_deals target_reporting")


COUNTS = ("created_deals", "amountless_deals", "qualified_deals", "won_deals")
SUMS = ("created_reporting", "qualified_reporting", "won_reporting")
COMPARISONS = [
    Comparison(
        "fct_pipeline_creation", ("month_start", "level", "member"),
        measures(
            count=" ".join(COUNTS), money=" ".join((*SUMS, "target_reporting")), number="attainment",
        ),
    ),
]  # fmt: skip
