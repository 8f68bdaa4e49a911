"""The backtest over generated companies, as `make backtest` runs it, on one small company."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench import forecast as bench
from forecasting import backtest
from simulator.worlds import WORLDS, generate, oracle
from simulator.worlds.generate import BEGIN, month_start


def test_a_company_is_judged_and_the_table_replaces_the_one_before(tmp_path: Path) -> None:
    company = bench.judge(replace(WORLDS[0], months=18, deals=15), 5)
    assert company["next month"]["saleshouse"]["n"] > 5
    assert set(company["weekly"]) == {"7 days left", "14 days left", "21 days left"}
    summary = bench.summarise([company])
    ours = company["next three months"]["saleshouse"]["wape"]
    cut = company["next three months"]["crm_haircut"]["wape"]
    assert abs(summary["against the bars"]["next three months / CRM with haircut"] - ours / cut) < 0.001
    docs = tmp_path / "forecast.md"
    docs.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n")
    text = bench.table([company], summary)
    bench.publish(text, docs)
    assert docs.read_text() == f"before\n{bench.BEGIN}\n{text}\n{bench.END}\nafter\n"
    assert "| tiny | " in text
    assert "at most 0.75" in text


def test_the_published_seeds_are_none_that_were_looked_at() -> None:
    assert len(WORLDS) == 12
    assert min(bench.HELD_OUT) > 9_000
    assert bench.BEGIN in bench.DOCS.read_text()


def test_who_knows_the_process_expects_what_comes_and_misses_less_than_the_series() -> None:
    company = generate(next(world for world in WORLDS if world.name == "renewals_heavy"), 31)
    course, starts = company.hidden.course, company.hidden.month_starts
    won, amount = course.recorded[course.is_won], course.amount[course.is_won]
    booked = np.array([amount[(won >= low) & (won < high)].sum() for low, high in pairwise(starts)])
    months = range(24, len(booked) - 1)
    ends = [month_start(month + 1) - timedelta(days=1) for month in months]
    actual = booked[[month + 1 for month in months]]
    trailing = np.array([booked[month - 2 : month + 1].mean() for month in months])
    infers, told = (
        np.array([oracle.outlook(company, end, knows_days=knows)[0] for end in ends]) for knows in (False, True)
    )
    assert infers.sum() == pytest.approx(actual.sum(), rel=0.1)
    assert told.sum() == pytest.approx(actual.sum(), rel=0.1)
    missed = [np.abs(said - actual).sum() / actual.sum() for said in (told, infers, trailing)]
    assert missed == sorted(missed)
    assert missed[1] < 0.75 * missed[2]


def test_chances_hold_whatever_is_withheld_and_who_is_told_less_tells_less() -> None:
    world = next(world for world in WORLDS if world.name == "turnover")
    lost = dict.fromkeys(oracle.Withheld, 0.0)
    for withheld in oracle.Withheld:
        said, came, worth, brought = ([] for _ in range(4))
        for seed in (31, 32):
            company = generate(world, seed)
            course = company.hidden.course
            for month in range(22, world.months - 4, 4):
                end = month_start(month + 1) - timedelta(days=1)
                deals, chances, money = oracle.chances(company, end, withheld=withheld)
                edges = [(month_start(month + 1 + ahead) - BEGIN).days for ahead in (0, oracle.MONTHS_AHEAD)]
                recorded = course.recorded[deals]
                is_won = course.is_won[deals] & (recorded >= edges[0]) & (recorded < edges[1])
                said.append(chances.sum(axis=1))
                came.append(is_won)
                worth.append(money.sum())
                brought.append((course.amount[deals] * is_won).sum())
        chance, won = np.concatenate(said), np.concatenate(came)
        for low, high in pairwise((0, 0.1, 0.25, 0.5, 0.75, 1.01)):
            rows = (chance >= low) & (chance < high)
            unsure = np.sqrt((chance[rows] * (1 - chance[rows])).sum())
            assert abs(chance[rows].sum() - won[rows].sum()) < 3 * unsure + 1, (withheld, low)
        assert sum(worth) == pytest.approx(sum(brought), rel=0.12)
        lost[withheld] = float(-np.log(np.where(won, chance, 1 - chance).clip(1e-6)).mean())
    assert lost[oracle.Withheld.NOTHING] < lost[oracle.Withheld.COMING] < lost[oracle.Withheld.DEALS]
    assert lost[oracle.Withheld.DEALS] < 1.02 * lost[oracle.Withheld.MOOD]


def test_the_mood_so_far_is_inferred_and_the_mood_to_come_is_not_told() -> None:
    world = replace(next(world for world in WORLDS if world.name == "large_stable"), mood=0.2)
    company = generate(world, 31)
    end = month_start(31) - timedelta(days=1)
    _, told, _ = oracle._told(company, 30, (end - BEGIN).days, oracle.Withheld.COMING)
    _, inferred, _ = oracle._told(company, 30, (end - BEGIN).days, oracle.Withheld.MOOD)
    now = int((end - BEGIN).days / 30.4)
    mood = company.hidden.mood[: now + 1]
    assert (told.expected[: now + 1] == mood).all()
    assert np.corrcoef(inferred.expected[1 : now + 1], mood[1:])[0, 1] > 0.9
    away = (inferred.expected[1 : now + 1] - mood[1:]) / np.sqrt(inferred.variance[1 : now + 1])
    assert 0.6 < away.std() < 1.4
    assert told.expected[now + 1] == pytest.approx(0.7 * mood[now])
    assert told.variance[now + 1] == pytest.approx(0.2**2)
    assert told.courses.mean(axis=0) == pytest.approx(told.expected)


def test_the_limits_are_told_beside_ours() -> None:
    text = bench.limits_table([bench.limits(replace(WORLDS[0], months=12, deals=30), 5)])
    assert text.count("| tiny | ") == len(backtest.HEADLINES)
    assert "next month, oracle / crm_haircut: " in text
    assert "next three months, nor the mood so far / " in text
