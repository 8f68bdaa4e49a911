"""Forecasts of the literature: what they see of the past, and that a backtest goes without them where they lack."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecasting import backtest, classics, folder
from forecasting.scores import scoreboard
from tests.forecasting.conftest import QUICK, Offered

FILES = {
    "deals.csv": "deal_id,created\nA,2025-01-20\nB,2025-02-01\n",
    # A was won in February, on no stated date, for 100 and raised in April; B was won in March, known in April, and
    # lost again in May.
    "history.csv": "deal_id,day,field,value\nA,2025-01-20,stage,talk\nA,2025-02-03,stage,done\n"
    "A,2025-02-03,amount,100\n"
    "A,2025-04-02,amount,150\nB,2025-02-01,stage,talk\nB,2025-02-01,amount,7\nB,2025-04-01,close_date,2025-03-31\n"
    "B,2025-04-01,stage,done\nB,2025-05-02,stage,gone\nB,2025-06-30,amount,8\n",
    "stages.csv": "stage,stage_order,outcome\ntalk,1,open\ndone,2,won\ngone,3,lost\n",
}


def test_the_series_is_what_was_booked_by_then(tmp_path_factory: pytest.TempPathFactory) -> None:
    where = tmp_path_factory.mktemp("series")
    for name, text in FILES.items():
        (where / name).write_text(text)
    with duckdb.connect() as connection:
        inputs = folder.read(connection, where).inputs
        told = {day: classics._series(connection, inputs, day).tolist() for day in (
            date(2025, 3, 31), date(2025, 4, 30), date(2025, 5, 31))}  # fmt: skip
    # From February on: the month in which the company began is seldom whole.
    assert told == {
        date(2025, 3, 31): [10_000.0, 0.0],
        date(2025, 4, 30): [15_000.0, 700.0, 0.0],
        date(2025, 5, 31): [15_000.0, 0.0, 0.0, 0.0],
    }


def test_a_backtest_goes_without_them(messy: Offered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classics, "is_installed", lambda: False)
    result = backtest.run(messy.connection, messy.company.last_day, messy.inputs(), QUICK)
    assert not set(result.scores["method"]) & set(classics.METHODS)
    assert classics.MISSING in backtest.in_words(result)


def test_each_origin_is_told_the_next_month_and_the_next_three(messy: Offered, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's place is taken by the last value: what is judged is which series and periods are asked for."""
    monkeypatch.setattr(classics, "_auto_ets", lambda series: np.repeat(series[-1], classics.STEPS))
    monkeypatch.setattr(classics, "_theta", lambda series: np.array([np.nan] * classics.STEPS))
    result = messy.forecast(settings=QUICK)
    found = classics.errors(messy.connection, messy.inputs(), result.errors)
    assert set(found["method"]) == {"auto_ets"}, "a method that cannot fit is silent"
    for row in found.itertuples():
        last = classics._series(messy.connection, messy.inputs(), row.origin_day)[-1]
        steps = {"month": 1, "next_three": 3}[row.period_type]
        assert row.expected_cents == pytest.approx(max(last, 0) * steps, abs=1)
    both = scoreboard(pd.concat([result.errors, found], ignore_index=True))
    ours, theirs = (both[both["method"] == name] for name in ("saleshouse", "auto_ets"))
    assert theirs["coverage"].isna().all()
    assert set(theirs["n"]) <= set(ours["n"])


def test_what_the_package_says(messy: Offered) -> None:
    pytest.importorskip("statsmodels", reason="the group backtest is not installed")
    level = np.random.default_rng(3).normal(1_000_000, 10_000, 60)
    season = np.tile(np.array([4, 5, 7, 9, 11, 13, 15, 16, 14, 12, 9, 5]) / 10, 5)
    for forecast in (classics._auto_ets, classics._theta):
        flat, seasonal = classics._quietly(forecast, level), classics._quietly(forecast, level * season)
        assert flat is not None
        assert seasonal is not None
        assert flat == pytest.approx(1_000_000, rel=0.03)
        assert seasonal / 1_000_000 == pytest.approx(season[:3], abs=0.1)
