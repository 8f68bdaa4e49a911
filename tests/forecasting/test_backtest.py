"""The backtest over generated companies, as `make backtest` runs it, on one small company."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench import forecast as bench
from simulator.worlds import WORLDS, generate, oracle
from simulator.worlds.generate import month_start


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


def test_the_limits_are_told_beside_ours() -> None:
    text = bench.limits_table([bench.limits(replace(WORLDS[0], months=12, deals=30), 5)])
    assert "| tiny | " in text
    assert "next month, oracle / crm_haircut: " in text
