"""Links that move: people who go to another firm, and calls and lines that had been filed under the wrong deal.

What belongs here: when they move, and the tables as they are linked at a moment. What does not: what a vendor shows of
it. No vendor tells since when a record is linked, so whoever asks later sees the newest link alone.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from simulator import clock, draws

if TYPE_CHECKING:
    from simulator.company import Company

# From the demo's second day on, so that its second run has something to tell and the first day stays what it was.
BEGIN = pd.Timestamp("2026-06-18 09:00")
# object -> its table, its key, the link that moves, and how many of its records do.
LINKS = {
    "contact": ("contacts", "contact_id", "account_id", 0.06),
    "activity": ("activities", "activity_id", "deal_id", 0.03),
    "line_item": ("line_items", "line_item_id", "deal_id", 0.2),
}
_COLUMNS = ["object", "record_id", "at", "linked_id"]


def no_moves() -> pd.DataFrame:
    """The table of a company whose links stay."""
    return pd.DataFrame({name: pd.Series([], dtype="datetime64[ms]" if name == "at" else "str") for name in _COLUMNS})


def make_link_moves(seed: int, tables: dict[str, pd.DataFrame], until: pd.Timestamp) -> pd.DataFrame:
    """One row per link that moves: `at`, and what the record is linked to from then on."""
    found = [no_moves()]
    for kind, (name, key, link, share) in LINKS.items():
        rows = tables[name]
        rows = rows.loc[(rows["created_at"] < BEGIN) & rows[link].notna(), [key, link]]
        if rows.empty:
            continue
        keys = rows[key].astype("int64").to_numpy().astype(np.uint64)
        days = 30 * draws.uniform(seed, f"{kind} link when", keys) ** 5
        moves = pd.DataFrame(
            {
                "object": kind,
                "record_id": rows[key].to_numpy(),
                "at": np.datetime64(BEGIN, "ms") + clock.milliseconds(days * clock.DAY),
                "linked_id": rows[link].to_numpy()[draws.below(seed, f"{kind} link to", keys, len(rows))],
            }
        )
        found.append(moves.loc[draws.chance(seed, f"{kind} link moves", keys, share)])
    moves = pd.concat(found, ignore_index=True)
    moves["at"] = moves["at"].astype("datetime64[ms]")
    moves = moves.loc[moves["at"] < until].astype({name: "str" for name in _COLUMNS if name != "at"})
    return moves.sort_values(["at", "object", "record_id"], kind="stable").reset_index(drop=True)


def as_linked(company: "Company", moment: pd.Timestamp) -> "Company":
    """The company with every record linked as it was just before a moment."""
    moves = company.link_moves.loc[company.link_moves["at"] < moment]
    if moves.empty:
        return company
    tables = {}
    for kind, (name, key, link, _) in LINKS.items():
        latest = moves.loc[moves["object"] == kind].drop_duplicates("record_id", keep="last")
        rows: pd.DataFrame = getattr(company, name)
        places = latest.set_index("record_id")["linked_id"]
        moved = rows[key].isin(places.index)
        tables[name] = rows.assign(**{link: rows[link].where(~moved, rows[key].map(places))})
    return replace(company, **tables)
