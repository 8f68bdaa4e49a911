"""One forecast after another from the days that stand alike in their months, each knowing only what came before it.

What belongs here: how an origin's expected revenue comes about, from chances, creations, the errors of earlier origins
and the series; and the ranges. What does not: how single parts are learned, the tables of the result.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from forecasting import baselines, creation, draws, factors, rates, snapshots
from forecasting.facts import Facts, Floats
from forecasting.interface import HORIZONS, Settings
from forecasting.rates import Rates, Tree

WHOLE_HISTORY = 24
# How many earlier origins each step learns from. Levels feed weights, weights feed shocks: so far back a past day has
# to begin again to come out as it came out then.
LEARNED_ORIGINS = 24
WARM_UP = 3 * LEARNED_ORIGINS + HORIZONS
LEVEL_SPREAD = 0.09
LEVEL_BOUNDS = (0.6, 1.6)
SERIES_MONTHS = 12
SERIES_AT_MOST = 0.5
BLEND_PRIOR_ORIGINS = 40.0
BLEND_HALF_LIFE = 8.0
SHOCK_HALF_LIFE = 18.0


@dataclass(frozen=True)
class Period:
    """A period as the months from `first` to `last`, of which those `ahead` are still to come at the origin."""

    kind: str
    first: int
    last: int
    ahead: tuple[int, ...]


@dataclass
class Origin:
    """What was expected at the end of a day. Money in cents; `cell x month ahead` where two-dimensional."""

    month: int
    day: int
    days_left: int
    so_far: Floats
    booked_later: Floats
    judged: factors.Judged
    open_deals: Floats
    coming: creation.Coming
    new_deals: Floats
    methods: dict[str, Floats]
    series_weight: Floats
    scale: Floats
    fitted: Rates
    tree: Tree
    variance: Floats
    shocks: Callable[[tuple[int, ...]], draws.Shocks]

    @property
    def ours(self) -> Floats:
        """Our method's expected revenue of what is still to come."""
        return self.methods["saleshouse"]


