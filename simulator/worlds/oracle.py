"""The least that a forecast of a generated company can miss by: what one expects who knows its process.

What belongs here: expected bookings of the months after a day, by Bayes' rule over what is hidden. What does not: any
forecast that learns from records.

The oracle is told what no forecaster can know: every rate of the process, each deal's quality and the amount that will
be agreed on, each seller's skill, the deals to expect and the market's mood of months to come, and which dates were
moved because the end was near. The day of decision it infers: from its law, the days of the noted stages, moved dates,
changed amounts, activities, and that nothing is recorded yet. With `knows_days` it is told that day too. It does not
know what chance alone decides: whether a deal is won, how many deals are created and what those are like.

Of what no record tells some can be withheld, step by step (`Withheld`); of that it uses what its law and the records
say. The last step still knows every rate of the process, skills, and why dates were moved.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from simulator.worlds.generate import (
    BEGIN,
    EARLY,
    ENTERED,
    MOOD_DAYS,
    MOOD_KEPT,
    NEARER,
    QUARTER,
    RATE_SPREAD,
    RENEWALS_AFTER,
    RENEWALS_OPENED,
    RENEWALS_SPREAD,
    SOURCE_EFFECTS,
    WILL,
    Company,
    Floats,
    Whole,
    creation_rates,
    deals_of,
    depths_of_lost,
    leaning_on,
    month_start,
    mood_month,
    price,
)

MONTHS_AHEAD = 3
# Days before and after the origin that are told apart, and the step and reach of those beyond.
BACK, NEAR, STEP, BEFORE, AFTER = 7, 95, 12, 700, 500
# Deals by month of which those to come are samples; courses through the stages.
COPIES, PATHS = 5_000, 2_000
DELAYS = (0, 1, 2)
# Courses of the mood to come in pairs that lie alike on both sides of the expected one; places of a deal's quality.
MOOD_PAIRS, PLACES = 10, 7
# Where depths are told apart: amounts are changed beyond the first, the end is told beyond the second.
DEPTHS = (0.4, 0.7)
NEWTON = 12


class Withheld(IntEnum):
    """What the oracle is not told; each step withholds what those before it do.

    COMING: what months to come bring: the market's mood, how many deals are to be expected, a shock or a new price
    before it is there. DEALS: how good each open deal is and the amount that will be agreed on (of renewals it stays
    known). MOOD: the mood so far, which is inferred from all that was decided, recorded or not.
    """

    NOTHING = 0
    COMING = 1
    DEALS = 2
    MOOD = 3


@dataclass(frozen=True)
class _Mood:
    """The market's mood by month: expected, its variance, and courses that it may take."""

    expected: Floats
    variance: Floats
    courses: Floats


@dataclass(frozen=True)
class _Believed:
    """Of open deals: size among the segment's and its variance; quality at each place, its weight, the amount there."""

    large: Floats
    large_variance: Floats
    quality: Floats
    weight: Floats
    amount: Floats


@dataclass(frozen=True)
class _Seen:
    """Open deals and the days on which each may be decided (deal x candidate), with what these are worth at first."""

    deals: Whole
    day: int
    when: Floats
    prior: Floats


def outlook(
    company: Company, month_end: date, *, knows_days: bool = False, withheld: Withheld = Withheld.NOTHING
) -> Floats:
    """Expected bookings of the three months after a month, at its end."""
    month, day, edges = _when(company, month_end)
    company, mood, random = _told(company, month, day, withheld)
    _, _, open_deals = _open_deals(company, day, edges, mood, random, knows_days, withheld)
    expected: Floats = open_deals.sum(axis=0)
    for amounts, rate in (
        _to_come(company, month, edges, mood, random),
        _renewals_to_come(company, day, edges),
        _reopened(company, day, edges),
    ):
        expected += (amounts * rate[:, None]).sum(axis=0)
    return expected


def chances(
    company: Company, month_end: date, *, knows_days: bool = False, withheld: Withheld = Withheld.NOTHING
) -> tuple[Whole, Floats, Floats]:
    """The deals that are open at a month's end; the chance of each to be booked in each month, and what to expect."""
    month, day, edges = _when(company, month_end)
    company, mood, random = _told(company, month, day, withheld)
    return _open_deals(company, day, edges, mood, random, knows_days, withheld)


