"""Each estimate worked by hand: months, win table, draws, levels, baselines, scores."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting import baselines, phase, rates
from forecasting.draws import SHOCK_PRIOR, Hopes, Shocks, _places, by_level, draw, prior, quantiles, size_spread
from forecasting.factors import _values, amount_bands, thresholds_of
from forecasting.months import Months, day_number
from forecasting.scores import scoreboard
from forecasting.snapshots import ATTRIBUTES, WinCounts
from forecasting.tables import whole_cents
from tests.forecasting.conftest import Offered


def months() -> Months:
    """Calendar months of 2024."""
    starts = [day_number(date(2024, month, 1)) for month in range(1, 13)]
    ends = [start - 1 for start in starts[1:]] + [day_number(date(2024, 12, 31))]
    quarter_starts = [starts[place - place % 3] for place in range(12)]
    quarter_ends = [ends[place - place % 3 + 2] for place in range(12)]
    return Months(*(np.array(values) for values in (starts, ends, quarter_starts, quarter_ends, ends)))


def test_days_stand_in_their_months_as_the_day_of_the_forecast() -> None:
    given = months()
    assert [given.starts[1] + 18 - day for day in given.origins(10)[[1]]] == [0]  # 19 February of 29 days
    assert given.origins(30)[1] == given.starts[1]  # a shorter month: its first day
    assert given.month_of(np.array([given.starts[0] - 1, given.ends[3], given.ends[11] + 1])).tolist() == [-1, 3, 12]
    assert [given.month_in_quarter(place) for place in (0, 4, 11)] == [0, 1, 2]
    assert given.quarter_of(7) == (6, 8)


def counts_of(rows: list[tuple[int, int, int, float]]) -> WinCounts:
    """Month, stage, month of the win (-1: none), deals; all else equal."""
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    month = table[:, 0].astype(np.int64)
    zero = np.zeros(len(table), dtype=np.int64)
    won = table[:, 2].astype(np.int64)
    return WinCounts(
        first=np.searchsorted(month, np.arange(14)), month=month,
        attributes={name: table[:, 1].astype(np.int64) if name == "stage_no" else zero for name in ATTRIBUTES},
        won_month=won, known_from=np.where(won >= 0, won, 32_000), known_until=np.full(len(table), 32_000),
        deals=table[:, 3].astype(float),
    )  # fmt: skip


def test_the_win_table_draws_each_level_to_the_one_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stage 1: 100 deals, 10 won in the next month; stage 2: 20 deals, 14 won. All: 24 of 120, with a tenth of a win
    among two deals more 24.1 of 122; drawn to three wins as the one part there is.

    By that stage 2 hopes for h, so the attribute's factor is (14 + 3) / (h + 3); the cell, which now hopes for as many
    times h, comes to (14 + 3) / (that + 3) of it. Stage 1 likewise. A month later nobody has seen: half of it.
    """
    monkeypatch.setattr(rates, "HALF_LIFE", 1e9)
    monkeypatch.setattr(rates, "LEVELS", (("part",), ("stage_no",)))
    counts = counts_of([(0, 1, 1, 10), (0, 1, -1, 90), (0, 2, 1, 14), (0, 2, -1, 6)])
    fitted = rates.fit(tree_of(counts), counts, 1, 0)
    part = 24.1 / 122 * (24 + 3) / (120 * 24.1 / 122 + 3)
    first, second = part * (10 + 3) / (100 * part + 3), part * (14 + 3) / (20 * part + 3)
    assert fitted.rates[:, 1] == pytest.approx(
        [first * (10 + 3) / (100 * first + 3), second * (14 + 3) / (20 * second + 3)]
    )
    assert fitted.seen[1][:, 1].tolist() == [100, 20]
    assert fitted.won[1][:, 1].tolist() == [10, 14]
    assert (fitted.rates[:, 0] == 0).all()
    assert fitted.rates[:, 2:] == pytest.approx(24.1 / 122 * np.tile(0.5 ** np.arange(1, 5), (2, 1)))


def test_no_handful_makes_a_chance_of_nothing_or_of_certainty() -> None:
    """Neither three of three nor none of three; later months begin at half of the month before, by half a win."""
    three, none = rates._root(3, 3, 0), rates._root(0, 3, 0)
    assert (three, none) == pytest.approx((3.1 / 5, 0.1 / 5))
    assert rates._root(0, 3, three) == pytest.approx(0.31 * 0.5 / (3 * 0.31 + 0.5))
    assert rates._root(0, 0, three) == pytest.approx(0.31)
    # Of many it is what was seen.
    assert rates._root(400, 1_000, rates._root(300, 1_000, 0)) == pytest.approx(0.4, rel=0.003)
    assert prior(4)["total"] == pytest.approx((0.1**2 + 1 / 4) ** 0.5)
    assert prior(10**9) == pytest.approx(SHOCK_PRIOR)


