"""Who shares the credit of a deal: splits that sellers agree on, some again after the close, and overlay credit.

What belongs here: every split with the moment from which it counts. What does not: deals and their owners (selling.py).
A split is agreed as a whole, so a later one replaces all parts of the one before. The CRM knows the splits of revenue
and keeps them whole; what finance notes beside it (overlay credit, splits of deals that the CRM never heard of) is
typed by hand, and some of it does not add up.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator import clock, draws
from simulator.draws import Bools, Objects, Times
from simulator.people import owners_at

# Shares of the seller and of one or two colleagues, as the CRM stores them.
_PATTERNS: list[tuple[str, ...]] = [
    ("0.5", "0.5"), ("0.7", "0.3"), ("0.8", "0.2"), ("0.6", "0.25", "0.15"), ("0.33333334", "0.33333333", "0.33333333"),
]  # fmt: skip
# What finance has typed for deals that nobody split in the CRM: too little, too much, and a sum that was rounded.
_TYPED: list[tuple[str, ...]] = [("0.6", "0.25"), ("0.7", "0.5"), ("0.6667", "0.3334")]
_COLUMNS = ["split_id", "deal_id", "owner_id", "share", "kind", "noted_in", "agreed_at"]


def make_deal_splits(seed: int, deals: pd.DataFrame, owners: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """One row per part of a split: whose, how much (a text between 0 and 1), revenue or overlay, noted in the CRM or by
    finance, and the moment of the agreement, which the parts of one split share."""
    sold = deals.loc[(deals["kind"] <= 2) & ~deals["is_imported"].astype(bool)].reset_index(drop=True)
    key = sold["key"].to_numpy().astype(np.uint64)
    created = sold["created_at"].to_numpy().astype("datetime64[ms]")
    closed = sold["closed"].to_numpy().astype("datetime64[ms]")
    agreed = clock.at_work(
        created + clock.milliseconds((0.5 + 20 * draws.uniform(seed, "split day", key)) * clock.DAY),
        draws.uniform(seed, "split hour", key),
    )
    divided = draws.chance(seed, "divided", key, 0.11)
    parts = [_parts(seed, "split", sold, owners, divided, agreed, _PATTERNS, "crm")]
    # Who was forgotten says so when the commission is paid, or some weeks later.
    again = clock.at_work(
        np.where(np.isnat(closed) | (closed < agreed), agreed, closed)
        + clock.milliseconds((2 + 35 * draws.uniform(seed, "split again day", key)) * clock.DAY),
        draws.uniform(seed, "split again hour", key),
    )
    disputed = divided & draws.chance(seed, "split again", key, 0.2)
    parts.append(_parts(seed, "split again", sold, owners, disputed, again, _PATTERNS, "crm"))
    typed = ~divided & draws.chance(seed, "split typed", key, 0.012)
    parts.append(_parts(seed, "split typed", sold, owners, typed, agreed, _TYPED, "finance"))
    helped = draws.chance(seed, "overlay", key, 0.06)
    parts.append(_overlay(seed, sold, owners, helped, agreed))
    splits = pd.concat(parts, ignore_index=True)
    splits = splits.loc[splits["agreed_at"] < until]
    splits = splits.sort_values(["agreed_at", "deal_id", "kind", "place"], kind="stable", ignore_index=True)
    splits["split_id"] = [str(50_636_000_000 + 3 * number) for number in range(len(splits))]
    for column in _COLUMNS[:-1]:
        splits[column] = splits[column].astype("str")
    return splits[_COLUMNS]


def _parts(
    seed: int, purpose: str, sold: pd.DataFrame, owners: pd.DataFrame, chosen: Bools, agreed: Times,
    patterns: list[tuple[str, ...]], noted_in: str,
) -> pd.DataFrame:  # fmt: skip
    """The seller's part first, then those of colleagues of the same team and of who prepares the deals."""
    rows = np.flatnonzero(chosen & ~np.isnat(agreed))
    key = sold["key"].to_numpy().astype(np.uint64)[rows]
    seller = sold["owner_position"].to_numpy()[rows]
    pattern = draws.below(seed, f"{purpose} pattern", key, len(patterns))
    ids: Objects = owners["owner_id"].to_numpy(dtype=object)
    helper = owners_at(owners, "Inside Sales", agreed[rows], draws.uniform(seed, f"{purpose} helper", key))
    mate = owners_at(owners, "Mid-Market", agreed[rows], draws.uniform(seed, f"{purpose} mate", key))
    frames = []
    for place in range(3):
        held = np.array([place < len(patterns[n]) for n in pattern], dtype=bool)
        who = (seller, helper, mate)[place]
        # Who is named twice has both parts.
        frames.append(
            pd.DataFrame(
                {
                    "deal_id": sold["deal_id"].to_numpy(dtype=object)[rows][held],
                    "owner_id": ids[who][held],
                    "share": [patterns[n][place] for n in pattern[held]],
                    "kind": "revenue",
                    "noted_in": noted_in,
                    "agreed_at": agreed[rows][held],
                    "place": place,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _overlay(seed: int, sold: pd.DataFrame, owners: pd.DataFrame, chosen: Bools, agreed: Times) -> pd.DataFrame:
    """Someone of customer success who helped to sell is credited with half of it or all, beside the sellers."""
    rows = np.flatnonzero(chosen & ~np.isnat(agreed))
    key = sold["key"].to_numpy().astype(np.uint64)[rows]
    helper = owners_at(owners, "Customer Success", agreed[rows], draws.uniform(seed, "overlay owner", key))
    return pd.DataFrame(
        {
            "deal_id": sold["deal_id"].to_numpy(dtype=object)[rows],
            "owner_id": owners["owner_id"].to_numpy(dtype=object)[helper],
            "share": np.where(draws.chance(seed, "overlay half", key, 0.4), "0.5", "1"),
            "kind": "overlay",
            "noted_in": "finance",
            "agreed_at": agreed[rows],
            "place": 0,
        }
    )
