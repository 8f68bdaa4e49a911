"""How likely a lead is to get somewhere, learned from earlier leads of the same kinds.

What belongs here: fitting and applying a ridge logistic regression or the points card made of it, with a reason for
each chance. What does not: what is known of a lead and when (dbt/models/intermediate/leads/int_lead_score_facts.sql).

Leads come as cells: all that share the same facts, with their number and how many got there. A fact is a text
`field=level`. So the work does not grow with the leads, and the fit is that of single leads, exactly.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Facts = tuple[str, ...]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Below these nothing is learned: ten outcomes for each of the eight fields (P. Peduzzi et al., 1996).
FEWEST_LEADS, FEWEST_OUTCOMES = 200, 80
# Levels with fewer leads are one with all that were never seen.
FEWEST_OF_LEVEL = 20
# Variance of the log-odds of a field's levels before anything is seen. It is learned, but never nothing.
PRIOR_VARIANCE, LEAST_VARIANCE = 0.3, 0.001
# A points card: so many points double the odds.
DOUBLING = 20
REASONS = 3
OTHER = "other"


class TooLittle(ValueError):
    """Too few leads or outcomes to learn from; `reason` is what a reader is told."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Reason:
    """What a fact does to the chance: log-odds against the average lead, and the leads that it was learned from."""

    fact: str
    effect: float
    leads: int
    reached: int


@dataclass(frozen=True)
class Score:
    """A chance in [0, 1], a grade, points (of a card only) and the facts that move it most."""

    probability: float
    grade: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Model:
    """Log-odds of the average lead and of each fact; `version` names method and training data."""

    version: str
    intercept: float
    effects: Mapping[str, float]
    seen: Mapping[str, tuple[int, int]]
    leads: int
    reached: int

    def score(self, facts: Facts) -> Score:
        """The chance of a lead with these facts; a level that was not learned counts as the field's others."""
        known = [self._known(fact) for fact in facts]
        odds = self.intercept + sum(self.effects[fact] for fact in known)
        probability = round(_chance(odds), 6)
        told = sorted(
            (place for place, fact in enumerate(known) if abs(self.effects[fact]) >= 0.05),
            key=lambda place: (-abs(self.effects[known[place]]), place),
        )
        reasons = tuple(
            Reason(
                facts[place] if known[place] == facts[place] else known[place],
                round(self.effects[known[place]], 6),
                *self.seen[known[place]],
            )
            for place in told[:REASONS]
        )
        return Score(probability, self._grade(probability), reasons)

    def _known(self, fact: str) -> str:
        if fact in self.effects:
            return fact
        return f"{fact.split('=', 1)[0]}={OTHER}"

    def _grade(self, probability: float) -> str:
        """By the average lead of the training: A from one and a half times its chance, B from it, C from half."""
        times = probability / (self.reached / self.leads)
        return "A" if times >= 1.5 else "B" if times >= 1 else "C" if times >= 0.5 else "D"


def _chance(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))


def train(cells: Mapping[Facts, tuple[int, int]], method: str = "logistic", name: str = "") -> Model:
    """Learns from cells (facts -> leads, reached), each with the same fields in the same order.

    `method`: logistic, or points for a card of whole points. Raises TooLittle where there is too little to learn from.
    """
    leads = sum(count for count, _ in cells.values())
    reached = sum(wins for _, wins in cells.values())
    if leads < FEWEST_LEADS:
        raise TooLittle("too_few_leads")
    if min(reached, leads - reached) < FEWEST_OUTCOMES:
        raise TooLittle("too_few_outcomes")
    seen: dict[str, tuple[int, int]] = {}
    for facts, (count, wins) in cells.items():
        for fact in facts:
            before = seen.get(fact, (0, 0))
            seen[fact] = (before[0] + count, before[1] + wins)
    fields = [fact.split("=", 1)[0] for fact in next(iter(cells))]
    # Rare levels are one; they are what an unseen level is taken for.
    learned: dict[str, tuple[int, int]] = {f"{field}={OTHER}": (0, 0) for field in fields}
    for fact, (count, wins) in seen.items():
        own = fact if count >= FEWEST_OF_LEVEL else f"{fact.split('=', 1)[0]}={OTHER}"
        before = learned.get(own, (0, 0))
        learned[own] = (before[0] + count, before[1] + wins)
    names = sorted(learned)
    place = {fact: number for number, fact in enumerate(names)}
    rows: dict[tuple[int, ...], tuple[int, int]] = {}
    for facts, (count, wins) in cells.items():
        row = tuple(
            place[fact] if fact in place else place[f"{field}={OTHER}"]
            for fact, field in zip(facts, fields, strict=True)
        )
        before = rows.get(row, (0, 0))
        rows[row] = (before[0] + count, before[1] + wins)
    ordered = sorted(rows)
    design = np.array(ordered, dtype=np.int64)
    counts = np.array([rows[row][0] for row in ordered], dtype=np.float64)
    wins_of = np.array([rows[row][1] for row in ordered], dtype=np.float64)
    field_of = np.array([fields.index(fact.split("=", 1)[0]) for fact in names])
    variances = learned_variances(design, counts, wins_of, field_of)
    intercept, weights = fit(design, counts, wins_of, variances[field_of])
    # Against the average lead, so that an effect says what the fact does.
    shares = np.bincount(design.ravel(), np.repeat(counts, len(fields)), minlength=len(names)) / leads
    for field in dict.fromkeys(fields):
        levels = [place[fact] for fact in names if fact.split("=", 1)[0] == field]
        mean = float(shares[levels] @ weights[levels])
        weights[levels] -= mean
        intercept += mean
    if method == "points":
        step = math.log(2) / DOUBLING
        weights = np.round(weights / step) * step
        intercept = _levelled(weights[design].sum(axis=1), counts, reached)
    digest = hashlib.sha256(repr(sorted(cells.items())).encode()).hexdigest()[:8]
    return Model(
        version=f"{name}{method}-{digest}",
        intercept=intercept,
        effects={fact: float(weights[place[fact]]) for fact in names},
        seen=learned,
        leads=leads,
        reached=reached,
    )


