"""The tables of the result: whole cents by cell, ranges by level, errors of past forecasts.

What belongs here: rounding that keeps sums, columns and their order. What does not: estimates, which ones are made.
"""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import baselines, draws, phase, rates
from forecasting.facts import Facts, Floats
from forecasting.interface import LEVELS, METHODS, Inputs, Settings
from forecasting.months import Days, day_of
from forecasting.phase import Origin, Period


def whole_cents(values: Floats, kinds: Days) -> Days:
    """Whole cents whose sum is the rounded sum: rounded down, what is left over to the largest remainders in order.

    `kinds` of cells share what is left over first, then the cells of each: who stands in the cells of a kind moves no
    cent to another.
    """
    # Thousandths of cents as whole numbers: their sum does not depend on the order of adding.
    units = np.rint(values * 1_000).astype(np.int64)
    whole, rest = units // 1_000, units % 1_000
    of_kind = np.bincount(kinds, rest).astype(np.int64)
    left = of_kind // 1_000
    more = (int(rest.sum()) + 500) // 1_000 - int(left.sum())
    left[np.argsort(-(of_kind % 1_000), kind="stable")[:more]] += 1
    order = np.lexsort((-rest, kinds))
    first = np.cumsum(np.bincount(kinds)) - np.bincount(kinds)
    place = np.arange(len(kinds)) - first[kinds[order]]
    whole[order[place < left[kinds[order]]]] += 1
    return whole


def cents_of(facts: Facts, origin: Origin, method: str, ahead: int) -> dict[str, Days]:
    """Whole cents by part and cell of one month ahead."""
    zero = np.zeros(facts.cells, dtype=np.int64)
    values = origin.methods[method][:, ahead]
    if np.isnan(values).any():
        return {}
    if method != "saleshouse":
        whole = whole_cents(values, facts.kinds)
        name = "open" if method.startswith("crm") else "not_created"
        return {
            name: np.where(facts.is_renewal, zero, whole),
            "renewals": np.where(facts.is_renewal, whole, zero),
        }
    deals = np.rint(origin.open_deals[:, ahead]).astype(np.int64)
    credited = origin.judged.credited
    opened = np.zeros(facts.cells, dtype=np.int64)
    np.add.at(opened, credited.cell, credited.cents(deals))
    opened += np.rint(origin.booked_later[:, ahead]).astype(np.int64)
    new = whole_cents(origin.new_deals[:, ahead], facts.kinds)
    return {
        "open": np.where(facts.is_renewal, zero, opened),
        "not_created": np.where(facts.is_renewal, zero, new),
        "renewals": np.where(facts.is_renewal, opened + new, zero),
    }


class Expected:
    """Whole cents by cell of an origin's months ahead, each made once."""

    def __init__(self, facts: Facts, origin: Origin) -> None:
        self.facts, self.origin = facts, origin
        self.months: dict[tuple[str, int], Days] = {}

    def ahead(self, method: str, period: Period) -> Days:
        """What is still to come of a period."""
        found = np.zeros(self.facts.cells, dtype=np.int64)
        for ahead in period.ahead:
            if (method, ahead) not in self.months:
                parts = cents_of(self.facts, self.origin, method, ahead).values()
                self.months[method, ahead] = sum(parts, np.zeros(self.facts.cells, dtype=np.int64))
            found += self.months[method, ahead]
        return found


def _won(facts: Facts, origin: Origin, months: range) -> tuple[Days, Days, Days]:
    """What is won by the day of some months: cells, teams that it is booked with, and cents, each pair once."""
    bookings = facts.bookings
    rows = bookings.known(origin.day) & (bookings.day <= origin.day)
    rows &= (bookings.month >= months.start) & (bookings.month < months.stop)
    width = len(facts.members["team"])
    pairs, place = np.unique(bookings.cell[rows] * width + bookings.team[rows], return_inverse=True)
    cents = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(cents, place, bookings.cents[rows])
    pairs, cents = pairs[cents != 0], cents[cents != 0]
    return pairs // width, pairs % width, cents


