"""How deals ended: where they were decided, after how long, and why."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import SOURCE, days_between, table


class Outcomes(Deals):
    """Deals that are closed on the day."""

    @cached_property
    def fct_win_loss(self) -> pd.DataFrame:
        """One row per won or lost deal."""
        imported = dict(zip(self.company.deals["deal_id"], self.company.deals["is_imported"], strict=True))
        rivals = self.latest("deal", "competitor", self.moment.now)
        records = []
        for deal in self.fct_deals.to_dict("records"):
            if deal["status"] == "open":
                continue
            visits = list(self.deal_visits[deal["deal_id"]])
            while visits and visits[-1].stage == deal["status"]:
                visits.pop()
            before = visits[-1] if visits else None
            worked = deal["is_qualified"] and not deal["is_zero_day_win"]
            timed = not imported[deal["deal_id"]] and deal["age_days"] >= 0
            records.append(
                {
                    **{
                        name: deal[name]
                        for name in (
                            *("deal_key", "account_key", "owner_key", "deal_id", "pipeline_id", "pipeline_purpose"),
                            *("segment", "channel", "status", "lost_reason", "loss_reason", "exclusion_reason"),
                            *("history_basis", "amount_reporting", "is_excluded", "close_day"),
                        )
                    },
                    "competitor": rivals.get(deal["deal_id"]),
                    "closed_from_stage_key": f"{SOURCE}:deal:{before.pipeline_id}:{before.stage_id}"
                    if before
                    else None,
                    "closed_from_stage_label": self.stage_of[before.stage_id][1] if before else None,
                    "closed_from_stage": before.stage if before else None,
                    "days_to_close": deal["age_days"] if timed else None,
                    "days_in_closing_stage": days_between(before.entered_at, before.exited_at)
                    if before is not None and before.exited_at is not None
                    else None,
                    "is_in_win_rate": bool(
                        worked and deal["pipeline_purpose"] == "new_business" and not deal["is_excluded"]
                    ),
                }
            )
        return table(records, "deal_key status closed_from_stage lost_reason is_in_win_rate")


COMPARISONS = [
    Comparison(
        "fct_win_loss", ("deal_key",),
        measures(
            text="account_key owner_key closed_from_stage_key deal_id pipeline_id pipeline_purpose segment channel "
            "status closed_from_stage_label closed_from_stage lost_reason loss_reason competitor "
            "exclusion_reason history_basis",
            money="amount_reporting", number="days_to_close days_in_closing_stage", flag="is_excluded is_in_win_rate",
            day="close_day",
        ),
    ),
]  # fmt: skip