def fit(design: Ints, counts: Floats, wins: Floats, variance: Floats) -> tuple[float, Floats]:
    """Ridge logistic regression by Newton's steps (iteratively reweighted least squares): intercept and weights.

    `design`: one row per cell with the numbers of its facts, `counts` and `wins`: leads of it. The weight of each fact
    has a normal prior of its `variance`, the intercept none, so that the chances sum to the wins.
    """
    slopes = _Slopes(design, counts, wins, len(variance))
    beta = slopes.average()
    for _ in range(50):
        gradient, curvature = slopes.at(beta, variance)
        step = np.linalg.solve(curvature, gradient)
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), beta[1:]


def learned_variances(design: Ints, counts: Floats, wins: Floats, field_of: Ints) -> Floats:
    """The variance of each field's levels by empirical Bayes, so that fields that tell nothing are drawn to nothing.

    One step of expectation and maximisation with each step of Newton's (N. Breslow, D. Clayton, 1993); some dozen,
    since the last digits of a variance change no chance. `field_of`: the field's number of each fact.
    """
    levels = np.bincount(field_of)
    variances = np.full(len(levels), PRIOR_VARIANCE)
    slopes = _Slopes(design, counts, wins, len(field_of))
    beta = slopes.average()
    for _ in range(25):
        gradient, curvature = slopes.at(beta, variances[field_of])
        covariance = np.linalg.inv(curvature)
        beta += covariance @ gradient
        spread = beta[1:] ** 2 + np.diag(covariance)[1:]
        variances = np.maximum(np.bincount(field_of, spread) / levels, LEAST_VARIANCE)
    return variances


class _Slopes:
    """Gradient and curvature of the penalised likelihood, summed cell by cell, in one order on every machine."""

    def __init__(self, design: Ints, counts: Floats, wins: Floats, facts: int) -> None:
        # Every cell has the intercept, number 0, and one fact of each field.
        self.numbers = np.hstack([np.zeros((len(design), 1), dtype=np.int64), design + 1])
        self.width = facts + 1
        self.pairs = (self.numbers[:, :, None] * self.width + self.numbers[:, None, :]).ravel()
        self.counts, self.wins = counts, wins

    def average(self) -> Floats:
        """The weights that give every lead the average chance."""
        beta = np.zeros(self.width)
        beta[0] = math.log(self.wins.sum() / (self.counts.sum() - self.wins.sum()))
        return beta

    def at(self, beta: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Gradient and (negative) curvature at these weights."""
        penalty = np.concatenate([[0.0], 1 / variance])
        chance = 1 / (1 + np.exp(-np.clip(beta[self.numbers].sum(axis=1), -30, 30)))
        per_cell = self.numbers.shape[1]
        missing = np.repeat(self.wins - self.counts * chance, per_cell)
        gradient: Floats = np.bincount(self.numbers.ravel(), missing, minlength=self.width) - penalty * beta
        spread = np.repeat(self.counts * chance * (1 - chance), per_cell * per_cell)
        curvature: Floats = np.diag(penalty)
        curvature += np.bincount(self.pairs, spread, minlength=self.width**2).reshape(self.width, self.width)
        return gradient, curvature


def _levelled(odds: Floats, counts: Floats, reached: int) -> float:
    """The intercept with which the chances sum to what was reached, by halving: the sum grows with it."""
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        total = float(counts @ (1 / (1 + np.exp(-np.clip(middle + odds, -60, 60)))))
        low, high = (middle, high) if total < reached else (low, middle)
    return (low + high) / 2
