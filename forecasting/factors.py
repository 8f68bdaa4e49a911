"""What moves a deal's chance beyond its cell, and what it brings if it is won.

What belongs here: small factors, each observed wins over expected wins of past snapshots, shrunk to 1, one after the
other; the ratio of won to entered amount. What does not: nesting (rates.py), deals that do not exist yet (creation.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.facts import Credited, Facts, Floats
from forecasting.interface import HORIZONS
from forecasting.months import Days
from forecasting.rates import HALF_LIFE, HIGHEST, WINDOW, Rates, Tree, first_ahead
from forecasting.snapshots import Snapshots

# Won deals behind the prior of 1: of what a deal shows; of amounts, on which the money hangs; of months, which share a
# mood that chance per deal does not have.
PRIOR_WINS = 15.0
AMOUNT_PRIOR_WINS = 4.0
MONTHS_PRIOR_WINS = 100.0
TEMPO_MONTHS = 3
# Amounts by their place among those of the segment: fifths, and the largest twentieth apart.
AMOUNT_SHARES = (0.2, 0.4, 0.6, 0.8, 0.95)
RATIO_BOUNDS = (0.2, 3.0)
RATIO_PRIOR_WINS = 10.0
ENOUGH_TO_BOUND = 5
LARGEST_OVER_WON = 1.25
# Beyond so many rows factors are learned from a share of the deals, drawn by a fixed rule.
MOST_ROWS = 50_000
LOTS = 1_000_000
YEARS_FOR_SEASON = 24


@dataclass(frozen=True)
class Judged:
    """The open deals of an origin: rows of the snapshots, chances and factors by month ahead, values."""

    rows: slice
    deals: Days
    cells: Days
    credited: Credited
    finest: Days
    stages: Days
    amounts: Floats
    base: Floats
    chance: Floats
    value: Floats
    factors: dict[str, Floats]
    codes: dict[str, Days]
    ratio_spread: float


def amount_bands(amount: Floats, segment: Days, thresholds: Floats) -> Days:
    """0 where the amount is unknown, else 1 and more by the segment's thresholds (segment x share)."""
    band = np.ones(len(amount), dtype=np.int64)
    for threshold in thresholds.T:
        band += amount > threshold[segment]
    band[np.isnan(amount)] = 0
    return band


def thresholds_of(amount: Floats, segment: Days, segments: int) -> Floats:
    """Segment x share of `AMOUNT_SHARES`: the amounts at those shares; of all where a segment has few."""
    known = ~np.isnan(amount)
    everyone = np.quantile(amount[known], AMOUNT_SHARES) if known.any() else np.full(len(AMOUNT_SHARES), np.inf)
    found = np.tile(everyone, (segments, 1))
    for place in range(segments):
        own = amount[known & (segment == place)]
        if len(own) >= 50:
            found[place] = np.quantile(own, AMOUNT_SHARES)
    return found