def _when(company: Company, month_end: date) -> tuple[int, int, Whole]:
    """The month, its last day and the first days of the months ahead."""
    month = (month_end.year - BEGIN.year) * 12 + month_end.month - BEGIN.month
    edges = np.array([(month_start(month + 1 + place) - BEGIN).days for place in range(MONTHS_AHEAD + 1)])
    return month, int(company.hidden.month_starts[month + 1]) - 1, edges


def _told(company: Company, month: int, day: int, withheld: Withheld) -> tuple[Company, _Mood, np.random.Generator]:
    """The company and its mood as far as they are told."""
    random = np.random.default_rng((company.seed, month))
    mood = company.hidden.mood
    if withheld < Withheld.COMING:
        return company, _Mood(mood, np.zeros_like(mood), mood[None]), random
    world = company.world
    if world.shock_at is not None and month < world.shock_at * world.months:
        world = replace(world, shock_at=None)
    if world.price_at is not None and month < world.price_at * world.months:
        world = replace(world, price_at=None)
    rate = creation_rates(world, np.full(world.months, np.exp(RATE_SPREAD**2 / 2)))
    company = replace(company, world=world, hidden=replace(company.hidden, rate=rate))
    now = int(day / MOOD_DAYS)
    past, unsure = mood[: now + 1], np.zeros(now + 1)
    if withheld >= Withheld.MOOD:
        past, unsure = _inferred_mood(company, day, now)
    kept = MOOD_KEPT ** np.arange(1, len(mood) - now)
    moves = world.mood**2 * (1 - kept**2) / (1 - MOOD_KEPT**2)
    expected = np.concatenate([past, kept * past[-1]])
    variance = np.concatenate([unsure, kept**2 * unsure[-1] + moves])
    away = np.zeros((MOOD_PAIRS, len(mood)))
    away[:, now] = random.normal(0, np.sqrt(unsure[-1]), MOOD_PAIRS)
    for place in range(now + 1, len(mood)):
        away[:, place] = MOOD_KEPT * away[:, place - 1] + random.normal(0, world.mood, MOOD_PAIRS)
    return company, _Mood(expected, variance, np.concatenate([expected + away, expected - away])), random


def _inferred_mood(company: Company, day: int, now: int) -> tuple[Floats, Floats]:
    """The mood up to a month by what was decided up to a day: most likely course and variance (Laplace).

    Qualities are not told, and which decisions are recorded yet is no matter.
    """
    world, course = company.world, company.hidden.course
    rows = np.flatnonzero((course.decided <= day) & ~course.is_renewal)
    spread = np.sqrt(1 + WILL**2)
    leaning = leaning_on(world, np.zeros(now + 1), course.decided[rows])
    usual = (_usual_quality(company, rows, course.large[rows]) + leaning - course.threshold[rows]) / spread
    sign, place = np.where(course.is_won[rows], 1.0, -1.0), mood_month(course.decided[rows], now + 1)
    precision = np.diag(np.full(now, 1 + MOOD_KEPT**2)) - MOOD_KEPT * (np.eye(now, k=1) + np.eye(now, k=-1))
    precision[-1, -1] = 1.0
    precision /= world.mood**2
    found = np.zeros(now + 1)
    for _ in range(NEWTON):
        at = sign * (usual + found[place] / spread)
        pull = _normal(at) / np.maximum(_below(at), 1e-12)
        slope = np.bincount(place, sign * pull / spread, now + 1)[1:] - precision @ found[1:]
        bend = precision + np.diag(np.bincount(place, pull * (pull + at) / spread**2, now + 1)[1:])
        found[1:] += np.linalg.solve(bend, slope)
    return found, np.concatenate([[0.0], np.diag(np.linalg.inv(bend))])


def _usual_quality(company: Company, deals: Whole, large: Floats) -> Floats:
    """What is to be expected of a deal's quality by its source, seller and size."""
    course, skill = company.hidden.course, company.hidden.owners.skill
    found: Floats = SOURCE_EFFECTS[course.source[deals]] + skill[course.owner[deals]] - 0.2 * large
    return found