def tree_of(counts: WinCounts) -> rates.Tree:
    """The tree of counts whose rows are the deals."""

    class Rows:
        month, attributes = counts.month, counts.attributes

    return rates.grow(counts, Rows())  # type: ignore[arg-type]


def test_what_was_not_known_at_the_origin_does_not_count() -> None:
    """Won in month 1, but noted in month 3 only: at the origin in month 2 it was open."""
    counts = counts_of([(0, 1, 1, 10), (0, 1, -1, 10)])
    late = WinCounts(**{**vars(counts), "known_from": np.where(counts.won_month >= 0, 3, 32_000)})

    tree = tree_of(late)
    nobody = WinCounts(**{**vars(counts), "won_month": np.full(2, -1)})
    assert rates.fit(tree, late, 2, 0).rates[0, 1] == rates.fit(tree, nobody, 2, 0).rates[0, 1]
    assert rates.fit(tree, late, 3, 0).rates[0, 1] > 0.3


def test_amounts_are_banded_among_those_of_their_segment() -> None:
    amount = np.arange(1.0, 101.0)
    limits = thresholds_of(amount, np.zeros(100, dtype=np.int64), 2)
    bands = amount_bands(np.array([np.nan, 1.0, 50.0, 100.0]), np.array([0, 0, 1, 0]), limits)
    assert bands.tolist() == [0, 1, 3, 6]


def test_what_is_entered_high_comes_in_lower() -> None:
    """Two hundred wins of each size; a single odd one changes little."""
    amount, brought = np.tile([100.0, 1000.0], 200), np.tile([120.0, 800.0], 200)
    bands = np.tile([1, 6], 200)
    snapshots: Any = SimpleNamespace(
        amount=np.r_[amount, 100.0, 1000.0, 500.0], won_amount=np.r_[brought, 0.0, 0.0, 0.0],
        attributes={"segment": np.zeros(403)},
    )  # fmt: skip
    sample, ones = np.arange(400), np.ones(400)
    value, _ = _values(snapshots, slice(400, 403), sample, ones, ones > 0, 1, (bands, np.array([1, 6, 3])))
    assert value[:2] == pytest.approx([120, 800], rel=0.02)
    # A size that nobody has won yet: as all of the segment.
    assert value[2] == pytest.approx(500 * brought.sum() / amount.sum(), rel=0.02)


def test_cents_left_over_go_to_the_largest_remainders() -> None:
    one = np.zeros(7, dtype=np.int64)
    assert whole_cents(np.array([0.6, 0.6, 0.3, 10.5]), one[:4]).tolist() == [1, 1, 0, 10]
    assert int(whole_cents(np.full(7, 1 / 7), one).sum()) == 1
    # Within a kind somebody else has it; the other kind's cents stay.
    kinds = np.array([0, 0, 1, 1])
    for own, shared in (([0.6, 0.6], [1, 0]), ([0.2, 1.0], [0, 1])):
        assert whole_cents(np.array([*own, 0.3, 10.5]), kinds).tolist() == [*shared, 0, 11]


def test_levels_follow_past_errors_as_far_as_these_are_steady() -> None:
    assert phase._level([]) == 1
    assert phase._level([(100.0, 90.0)] * 24) == pytest.approx(0.9, abs=0.01)
    noisy = phase._level([(100.0, 0.0), (100.0, 180.0)])
    assert 0.95 < noisy < 1


def test_the_series_weighs_half_at_first_and_what_errors_say_later() -> None:
    assert phase._series_weight([], usable=0) == 0.5
    assert phase._series_weight([], usable=24) == 0
    nearer = [(150.0, 100.0, 100.0, age) for age in range(1, 25)]
    assert phase._series_weight(nearer, usable=30) > 0.1
    assert phase._series_weight([(100.0, 150.0, 100.0, age) for age in range(1, 25)], usable=30) == 0


def test_the_haircut_is_what_past_views_turned_into() -> None:
    views = {month: np.array([0.0, 200.0, 100, 100, 100, 100]) for month in range(5)}
    actuals = np.full(12, 50.0)
    cut = baselines.haircut(views, actuals, actuals, month=5, days_left=0)
    assert cut[1] == pytest.approx(0.25)
    assert cut[2] == pytest.approx(0.5)
    assert np.isnan(cut[0])
    assert np.isnan(baselines.haircut({4: views[4]}, actuals, actuals, 5, 0)[1])