def judge(facts: Facts, snapshots: Snapshots, tree: Tree, rates: Rates, month: int) -> Judged:
    """Chances and values of the deals that are open at the origin of `month`, by what was known then."""
    days_left = snapshots.days_left
    lead = first_ahead(days_left)
    now = snapshots.rows(month)
    past = slice(int(snapshots.first[max(month - WINDOW, 0)]), now.start)
    sample = _sample(snapshots, past)
    segments = len(facts.members["segment"])
    segment_past = snapshots.attributes["segment"][sample].astype(np.int64)
    thresholds = thresholds_of(snapshots.amount[sample], segment_past, segments)

    weight = 0.5 ** ((month - snapshots.month[sample]) / HALF_LIFE)
    target = snapshots.month[sample][:, None] + np.arange(HORIZONS)[None, :]
    ended = month if days_left == 0 else month - 1
    counted = (target <= ended) & (np.arange(HORIZONS) >= lead)[None, :]
    known_win = (snapshots.known_from[sample] <= month) & (month < snapshots.known_until[sample])
    won = (snapshots.won_month[sample][:, None] == target) & known_win[:, None] & counted
    expected = rates.rates[tree.of_rows[sample]] * counted

    # Few deals are won: sums over those alone.
    wins = won.sum(axis=1)
    winners = np.flatnonzero(wins)
    deals_won = len(np.unique(snapshots.deal[sample][winners]))
    # A deal that was won is seen on every day on which it was open before, and is one win nonetheless.
    seen_each = len(winners) / deals_won if deals_won else 1.0

    base = rates.rates[tree.of_rows[now]].copy()
    factors: dict[str, Floats] = {}
    season = _seasons(facts, target, weight, won, expected, month, ended, MONTHS_PRIOR_WINS * seen_each)
    for name, by_month in season.items():
        expected = expected * by_month[np.minimum(target, len(by_month) - 1)]
        factors[name] = np.broadcast_to(
            by_month[np.minimum(month + np.arange(HORIZONS), len(by_month) - 1)], base.shape
        )
    codes_past = _codes(facts, snapshots, sample, thresholds)
    codes_now = _codes(facts, snapshots, now, thresholds)
    hoped = expected.sum(axis=1)
    hopes = hoped
    weighted_wins = (weight * wins)[winners]
    segment_now = snapshots.attributes["segment"][now].astype(np.int64)
    for name, values in codes_past.items():
        nested = [(values, codes_now[name])]
        if name == "amount_band":
            # Large deals of one segment may be won otherwise than those of another.
            nested.append((values * segments + segment_past, codes_now[name] * segments + segment_now))
        prior = (AMOUNT_PRIOR_WINS if name == "amount_band" else PRIOR_WINS) * seen_each
        own = np.ones(len(base))
        for past_codes, now_codes in nested:
            size = int(max(past_codes.max(initial=0), now_codes.max(initial=0))) + 1
            seen = np.bincount(past_codes, weight * hopes, size)
            factor = (np.bincount(past_codes[winners], weighted_wins, size) + prior) / (seen + prior)
            hopes = hopes * factor[past_codes]
            own = own * factor[now_codes]
        factors[name] = np.broadcast_to(own[:, None], base.shape)
    recent = counted & (target > ended - TEMPO_MONTHS)
    scale = np.divide(hopes, hoped, out=np.ones(len(hopes)), where=hoped > 0)
    rows_per_deal = max(1.0, (past.stop - past.start) / max(len(scale), 1))
    prior = MONTHS_PRIOR_WINS * seen_each
    tempo = (float((won & recent).sum()) * rows_per_deal + prior) / (
        float((expected * recent * scale[:, None]).sum()) * rows_per_deal + prior
    )
    factors["tempo"] = np.broadcast_to(tempo, base.shape)
    chance = base.copy()
    for factor in factors.values():
        chance *= factor
    # A deal is won once: chances of all months together stay below one, by half a deal more where few were won so far.
    highest = min(HIGHEST, (deals_won + 0.5) / (deals_won + 1))
    total = chance.sum(axis=1, keepdims=True)
    chance = chance * np.minimum(1.0, highest / np.maximum(total, 1e-12))
    bands = (codes_past["amount_band"], codes_now["amount_band"])
    booked = facts.wins
    day = int(snapshots.origin_days[month])
    brought = booked.amount[booked.known(day)]
    value, spread = _values(
        snapshots, now, sample, weight, won.any(axis=1), segments, bands, float(brought.mean()) if len(brought) else 0.0
    )
    return Judged(
        rows=now,
        deals=snapshots.deal[now],
        cells=snapshots.cell[now],
        credited=facts.credits.of(snapshots.span[now], snapshots.cell[now]),
        finest=tree.of_rows[now],
        stages=snapshots.attributes["stage_no"][now],
        amounts=snapshots.amount[now],
        base=base,
        chance=chance,
        value=value,
        factors=factors,
        codes=codes_now,
        ratio_spread=spread,
    )


def _sample(snapshots: Snapshots, past: slice) -> npt.NDArray[np.int64]:
    share = MOST_ROWS / max(past.stop - past.start, 1)
    if share >= 1:
        return np.arange(past.start, past.stop)
    # By the deal's lot: all snapshots of a deal stay together.
    drawn: npt.NDArray[np.int64] = past.start + np.flatnonzero(snapshots.lot[past] < share * LOTS)
    return drawn


def _codes(
    facts: Facts, snapshots: Snapshots, rows: npt.NDArray[np.int64] | slice, thresholds: Floats
) -> dict[str, Days]:
    cell = snapshots.cell[rows]
    segment = snapshots.attributes["segment"][rows].astype(np.int64)
    return {
        "amount_band": amount_bands(snapshots.amount[rows], segment, thresholds),
        "source": snapshots.source[rows].astype(np.int64),
        "idle": snapshots.idle[rows].astype(np.int64),
        "team": facts.codes["team"][cell],
        "owner": facts.codes["owner"][cell],
    }