def _open_deals(
    company: Company,
    day: int,
    edges: Whole,
    mood: _Mood,
    random: np.random.Generator,
    knows_days: bool,
    withheld: Withheld,
) -> tuple[Whole, Floats, Floats]:
    """Open deals, and of each by month the chance of being booked there and what to expect of it."""
    course = company.hidden.course
    deals = np.flatnonzero((course.created <= day) & (course.recorded > day))
    believed = _believed(company, deals, day, withheld)
    seen = _candidates(company, deals, day, believed, knows_days)
    won, money = _wins(company, seen, believed, mood, random)
    return deals, _landing(company, seen, won, edges), _landing(company, seen, money, edges)


def _believed(company: Company, deals: Whole, day: int, withheld: Withheld) -> _Believed:
    """What is told or believed of open deals' qualities and amounts.

    Sizes are normal given the entered amounts, qualities given sizes, and so are the logarithms of amounts given both.
    """
    world, course = company.world, company.hidden.course
    large, quality, amount = course.large[deals], course.quality[deals], course.amount[deals]
    if withheld < Withheld.DEALS:
        return _Believed(large, np.zeros(len(deals)), quality[None], np.ones(1), amount[None])
    segments = np.array([(np.log(item.amount), item.amount_spread) for item in world.segments])
    typical, spread = segments[course.segment[deals]].T
    month = np.searchsorted(company.hidden.month_starts, course.created[deals], side="right") - 1
    typical = typical + np.log(price(world, month))
    told, weight = np.zeros(len(deals)), np.ones(len(deals))
    place = np.full(len(course.number), -1)
    place[deals] = np.arange(len(deals))
    history = company.history
    entered = history[history["amount"].notna() & ((history["day"] - pd.Timestamp(BEGIN)).dt.days <= day)]
    number = entered["deal_id"].str[1:].astype(int).to_numpy()
    for order_no, (over, noise) in ((30, ENTERED), (31, NEARER)):
        rows = (entered["order_no"] == order_no).to_numpy() & (place[number] >= 0)
        which, said = place[number[rows]], np.log(np.maximum(entered["amount"].to_numpy()[rows], 5.0))
        told[which] += spread[which] * (said - over - typical[which]) / noise**2
        weight[which] += spread[which] ** 2 / noise**2
    mean, variance = told / weight, 1 / weight
    usual, unsure = _usual_quality(company, deals, mean), 1 + 0.2**2 * variance
    nodes, weights = np.polynomial.hermite_e.hermegauss(PLACES)
    is_renewal = course.is_renewal[deals]
    qualities = usual + nodes[:, None] * np.sqrt(unsure)
    # What is better than usual is smaller.
    large_there = mean - 0.2 * variance / unsure * (qualities - usual)
    rest = variance - (0.2 * variance) ** 2 / unsure
    amounts = np.exp(typical + spread * large_there + spread**2 * rest / 2)
    return _Believed(
        np.where(is_renewal, large, mean),
        np.where(is_renewal, 0.0, variance),
        np.where(is_renewal, quality, qualities),
        weights / weights.sum(),
        np.where(is_renewal, amount, amounts),
    )


def _candidates(company: Company, deals: Whole, day: int, believed: _Believed, knows_days: bool) -> _Seen:
    """The days on which each deal may be decided, by the law that made them."""
    world, course = company.world, company.hidden.course
    if knows_days:
        when = course.decided[deals][:, None].astype(float)
        return _Seen(deals, day, when, np.ones_like(when))
    far = STEP // 2
    grid = np.concatenate(
        [np.arange(-BACK - far, -BEFORE, -STEP)[::-1], np.arange(-BACK, NEAR + 1), np.arange(NEAR + far, AFTER, STEP)]
    ) + day  # fmt: skip
    width = np.where((grid >= day - BACK) & (grid <= day + NEAR), 1.0, STEP)
    created = course.created[deals]
    days, spread = (
        np.array([getattr(item, name) for item in world.segments])[course.segment[deals]]
        for name in ("days", "days_spread")
    )
    age = np.maximum(grid[None, :] - created[:, None], 0.25)
    month = np.searchsorted(company.hidden.month_starts, created, side="right") - 1
    typical = np.log(days) + 0.15 * believed.large + world.days_drift * month
    spread = np.sqrt(spread**2 + 0.15**2 * believed.large_variance)
    law = _normal((np.log(age) - typical[:, None]) / spread[:, None]) / age / spread[:, None]
    due = course.due[deals]
    is_renewal = course.is_renewal[deals]
    law[is_renewal] = _normal((grid[None, :] - due[is_renewal][:, None]) / RENEWALS_SPREAD)
    law = law * width[None, :] * (grid[None, :] >= created[:, None])
    # What is decided early in a quarter is at times won forward into the last days of the one before.
    first = np.ceil((day - BACK + 6) / QUARTER) * QUARTER
    while first + EARLY <= day + NEAR:
        early = (grid >= first) & (grid < first + EARLY)
        moved = world.quarter_end_pull * ~is_renewal * (created < first - 5)
        mass = law[:, early].sum(axis=1) * moved
        law[:, early] *= 1 - moved[:, None]
        for back in range(1, 6):
            law[:, grid == int(first - back)] += (mass / 5)[:, None]
        first += QUARTER
    return _Seen(deals, day, np.broadcast_to(grid.astype(float), law.shape), law)


