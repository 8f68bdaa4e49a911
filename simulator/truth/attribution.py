"""Whose touch brought a conversion, by each model.

What belongs here: conversions with the touches before them, and credit handed out path by path. What does not: what a
touch is (touches.py). The chain of channels is walked until nobody is left on it, once more without each channel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import accumulate, pairwise
from math import lcm
from typing import Any

import numpy as np
import pandas as pd

from simulator import clock
from simulator.truth.ads import Ads
from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import absent
from simulator.truth.touches import Touches

# What the company says of itself.
LOOKBACK, HALF_LIFE, PURPOSES = pd.Timedelta(days=365), pd.Timedelta(days=7), {"new_business"}
MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "markov", "shapley")
WHOLE = 10**9

Touch = tuple[pd.Timestamp, str, str]  # when, key, channel


def handed_out(amount: Decimal | None, weights: Sequence[int]) -> list[tuple[Decimal, Decimal | None]]:
    """Share and part of the amount per weight: what is due up to it less what is due before it, each rounded."""
    due = [until / sum(weights) for until in accumulate(weights, initial=0)]
    shares = [Decimal(int(one * WHOLE + 1e-9 + 0.5)).scaleb(-9) for one in due]
    given = [after - before for before, after in pairwise(shares)]
    if amount is None:
        return [(share, None) for share in given]
    sign, cents = (-1 if amount < 0 else 1), abs(int(amount * 100))
    amounts = [Decimal(sign * int(cents * one + 0.5)).scaleb(-2) for one in due]
    return [(share, after - before) for share, (before, after) in zip(given, pairwise(amounts), strict=True)]


def arriving(steps: Counter[tuple[str, str]], without: str | None = None) -> float:
    """The share of those who set out that converts; whoever comes to `without` is lost."""
    names = sorted({name for pair in steps for name in pair})
    place = {name: number for number, name in enumerate(names)}
    chances = np.zeros((len(names), len(names)))
    for (before, after), count in steps.items():
        chances[place[before], place[after]] = count
    chances /= np.maximum(chances.sum(axis=1, keepdims=True), 1)
    if without is not None:
        chances[:, place[without]] = 0
    there, arrived = np.zeros(len(names)), 0.0
    there[place["start"]] = 1.0
    while there.sum() > 1e-16:
        there = there @ chances
        arrived += there[place["conversion"]]
        there[[place[end] for end in ("conversion", "lost") if end in place]] = 0
    return float(arrived)


def removal(paths: Iterable[tuple[Sequence[str], bool]]) -> dict[str, int]:
    """Thousand-millionths of all conversions that are lost without each channel."""
    steps: Counter[tuple[str, str]] = Counter()
    for channels, converted in paths:
        walk = ["start", *channels, "conversion" if converted else "lost"]
        steps.update(pairwise(walk))
    if not any(after == "conversion" for _, after in steps):
        return {}
    found = {name for pair in steps for name in pair} - {"start", "conversion", "lost"}
    everybody = arriving(steps)
    return {name: round((1 - arriving(steps, name) / everybody) * WHOLE) for name in found}


def weights_of(model: str, path: Sequence[Touch], lost: dict[str, int]) -> list[int]:
    """One weight per touch of a path in order of time."""
    size = len(path)
    channels = [channel for _, _, channel in path]
    if model in ("first", "last", "last_non_direct"):
        others = [place for place, channel in enumerate(channels) if channel != "direct"]
        chosen = {"first": 0, "last": size - 1, "last_non_direct": others[-1] if others else size - 1}[model]
        return [int(place == chosen) for place in range(size)]
    if model == "linear" or (model == "position" and size < 3):
        return [1] * size
    if model == "position":
        return [40 * (size - 2), *[20] * (size - 2), 40 * (size - 2)]
    common = lcm(*range(1, 25))
    if model == "time_decay":
        return [round(common * 0.5 ** ((path[-1][0] - at) / HALF_LIFE)) for at, _, _ in path]
    count = Counter(channels)
    shares = [common // count[channel] for channel in channels]
    if model == "shapley":
        return shares
    return [round(lost[channel] / WHOLE * share) for channel, share in zip(channels, shares, strict=True)]


class Attribution(Touches, Ads):
    """Credit for conversions."""

    @cached_property
    def conversions(self) -> list[tuple[str, str, str | None, str | None, Decimal | None, date, pd.Timestamp]]:
        """(event, key, person, account, amount, day, moment)."""
        leads = {row["lead_key"]: row for row in self.fct_leads.to_dict("records")}
        found: list[tuple[str, str, str | None, str | None, Decimal | None, date, pd.Timestamp]] = []
        for key, lead in leads.items():
            if not lead["is_excluded"] and not lead["is_imported"]:
                account = None if absent(lead["account_key"]) else lead["account_key"]
                found.append(("lead", key, lead["person_key"], account, None, lead["created_date"], lead["created_at"]))
        imported = dict(zip(self.company.deals["deal_id"], self.company.deals["is_imported"], strict=True))
        for deal in self.fct_deals.to_dict("records"):
            if deal["is_excluded"] or deal["pipeline_purpose"] not in PURPOSES:
                continue
            # Each contact of this company is one lead.
            lead = {} if absent(deal["contact_key"]) else leads[deal["contact_key"]]
            own, theirs = deal["account_key"], lead.get("account_key")
            account = own if not absent(own) else None if absent(theirs) else theirs
            amount = None if absent(deal["amount_reporting"]) else deal["amount_reporting"]
            whose = (deal["deal_key"], lead.get("person_key"), account, amount)
            if not imported[deal["deal_id"]]:
                found.append(("opportunity", *whose, deal["created_date"], deal["created_at"]))
            if deal["status"] == "won" and deal["close_day"] <= self.moment.as_of:
                # A date of the CRM's ends with its day.
                end = clock.day_start(deal["close_day"] + timedelta(days=1), self.moment.zone) - pd.Timedelta(
                    microseconds=1
                )
                at = end if absent(deal["close_event_at"]) else deal["close_event_at"]
                found.append(("won", *whose, deal["close_day"], at))
        return found

    @cached_property
    def fct_attribution(self) -> pd.DataFrame:
        """One row per conversion, level, model and touch with credit."""
        touched: dict[tuple[str, str], list[Touch]] = {}
        day_of: dict[str, date] = {}
        for touch in self.fct_touches.to_dict("records"):
            if absent(touch["touch_no"]):
                continue
            day_of[touch["touch_key"]] = touch["touch_date"]
            told = (touch["touched_at"], touch["touch_key"], touch["channel"])
            touched.setdefault(("contact", touch["person_key"]), []).append(told)
            of = touch["person_key"] if absent(touch["account_key"]) else touch["account_key"]
            touched.setdefault(("account", of), []).append(told)
        for path in touched.values():
            path.sort()
        rows: list[tuple[Any, ...]] = []
        for event in ("lead", "opportunity", "won"):
            for level in ("contact", "account"):
                paths: list[tuple[Any, list[Touch]]] = []
                converted = set()
                for conversion in self.conversions:
                    if conversion[0] != event:
                        continue
                    unit = conversion[2] if level == "contact" or conversion[3] is None else conversion[3]
                    at = conversion[6]
                    converted |= {unit, conversion[2]}
                    # Of an account all its people count, and the conversion's own person wherever they belong.
                    known = sorted({
                        *touched.get((level, unit or ""), []), *touched.get(("contact", conversion[2] or ""), [])
                    })  # fmt: skip
                    paths.append((conversion, [one for one in known if at - LOOKBACK <= one[0] <= at]))
                others = [
                    [one for one in path if one[0] >= path[-1][0] - LOOKBACK]
                    for (of, unit), path in touched.items()
                    if of == level and unit not in converted
                ]
                lost = removal(
                    [([one[2] for one in path], True) for _, path in paths if path]
                    + [([one[2] for one in path], False) for path in others]
                )
                for (_, key, _, _, amount, day, _), path in paths:
                    if len(path) < 2:
                        # All to the one touch, or to nobody.
                        alone = self._credited((key, event, level, "first"), path, amount, day, lost, day_of)
                        rows += [(*row[:3], model, *row[4:]) for row in alone for model in MODELS]
                        continue
                    for model in MODELS:
                        rows += self._credited((key, event, level, model), path, amount, day, lost, day_of)
        names = "conversion_key conversion_event level model touch_key channel credit credited_amount_reporting"
        return pd.DataFrame.from_records(rows, columns=[*names.split(), "touch_date", "conversion_date"])

    @staticmethod
    def _credited(
        whose: tuple[str, str, str, str],
        path: list[Touch],
        amount: Decimal | None,
        day: date,
        lost: dict[str, int],
        day_of: dict[str, date],
    ) -> list[tuple[Any, ...]]:
        if not path:
            return [(*whose, None, "unattributed", Decimal(1), amount, None, day)]
        weights = weights_of(whose[3], path, lost)
        given = [(touch, weight) for touch, weight in zip(path, weights, strict=True) if weight]
        return [
            (*whose, key, channel, share, part, day_of[key], day)
            for ((_, key, channel), _), (share, part) in zip(
                given, handed_out(amount, [weight for _, weight in given]), strict=True
            )
        ]

    @cached_property
    def rpt_attribution_comparison(self) -> pd.DataFrame:
        """One row per period, event, level, model and channel with credit or spend."""
        year = self.moment.as_of
        begins = (year.replace(day=28) if (year.month, year.day) == (2, 29) else year).replace(year=year.year - 1)
        begins += timedelta(days=1)
        spend: dict[tuple[str, date, str], Decimal] = {}

        def periods(day: date) -> list[tuple[str, date]]:
            recent = [("trailing_12_months", begins)] if begins <= day <= year else []
            return [("month", day.replace(day=1)), *recent]

        days = self.fct_ad_performance_daily
        for channel, money, day in zip(days["channel"], days["spend_reporting"], days["date_day"], strict=True):
            for period in periods(day):
                spend[*period, channel] = spend.get((*period, channel), Decimal(0)) + money
        # Whole numbers, of which pandas loses none: parts of a conversion and cents, by day first.
        told = self.fct_attribution
        moneyless = told["credited_amount_reporting"].isna()
        counted_on = told["touch_date"].where(told["touch_key"].notna(), told["conversion_date"])
        parts = pd.Series([int(credit.scaleb(9)) for credit in told["credit"]], dtype="int64")
        cents = [0 if absent(money) else int(money * 100) for money in told["credited_amount_reporting"]]
        names = ["conversion_event", "level", "model", "channel"]
        sums = (
            told[names]
            .assign(
                day=counted_on, credit=parts, without=parts.where(moneyless, 0), amount=pd.Series(cents, dtype="int64")
            )
            .groupby([*names, "day"], sort=False)
            .sum()
        )
        cells: dict[tuple[Any, ...], list[Decimal]] = {}
        kinds = {(event, level, model) for event, level, model, _, _ in sums.index}
        for (event, level, model, channel, day), *values in sums.itertuples(name=None):
            for period in periods(day):
                cell = cells.setdefault((*period, channel, event, level, model), [Decimal(0)] * 3)
                for number, (value, scale) in enumerate(zip(values, (-9, -9, -2), strict=True)):
                    cell[number] += Decimal(value).scaleb(scale)
        for place in spend:
            for kind in kinds:
                cells.setdefault((*place, *kind), [Decimal(0)] * 3)
        records = []
        for (period_type, start, channel, event, level, model), (credit, without, amount) in cells.items():
            cost = spend.get((period_type, start, channel))
            records.append(
                {
                    "period_type": period_type, "period_start": start, "channel": channel, "conversion_event": event,
                    "level": level, "model": model, "credited_conversions": credit,
                    "conversions_without_amount": without,
                    "credited_amount_reporting": None if event == "lead" else amount,
                    "spend_reporting": cost,
                    "cost_per_conversion": cost / credit if cost is not None and credit >= Decimal("0.01") else None,
                    "roas": amount / cost if cost and event == "won" else None,
                }
            )  # fmt: skip
        return pd.DataFrame.from_records(records)


COMPARISONS = [
    Comparison(
        "fct_attribution", ("conversion_event", "level", "model", "conversion_key", "touch_key"),
        measures(
            text="channel", number="credit", money="credited_amount_reporting", day="touch_date conversion_date",
        ),
    ),
    Comparison(
        "rpt_attribution_comparison",
        ("period_type", "period_start", "conversion_event", "level", "model", "channel"),
        measures(
            number="credited_conversions conversions_without_amount cost_per_conversion roas",
            money="credited_amount_reporting spend_reporting",
        ),
    ),
]  # fmt: skip
