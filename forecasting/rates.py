"""The win table: the chance of being won in exactly month h, nested, each level shrunk to the one above it.

What belongs here: rates from the counts that SQL made. What does not: what else moves a deal's chance (factors.py).

A level's rate is its parent's times how often the added attribute was won against what the parents expected, drawn to
the level's own count: p = p0 (w + k) / (n p0 + k), the mean of a gamma prior with k wins behind it (Poisson-gamma
shrinkage, Bühlmann). Newer months count more: half as much every `HALF_LIFE` months.

The root is drawn too, so that a handful of deals never makes a chance of 0 or 1: the first month ahead to a tenth of a
win among two deals, each later one by half a win to half of the month before it, which is all that is said of a month
whose outcome nobody has seen yet.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.facts import Floats
from forecasting.interface import HORIZONS
from forecasting.months import Days
from forecasting.snapshots import AGES, ATTRIBUTES, CLOSE, DAYS_IN_STAGE, Snapshots, WinCounts

# Each level adds these attributes to those of the level above.
LEVELS = (("part",), ("stage_no",), ("days_in_stage",), ("close",), ("segment",), ("age", "pushed"))
HALF_LIFE = 18.0
WINDOW = 36
PRIOR_WINS = 3.0
FIRST_WINS, FIRST_DEALS = 0.1, 2.0
LATER_WINS, LATER_SHARE = 0.5, 0.5
HIGHEST = 0.95
SIZES = {"part": 2, "stage_no": 4_096, "days_in_stage": 16, "close": 16, "segment": 1_024, "age": 16, "pushed": 8}


@dataclass(frozen=True)
class Tree:
    """The cells of all levels, each with its parent; where the counts stand in them, and the rows in the finest."""

    of_counts: list[Days]
    of_rows: Days
    parents: list[Days]
    added: list[Days]
    added_of_cells: list[Days]


@dataclass(frozen=True)
class Rates:
    """Rates of the finest cells by month ahead, and the plain counts of every level for whoever asks why."""

    rates: Floats
    seen: list[Floats]
    won: list[Floats]


def grow(counts: WinCounts, rows: Snapshots) -> Tree:
    """Numbers the cells of every level. Every row is in the counts too, so the counts name all cells.

    Cells are numbered in the order of their attributes from the root on, so a finest cell's number is the rank of all
    its attributes together, which is how the rows find theirs.
    """
    of_counts: list[Days] = []
    parents: list[Days] = []
    added: list[Days] = []
    added_of_cells: list[Days] = []
    cell = np.zeros(len(counts.month), dtype=np.int64)
    whole, of_rows = cell.copy(), np.zeros(len(rows.month), dtype=np.int64)
    for attributes in LEVELS:
        own = np.zeros(len(cell), dtype=np.int64)
        for name in attributes:
            own = own * SIZES[name] + counts.attributes[name]
            whole = whole * SIZES[name] + counts.attributes[name]
            of_rows *= SIZES[name]
            of_rows += rows.attributes[name]
        width = int(np.prod([SIZES[name] for name in attributes]))
        _, place, back = np.unique(cell * width + own, return_index=True, return_inverse=True)
        parents.append(cell[place])
        added_of_cells.append(own[place])
        added.append(own)
        cell = back.astype(np.int64)
        of_counts.append(cell)
    return Tree(of_counts, np.searchsorted(np.unique(whole), of_rows), parents, added, added_of_cells)


def last_complete(month: int, days_left: int, ahead: int) -> int:
    """The newest month whose snapshot's outcome `ahead` months later is known at the origin in `month`."""
    return month - ahead if days_left == 0 else month - ahead - 1


def first_ahead(days_left: int) -> int:
    """The first month that is still to come: at a month's end the next one."""
    return 1 if days_left == 0 else 0


