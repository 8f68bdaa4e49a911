"""What is known of each stage of each selling pipeline: how many come on, how long they stay, what comes through it.

What belongs here: the facts beside the report's worth of a point and of a day. What does not: the worth itself, which
is a forecast and is checked against a loop over the published chances (tests/forecasting/test_bottlenecks.py).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import zip_longest
from statistics import median
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.funnel import Funnel, ninetieth, wilson
from simulator.truth.log import EXIT, Visit, absent, days_between, moment_of, table
from simulator.truth.pipeline import SOLD

MONTHS = 12


@dataclass(frozen=True)
class Sale:
    """A deal on its way: `won` is what it brought in the last twelve months, `is_way` whether it had a way to go."""

    visits: list[Visit]
    ended_at: pd.Timestamp | None
    won: Decimal | None
    is_order: bool
    is_way: bool

    @property
    def places(self) -> list[int]:
        return [visit.order for visit in self.visits if visit.order < EXIT]


class Bottlenecks(Funnel):
    """Stages by pipeline."""

    @cached_property
    def _sales_by_pipeline(self) -> dict[str, list[Sale]]:
        imported = set(self.company.deals.loc[self.company.deals["is_imported"].to_numpy(dtype=bool), "deal_id"])
        since = (pd.Timestamp(self.moment.as_of) - pd.DateOffset(months=MONTHS)).date()
        found: dict[str, list[Sale]] = defaultdict(list)
        for row in self.fct_deals.to_dict("records"):
            if row["is_excluded"] or row["pipeline_purpose"] not in SOLD:
                continue
            won = None
            if row["status"] == "won" and since < row["close_day"] <= self.moment.as_of:
                won = None if absent(row["amount_reporting"]) else max(row["amount_reporting"], Decimal(0))
            ended = moment_of(row["closed_at"]) if row["status"] in ("won", "lost") else None
            order = bool(row["is_zero_day_win"])
            is_way = not order and row["deal_id"] not in imported
            sale = Sale(self.deal_visits[row["deal_id"]], ended, won, order, is_way)
            if sale.places:
                found[row["pipeline_label"]].append(sale)
        return found

    def _come_on(self, sales: list[Sale], order: int) -> tuple[int, int]:
        """Who came to a stage in the twelve newest mature months, and who of them came on."""
        waits, cohorts = [], defaultdict(list)
        for sale in sales:
            if not sale.is_way or not min(sale.places) <= order <= max(sale.places):
                continue
            at = next(visit.entered_at for visit in sale.visits if order <= visit.order < EXIT)
            end = self.end if sale.ended_at is None else sale.ended_at
            waits.append((max(float(days_between(at, end)), 0.0), sale.ended_at is not None))
            cohorts[self.day(at).replace(day=1)].append(max(sale.places) > order)
        age = ninetieth(waits) if waits else None
        ends = {month: (pd.Timestamp(month) + pd.offsets.MonthEnd(0)).date() for month in cohorts}
        mature = sorted(month for month in cohorts if age is not None and (self.moment.as_of - ends[month]).days >= age)
        chosen = [came_on for month in mature[-MONTHS:] for came_on in cohorts[month]]
        return len(chosen), sum(chosen)

    def _stays_ended(self, sales: list[Sale], stage: str) -> list[float]:
        since = self.end - pd.DateOffset(months=MONTHS)
        return [
            max(float(days_between(visit.entered_at, visit.exited_at)), 0.0)
            for sale in sales
            if sale.is_way
            for visit, after in zip_longest(sale.visits, sale.visits[1:])
            if visit.stage == stage and visit.exited_at is not None and visit.exited_at >= since
            if not self._is_bulk(visit) and not (after is not None and self._is_bulk(after))
        ]

    @cached_property
    def rpt_bottlenecks(self) -> pd.DataFrame:
        """One row per pipeline and stage."""
        stages = self.dim_stages
        stages = stages.loc[
            stages["pipeline_purpose"].isin(SOLD) & ~stages["is_won"].astype(bool) & ~stages["is_lost"].astype(bool)
            & stages["is_mapped"].astype(bool)
        ]  # fmt: skip
        records: list[dict[str, Any]] = []
        for row in stages.drop_duplicates(["pipeline_label", "stage"]).to_dict("records"):
            sales, order = self._sales_by_pipeline.get(row["pipeline_label"], []), int(row["stage_order"])
            entered, progressed = self._come_on(sales, order)
            stays = self._stays_ended(sales, row["stage"])
            amounts = [sale.won for sale in sales if sale.won is not None]
            through = [
                sale.won for sale in sales
                if sale.won is not None and not sale.is_order and min(sale.places) <= order
            ]  # fmt: skip
            low, high = wilson(progressed, entered) if entered else (None, None)
            records.append(
                {
                    "pipeline": row["pipeline_label"], "stage": row["stage"], "stage_order": order,
                    "deals_entered": entered, "deals_progressed": progressed,
                    "conversion_rate": progressed / entered if entered else None, "wilson_low": low,
                    "wilson_high": high, "completed_visits": len(stays),
                    "median_days": median(stays) if stays else None,
                    "won_share": float(sum(through) / sum(amounts)) if sum(amounts) else None,
                }
            )  # fmt: skip
        return table(records, "pipeline stage")


COMPARISONS = [
    Comparison(
        "rpt_bottlenecks", ("pipeline", "stage"),
        measures(
            count="stage_order deals_entered deals_progressed completed_visits",
            number="conversion_rate wilson_low wilson_high median_days won_share",
        ),
    ),
]  # fmt: skip
