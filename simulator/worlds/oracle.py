"""The least that a forecast of a generated company can miss by: what one expects who knows its process.

What belongs here: expected bookings of the months after a day, by Bayes' rule over what is hidden. What does not: any
forecast that learns from records.

The oracle is told what no forecaster can know: every rate of the process, each deal's quality and the amount that will
be agreed on, each seller's skill, the deals to expect and the market's mood of months to come, and which dates were
moved because the end was near. The day of decision it infers: from its law, the days of the noted stages, moved dates,
activities, and that nothing is recorded yet. With `knows_days` it is told that day too. It does not know what chance
alone decides: whether a deal is won, how many deals are created and what those are like.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from simulator.worlds.generate import (
    BEGIN,
    EARLY,
    QUARTER,
    RENEWALS_AFTER,
    RENEWALS_OPENED,
    RENEWALS_SPREAD,
    WILL,
    Company,
    Floats,
    Whole,
    deals_of,
    depths_of_lost,
    leaning_on,
    month_start,
)

MONTHS_AHEAD = 3
# Days before and after the origin that are told apart, and the step and reach of those beyond.
BACK, NEAR, STEP, BEFORE, AFTER = 7, 95, 12, 700, 500
# Deals by month of which those to come are samples; courses through the stages.
COPIES, PATHS = 5_000, 2_000
DELAYS = (0, 1, 2)


@dataclass(frozen=True)
class _Seen:
    """Open deals and the days on which each may be decided (deal x candidate), with what these are worth at first."""

    deals: Whole
    day: int
    when: Floats
    prior: Floats


def outlook(company: Company, month_end: date, *, knows_days: bool = False) -> Floats:
    """Expected bookings of the three months after a month, at its end."""
    hidden = company.hidden
    month = (month_end.year - BEGIN.year) * 12 + month_end.month - BEGIN.month
    course = hidden.course
    day = int(hidden.month_starts[month + 1]) - 1
    edges = np.array([(month_start(month + 1 + place) - BEGIN).days for place in range(MONTHS_AHEAD + 1)])
    random = np.random.default_rng((company.seed, month))
    deals = np.flatnonzero((course.created <= day) & (course.recorded > day))
    seen = _candidates(company, deals, day, knows_days)
    at = _landing(company, seen, _wins(company, seen, random), edges)
    expected: Floats = (at * course.amount[deals][:, None]).sum(axis=0)
    for amounts, rate in (
        _to_come(company, month, edges, random),
        _renewals_to_come(company, day, edges),
        _reopened(company, day, edges),
    ):
        expected += (amounts * rate[:, None]).sum(axis=0)
    return expected


def _candidates(company: Company, deals: Whole, day: int, knows_days: bool) -> _Seen:
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
    typical = np.log(days) + 0.15 * course.large[deals] + world.days_drift * month
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


def _wins(company: Company, seen: _Seen, random: np.random.Generator) -> Floats:
    """Deal x candidate: the chance that it is decided on that day and won, given all that is recorded."""
    world, hidden = company.world, company.hidden
    course, deals, day, when = hidden.course, seen.deals, seen.day, seen.when
    leaning = leaning_on(world, hidden.mood, np.clip(when, 0, None).astype(int))
    chance = _below((course.quality[deals][:, None] + leaning - course.threshold[deals][:, None]) / WILL)
    chance[course.is_renewal[deals]] = world.renewal_rate
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
    depths = _depths_of_lost(company, deals, when)
    of_won = chance * deep * silent[:, -1]
    of_lost = np.zeros_like(when)
    for stage in range(world.stages):
        for place, told in enumerate((shallow, deep)):
            of_lost += depths[:, stage, place][:, None] * told * silent[:, stage]
    of_lost *= 1 - chance
    # What was decided is recorded in the end; buyers who have decided are not met any more.
    since = day - when
    of_won *= sum((delay > since) / len(DELAYS) for delay in DELAYS)
    late = np.maximum(since + 1, 0)
    share = np.where(course.is_renewal[deals], 0.0, world.silent_losses)[:, None]
    usual = np.where(course.is_renewal[deals], 20, 4)[:, None]
    of_lost *= share * np.exp(-late / world.silent_days) + (1 - share) * np.exp(-late / usual)
    last = _last_activities(company, day)[deals]
    quiet = np.minimum(when, day) - np.maximum(last, course.created[deals])[:, None]
    alike *= np.where(quiet < -1, 0.0, np.exp(-np.maximum(quiet, 0) / 9))
    won, lost = alike * of_won, alike * of_lost
    total = (won + lost).sum(axis=1, keepdims=True)
    found: Floats = np.divide(won, total, out=np.zeros_like(won), where=total > 0)
    return found


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


def _last_activities(company: Company, day: int) -> Floats:
    """Of each deal the last day with an activity by the day; long ago without one."""
    when = (company.activities["day"] - pd.Timestamp(BEGIN)).dt.days.to_numpy()
    known = when <= day
    found = np.full(len(company.deals), -np.inf)
    np.maximum.at(found, company.activities["deal_id"].str[1:].astype(int).to_numpy()[known], when[known])
    return found


def _depths_of_lost(company: Company, deals: Whole, when: Floats) -> Floats:
    """Deal x stage x (up to .7 or beyond): how likely it is the deepest of a deal that is lost."""
    course, stages = company.hidden.course, company.world.stages
    grid = (np.arange(200) + 0.5) / 200
    leaning = leaning_on(company.world, company.hidden.mood, np.clip(np.median(when, axis=1), 0, None).astype(int))
    a, b = depths_of_lost(np.nan_to_num(course.quality[deals] + leaning))
    density = grid[None, :] ** (a[:, None] - 1) * (1 - grid[None, :]) ** (b - 1)
    density[course.is_renewal[deals]] = 1.0
    density /= density.sum(axis=1, keepdims=True)
    deepest = np.floor(grid * stages).astype(int)
    return np.stack(
        [
            np.stack([density[:, (deepest == place) & (is_deep == (grid > 0.7))].sum(axis=1) for is_deep in (0, 1)], 1)
            for place in range(stages)
        ],
        axis=1,
    )


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


def _to_come(company: Company, month: int, edges: Whole, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Deals like those to be created: amount by month in which it is booked, and how many of each to expect."""
    hidden, world = company.hidden, company.world
    counts = np.zeros(world.months, dtype=np.int64)
    ahead = slice(month + 1, month + 1 + MONTHS_AHEAD)
    counts[ahead] = COPIES
    course, _ = deals_of(world, random, counts, hidden.month_starts, hidden.owners, hidden.mood)
    created_in = np.searchsorted(hidden.month_starts, course.created, side="right") - 1
    rate = hidden.rate / COPIES
    won = np.flatnonzero(course.is_won)
    booked = np.searchsorted(edges, course.recorded[won], side="right") - 1
    inside = (booked >= 0) & (booked < MONTHS_AHEAD)
    won, booked = won[inside], booked[inside]
    amounts = np.zeros((len(won), MONTHS_AHEAD))
    amounts[np.arange(len(won)), booked] = course.amount[won]
    return amounts, rate[np.clip(created_in[won], month + 1, world.months - 1)]


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
