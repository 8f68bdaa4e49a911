"""Likely ranges: what may come is drawn by deal and cell, times shocks learned from past errors, and then summed.

What belongs here: draws, their sums by level, quantiles, the size of shocks. What does not: expected values.

An open deal is won in a period with chance P: Poisson draws of rate -ln(1 - P), counted once, are exactly that. Deals
to be created are a compound Poisson of expected wins and the sizes of past ones. Each draw is multiplied by a shock of
everything, one of the team and one of the owner, with mean 1, so a level's draws are the sum of its members'.
"""

from dataclasses import dataclass

import numpy as np

from forecasting.facts import Facts, Floats
from forecasting.interface import LEVELS
from forecasting.months import Days

# Above so many single items per set of draws a cell's sum is drawn at once, from a gamma of the same mean and spread.
MOST_ITEMS = 400_000
QUANTILES = (0.1, 0.5, 0.9)
SHOCK_PRIOR = {"total": 0.10, "team": 0.08, "owner": 0.15}
SHOCK_PRIOR_ORIGINS = 6.0
SHOCK_BOUNDS = (0.02, 0.9)


@dataclass(frozen=True)
class Hopes:
    """What may come in one period: open deals (chance, value, cell), and by cell revenue and wins of new ones."""

    chance: Floats
    value: Floats
    cell: Days
    spread: float
    new_revenue: Floats
    new_wins: Floats
    new_sizes: list[Floats]

    def expected(self, cells: int) -> Floats:
        """Mean by cell."""
        return np.bincount(self.cell, self.chance * self.value, cells) + self.new_revenue

    def variance(self, cells: int, group: Days) -> Floats:
        """Variance by cell before any shock."""
        square = self.chance * self.value**2 * (1 - self.chance + self.spread**2)
        found = np.bincount(self.cell, square, cells).astype(np.float64)
        for place, sizes in enumerate(self.new_sizes):
            own = (group == place) & (self.new_wins > 0)
            if own.any() and len(sizes):
                mean = self.new_revenue[own] / self.new_wins[own]
                found[own] += self.new_wins[own] * mean**2 * (1 + (sizes.std() / sizes.mean()) ** 2)
        return found


@dataclass(frozen=True)
class Shocks:
    """Spread of the shocks of everything, of teams, of owners (standard deviation of a factor around 1)."""

    total: float
    team: float
    owner: float


def draw(facts: Facts, hopes: Hopes, shocks: Shocks, draws: int, seed: tuple[int, ...]) -> tuple[Floats, Days]:
    """Draws x cell of what comes, in the cells that hope for anything (their numbers come second)."""
    expected = hopes.expected(facts.cells)
    used = np.flatnonzero(expected > 0)
    if len(used) == 0:
        return np.zeros((draws, 0)), used
    place = np.full(facts.cells, -1)
    place[used] = np.arange(len(used))
    random = np.random.default_rng(seed)
    rate = -np.log1p(-np.minimum(hopes.chance, 0.999))
    if (rate.sum() + hopes.new_wins.sum()) * draws > MOST_ITEMS:
        sums = _gammas(random, expected[used], hopes.variance(facts.cells, facts.group)[used], draws)
    else:
        sums = _open_deals(random, hopes, rate, place, len(used), draws)
        sums += _new_deals(random, facts, hopes, place, len(used), draws)
    factor = _shock(random, shocks.total, (draws, 1))
    for level, spread in (("team", shocks.team), ("owner", shocks.owner)):
        members, back = np.unique(facts.codes[level][used], return_inverse=True)
        factor = factor * _shock(random, spread, (draws, len(members)))[:, back]
    found: Floats = sums * factor
    return found, used


def _shock(random: np.random.Generator, spread: float, shape: tuple[int, int]) -> Floats:
    sigma = np.sqrt(np.log1p(spread**2))
    found: Floats = np.exp(sigma * random.standard_normal(shape) - sigma**2 / 2)
    return found


def _gammas(random: np.random.Generator, mean: Floats, variance: Floats, draws: int) -> Floats:
    variance = np.maximum(variance, 1e-9 * mean**2)
    found: Floats = random.gamma(mean**2 / variance, variance / mean, (draws, len(mean)))
    return found