def test_draws_have_the_expected_mean_and_members_sum_to_the_total(messy: Offered) -> None:
    from forecasting.facts import read
    from tests.forecasting.conftest import QUICK

    facts = read(messy.connection, messy.company.last_day, messy.inputs(), QUICK)
    sizes = [np.array([100.0, 300.0])] * 3
    hopes = Hopes(
        # The last deal is worth nothing, and its cell hopes for no other.
        chance=np.array([0.9, 0.5, 0.1, 0.9]), value=np.array([100.0, 1_000.0, 5_000.0, 0.0]),
        cell=np.array([0, 1, 2, 4]),
        spread=0.2, new_revenue=np.where(np.arange(facts.cells) == 3, 400.0, 0.0),
        new_wins=np.where(np.arange(facts.cells) == 3, 2.0, 0.0), new_sizes=sizes, new_spread=size_spread(sizes),
        deal=np.arange(4), share=np.ones(4),
    )  # fmt: skip
    sums, used = draw(facts, hopes, Shocks(0.1, 0.05, 0.1), 20_000, (1,))
    assert used.tolist() == [0, 1, 2, 3]
    assert sums.mean(axis=0) == pytest.approx([90, 500, 500, 400], rel=0.06)
    # A deal is won once: of the first, nine draws of ten have it and none has it twice.
    assert (sums[:, 0] > 0).mean() == pytest.approx(0.9, abs=0.01)
    spread = sums.sum(axis=1).std()
    by_chance = np.sqrt(hopes.variance(facts.cells, facts.group).sum())
    assert by_chance < spread < 1.2 * by_chance
    total = by_level(facts, sums, used, "total")[:, 0]
    for level in ("team", "owner", "segment", "pipeline"):
        assert by_level(facts, sums, used, level).sum(axis=1) == pytest.approx(total)
    assert set(SHOCK_PRIOR) == {"total", "team", "owner"}


def test_fast_ways_say_what_numpy_says() -> None:
    """Who was hit, also where many edges lie in one slice, and the bounds: to the last digit."""
    random = np.random.default_rng(1)
    weights = np.r_[1e6, np.zeros(3), random.random(500) * 1e-3, random.random(500), 1e3]
    edges = np.cumsum(weights)
    drawn = np.r_[random.random(5_000) * edges[-1], 1e6 + random.random(5_000), edges, edges[-1] * 2]
    assert (_places(edges, drawn) == np.minimum(np.searchsorted(edges, drawn, side="right"), len(edges) - 1)).all()
    drawn = random.gamma(0.3, 1, (300, 7))
    assert (quantiles(drawn) == np.quantile(drawn, (0.1, 0.5, 0.9), axis=0)).all()
    assert (quantiles(drawn[:1]) == drawn[0]).all()


def error(expected: int, actual: int, bounds: tuple[int | None, ...], scale: float) -> dict[str, Any]:
    """One row of the table of errors."""
    ranges = dict(zip(("p10_cents", "p50_cents", "p90_cents"), bounds, strict=True))
    return {
        "method": "m", "origin_kind": "month_end", "period_type": "month", "horizon": 1, "days_left": 30,
        "level": "total", "expected_cents": expected, "actual_cents": actual, "scale_cents": scale, **ranges,
    }  # fmt: skip


def test_scores_by_hand() -> None:
    """Expected 90 and 130 of 100 and 100: WAPE 40 / 200, bias 20 / 200; one of two ranges holds."""
    errors = pd.DataFrame([error(90, 100, (80, 90, 110), 20.0), error(130, 100, (110, 130, 150), 40.0)])
    row = scoreboard(errors).iloc[0]
    assert (row["n"], row["wape"], row["bias"], row["coverage"]) == (2, 0.2, 0.1, 0.5)
    assert row["mase"] == pytest.approx((10 + 30) / (20 + 40))
    # First: .1 x 20, .5 x 10, .1 x 10; second: .9 x 10, .5 x 30, .1 x 50.
    assert row["pinball"] == pytest.approx(((2 + 5 + 1) / 3 + (9 + 15 + 5) / 3) / 2 / 100)
    assert row["days_left"] is pd.NA or pd.isna(row["days_left"])


def test_a_method_without_ranges_or_actuals_has_no_score_of_them() -> None:
    errors = pd.DataFrame([error(5, 0, (None, None, None), 0.0)])
    row = scoreboard(errors).iloc[0]
    assert row[["wape", "bias", "mase", "pinball", "coverage"]].isna().all()