def _wins(
    company: Company, seen: _Seen, believed: _Believed, mood: _Mood, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Deal x candidate: the chance that it is decided on that day and won, given what is recorded; what it brings."""
    world, course = company.world, company.hidden.course
    deals, day, when, is_renewal = seen.deals, seen.day, seen.when, course.is_renewal[seen.deals]
    days = np.clip(when, 0, None).astype(int)
    over = leaning_on(world, mood.expected, days) - course.threshold[deals][:, None]
    spread = np.sqrt(WILL**2 + mood.variance[mood_month(days, len(mood.variance))])
    alike = seen.prior.copy()
    entered = _stage_days(company, day)[deals]
    alike *= _through_stages(world.stages, course.created[deals], entered, when)
    silent = _nothing_further(company, seen, entered, random)
    moved, is_told, is_followed = _moved_dates(company, seen)
    alike *= moved
    # Of deals that come beyond .7 six in ten are told near their end, at .6 to .9 of their lives.
    life = np.maximum(when - course.created[deals][:, None], 1)
    gone = np.clip((day - course.created[deals][:, None]) / life, 0, 1)
    untold = 1 - 0.6 * np.clip((gone - 0.6) / 0.3, 0, 1) * is_followed[:, None]
    deep = np.where(is_told[:, None], 1.0, untold)
    shallow = np.where(is_told[:, None], 0.0, 1.0)
    # Of those that come beyond .4 as many amounts are changed, at .3 to .9.
    changed = _changed_amounts(company, day)[deals][:, None]
    share = (changed - course.created[deals][:, None]) / life
    is_changed, in_time = ~np.isnan(changed), (share > 0.3 - 1 / life) & (share <= 0.9)
    nearer = np.where(is_changed, in_time / life, 1 - 0.6 * np.clip((gone - 0.3) / 0.6, 0, 1))
    by_depth = (shallow * ~is_changed, shallow * nearer, deep * nearer)
    # What was decided is recorded in the end; buyers who have decided are not met any more.
    since = day - when
    late = np.maximum(since + 1, 0)
    share = np.where(is_renewal, 0.0, world.silent_losses)[:, None]
    usual = np.where(is_renewal, 20, 4)[:, None]
    lost_late = share * np.exp(-late / world.silent_days) + (1 - share) * np.exp(-late / usual)
    won_late = sum((delay > since) / len(DELAYS) for delay in DELAYS)
    last = _last_activities(company, day)[deals]
    quiet = np.minimum(when, day) - np.maximum(last, course.created[deals])[:, None]
    alike *= np.where(quiet < -1, 0.0, np.exp(-np.maximum(quiet, 0) / 9))
    leaning = leaning_on(world, mood.expected, np.clip(np.median(when, axis=1), 0, None).astype(int))
    won, money, total = np.zeros_like(when), np.zeros_like(when), np.zeros_like(when)
    of_stage = [[told * silent[:, stage] for told in by_depth] for stage in range(world.stages)]
    for quality, weight, amount in zip(believed.quality, believed.weight, believed.amount, strict=True):
        chance = _below((quality[:, None] + over) / spread)
        chance[is_renewal] = world.renewal_rate
        depths = _depths_of_lost(world.stages, quality + leaning, is_renewal)
        of_lost = np.zeros_like(when)
        for stage in range(world.stages):
            for place, told in enumerate(of_stage[stage]):
                of_lost += depths[:, stage, place][:, None] * told
        here = weight * chance * by_depth[-1] * silent[:, -1] * won_late
        won += here
        money += here * amount[:, None]
        total += here + weight * (1 - chance) * of_lost * lost_late
    total = (alike * total).sum(axis=1, keepdims=True)
    share_of = np.divide(alike, total, out=np.zeros_like(alike), where=total > 0)
    return won * share_of, money * share_of


def _stage_days(company: Company, day: int) -> Floats:
    """Deal x stage: the day on which it was noted by the day; NaN where it was not."""
    history, stages = company.history, company.world.stages
    noted = history[(history["order_no"] < stages) & (history["stage"].notna())]
    when = (noted["day"] - pd.Timestamp(BEGIN)).dt.days.to_numpy()
    known = when <= day
    found = np.full((len(company.deals), stages), np.nan)
    number = noted["deal_id"].str[1:].astype(int).to_numpy()
    found[number[known], noted["order_no"].to_numpy()[known]] = when[known]
    return found


def _through_stages(stages: int, created: Whole, entered: Floats, when: Floats) -> Floats:
    """Deal x candidate: how likely the noted stages came on their days, between creation and decision."""
    found = np.ones_like(when)
    before, at = np.zeros(len(created), dtype=int), created.astype(float)
    for stage in range(1, stages):
        rows = np.flatnonzero(~np.isnan(entered[:, stage]))
        left = np.maximum(when[rows] - at[rows][:, None], 0.5)
        way = entered[rows, stage] - at[rows]
        share = np.clip(way[:, None], 0.25, None) / left
        share = np.minimum(share, 1 - 0.25 / np.maximum(left, 1))
        steps, after = 1.6 * (stage - before[rows])[:, None], 1.6 * (stages + 1 - stage)
        density = share ** (steps - 1) * (1 - share) ** (after - 1) / left
        found[rows] *= np.where(when[rows] >= entered[rows, stage][:, None], density, 0.0)
        before[rows], at[rows] = stage, entered[rows, stage]
    return found


def _nothing_further(company: Company, seen: _Seen, entered: Floats, random: np.random.Generator) -> Floats:
    """Deal x deepest stage x candidate: how likely no stage beyond the last noted one is noted by the day."""
    world, stages = company.world, company.world.stages
    last = stages - 1 - np.argmax(~np.isnan(entered[:, ::-1]), axis=1)
    at = entered[np.arange(len(last)), last]
    left = np.maximum(seen.when - at[:, None], 0.5)
    along = np.clip((seen.day - at)[:, None] / left, 0, 1)
    found = np.zeros((len(last), stages, seen.when.shape[1]))
    for here in range(stages):
        rows = np.flatnonzero(last == here)
        if len(rows) == 0:
            continue
        steps = random.gamma(1.6, 1.0, (PATHS, stages + 1 - here))
        places = np.cumsum(steps, axis=1) / steps.sum(axis=1, keepdims=True)
        places = np.where(random.random(places.shape) > 0.08, places, np.inf)
        for deepest in range(here, stages):
            first = np.sort(places[:, : deepest - here].min(axis=1, initial=np.inf))
            found[rows, deepest] = 1 - np.searchsorted(first, along[rows], side="right") / PATHS
    # A stale deal is never noted in a later stage.
    nothing = last == 0
    found[nothing] = world.stale_stages + (1 - world.stale_stages) * found[nothing]
    return found


def _moved_dates(company: Company, seen: _Seen) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Deal x candidate: how likely stated dates were moved so; whose end was told; whose date is still followed."""
    world, course, day = company.world, company.hidden.course, seen.day
    place = np.full(len(course.number), -1)
    place[seen.deals] = np.arange(len(seen.deals))
    moves = company.hidden.revisions
    moves = moves[(moves["day"] <= day) & (place[moves["deal"].to_numpy()] >= 0)]
    rows, moved = place[moves["deal"].to_numpy()], moves["day"].to_numpy()[:, None].astype(float)
    stated, is_near = moves["close_day"].to_numpy()[:, None], moves["is_near"].to_numpy().astype(bool)
    dates = (pd.Timestamp(BEGIN) + pd.to_timedelta(stated[:, 0], unit="D")).to_series()
    first = stated - dates.dt.day.to_numpy()[:, None] + 1
    at_end = dates.dt.is_month_end.to_numpy()[:, None] * world.month_end_dates
    when, created = seen.when[rows], course.created[seen.deals][rows][:, None]
    life = np.maximum(when - created, 1)
    is_time = (moved - created >= 0.6 * life - 1) & (moved - created <= 0.9 * life)
    told = (1 - at_end) * _normal((stated - when - 3) / 12) / 12 + at_end * (
        _below((stated - when - 2.5) / 12) - np.where(moved < first, _below((first - when - 3.5) / 12), 0.0)
    )
    told = told * is_time / life
    left = np.log(np.maximum(when - moved, 10)) - 0.1
    ahead, least = np.maximum(stated - moved, 0.5), np.maximum(first - moved - 0.5, 0.01)
    hoped = (1 - at_end) * _normal((np.log(ahead) - left) / 0.5) / 0.5 / ahead + at_end * (
        _below((np.log(ahead + 0.5) - left) / 0.5) - _below((np.log(least) - left) / 0.5)
    )
    passed = (1 - at_end) * np.exp(-np.maximum(ahead - 10, 0) / 35) / 35 * (ahead >= 10) + at_end * (
        np.exp(-np.maximum(least - 10, 0) / 35) - np.exp(-np.maximum(ahead + 0.5 - 10, 0) / 35)
    )
    alike = np.where(is_near[:, None], told, np.where(when > moved, hoped, passed))
    found = np.zeros_like(seen.when)
    np.add.at(found, rows, np.log(np.maximum(alike, 1e-12)))
    is_told = np.zeros(len(seen.deals), dtype=bool)
    is_told[rows[is_near]] = True
    # A date that passed a month ago and was not moved is followed by nobody.
    newest = _stated(company, day)[seen.deals]
    return np.exp(found - found.max(axis=1, keepdims=True)), is_told, newest + 30 > day


def _stated(company: Company, day: int) -> Floats:
    """Of each deal the date that was stated last by the day; long ago without one."""
    history = company.history
    known = history[history["close_date"].notna() & ((history["day"] - pd.Timestamp(BEGIN)).dt.days <= day)]
    found = np.full(len(company.deals), -np.inf)
    last = known.groupby("deal_id")["close_date"].last()
    found[last.index.str[1:].astype(int)] = (last - pd.Timestamp(BEGIN)).dt.days
    return found


def _changed_amounts(company: Company, day: int) -> Floats:
    """Of each deal the day on which its amount was changed, by the day; NaN where it was not."""
    history = company.history
    when = (history["day"] - pd.Timestamp(BEGIN)).dt.days.to_numpy()
    known = (history["order_no"] == 31).to_numpy() & (when <= day)
    found = np.full(len(company.deals), np.nan)
    found[history["deal_id"][known].str[1:].astype(int)] = when[known]
    return found


def _last_activities(company: Company, day: int) -> Floats:
    """Of each deal the last day with an activity by the day; long ago without one."""
    when = (company.activities["day"] - pd.Timestamp(BEGIN)).dt.days.to_numpy()
    known = when <= day
    found = np.full(len(company.deals), -np.inf)
    np.maximum.at(found, company.activities["deal_id"].str[1:].astype(int).to_numpy()[known], when[known])
    return found


def _depths_of_lost(stages: int, quality: Floats, is_renewal: npt.NDArray[np.bool_]) -> Floats:
    """Deal x stage x place among DEPTHS: how likely it is the deepest of a deal that is lost."""
    grid = (np.arange(200) + 0.5) / 200
    a, b = depths_of_lost(np.nan_to_num(quality))
    density = grid[None, :] ** (a[:, None] - 1) * (1 - grid[None, :]) ** (b - 1)
    density[is_renewal] = 1.0
    density /= density.sum(axis=1, keepdims=True)
    kinds = np.floor(grid * stages).astype(int) * (len(DEPTHS) + 1) + np.searchsorted(DEPTHS, grid)
    found: Floats = density @ (kinds[:, None] == np.arange(stages * (len(DEPTHS) + 1)))
    return found.reshape(len(quality), stages, len(DEPTHS) + 1)


def _landing(company: Company, seen: _Seen, wins: Floats, edges: Whole) -> Floats:
    """Deal x month: the chance of being booked there."""
    world, is_renewal = company.world, company.hidden.course.is_renewal[seen.deals]
    found, total = np.zeros((len(seen.deals), MONTHS_AHEAD)), np.zeros(seen.when.shape)
    back = [(0, 1 - world.backdated), *((days, world.backdated / 11) for days in range(1, 12))]
    for delay in DELAYS:
        total += seen.when + np.where(is_renewal, 1, delay)[:, None] > seen.day
    each = np.divide(wins, total, out=np.zeros_like(wins), where=total > 0)
    for delay in DELAYS:
        recorded = seen.when + np.where(is_renewal, 1, delay)[:, None]
        for days, share in back:
            if share:
                booked = recorded - days
                for place in range(MONTHS_AHEAD):
                    inside = (recorded > seen.day) & (booked >= edges[place]) & (booked < edges[place + 1])
                    found[:, place] += share * (each * inside).sum(axis=1)
    return found


def _to_come(
    company: Company, month: int, edges: Whole, mood: _Mood, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Deals like those to be created: amount by month in which it is booked, and how many of each to expect."""
    hidden, world = company.hidden, company.world
    counts = np.zeros(world.months, dtype=np.int64)
    ahead = slice(month + 1, month + 1 + MONTHS_AHEAD)
    counts[ahead] = COPIES // len(mood.courses)
    rate = hidden.rate / (COPIES // len(mood.courses) * len(mood.courses))
    found = []
    for taken in mood.courses:
        course, _ = deals_of(world, random, counts, hidden.month_starts, hidden.owners, taken)
        created_in = np.searchsorted(hidden.month_starts, course.created, side="right") - 1
        won = np.flatnonzero(course.is_won)
        booked = np.searchsorted(edges, course.recorded[won], side="right") - 1
        inside = (booked >= 0) & (booked < MONTHS_AHEAD)
        won, booked = won[inside], booked[inside]
        amounts = np.zeros((len(won), MONTHS_AHEAD))
        amounts[np.arange(len(won)), booked] = course.amount[won]
        found.append((amounts, rate[np.clip(created_in[won], month + 1, world.months - 1)]))
    amounts, rates = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return amounts, rates


def _renewals_to_come(company: Company, day: int, edges: Whole) -> tuple[Floats, Floats]:
    """Renewals that are not opened yet, of contracts that are signed."""
    world, course = company.world, company.hidden.course
    signed = np.flatnonzero(course.is_won & (course.recorded <= day) & (course.decided + RENEWALS_OPENED + 19 > day))
    first = course.decided[signed] + RENEWALS_OPENED
    not_yet = np.clip((first + 20 - np.maximum(day + 1, first)) / 20, 0, 1)
    away = np.arange(-45, 46)
    share = _normal(away / RENEWALS_SPREAD)
    booked = course.decided[signed][:, None] + RENEWALS_AFTER + 1 + away[None, :]
    amounts = course.amount[signed][:, None] * np.exp(0.03 + 0.12**2 / 2) * _inside(booked, share, edges)
    return amounts, not_yet * world.renewals * world.renewal_rate


def _reopened(company: Company, day: int, edges: Whole) -> tuple[Floats, Floats]:
    """What is recorded as won or lost, reopened ten to sixty days later and won after as many again."""
    world, course = company.world, company.hidden.course
    ended = np.flatnonzero((course.recorded > day - 120) & (course.created <= day))
    after = np.arange(20, 119)
    share = np.convolve(np.ones(50), np.ones(50))
    booked = np.where(course.recorded[ended][:, None] + after > day, course.recorded[ended][:, None] + after, -1)
    return course.amount[ended][:, None] * _inside(booked, share, edges), np.full(len(ended), world.reopened * 0.4)


def _inside(days: Whole, share: Floats, edges: Whole) -> Floats:
    """Row x month: the share of its days that lie in the month."""
    return np.stack(
        [((days >= low) & (days < high)) @ (share / share.sum()) for low, high in pairwise(edges)],
        axis=1,
    )


def _normal(value: Floats) -> Floats:
    """The standard normal density."""
    found: Floats = np.exp(-0.5 * value**2) / np.sqrt(2 * np.pi)
    return found


def _below(value: Floats) -> Floats:
    """The standard normal distribution's share below, to seven digits (Abramowitz and Stegun, 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(value))
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    above = _normal(value) * series
    return np.where(value > 0, 1 - above, above)
