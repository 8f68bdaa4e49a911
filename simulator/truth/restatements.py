"""What each record adds to the figures of a month, and what two moments say differently of months that had ended."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.ads import Ads
from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import SOURCE, absent, rounded, table

BOOKED = ("new_business", "renewal", "upsell")
FIGURES = {
    ("outcome", "won"): ("won_amount", "won_deals"),
    ("outcome", "lost"): ("lost_deals",),
    ("creation", "created"): ("leads_created",),
    ("qualification", "qualified"): ("mqls",),
    ("spend", "spent"): ("spend",),
}
AMOUNTS = ("won_amount", "spend")
Figure = dict[str, Any]


def last_day(day: date) -> date:
    """The last day of its month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


class ClosedFigures(Ads):
    """Deals, leads and campaigns by what they count in."""

    @cached_property
    def fct_closed_figures(self) -> pd.DataFrame:
        """One row per deal, lead and campaign-day, and per record that was merged away."""
        return table(self.figures, "figure_key record_key family status is_counted period_start")

    @cached_property
    def figures(self) -> list[Figure]:
        """The same as plain records."""
        deals = self.fct_deals
        records = [self._outcome(deal) for deal in deals.loc[deals["exclusion_reason"] != "merged"].to_dict("records")]
        for lead in self.fct_leads.to_dict("records"):
            left_out = None if absent(lead["exclusion_reason"]) else lead["exclusion_reason"]
            key = lead["lead_key"]
            created = None if absent(lead["created_date"]) else lead["created_date"]
            undated = "undated" if created is None else None
            records.append(self._figure("creation", key, "created", created, left_out or undated))
            if not absent(lead["mql_at"]):
                records.append(self._figure("qualification", key, "qualified", self.day(lead["mql_at"]), left_out))
        records += self._spent()
        for (kind, old), (new, _) in self.merged.items():
            for family in {"deal": ("outcome",), "contact": ("creation", "qualification")}.get(kind, ()):
                row = self._figure(family, f"{SOURCE}:{old}", "merged", None, "merged")
                records.append(row | {"survivor_key": f"{SOURCE}:{new}"})
        return records

    def _figure(self, family: str, key: str, status: str, day: date | None, left_out: str | None) -> Figure:
        return {
            "figure_key": f"{family}:{key}",
            "record_key": key,
            "survivor_key": None,
            "family": family,
            "status": status,
            "left_out_reason": left_out,
            "currency": None,
            "amount": None,
            "rate_to_reporting": None,
            "amount_reporting": None,
            "is_counted": left_out is None,
            "is_closed": left_out is None and day is not None and last_day(day) <= self.moment.as_of,
            "period_start": None if day is None else day.replace(day=1),
            "figure_day": day,
        }

    def _outcome(self, deal: dict[Any, Any]) -> Figure:
        day = None if deal["status"] == "open" or absent(deal["close_day"]) else deal["close_day"]
        left_out = None
        if not absent(deal["exclusion_reason"]):
            left_out = deal["exclusion_reason"]
        elif deal["status"] == "open":
            left_out = "open"
        elif deal["pipeline_purpose"] not in BOOKED:
            left_out = "pipeline"
        elif day is None:
            left_out = "undated"
        row = self._figure("outcome", deal["deal_key"], deal["status"], day, left_out)
        rated = min(self.moment.as_of, day or self.moment.as_of)
        return row | {
            "currency": deal["currency"],
            "amount": deal["amount"],
            "rate_to_reporting": self.rate(deal["currency"], rated),
            "amount_reporting": deal["amount_reporting"],
        }

    def _spent(self) -> list[Figure]:
        days: dict[tuple[str, date], Figure] = {}
        for row in self.fct_ad_performance_daily.to_dict("records"):
            key, day = row["campaign_key"], row["date_day"]
            figure = days.get((key, day))
            if figure is None:
                figure = self._figure("spend", key, "spent", day, None) | {
                    "figure_key": f"spend:{key}:{day}",
                    "currency": row["currency"],
                    "rate_to_reporting": self.rate(row["currency"], day),
                    "amount": Decimal(0),
                    "amount_reporting": Decimal(0),
                }
                days[key, day] = figure
            figure["amount"] += row["spend"]
            figure["amount_reporting"] += row["spend_reporting"]
        return list(days.values())