def _seasons(
    facts: Facts,
    target: Days,
    weight: Floats,
    won: npt.NDArray[np.bool_],
    expected: Floats,
    month: int,
    ended: int,
    prior: float,
) -> dict[str, Floats]:
    """Factors by target month: its place in the quarter; and in the year where two whole years are known."""
    months = len(facts.months)
    size = max(months, int(target.max(initial=0)) + 1)
    which, ahead = np.nonzero(won)
    observed = np.bincount(target[which, ahead], weight[which], size)[:months]
    hoped = np.bincount(target.ravel(), (expected * weight[:, None]).ravel(), size)[:months]
    found: dict[str, Floats] = {}
    places = {"month_in_quarter": facts.months.months_in_quarter}
    if int((hoped[: ended + 1] > 0).sum()) >= YEARS_FOR_SEASON:
        places["season"] = np.arange(months) % 12
    for name, place in places.items():
        wins = np.bincount(place, observed)
        hopes = np.bincount(place, hoped)
        factor = (wins + prior) / (hopes + prior)
        found[name] = factor[place]
        hoped = hoped * factor[place]
    return found


def _values(
    snapshots: Snapshots,
    now: slice,
    sample: npt.NDArray[np.int64],
    weight: Floats,
    is_won: npt.NDArray[np.bool_],
    segments: int,
    bands: tuple[Days, Days],
    usual_win: float = 0.0,
) -> tuple[Floats, float]:
    """What each open deal brings if it is won, and how far single deals stray from it (share of the value).

    `usual_win`: what wins have brought, also those that no snapshot saw open; for deals without an amount.
    """
    rows = sample[is_won]
    weights = weight[is_won]
    amount, brought = snapshots.amount[rows], snapshots.won_amount[rows]
    segment = snapshots.attributes["segment"][rows].astype(np.int64)
    band = bands[0][is_won]
    known = ~np.isnan(amount) & (amount > 0)
    size = len(AMOUNT_SHARES) + 2
    ratio, spread = np.ones((segments, size)), 0.3
    if known.any():
        bounded = np.clip(brought[known] / amount[known], *RATIO_BOUNDS)
        entered, won = weights[known] * amount[known], weights[known] * amount[known] * bounded
        overall = (won.sum() + RATIO_PRIOR_WINS * entered.mean()) / (entered.sum() + RATIO_PRIOR_WINS * entered.mean())
        typical = RATIO_PRIOR_WINS * entered.mean()
        of_segment = (np.bincount(segment[known], won, segments) + typical * overall) / (
            np.bincount(segment[known], entered, segments) + typical
        )
        # What is entered high comes in lower, what is entered low higher: by band within the segment, drawn to it.
        place = segment[known] * size + band[known]
        counted = np.bincount(place, weights[known], segments * size).reshape(segments, size)
        hoped = np.bincount(place, entered, segments * size).reshape(segments, size)
        came = np.bincount(place, won, segments * size).reshape(segments, size)
        usual = RATIO_PRIOR_WINS * np.divide(hoped, counted, out=np.ones_like(hoped), where=counted > 0)
        ratio = (came + usual * of_segment[:, None]) / (hoped + usual)
        spread = float(np.sqrt(np.average((bounded / overall - 1) ** 2, weights=entered)))
    unknown = ~known if (~known).any() else known
    typical_value = np.full(segments, usual_win)
    if len(brought):
        mean = float(np.average(brought[unknown], weights=weights[unknown]))
        typical_value = (
            np.bincount(segment[unknown], weights[unknown] * brought[unknown], segments) + RATIO_PRIOR_WINS * mean
        ) / (np.bincount(segment[unknown], weights[unknown], segments) + RATIO_PRIOR_WINS)
    amount_now = snapshots.amount[now]
    segment_now = snapshots.attributes["segment"][now].astype(np.int64)
    few_known = known.sum() < 5 <= (~known).sum()
    by_amount = ratio[segment_now, bands[1]] * amount_now
    value = np.where(np.isnan(amount_now) | few_known, typical_value[segment_now], by_amount)
    # What is far larger than anything that was ever won is counted as no more than that.
    if len(brought) >= ENOUGH_TO_BOUND:
        value = np.minimum(value, LARGEST_OVER_WON * brought.max())
    return value, spread