def _open_deals(random: np.random.Generator, hopes: Hopes, rate: Floats, place: Days, cells: int, draws: int) -> Floats:
    total = rate.sum()
    if total <= 0:
        return np.zeros((draws, cells))
    items = random.poisson(total * draws)
    which = np.searchsorted(np.cumsum(rate), random.random(items) * total, side="right")
    which = np.minimum(which, len(rate) - 1)
    # A deal is won once in a draw, however often it was hit. (numpy's own `unique` hashes: thirty times slower here.)
    hits = np.sort(random.integers(0, draws, items) * len(rate) + which)
    hits = hits[np.diff(hits, prepend=-1) > 0]
    drawn, deal = hits // len(rate), hits % len(rate)
    value = hopes.value[deal] * _shock(random, hopes.spread, (len(deal), 1))[:, 0]
    keys = drawn * cells + place[hopes.cell[deal]]
    return np.bincount(keys, value, draws * cells).astype(np.float64).reshape(draws, cells)


def _new_deals(random: np.random.Generator, facts: Facts, hopes: Hopes, place: Days, cells: int, draws: int) -> Floats:
    found = np.zeros((draws, cells))
    for group, sizes in enumerate(hopes.new_sizes):
        own = np.flatnonzero((facts.group == group) & (hopes.new_wins > 0) & (hopes.new_revenue > 0))
        if len(own) == 0 or len(sizes) == 0:
            continue
        wins = hopes.new_wins[own]
        total = wins.sum()
        items = random.poisson(total * draws)
        which = np.minimum(np.searchsorted(np.cumsum(wins), random.random(items) * total, side="right"), len(own) - 1)
        scale = hopes.new_revenue[own] / wins / sizes.mean()
        value = random.choice(sizes, items) * scale[which]
        keys = random.integers(0, draws, items) * cells + place[own[which]]
        found += np.bincount(keys, value, draws * cells).reshape(draws, cells)
    return found


def by_level(facts: Facts, sums: Floats, used: Days, level: str) -> Floats:
    """Draws x member of a level."""
    members, codes = len(facts.members[level]), facts.codes[level][used]
    found: Floats = np.zeros((len(sums), members))
    order = np.argsort(codes, kind="stable")
    here, first = np.unique(codes[order], return_index=True)
    if len(here):
        found[:, here] = np.add.reduceat(sums[:, order], first, axis=1)
    return found


def learn(facts: Facts, past: list[tuple[Floats, Floats, Floats, float]]) -> Shocks:
    """Spread of shocks from past origins: expected, variance before shocks, and actual by cell, weight of the origin.

    What errors have beyond the variance of single deals is the shocks': of the total; of teams beyond the total's;
    of owners beyond their team's. Each is drawn to a prior that stands for six origins.
    """
    found: dict[str, float] = {}
    if not past:
        return Shocks(**SHOCK_PRIOR)
    expected, variance, actual = (np.stack([row[place] for row in past]) for place in range(3))
    weight = np.array([row[3] for row in past])
    above: tuple[Floats, Floats] | None = None
    for level in ("total", "team", "owner"):
        hoped, came = _sums(facts, expected, level), _sums(facts, actual, level)
        if above is not None:
            ratio = np.divide(above[1], above[0], out=np.ones_like(above[0]), where=above[0] > 0)
            above = hoped, came
            hoped = hoped * ratio[:, _above(facts, level)]
        else:
            above = hoped, came
        beyond = ((came - hoped) ** 2 - _sums(facts, variance, level)).sum(axis=1)
        over, base = float((weight * beyond).sum()), float((weight * (hoped**2).sum(axis=1)).sum())
        prior = SHOCK_PRIOR_ORIGINS * max(base / weight.sum(), 1e-9)
        square = (max(over, 0.0) + prior * SHOCK_PRIOR[level] ** 2) / (base + prior)
        found[level] = float(np.clip(np.sqrt(square), *SHOCK_BOUNDS))
    return Shocks(**found)


def _sums(facts: Facts, values: Floats, level: str) -> Floats:
    """Origin x member."""
    members = len(facts.members[level])
    keys = np.arange(len(values))[:, None] * members + facts.codes[level]
    return np.bincount(keys.ravel(), values.ravel(), len(values) * members).astype(np.float64).reshape(-1, members)


def _above(facts: Facts, level: str) -> Days:
    if level == "team":
        return np.zeros(len(facts.members["team"]), dtype=np.int64)
    # An owner who was in several teams is held against the one with most of its cells.
    found = np.zeros(len(facts.members["owner"]), dtype=np.int64)
    found[facts.codes["owner"]] = facts.codes["team"]
    return found


def quantiles(draws: Floats) -> Floats:
    """P10, P50, P90 x member."""
    found: Floats = np.quantile(draws, QUANTILES, axis=0)
    return found


__all__ = ["LEVELS", "Hopes", "Shocks", "by_level", "draw", "learn", "quantiles"]