def restated(before: ClosedFigures, after: ClosedFigures) -> pd.DataFrame:
    """What `after` says differently of the months that had ended for both, by figure, record and cause."""
    old = {row["figure_key"]: row for row in before.figures}
    new = {row["figure_key"]: row for row in after.figures}
    closed = min(before.moment.as_of, after.moment.as_of)
    merged = {
        (row["family"], row["survivor_key"])
        for key, row in new.items()
        if row["status"] == "merged" and (key not in old or old[key]["status"] != "merged")
    }
    whole: dict[tuple[str, date], list[Decimal]] = {}
    parts: dict[tuple[str, date, str, str], Decimal] = {}
    for key in old.keys() | new.keys():
        was, now = old.get(key), new.get(key)
        for side, row in enumerate((was, now)):
            for figure, value in _counted(row, closed).items():
                whole.setdefault(figure, [Decimal(0), Decimal(0)])[side] += value
        first, last = _counted(was, closed), _counted(now, closed)
        for figure in first.keys() | last.keys():
            record = (was or now or {})["record_key"]
            for cause, value in _explained(figure[0], was, now, figure in first, figure in last, merged):
                cell = (*figure, record, cause)
                parts[cell] = parts.get(cell, Decimal(0)) + value
    records = [
        {
            "restatement_key": f"{measure}:{month}:{cause}:{record}",
            "record_key": record,
            "measure": measure,
            "cause": cause,
            "old_value": whole[measure, month][0],
            "new_value": whole[measure, month][1],
            "difference": value,
            "period_start": month,
        }
        for (measure, month, record, cause), value in parts.items()
        if value
    ]
    return table(records, "restatement_key")


def _counted(row: Figure | None, closed: date) -> dict[tuple[str, date], Decimal]:
    """(measure, month) -> what the record adds to it."""
    if row is None or not row["is_counted"] or last_day(row["figure_day"]) > closed:
        return {}
    return {(name, row["period_start"]): _value(name, row) for name in FIGURES[row["family"], row["status"]]}


def _value(measure: str, row: Figure) -> Decimal:
    if measure not in AMOUNTS:
        return Decimal(1)
    return Decimal(0) if absent(row["amount_reporting"]) else row["amount_reporting"]


def _explained(
    measure: str, was: Figure | None, now: Figure | None, counted: bool, counts: bool, merged: set[tuple[str, str]]
) -> list[tuple[str, Decimal]]:
    difference = (_value(measure, now) if counts and now else Decimal(0)) - (
        _value(measure, was) if counted and was else Decimal(0)
    )
    by_rate = Decimal(0)
    if counted and counts and was and now and measure in AMOUNTS and was["currency"] == now["currency"]:
        missing = any(absent(row[name]) for row in (was, now) for name in ("amount", "rate_to_reporting"))
        if (absent(was["amount"]) and absent(now["amount"])) or was["amount"] == now["amount"]:
            by_rate = difference
        elif not missing and was["rate_to_reporting"] != now["rate_to_reporting"]:
            places = 6 if measure == "spend" else 2
            by_rate = _value(measure, now) - rounded(now["amount"] * was["rate_to_reporting"], places)
    redated = (was or {}).get("figure_day") != (now or {}).get("figure_day")
    named = (now or was or {})["family"], (now or was or {})["record_key"]
    cause = "merge" if named in merged else _cause(was, now, counted, counts, redated)
    return [(cause, difference - by_rate), ("date_edit" if redated else "exchange_rate", by_rate)]


def _cause(was: Figure | None, now: Figure | None, counted: bool, counts: bool, redated: bool) -> str:
    late = {"won": "late_win", "lost": "late_loss"}
    if "merged" in ((was or {}).get("status"), (now or {}).get("status")):
        return "merge"
    if (was or now or {})["family"] == "spend":
        return "late_ad_cost"
    if counted and counts:
        return "amount_edit"
    if now is None or (counted and now["left_out_reason"] == "deleted"):
        return "delete"
    if was is None:
        return late.get(now["status"], "late_record")
    if counts and was["left_out_reason"] == "deleted":
        return "restore"
    if was["status"] != now["status"]:
        return late.get(now["status"], "late_record") if counts else "reopen"
    if "pipeline" in (was["left_out_reason"], now["left_out_reason"]):
        return "pipeline_change"
    return "date_edit" if redated else "exclusion_change"


COMPARISONS = [
    Comparison(
        "fct_closed_figures", ("figure_key",),
        measures(
            text="record_key survivor_key family status left_out_reason currency",
            number="amount rate_to_reporting amount_reporting", flag="is_counted is_closed",
            day="period_start figure_day",
        ),
    ),
]  # fmt: skip
# Of two releases: compared where the baseline is at hand.
RESTATEMENTS = Comparison(
    "fct_restatements", ("restatement_key",),
    measures(text="record_key measure cause", number="old_value new_value difference", day="period_start"),
)  # fmt: skip