def _won_sums(facts: Facts, origin: Origin, period: Period, level: str) -> Days:
    """The same by member: a win stays with the team of the day on which it was won, whoever has moved on since."""
    cell, team, cents = _won(facts, origin, range(period.first, period.last + 1))
    found = np.zeros(len(facts.members[level]), dtype=np.int64)
    np.add.at(found, team if level == "team" else facts.codes[level][cell], cents)
    return found


def _ranges(
    facts: Facts, origin: Origin, period: Period, count: int, levels: tuple[str, ...], settings: Settings
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Of each level P10, P50, P90 x member of what is still to come; and the draws."""
    judged = origin.judged
    hopes = phase.hopes_of(
        facts, judged, origin.open_deals, origin.new_deals + origin.booked_later, origin.coming, period.ahead,
    )  # fmt: skip
    seed = (settings.seed, origin.day, period.ahead[0], period.ahead[-1])
    sums, used = draws.draw(facts, hopes, origin.shocks(period.ahead), count, seed)
    drawn = {level: draws.by_level(facts, sums, used, level) for level in levels}
    # One call for all levels: most of a call's time is none of its members'.
    bounds = draws.quantiles(np.concatenate(list(drawn.values()), axis=1))
    edges = np.cumsum([values.shape[1] for values in drawn.values()])[:-1]
    return dict(zip(levels, np.split(bounds, edges, axis=1), strict=True)), drawn


def periods(facts: Facts, said: dict[str, list[Period]]) -> pd.DataFrame:
    rows = [
        (method, period.kind, start_of(facts, period), end_of(facts, period), period.first - facts.month,
         period.last - facts.month)
        for method, periods in said.items()
        for period in periods
        if period.kind != "next_three"
    ]  # fmt: skip
    names = ["method", "period_type", "period_start", "period_end", "first_offset", "last_offset"]
    return pd.DataFrame(rows, columns=names)


def start_of(facts: Facts, period: Period) -> date:
    return day_of(int(facts.months.starts[period.first]))


def end_of(facts: Facts, period: Period) -> date:
    return day_of(int(facts.months.ends[period.last]))


def cells(facts: Facts, origin: Origin, said: dict[str, list[Period]]) -> pd.DataFrame:
    labels = {name: facts.labels[name].to_numpy(dtype=object) for name in ("owner", "team", "segment", "pipeline")}
    pieces: list[dict[str, Any]] = []
    for method, periods in said.items():
        spoken = sorted({month for period in periods if period.kind != "next_three"
                         for month in range(period.first, period.last + 1)})  # fmt: skip
        for month in spoken:
            ahead = month - origin.month
            teams = np.array(facts.members["team"], dtype=object)
            won, booked_team, won_cents = _won(facts, origin, range(month, month + 1))
            parts = {"won": (won, teams[booked_team], won_cents)}
            if ahead >= rates.first_ahead(origin.days_left):
                for part, cents in cents_of(facts, origin, method, ahead).items():
                    used = np.flatnonzero(cents)
                    parts[part] = (used, labels["team"][used], cents[used])
            for part, (cell, team, cents) in parts.items():
                pieces.append({
                    "method": method, "month_offset": ahead, "month_start": day_of(int(facts.months.starts[month])),
                    "month_end": day_of(int(facts.months.ends[month])),
                    "quarter_start": day_of(int(facts.months.quarter_starts[month])), "part": part,
                    **{name: labels[name][cell] for name in labels} | {"team": team}, "expected_cents": cents,
                })  # fmt: skip
    keys = ["method", "month_offset", "month_start", "month_end", "quarter_start", "part", *labels]
    found = stacked(pieces, [*keys, "expected_cents"])
    # Booked renewals and booked deals of one member are one cell.
    return found.groupby(keys, sort=True)["expected_cents"].sum().reset_index()


def intervals(
    facts: Facts, origin: Origin, said: dict[str, list[Period]], inputs: Inputs, settings: Settings
) -> pd.DataFrame:
    targets = _targets(facts, inputs)
    pieces: list[dict[str, Any]] = []
    coming = Expected(facts, origin)
    for method, periods in said.items():
        for period in periods:
            if period.kind == "next_three":
                continue
            expected = coming.ahead(method, period)
            ranged = method == "saleshouse" and period.ahead and settings.with_intervals
            ranges, drawn = _ranges(facts, origin, period, settings.draws, LEVELS, settings) if ranged else ({}, {})
            for level in LEVELS:
                members = facts.members[level]
                won = _won_sums(facts, origin, period, level)
                goal = np.array([_target(facts, targets, level, member, period) for member in members])
                bounds = [won + np.rint(bound) for bound in ranges[level]] if ranged else [
                    np.full(len(won), np.nan) if period.ahead else won.astype(float)] * 3  # fmt: skip
                if ranged:
                    chance = (won[None, :] + drawn[level] >= goal[None, :]).mean(axis=0)
                else:
                    chance = np.full(len(won), np.nan) if period.ahead else (won >= goal).astype(float)
                pieces.append({
                    "method": method, "period_type": period.kind, "period_start": start_of(facts, period),
                    "period_end": end_of(facts, period), "level": level, "member": np.array(members, dtype=object),
                    "expected_cents": facts.by_member(expected, level) + won, "p10_cents": bounds[0],
                    "p50_cents": bounds[1], "p90_cents": bounds[2], "target_cents": np.rint(goal),
                    "chance_of_target": np.where(np.isnan(goal), np.nan, np.round(chance, 9)),
                })  # fmt: skip
    names = ["method", "period_type", "period_start", "period_end", "level", "member", "expected_cents", "p10_cents",
             "p50_cents", "p90_cents", "target_cents", "chance_of_target"]  # fmt: skip
    return stacked(pieces, names)


def _targets(facts: Facts, inputs: Inputs) -> dict[tuple[str, str, int], float]:
    if inputs.targets is None:
        return {}
    rows = facts.connection.execute(
        f"""
        select level, member, cast(month_start as date) - date '1970-01-01' as month_start,
            cast(sum(amount) as double) * 100 as cents
        from {inputs.targets} group by all
        """
    ).fetchall()
    return {(level, member, int(start)): float(cents) for level, member, start, cents in rows if cents is not None}


def _target(facts: Facts, targets: dict[tuple[str, str, int], float], level: str, member: str, period: Period) -> float:
    """The target of all of a period's months; NaN where one of them has none."""
    months = range(period.first, period.last + 1)
    return sum(targets.get((level, member, int(facts.months.starts[month])), np.nan) for month in months)


ERROR_COLUMNS = [
    "method", "origin_day", "origin_kind", "period_type", "period_start", "period_end", "horizon", "days_left", "level",
    "member", "expected_cents", "p10_cents", "p50_cents", "p90_cents", "actual_cents", "actual_now_cents",
    "scale_cents",
]  # fmt: skip


def stacked(pieces: list[dict[str, Any]], names: list[str]) -> pd.DataFrame:
    """One table of pieces whose values are one per piece or one per row; in cents where the name says so."""
    lengths = [max((len(value) for value in piece.values() if isinstance(value, np.ndarray)), default=0)
               for piece in pieces]  # fmt: skip
    columns: dict[str, Any] = {}
    for name in names:
        values = [piece[name] for piece in pieces]
        if values and isinstance(values[0], np.ndarray):
            columns[name] = np.concatenate(values)
        else:
            kept = np.empty(len(values), dtype=object)
            kept[:] = values
            columns[name] = np.repeat(kept, lengths)
    found = pd.DataFrame(columns, columns=names)
    whole = {"expected_cents", "actual_cents", "actual_now_cents", "horizon", "days_left", "month_offset"}
    for name in names:
        if name in whole:
            found[name] = found[name].astype("int64")
        elif name.endswith("_cents") and name != "scale_cents":
            found[name] = found[name].astype("Float64").astype("Int64")
    return found.infer_objects()


class Actuals:
    """What was booked in a period by cell, as frozen and as known now, made once for all origins."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.now = facts, baselines.booked(facts, facts.as_of)
        self.periods: dict[tuple[int, int], tuple[Days, Days]] = {}

    def of(self, period: Period) -> tuple[Days, Days]:
        """Whole cents at the end of the day on which the period is frozen, and now."""
        if (period.first, period.last) not in self.periods:
            frozen = baselines.booked(self.facts, int(self.facts.months.frozen[period.last]))
            months = slice(period.first, period.last + 1)
            known = (np.rint(booked[:, months].sum(axis=1)).astype(np.int64) for booked in (frozen, self.now))
            self.periods[period.first, period.last] = next(known), next(known)
        return self.periods[period.first, period.last]


def errors(
    facts: Facts, origin: Origin, said: dict[str, list[Period]], actuals: Actuals, settings: Settings
) -> list[dict[str, Any]]:
    """What each method said at a past origin beside what came, of periods whose actual is frozen by now."""
    pieces = []
    levels = settings.errors_of
    # A team that only holds what was won with it is forecast nothing.
    seen = {level: facts.in_order[level].members for level in levels}
    level_of_rows = np.repeat(np.array(levels, dtype=object), [len(seen[level]) for level in levels])
    member_of_rows = np.concatenate([np.array(facts.members[level], dtype=object)[seen[level]] for level in levels])
    cells_in_order = np.concatenate([facts.in_order[level].cells for level in levels])
    first = np.concatenate([facts.in_order[level].first + at * facts.cells for at, level in enumerate(levels)])

    def by_row(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Cells (whole numbers) summed by member, one level after the other."""
        return np.add.reduceat(values[cells_in_order], first, axis=0)

    ended = origin.month if origin.days_left == 0 else origin.month - 1
    so_far_by_month = by_row(origin.so_far)
    summed = np.cumsum(np.insert(so_far_by_month[:, : ended + 1], 0, 0.0, axis=1), axis=1)
    coming = Expected(facts, origin)
    ranged: dict[tuple[int, ...], Floats] = {}
    for period in phase.periods_of(facts, origin.month, origin.days_left):
        if not period.ahead or facts.months.frozen[period.last] > facts.as_of:
            continue
        months = slice(period.first, period.last + 1)
        actual, actual_now = actuals.of(period)
        won = np.rint(so_far_by_month[:, months].sum(axis=1)).astype(np.int64)
        told = {
            "origin_day": day_of(origin.day), "origin_kind": "month_end" if origin.days_left == 0 else "weekly",
            "period_type": period.kind, "period_start": start_of(facts, period), "period_end": end_of(facts, period),
            "horizon": period.first - origin.month, "days_left": int(facts.months.ends[period.last]) - origin.day,
            "level": level_of_rows, "member": member_of_rows, "actual_cents": by_row(actual),
            "actual_now_cents": by_row(actual_now), "scale_cents": _scale(summed, period.last - period.first + 1),
        }  # fmt: skip
        for method in METHODS:
            if period not in said[method]:
                continue
            bounds = np.full((len(draws.QUANTILES), len(won)), np.nan)
            if method == "saleshouse" and settings.with_intervals:
                # A quarter's last month is the rest of the quarter.
                if period.ahead not in ranged:
                    ranges, _ = _ranges(facts, origin, period, settings.past_draws, levels, settings)
                    ranged[period.ahead] = np.concatenate(
                        [np.rint(ranges[level][:, seen[level]]) for level in levels], axis=1
                    )
                bounds = won + ranged[period.ahead]
            low, middle, high = bounds
            pieces.append({
                **told, "method": method, "expected_cents": by_row(coming.ahead(method, period)) + won,
                "p10_cents": low, "p50_cents": middle, "p90_cents": high,
            })  # fmt: skip
    return pieces


def _scale(summed: Floats, width: int) -> Floats:
    """Mean absolute change from one span of as many months to the next, of the two years known at the origin (MASE).

    `summed`: member x month, what was booked before it; the last one is the month in which the origin stands.
    """
    ends = np.arange(summed.shape[1] - 1, max(summed.shape[1] - 25, 2 * width - 1), -1)
    if len(ends) == 0:
        return np.full(len(summed), np.nan)
    found: Floats = np.abs(summed[:, ends] - 2 * summed[:, ends - width] + summed[:, ends - 2 * width]).mean(axis=1)
    return found
