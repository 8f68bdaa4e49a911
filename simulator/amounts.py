"""What a deal's amounts are made of: total and yearly contract value, what recurs in a year, and what is paid once.

What belongs here: the fields that a CRM calculates from lines, with every change of theirs, and what sellers who only
have an export's field for it say is paid once. What does not: the lines (catalogue.py) and the amount that a seller
states (selling.py), which nothing here looks at.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator import draws
from simulator.draws import Floats, Objects
from simulator.selling import Log

# How often a line is paid in a year; what is paid once is not in the list.
_YEARLY = {"annually": 1, "monthly": 12}
_TERMS = [1, 2, 3]  # years


def make_amounts(
    seed: int, deals: pd.DataFrame, lines: pd.DataFrame, changes: pd.DataFrame, removed: pd.DataFrame,
    until: pd.Timestamp,
) -> pd.DataFrame:  # fmt: skip
    """The changes of deals' `tcv`, `acv` and `arr`, in the deal's currency; a deal without lines has none.

    `changes`: of lines' fields. `removed`: the deletions of lines, which count no more from then on.
    """
    log = Log()
    gone = dict(zip(removed["record_id"], removed["at"], strict=True))
    told = changes.loc[changes["field"] == "amount", ["record_id", "value", "at"]]
    told = told.rename(columns={"record_id": "line_item_id"}).sort_values("at", kind="stable")
    told["gone_at"] = told["line_item_id"].map(gone).astype("datetime64[ms]")
    told = told.loc[told["gone_at"].isna() | (told["at"] < told["gone_at"])]
    told["cents"] = np.round(told["value"].astype(float) * 100)
    told["more"] = told["cents"] - told.groupby("line_item_id")["cents"].shift(1).fillna(0)
    ends = told.drop_duplicates("line_item_id", keep="last")
    ends = ends.loc[ends["gone_at"].notna()]
    ends = ends.assign(at=ends["gone_at"], more=-ends["cents"])
    moves = pd.concat([told, ends], ignore_index=True)[["line_item_id", "at", "more"]]
    moves = moves.merge(lines[["line_item_id", "deal_id", "billing_frequency"]], on="line_item_id")
    if moves.empty:
        return changes.iloc[:0]
    times = moves["billing_frequency"].map(_YEARLY)
    moves["arr"] = moves["more"] * times.fillna(0)
    moves["once"] = moves["more"].where(times.isna(), 0)
    moves = moves.groupby(["deal_id", "at"], as_index=False)[["arr", "once"]].sum().sort_values(["deal_id", "at"])
    sums = moves.groupby("deal_id")[["arr", "once"]].cumsum()
    key = moves["deal_id"].map(deals.set_index("deal_id")["key"]).to_numpy().astype(np.uint64)
    years = np.asarray(_TERMS)[draws.pick(seed, "years of the term", key, [0.6, 0.15, 0.25])]
    arr, once = sums["arr"].to_numpy(), sums["once"].to_numpy()
    tcv = once + arr * years
    ids = moves["deal_id"].to_numpy(dtype=object)
    # Calculated a moment after the lines were saved.
    at = moves["at"].to_numpy().astype("datetime64[ms]") + np.timedelta64(1, "s")
    for name, cents in (("tcv", tcv), ("acv", np.round(tcv / years)), ("arr", arr)):
        changed = pd.Series(cents).ne(pd.Series(cents).groupby(ids).shift(1)).to_numpy()
        log.add("deal", name, ids[changed], _money(cents[changed]), at[changed], None, "CALCULATED")
    return log.table(until)


def say_paid_once(seed: int, deals: pd.DataFrame) -> Objects:
    """What sellers say of a deal in the CRM that is exported, whatever its lines are; of most deals nothing."""
    key = deals["key"].to_numpy().astype(np.uint64)
    fee = draws.below(seed, "cents paid once", key, 500_000) * draws.chance(seed, "is paid once", key, 0.7)
    return draws.given(draws.chance(seed, "says what is paid once", key, 0.25), _money(fee.astype(float)))


def _money(cents: Floats) -> Objects:
    return np.array([f"{value / 100:.2f}" for value in cents.tolist()], dtype=object)
