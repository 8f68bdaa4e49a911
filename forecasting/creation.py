"""What deals bring that do not exist yet: how many will be created, and what a created deal has brought by age.

What belongs here: creations of the months ahead, yields by lag, their shares by cell. What does not: open deals.

Expected revenue in month h = sum over months of creation j <= h of (deals created in j) x (revenue per created deal,
h - j months later); of the running month only the days that are left, judged by the same days of past months. Each
group is a part (renewals apart) x segment; groups with few deals are drawn to all groups of their part.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting import draws
from forecasting.facts import Facts, Floats
from forecasting.interface import HORIZONS
from forecasting.months import Days
from forecasting.rates import HALF_LIFE, WINDOW

LEVEL_HALF_LIFE = 3.0
LEVEL_MONTHS = 12
SHARE_HALF_LIFE = 2.0
SHARE_MONTHS = 6
PRIOR_DEALS = 30.0
DAMPING = 0.85
YEARS_FOR_SEASON = 24
SIZES_KEPT = 2_000
LARGEST_SHARE = 0.99


@dataclass(frozen=True)
class Coming:
    """Of each group and month ahead: expected revenue and wins; of each cell its share of its group; sizes of wins."""

    revenue: Floats
    wins: Floats
    shares: Floats
    sizes: list[Floats]
    spread: Floats


@dataclass(frozen=True)
class Created:
    """Deals created by group and month: in whole months, and after the origin's day within the month.

    `by_cell` and `so_far` count, by cell and month, those that nobody shares, in whole months and up to the origin's
    day; their first column is what is older than the months. `won` and `shared` are the places of creations that are.
    """

    whole: Floats
    rest: Floats
    after: Days
    by_cell: Floats
    so_far: Floats
    won: Days
    shared: Days


def count(facts: Facts, origin_days: Days) -> Created:
    """Counts creations once for all origins of a phase."""
    creations, months, groups = facts.creations, len(facts.months), int(facts.group.max(initial=0)) + 1
    inside = (creations.month >= 0) & (creations.month < months)
    group = facts.group[creations.cell]
    days = np.full(months, np.iinfo(np.int64).max)
    days[: len(origin_days)] = origin_days
    after = inside & (creations.day > days[np.clip(creations.month, 0, months - 1)])
    own = (creations.month < months) & (creations.shared_span < 0)

    def table(codes: Days, rows: npt.NDArray[np.bool_], size: int, before: int = 0) -> Floats:
        """Code x month, with so many columns before the first."""
        keys = codes[rows] * (months + before) + creations.month[rows] + before
        counts = np.bincount(keys, minlength=size * (months + before))
        return counts.reshape(size, months + before).astype(np.float64)

    return Created(
        whole=table(group, inside, groups),
        rest=table(group, after, groups),
        after=after.astype(np.int64),
        by_cell=table(creations.cell, own, facts.cells, before=1),
        so_far=table(creations.cell, own & ~after, facts.cells, before=1),
        won=np.flatnonzero(creations.won_month >= creations.month),
        shared=np.flatnonzero(creations.shared_span >= 0),
    )


def expect(facts: Facts, created: Created, origin: int, month: int, days_left: int) -> Coming:
    """What is to come of deals that are created after the origin, by what was known then."""
    creations, groups = facts.creations, len(created.whole)
    ended = month if days_left == 0 else month - 1
    begin = max(month - WINDOW, 0)
    won = created.won
    known = (
        (creations.month[won] >= begin)
        & (creations.known_from[won] <= origin)
        & (origin < creations.known_until[won])
        & (creations.won_month[won] <= ended)
    )
    chosen = won[known]
    group = facts.group[creations.cell[chosen]]
    lag = creations.won_month[chosen] - creations.month[chosen]
    place = creations.month[chosen] - begin
    amount = creations.amount[chosen]
    after = created.after[chosen]
    width = ended - begin + 1
    revenue, wins = np.zeros((groups, HORIZONS)), np.zeros((groups, HORIZONS))
    sizes = _sizes(facts, group, amount, groups)
    spread = draws.size_spread(sizes)
    if width <= 0:
        return Coming(revenue, wins, _shares(facts, created, month, origin), sizes, spread)
    part_of_group = np.arange(groups) >= len(facts.members["segment"])
    age = month - (begin + np.arange(width))
    decay = 0.5 ** (age / HALF_LIFE)

    def table(weights: Floats, rows: Days) -> Floats:
        """Group x month of creation x lag."""
        fits = rows & (lag < HORIZONS)
        keys = (group[fits] * width + place[fits]) * HORIZONS + lag[fits]
        sums = np.bincount(keys, weights[fits], groups * width * HORIZONS).astype(np.float64)
        return sums.reshape(groups, width, HORIZONS)

    everything = np.ones(len(chosen), dtype=bool)
    whole = created.whole[:, begin : ended + 1]
    rest = created.rest[:, begin : ended + 1]
    complete = (begin + np.arange(width))[:, None] + np.arange(HORIZONS)[None, :] <= ended
    per_deal = _per_deal(table(amount, everything), whole, decay, complete, part_of_group)
    wins_per_deal = _per_deal(table(np.ones(len(chosen)), everything), whole, decay, complete, part_of_group)
    level = _levels(whole, begin, month, days_left)
    for created_in in range(1, HORIZONS):
        for ahead in range(created_in, HORIZONS):
            revenue[:, ahead] += level[:, created_in] * per_deal[:, ahead - created_in]
            wins[:, ahead] += level[:, created_in] * wins_per_deal[:, ahead - created_in]
    if days_left > 0:
        late = after.astype(bool)
        rest_level = _levels(rest, begin, month, days_left)[:, 0]
        revenue += rest_level[:, None] * _per_deal(table(amount, late), rest, decay, complete, part_of_group)
        wins += rest_level[:, None] * _per_deal(table(np.ones(len(chosen)), late), rest, decay, complete, part_of_group)
    return Coming(revenue, wins, _shares(facts, created, month, origin), sizes, spread)


def _per_deal(won: Floats, deals: Floats, decay: Floats, complete: np.ndarray, is_renewal: np.ndarray) -> Floats:
    """Group x lag: what a created deal brings, drawn to what those of all groups of its part bring."""
    weighted = (won * decay[None, :, None] * complete[None]).sum(axis=1)
    base = (deals[:, :, None] * decay[None, :, None] * complete[None]).sum(axis=1)
    found: Floats = np.zeros_like(weighted)
    for part in (False, True):
        rows = is_renewal == part
        total, deals_total = weighted[rows].sum(axis=0), base[rows].sum(axis=0)
        overall = np.divide(total, deals_total, out=np.zeros_like(total), where=deals_total > 0)
        found[rows] = (weighted[rows] + PRIOR_DEALS * overall) / (base[rows] + PRIOR_DEALS)
    return found


def _levels(deals: Floats, begin: int, month: int, days_left: int) -> Floats:
    """Group x month ahead: deals to be created. Trend, damped, and season only with two whole years."""
    width = deals.shape[1]
    season = np.ones(12)
    total = deals.sum(axis=0)
    first = int(np.argmax(total > 0)) if (total > 0).any() else width
    # The month in which a company begins is seldom whole.
    usable = width - first - 1
    if usable >= YEARS_FOR_SEASON:
        season = _season(total[first + 1 :], begin + first + 1)
    places = (begin + np.arange(width)) % 12
    smooth = deals / season[places][None, :]
    kept = min(LEVEL_MONTHS, max(usable, 1))
    weight = 0.5 ** (np.arange(kept)[::-1] / LEVEL_HALF_LIFE)
    level = (smooth[:, width - kept :] * weight).sum(axis=1) / weight.sum()
    growth = _growth(smooth.sum(axis=0)[first + 1 :]) if usable >= YEARS_FOR_SEASON else 0.0
    # The level stands at the mean age of what it is made of, counted to the origin's month.
    ages = np.arange(kept)[::-1] + (0 if days_left == 0 else 1)
    mean_age = float((ages * weight).sum() / weight.sum())
    steps = mean_age + (1 - DAMPING ** np.arange(HORIZONS)) / (1 - DAMPING)
    ahead = (month + np.arange(HORIZONS)) % 12
    found: Floats = level[:, None] * np.exp(growth * steps)[None, :] * season[ahead][None, :]
    return found


def _season(total: Floats, begin: int) -> Floats:
    """Twelve factors around 1: each month against the year around it, drawn to 1 by its noise."""
    width = len(total)
    padded = np.convolve(total, np.r_[0.5, np.ones(11), 0.5] / 12, mode="valid")
    centre = total[6 : width - 6]
    ratio = np.divide(centre, padded, out=np.ones_like(centre), where=padded > 0)
    places = (begin + 6 + np.arange(len(ratio))) % 12
    counted = np.bincount(places, minlength=12)
    mean = np.bincount(places, ratio, 12) / np.maximum(counted, 1)
    deviation = np.where(counted > 0, mean - 1, 0.0)
    noise = 1 / max(float(total.mean()), 1e-9) / np.maximum(counted, 1) + 0.01
    signal = max(float((deviation**2).mean() - noise.mean()), 0.0)
    shrunk = 1 + deviation * signal / (signal + noise)
    found: Floats = shrunk / shrunk.mean()
    return found


def _growth(total: Floats) -> float:
    """Monthly growth (log) of the last year's halves, drawn to none by its noise."""
    before, after = float(total[-12:-6].sum()), float(total[-6:].sum())
    if before <= 0 or after <= 0:
        return 0.0
    change = float(np.log(after / before))
    noise = 1 / before + 1 / after + 0.02
    return change / 6 * max(change**2 - noise, 0.0) / (change**2 + 1e-12)