def fit(tree: Tree, counts: WinCounts, month: int, days_left: int, with_counts: bool = True) -> Rates:
    """Rates as known at the origin of `month`; the plain counts only where they are asked for."""
    finest = len(tree.parents[-1])
    rates = np.zeros((finest, HORIZONS))
    seen = [np.zeros((len(parents), HORIZONS)) for parents in tree.parents]
    won = [np.zeros((len(parents), HORIZONS)) for parents in tree.parents]
    begin = int(counts.first[max(month - WINDOW, 0)])
    # What is the same for all months ahead; later ones have fewer snapshots whose outcome is known.
    known = slice(begin, int(counts.first[max(last_complete(month, days_left, first_ahead(days_left)) + 1, 0)]))
    weights = counts.deals[known] * 0.5 ** ((month - counts.month[known]) / HALF_LIFE)
    is_known = (counts.known_from[known] <= month) & (month < counts.known_until[known])
    lag = np.where(is_known, counts.won_month[known] - counts.month[known], -1)
    root = 0.0
    for ahead in range(first_ahead(days_left), HORIZONS):
        newest = last_complete(month, days_left, ahead)
        part = slice(begin, max(int(counts.first[max(newest + 1, 0)]), begin))
        weight, is_win = weights[: part.stop - begin], lag[: part.stop - begin] == ahead
        weighted_wins = weight * is_win
        root = _root(float(weighted_wins.sum()), float(weight.sum()), root)
        current: Floats = np.array([root])
        # Few deals are won in one month: sums over those alone.
        winners = np.flatnonzero(is_win)
        weighted_wins = weighted_wins[winners]
        for level in range(len(LEVELS)):
            size = len(tree.parents[level])
            codes = tree.of_counts[level][part]
            start = current[tree.parents[level]]
            if level:
                start = start * _marginal(tree, level, part, weight, winners, weighted_wins, start, codes)
            own = np.bincount(codes, weight, size)
            wins = np.bincount(codes[winners], weighted_wins, size)
            current = np.minimum(start * (wins + PRIOR_WINS) / (own * start + PRIOR_WINS), HIGHEST)
            if with_counts:
                seen[level][:, ahead] = np.bincount(codes, counts.deals[part], size)
                won[level][:, ahead] = np.bincount(codes, counts.deals[part] * is_win, size)
        rates[:, ahead] = current
    return Rates(rates=rates, seen=seen, won=won)


def _root(wins: float, deals: float, before: float) -> float:
    """The rate of all deals together; `before`: that of the month before, 0 for the first one."""
    if before == 0:
        return min((wins + FIRST_WINS) / (deals + FIRST_DEALS), HIGHEST)
    start = before * LATER_SHARE
    return min(start * (wins + LATER_WINS) / (deals * start + LATER_WINS), HIGHEST)


def _marginal(
    tree: Tree, level: int, part: slice, weight: Floats, winners: Days, wins: Floats, start: Floats, codes: Days
) -> Floats:
    """What the attribute that a level adds does on its own, in all of the parents together."""
    values = tree.added[level][part]
    of_cells = tree.added_of_cells[level]
    size = int(of_cells.max(initial=0)) + 1
    expected = np.bincount(values, weight * start[codes], size)
    observed = np.bincount(values[winners], wins, size)
    factor: Floats = (observed + PRIOR_WINS) / (expected + PRIOR_WINS)
    return factor[of_cells]


def words(attribute: str, value: int, stages: dict[int, str], segments: list[str]) -> str:
    """An attribute's value for people to read."""
    if attribute == "part":
        return "renewals" if value else "open"
    if attribute == "stage_no":
        return stages.get(value, "unknown")
    if attribute == "close":
        return CLOSE[value]
    if attribute == "segment":
        return segments[value]
    if attribute == "pushed":
        return f"{value}" if value < 3 else "3 or more"
    bounds = DAYS_IN_STAGE if attribute == "days_in_stage" else AGES
    if value == len(bounds):
        return f"over {bounds[-1]}"
    return f"{bounds[value - 1] + 1 if value else 0}-{bounds[value]}"


def is_value(array: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where a number is known."""
    return ~np.isnan(array)


__all__ = ["ATTRIBUTES", "LEVELS", "Rates", "Tree", "first_ahead", "fit", "grow", "last_complete", "words"]
