"""What managers say their teams will book: the calls of each Monday, as the sales head's list holds them.

What belongs here: calls for the month and the quarter under way, made of what the CRM showed that morning. What does
not: what came of them. Each team's manager errs in a way of their own (`BIAS`), which a scoreboard has to find.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from simulator import clock, draws
from simulator.draws import Times
from simulator.selling import FACTOR, PIPELINES, stages_table
from simulator.spending import hash_key

# How much of what a team's open deals are worth its manager says.
BIAS = {"Small Business": 1.3, "Mid-Market": 0.85, "Enterprise": 1.15, "Customer Success": 1.0}
# Who calls in another currency than the company's.
CURRENCY = {"Enterprise": "USD"}
# The surest first: a call holds what is in its category and in those before it.
CATEGORIES = {"commit": "COMMIT", "best_case": "BEST_CASE", "pipeline": "PIPELINE"}
_SOLD = ("new_business", "renewal", "upsell")
_FIELDS = ("stage", "pipeline", "owner_id", "amount", "currency", "close_date", "forecast_category")
_ORDER = ["submitted_on", "period_type", "level", "member", "category"]
_COLUMNS = ["level", "member", "period_type", "period_start", "category", "amount", "currency", "submitted_on"]


def make_submissions(
    seed: int, owners: pd.DataFrame, changes: pd.DataFrame, merges: pd.DataFrame, deletions: pd.DataFrame,
    start: date, until: pd.Timestamp,
) -> pd.DataFrame:  # fmt: skip
    """One row per Monday, period under way, category and team, and the company's commit, which the sales head trims.

    A call is for the whole period: what is won in it so far, and of what is open and due by its end the deals in the
    category or a surer one. It depends on nothing that came after its Monday began.
    """
    mondays = _mondays(start, until)
    seen = _seen_on(_standings(owners, changes, merges, deletions, until), mondays)
    calls = pd.concat([_calls(seed, seen, kind) for kind in ("month", "quarter")], ignore_index=True)
    table = calls.sort_values(_ORDER, ignore_index=True)[_COLUMNS]
    for name in ("level", "member", "period_type", "category", "currency"):
        table[name] = table[name].astype("str")
    table["member"] = table["member"].where(table["level"] != "company")
    return table


def _mondays(start: date, until: pd.Timestamp) -> Times:
    """The days on which the list is filled in, the last of them over by `until`."""
    first = np.datetime64(start, "D")
    first = first + np.timedelta64(int(-clock.weekdays(np.array([first]))[0] % 7), "D")
    last = clock.local_days(np.array([until], dtype="datetime64[ms]"))[0]
    return np.asarray(np.arange(first, last, np.timedelta64(7, "D")))


def _standings(
    owners: pd.DataFrame, changes: pd.DataFrame, merges: pd.DataFrame, deletions: pd.DataFrame, until: pd.Timestamp
) -> pd.DataFrame:
    """One row per deal that may be booked and stretch of time in which nothing of it changed, open or won."""
    rows = changes.loc[(changes["object"] == "deal") & changes["field"].isin(_FIELDS)]
    wide = rows.assign(value=rows["value"].fillna("")).set_index(["record_id", "at", "field"])["value"].unstack("field")
    wide = wide.reindex(columns=list(_FIELDS)).sort_index().groupby(level=0).ffill().fillna("").reset_index()
    same = wide["record_id"].shift(-1) == wide["record_id"]
    gone = pd.concat(
        [
            merges.loc[merges["object"] == "deal", ["merged_id", "at"]].rename(columns={"merged_id": "record_id"}),
            deletions.loc[deletions["object"] == "deal", ["record_id", "at"]],
        ]
    ).groupby("record_id")["at"].min()  # fmt: skip
    ends = pd.to_datetime(gone.reindex(wide["record_id"]).set_axis(wide.index)).fillna(until)
    wide["until"] = np.minimum(wide["at"].shift(-1).where(same, until), ends)
    stages = stages_table().set_index("stage_id")
    wide["is_won"] = wide["stage"].map(stages["is_won"]).eq(True)
    wide["is_lost"] = wide["stage"].map(stages["is_closed"]).eq(True) & ~wide["is_won"]
    was_won = wide["is_won"].shift(1).eq(True) & (wide["record_id"].shift(1) == wide["record_id"])
    closed = wide["at"].where(wide["is_won"] & ~was_won)
    wide["closed"] = closed.groupby(wide["record_id"]).ffill()
    purpose = PIPELINES.set_index("pipeline_id")["purpose"]
    wide["team"] = wide["owner_id"].map(owners.set_index("owner_id")["team"])
    amount = pd.to_numeric(wide["amount"]).fillna(0.0)
    wide["eur"] = amount / wide["currency"].map(FACTOR).fillna(1.0)
    wide["due"] = pd.to_datetime(wide["close_date"].str[:10].replace("", None), format="%Y-%m-%d")
    # A quarter after its win a deal is in no call any more.
    kept = np.minimum(wide["until"], wide["closed"] + pd.Timedelta(days=100))
    wide["until"] = wide["until"].where(~wide["is_won"], kept)
    sold = wide["pipeline"].map(purpose).isin(_SOLD)
    held = wide["team"].isin(list(BIAS)) & sold & ~wide["is_lost"] & (wide["until"] > wide["at"])
    return wide.loc[held]


def _seen_on(standings: pd.DataFrame, mondays: Times) -> pd.DataFrame:
    """The standings as each Monday found them: one row per deal and Monday."""
    begins = np.array([clock.day_start(pd.Timestamp(day).date()) for day in mondays], dtype="datetime64[ms]")
    low = np.searchsorted(begins, standings["at"].to_numpy().astype("datetime64[ms]"), side="right")
    high = np.searchsorted(begins, standings["until"].to_numpy().astype("datetime64[ms]"), side="right")
    count = np.maximum(high - low, 0)
    rows = np.repeat(np.arange(len(standings)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    seen = standings.iloc[rows].assign(submitted_on=pd.to_datetime(mondays[np.repeat(low, count) + within]))
    closed = seen["closed"].fillna(pd.Timestamp(0)).to_numpy().astype("datetime64[ms]")
    return seen.assign(closed_on=pd.to_datetime(clock.local_days(closed)))


def _calls(seed: int, seen: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The calls for the months or quarters under way."""
    period = seen["submitted_on"].dt.to_period("M" if kind == "month" else "Q")
    first, last = period.dt.start_time, period.dt.end_time.dt.normalize()
    word = seen["forecast_category"].where((seen["due"] <= last) & ~seen["is_won"])
    word = word.where(~(seen["is_won"] & (seen["closed_on"] >= first)), "won")
    keys = ["submitted_on", "period_start", "team"]
    sums = seen.assign(period_start=first, word=word).groupby([*keys, "word"])["eur"].sum().unstack("word")
    sums = sums.reindex(columns=["won", *CATEGORIES.values()]).fillna(0.0).reset_index()
    named = [f"{row.team}/{kind}/{row.submitted_on:%Y-%m-%d}" for row in sums.itertuples()]
    mood = np.exp(0.12 * draws.normal(seed, "commit mood", np.array([hash_key(one) for one in named], dtype=np.uint64)))
    factor: Any = sums["team"].map(BIAS) * mood
    shared: dict[str, Any] = {
        "level": "team", "member": sums["team"], "period_type": kind, "period_start": sums["period_start"],
        "currency": sums["team"].map(CURRENCY).fillna("EUR"), "submitted_on": sums["submitted_on"],
    }  # fmt: skip
    parts, told = [], sums["won"]
    for category, word_of_crm in CATEGORIES.items():
        told = told + sums[word_of_crm] * factor
        amount = _tidy(told * shared["currency"].map(FACTOR), 500)
        parts.append(pd.DataFrame(shared | {"category": category, "amount": amount}))
    # The head of sales trims the sum of the commits.
    parts[0]["eur"] = sums["won"] + sums["COMMIT"] * factor
    company = parts[0].groupby(["submitted_on", "period_start"])["eur"].sum().reset_index()
    company = company.assign(level="company", member="", period_type=kind, category="commit", currency="EUR")
    parts.append(company.assign(amount=_tidy(0.95 * company["eur"], 1_000)))
    return pd.concat(parts, ignore_index=True)


def _tidy(values: pd.Series[Any], step: int) -> pd.Series[Any]:
    """As people say it."""
    return (values / step).round() * step
