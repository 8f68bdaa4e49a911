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
# A binary search is faster for fewer numbers, and for those with so many edges in their slice.
FEW_DRAWN = 2_000
STEPS = 4
QUANTILES = (0.1, 0.5, 0.9)
SHOCK_PRIOR = {"total": 0.10, "team": 0.08, "owner": 0.15}
SHOCKED = tuple(SHOCK_PRIOR)
SHOCK_PRIOR_ORIGINS = 6.0
SHOCK_BOUNDS = (0.02, 0.9)


@dataclass(frozen=True)
class Hopes:
    """What may come in one period: open deals (chance, value), their parts in order (deal, cell, share), and by cell
    revenue and wins of new ones.

    `new_spread`: of each group 1 + the squared relative spread of `new_sizes` (`size_spread`).
    """

    chance: Floats
    value: Floats
    cell: Days
    spread: float
    new_revenue: Floats
    new_wins: Floats
    new_sizes: list[Floats]
    new_spread: Floats
    deal: Days
    share: Floats

    def expected(self, cells: int) -> Floats:
        """Mean by cell."""
        return np.bincount(self.cell, (self.chance * self.value)[self.deal] * self.share, cells) + self.new_revenue

    def variance(self, cells: int, group: Days) -> Floats:
        """Variance by cell before any shock."""
        square = self.chance * self.value**2 * (1 - self.chance + self.spread**2)
        found = np.bincount(self.cell, square[self.deal] * self.share**2, cells).astype(np.float64)
        own = np.flatnonzero((self.new_wins > 0) & (self.new_spread > 0)[group])
        mean = self.new_revenue[own] / self.new_wins[own]
        found[own] += self.new_wins[own] * mean**2 * self.new_spread[group[own]]
        return found


def size_spread(new_sizes: list[Floats]) -> Floats:
    """Of each group 1 + the squared relative spread of its sizes, 0 without any."""
    return np.array([1 + (sizes.std() / sizes.mean()) ** 2 if len(sizes) else 0.0 for sizes in new_sizes])


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
    which = _places(np.cumsum(rate), random.random(items) * total)
    # A deal is won once in a draw, however often it was hit. (numpy's own `unique` hashes: thirty times slower here.)
    hits = random.integers(0, draws, items) * len(rate) + which
    hits = np.sort(hits.astype(np.int32) if draws * len(rate) < 2**31 else hits)
    is_new = np.ones(len(hits), dtype=bool)
    is_new[1:] = hits[1:] != hits[:-1]
    hits = hits[is_new]
    drawn = hits // len(rate)
    deal = hits - drawn * len(rate)
    value = hopes.value[deal] * _shock(random, hopes.spread, (len(deal), 1))[:, 0]
    # Who shares a deal wins it together.
    first = np.searchsorted(hopes.deal, np.arange(len(rate) + 1))
    parts = (first[1:] - first[:-1])[deal]
    back = np.repeat(np.arange(len(deal)), parts)
    part = first[deal][back] + np.arange(len(back)) - (np.cumsum(parts) - parts)[back]
    # Deals that are worth nothing may be all that a cell hopes for.
    hoped = place[hopes.cell[part]] >= 0
    back, part = back[hoped], part[hoped]
    keys = drawn[back] * cells + place[hopes.cell[part]]
    return np.bincount(keys, value[back] * hopes.share[part], draws * cells).astype(np.float64).reshape(draws, cells)


def _new_deals(random: np.random.Generator, facts: Facts, hopes: Hopes, place: Days, cells: int, draws: int) -> Floats:
    drawn, hit = ([np.zeros(0, dtype=np.int64)] for _ in range(2))
    values, scale = [np.zeros(0)], np.zeros(len(place))
    hopeful = np.flatnonzero((hopes.new_wins > 0) & (hopes.new_revenue > 0))
    of_group = facts.group[hopeful]
    for group, sizes in enumerate(hopes.new_sizes):
        own = hopeful[of_group == group]
        if len(own) == 0 or len(sizes) == 0:
            continue
        wins = hopes.new_wins[own]
        total = wins.sum()
        items = random.poisson(total * draws)
        hit.append(own[_places(np.cumsum(wins), random.random(items) * total)])
        scale[own] = hopes.new_revenue[own] / wins / sizes.mean()
        values.append(random.choice(sizes, items))
        drawn.append(random.integers(0, draws, items))
    cell = np.concatenate(hit)
    keys = np.concatenate(drawn) * cells + place[cell]
    found = np.bincount(keys, np.concatenate(values) * scale[cell], draws * cells)
    return found.astype(np.float64).reshape(draws, cells)