@dataclass
class Memory:
    """What a phase remembers of its earlier origins, by month: totals by month ahead, and ours by cell."""

    raw: dict[int, Floats] = field(default_factory=dict)
    levelled: dict[int, Floats] = field(default_factory=dict)
    series: dict[int, Floats] = field(default_factory=dict)
    views: dict[int, Floats] = field(default_factory=dict)
    expected: dict[int, Floats] = field(default_factory=dict)
    variance: dict[int, Floats] = field(default_factory=dict)
    hoped: dict[tuple[int, ...], tuple[dict[str, Floats], dict[str, Floats]]] = field(default_factory=dict)

    def by_member(
        self, facts: Facts, place: int, ahead: tuple[int, ...]
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Expected and variance of months ahead together, by member of the levels that have shocks."""
        if (place, *ahead) not in self.hoped:
            expected, variance = (
                draws.sums_of(facts, values[place][:, list(ahead)].sum(axis=1))
                for values in (self.expected, self.variance)
            )
            self.hoped[(place, *ahead)] = expected, variance
        return self.hoped[(place, *ahead)]


def periods_of(facts: Facts, month: int, days_left: int, with_next_three: bool = True) -> list[Period]:
    """The running month and the next three, this quarter and the next; from a month's end the next three together."""
    begin = rates.first_ahead(days_left)

    def period(kind: str, first: int, last: int) -> Period:
        return Period(kind, first, last, tuple(range(max(first - month, begin), last - month + 1)))

    found = [period("month", month + ahead, month + ahead) for ahead in range(4)]
    first, last = facts.months.quarter_of(month)
    found.append(period("quarter", first, last))
    found.append(period("quarter", *facts.months.quarter_of(last + 1)))
    if days_left == 0 and with_next_three:
        found.append(period("next_three", month + 1, month + 3))
    return found


def origins(facts: Facts, days_left: int, begin: int, first: int, last: int, settings: Settings) -> Iterator[Origin]:
    """The forecasts of months `first` to `last` in order; `begin` is the month of the company's first deal."""
    rows, counts = snapshots.take(facts, days_left)
    tree = rates.grow(counts, rows)
    created = creation.count(facts, rows.origin_days)
    memory = Memory()
    for month in range(max(begin, 0), min(last, len(rows.origin_days) - 1) + 1):
        memory.views[month] = baselines.crm_view(facts, rows, month).sum(axis=0)
    for month in range(first, min(last, len(rows.origin_days) - 1) + 1):
        origin = _origin(facts, rows, counts, tree, created, memory, month, begin)
        memory.expected[month] = origin.ours
        memory.variance[month] = origin.variance
        yield origin


def _origin(
    facts: Facts,
    rows: snapshots.Snapshots,
    counts: snapshots.WinCounts,
    tree: Tree,
    created: creation.Created,
    memory: Memory,
    month: int,
    begin: int,
) -> Origin:
    days_left, day = rows.days_left, int(rows.origin_days[month])
    lead = rates.first_ahead(days_left)
    ended = month if days_left == 0 else month - 1
    whole = baselines.booked(facts, day)
    rest = baselines.booked(facts, day, rows.origin_days)
    later = baselines.booked(facts, day, np.full(len(facts.months), day))
    # Why a deal is judged so is told of the forecast's own day.
    fitted = rates.fit(tree, counts, month, days_left, with_counts=day == facts.as_of)
    judged = factors.judge(facts, rows, tree, fitted, month)
    coming = creation.expect(facts, created, day, month, days_left)
    credited = judged.credited

    booked_later = _ahead(later, month)
    deals = judged.chance * (judged.value * 100)[:, None]
    new = coming.shares[:, None] * coming.revenue[facts.group] * 100
    raw = deals.sum(axis=0) + new.sum(axis=0)
    totals, rests = whole.sum(axis=0), rest.sum(axis=0)

    def actual(place: int, ahead: int) -> float:
        return float((rests if ahead == 0 else totals)[place + ahead])

    usable = month - begin
    series = _series(totals, rests, month, days_left, begin)
    level, weight = np.ones(HORIZONS), np.zeros(HORIZONS)
    for ahead in range(lead, HORIZONS):
        known = [place for place in sorted(memory.raw) if place + ahead <= ended]
        level[ahead] = _level([(memory.raw[place][ahead], actual(place, ahead)) for place in known[-LEARNED_ORIGINS:]])
        weight[ahead] = _series_weight(
            [(memory.levelled[place][ahead], memory.series[place][ahead], actual(place, ahead), month - place)
             for place in known[-LEARNED_ORIGINS:]], usable,
        )  # fmt: skip
    levelled = raw * level
    known_series = ~np.isnan(series)
    weight = np.where(known_series, weight, 0.0)
    wanted = (1 - weight) * levelled + weight * np.where(known_series, series, 0.0)
    memory.raw[month] = raw
    memory.levelled[month] = levelled
    memory.series[month] = series
    scale = np.divide(wanted, raw, out=np.ones(HORIZONS), where=raw > 0)
    deals, new = deals * scale, new * scale
    # Without any deal to hope for, what the series says is for deals to come.
    lost = (raw <= 0) & (wanted > 0)
    if lost.any():
        new[:, lost] = _spread(whole, ended)[:, None] * wanted[lost]
    deals[:, :lead] = 0
    new[:, :lead] = 0
    ours = new + booked_later
    for ahead in range(lead, HORIZONS):
        ours[:, ahead] += np.bincount(credited.cell, deals[credited.place, ahead] * credited.share, facts.cells)
    view = baselines.crm_view(facts, rows, month) + booked_later
    cut = baselines.haircut(memory.views, totals, rests, month, days_left)
    methods = {
        "saleshouse": ours,
        "trailing_three": baselines.trailing_three(whole, rest, month, days_left, begin),
        "seasonal_naive": baselines.seasonal_naive(whole, rest, month, days_left, begin),
        "crm_view": view,
        "crm_haircut": view * cut,
    }
    return Origin(
        month=month,
        day=day,
        days_left=days_left,
        so_far=whole - later,
        booked_later=booked_later,
        judged=judged,
        open_deals=deals,
        coming=coming,
        new_deals=new,
        methods=methods,
        series_weight=weight,
        scale=scale,
        fitted=fitted,
        tree=tree,
        variance=_variance(facts, judged, deals, new, coming),
        shocks=_shocks(facts, memory, whole, rest, month, day, days_left),
    )


def _ahead(by_month: Floats, month: int) -> Floats:
    found = np.zeros((len(by_month), HORIZONS))
    width = min(HORIZONS, by_month.shape[1] - month)
    found[:, :width] = by_month[:, month : month + width]
    return found


def _series(totals: Floats, rests: Floats, month: int, days_left: int, begin: int) -> Floats:
    """The series' own forecast: the trailing mean. Never a season or a trend, which short histories cannot show."""
    ended = month if days_left == 0 else month - 1
    found = np.full(HORIZONS, np.nan)
    if ended - begin < 2:
        return found
    span = slice(max(begin + 1, ended - SERIES_MONTHS + 1), ended + 1)
    found[:] = totals[span].mean()
    if days_left > 0:
        found[0] = rests[span].mean()
    return found


def _level(pairs: list[tuple[float, float]]) -> float:
    """How high past forecasts were: actual over expected, drawn to 1 by how uncertain the quotient is.

    Normal prior around 1 with a spread of 9 %; the quotient's variance from the past errors themselves.
    """
    hoped = sum(expected for expected, _ in pairs)
    if hoped <= 0:
        return 1.0
    noise = sum((actual - expected) ** 2 for expected, actual in pairs) / hoped**2
    away = sum(actual for _, actual in pairs) / hoped - 1
    return float(np.clip(1 + away * LEVEL_SPREAD**2 / (LEVEL_SPREAD**2 + noise), *LEVEL_BOUNDS))


def _series_weight(past: list[tuple[float, float, float, int]], usable: int) -> float:
    """The weight of the series: half for a young company, none after two years, moved by which was nearer in the past.

    The weight that would have had the least squared error, drawn to that prior, which stands for forty origins.
    """
    prior = SERIES_AT_MOST * max(0.0, 1 - usable / WHOLE_HISTORY)
    known = [row for row in past if not np.isnan(row[1])]
    if not known:
        return prior
    decay = np.array([0.5 ** (age / BLEND_HALF_LIFE) for *_, age in known])
    ours, series, actual = (np.array([row[place] for row in known]) for place in range(3))
    apart = series - ours
    mean = float((apart**2).mean())
    over = float((decay * (actual - ours) * apart).sum()) + prior * BLEND_PRIOR_ORIGINS * mean
    return float(np.clip(over / max(float((decay * apart**2).sum()) + BLEND_PRIOR_ORIGINS * mean, 1e-9), 0.0, 1.0))


def _spread(whole: Floats, ended: int) -> Floats:
    """Of each cell its share of what was booked in the newest year."""
    booked = np.maximum(whole[:, max(ended - 11, 0) : ended + 1].sum(axis=1), 0)
    total = booked.sum()
    found: Floats = booked / total if total > 0 else np.full(len(booked), 1 / max(len(booked), 1))
    return found


def _variance(facts: Facts, judged: factors.Judged, deals: Floats, new: Floats, coming: creation.Coming) -> Floats:
    """Cell x month ahead: variance before any shock."""
    found = np.zeros((facts.cells, HORIZONS))
    for ahead in range(HORIZONS):
        hopes = hopes_of(facts, judged, deals, new, coming, (ahead,))
        found[:, ahead] = hopes.variance(facts.cells, facts.group)
    return found


def hopes_of(
    facts: Facts,
    judged: factors.Judged,
    deals: Floats,
    new: Floats,
    coming: creation.Coming,
    ahead: tuple[int, ...],
) -> draws.Hopes:
    """What may come in the given months ahead together."""
    months = list(ahead)
    chance = judged.chance[:, months].sum(axis=1)
    money = deals[:, months].sum(axis=1)
    likely = chance > 1e-6
    credited = judged.credited
    kept = likely[credited.place]
    shared = coming.shares[:, None] * coming.wins[facts.group][:, months]
    return draws.Hopes(
        chance=chance[likely],
        value=money[likely] / chance[likely],
        cell=credited.cell[kept],
        spread=judged.ratio_spread,
        new_revenue=new[:, months].sum(axis=1),
        new_wins=shared.sum(axis=1),
        new_sizes=coming.sizes,
        new_spread=coming.spread,
        deal=(np.cumsum(likely) - 1)[credited.place[kept]],
        share=credited.share[kept],
    )


def _shocks(
    facts: Facts, memory: Memory, whole: Floats, rest: Floats, month: int, day: int, days_left: int
) -> Callable[[tuple[int, ...]], draws.Shocks]:
    """Shocks by months ahead, from the errors of earlier origins that are known by now; learned when asked for."""
    ended = month if days_left == 0 else month - 1
    booked: dict[str, tuple[Floats, Floats]] = {}
    priors = draws.prior(int(facts.wins.known(day).sum()))

    def shocks(ahead: tuple[int, ...]) -> draws.Shocks:
        for level in draws.SHOCKED if not booked else ():
            booked[level] = facts.by_member(whole, level), facts.by_member(rest, level)
        known = [place for place in sorted(memory.expected) if place + ahead[-1] <= ended][-LEARNED_ORIGINS:]
        places = np.array(known, dtype=np.int64)
        if not known:
            return draws.Shocks(**priors)
        said = [memory.by_member(facts, place, ahead) for place in known]
        past = {}
        for level in draws.SHOCKED:
            hoped, variance = (np.stack([row[place][level] for row in said]) for place in range(2))
            came = np.sum([booked[level][step == 0][:, places + step] for step in ahead], axis=0)
            past[level] = hoped, variance, np.ascontiguousarray(came.T)
        return draws.learn(facts, past, 0.5 ** ((month - places) / SHOCK_HALF_LIFE), priors)

    return shocks