def _shares(facts: Facts, created: Created, month: int, origin: int) -> Floats:
    """Of each cell its share of what its group creates: by recent creations, newer ones counting more."""
    creations, groups = facts.creations, int(facts.group.max(initial=0)) + 1
    past = created.shared[creations.day[created.shared] <= origin]
    # Who shares deals by now is expected to share new ones.
    is_shared = creations.shared_from[past] <= origin
    shared = past[is_shared]
    credited = facts.credits.of(creations.shared_span[shared], creations.cell[shared])
    counts = np.concatenate([created.by_cell[:, : month + 1], created.so_far[:, month + 1, None]], axis=1)
    # Whole numbers first, so that a past day sums as it did before others were shared.
    for cell, place, share in ((creations.cell[past[~is_shared]], past[~is_shared], None),
                               (credited.cell, shared[credited.place], credited.share)):  # fmt: skip
        keys = cell * counts.shape[1] + creations.month[place] + 1
        counts += np.bincount(keys, share, counts.size).reshape(counts.shape)
    recent = counts[:, -SHARE_MONTHS:]
    shares = (recent * 0.5 ** (np.arange(recent.shape[1])[::-1] / SHARE_HALF_LIFE)).sum(axis=1)
    ever = counts.sum(axis=1)
    # A group that has created nothing of late is shared as it always was.
    is_quiet = np.bincount(facts.group, shares, groups)[facts.group] <= 0
    shares = np.where(is_quiet, ever, shares)
    total = np.bincount(facts.group, shares, groups)[facts.group]
    found: Floats = np.divide(shares, total, out=np.zeros(facts.cells), where=total > 0)
    return found


def _sizes(facts: Facts, group: Days, amount: Floats, groups: int) -> list[Floats]:
    """Amounts of known wins by group, for draws; of all groups where there are few."""
    everything = amount[amount > 0][-SIZES_KEPT:]
    found = []
    for place in range(groups):
        own = amount[(group == place) & (amount > 0)][-SIZES_KEPT:]
        found.append(own if len(own) >= 10 else everything)
    return found