def _places(edges: Floats, drawn: Floats) -> Days:
    """Of each drawn number how many edges are not above it, the last place at most: who was hit.

    What a binary search says, four times faster: a number's slice tells the first edge that can be the one, and few lie
    beyond it.
    """
    last = len(edges) - 1
    if len(drawn) < FEW_DRAWN:
        return np.minimum(np.searchsorted(edges, drawn, side="right"), last)
    slices = 4 * len(edges)
    scale = slices / edges[-1]
    # Both by the same multiplication, so that an edge of an earlier slice is never above a number of a later one.
    of_edges = np.minimum((edges * scale).astype(np.int64), slices)
    before = np.cumsum(np.bincount(of_edges, minlength=slices + 1))
    found: Days = np.r_[0, before[:-1]][np.minimum((drawn * scale).astype(np.int64), slices)]
    found = np.minimum(found, last)
    beyond = np.flatnonzero((edges[found] <= drawn) & (found < last))
    for _ in range(STEPS):
        if len(beyond) == 0:
            return found
        found[beyond] += 1
        beyond = beyond[(edges[found[beyond]] <= drawn[beyond]) & (found[beyond] < last)]
    found[beyond] = np.minimum(np.searchsorted(edges, drawn[beyond], side="right"), last)
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


def prior(wins: int) -> dict[str, float]:
    """Spreads before any error is known: that of everything is wider by how little few wins tell (1 / root of wins)."""
    return {**SHOCK_PRIOR, "total": min(float(np.sqrt(SHOCK_PRIOR["total"] ** 2 + 1 / max(wins, 1))), SHOCK_BOUNDS[1])}


def learn(
    facts: Facts, past: dict[str, tuple[Floats, Floats, Floats]], weight: Floats, priors: dict[str, float]
) -> Shocks:
    """Spread of shocks from past origins: by level expected, variance before shocks and actual (origin x member).

    What errors have beyond the variance of single deals is the shocks': of the total; of teams beyond the total's;
    of owners beyond their team's. Each is drawn to a prior that stands for six origins.
    """
    found: dict[str, float] = {}
    above: tuple[Floats, Floats] | None = None
    for level in SHOCKED:
        hoped, variance, came = past[level]
        if above is not None:
            ratio = np.divide(above[1], above[0], out=np.ones_like(above[0]), where=above[0] > 0)
            above = hoped, came
            hoped = hoped * ratio[:, _above(facts, level)]
        else:
            above = hoped, came
        beyond = ((came - hoped) ** 2 - variance).sum(axis=1)
        over, base = float((weight * beyond).sum()), float((weight * (hoped**2).sum(axis=1)).sum())
        prior_base = SHOCK_PRIOR_ORIGINS * max(base / weight.sum(), 1e-9)
        square = (max(over, 0.0) + prior_base * priors[level] ** 2) / (base + prior_base)
        found[level] = float(np.clip(np.sqrt(square), *SHOCK_BOUNDS))
    return Shocks(**found)


def sums_of(facts: Facts, values: Floats) -> dict[str, Floats]:
    """By member of each level that has shocks."""
    return {
        level: np.bincount(facts.codes[level], values, len(facts.members[level])).astype(np.float64)
        for level in SHOCKED
    }


def _above(facts: Facts, level: str) -> Days:
    if level == "team":
        return np.zeros(len(facts.members["team"]), dtype=np.int64)
    # An owner who was in several teams is held against the one with most of its cells.
    found = np.zeros(len(facts.members["owner"]), dtype=np.int64)
    found[facts.codes["owner"]] = facts.codes["team"]
    return found


def quantiles(draws: Floats) -> Floats:
    """P10, P50, P90 x member, to the digit as numpy's `quantile`, which is five times slower for rows of draws."""
    ordered = np.sort(draws, axis=0)
    found = np.empty((len(QUANTILES), draws.shape[1]))
    for row, share in enumerate(QUANTILES):
        place = share * (len(draws) - 1)
        below = int(place)
        low, high, beyond = ordered[below], ordered[min(below + 1, len(draws) - 1)], place - below
        found[row] = high - (high - low) * (1 - beyond) if beyond >= 0.5 else low + (high - low) * beyond
    return found


__all__ = ["LEVELS", "Hopes", "Shocks", "by_level", "draw", "learn", "quantiles", "size_spread"]
