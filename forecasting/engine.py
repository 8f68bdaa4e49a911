"""The forecast of a day: reads the facts, forecasts again from past days, and says what a reader has to know.

What belongs here: the order of the steps, which method may speak, the notes. What does not: estimates, tables' columns.
"""

import time
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from forecasting import bottlenecks, phase, tables
from forecasting.facts import Facts, read
from forecasting.interface import METHODS, Forecast, Inputs, Settings
from forecasting.phase import Origin, Period
from forecasting.reasons import explain

FEW_WINS = 20
ENOUGH_MONTHS = 3


def forecast(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: date,
    inputs: Inputs | None = None,
    settings: Settings | None = None,
) -> Forecast:
    """The forecast at the end of `as_of` and the errors of those before it.

    Raises ForecastError when a relation lacks a column, a deal is there twice, or the months end too early. The same
    facts give the same tables to the last digit, whatever the order of rows or the number of threads.
    """
    inputs, settings = inputs or Inputs(), settings or Settings()
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    facts = read(connection, as_of, inputs, settings)
    seconds["read"] = time.perf_counter() - started
    begin = _begin(facts)
    errors: list[dict[str, Any]] = []
    today: Origin | None = None
    wanted = list(dict.fromkeys((facts.days_left, 0, *settings.weekly_days_left)))
    actuals = tables.Actuals(facts)
    for days_left in wanted:
        started = time.perf_counter()
        kept = settings.origins if days_left in (0, facts.days_left) else settings.weekly_origins
        if kept == 0 and days_left != facts.days_left:
            continue
        first = max(begin + settings.first_origin, facts.month - kept - phase.WARM_UP)
        first = min(first, facts.month) if days_left == facts.days_left else first
        for origin in phase.origins(facts, days_left, begin, max(first, 0), facts.month, settings):
            if origin.day == facts.as_of and days_left == facts.days_left:
                today = origin
            elif origin.month >= facts.month - kept:
                said = _methods_that_speak(facts, origin, begin)
                errors.extend(tables.errors(facts, origin, said, actuals, settings))
        seconds[f"days_left_{days_left}"] = time.perf_counter() - started
    assert today is not None, "the day of the forecast is one of its own origins"
    started = time.perf_counter()
    said = _methods_that_speak(facts, today, begin)
    result = Forecast(
        periods=tables.periods(facts, said),
        cells=tables.cells(facts, today, said),
        intervals=tables.intervals(facts, today, said, inputs, settings),
        deals=explain(facts, today, speaks=any(period.ahead for period in said["saleshouse"])),
        errors=tables.stacked(errors, tables.ERROR_COLUMNS),
        notes=_notes(facts, today, said),
        bottlenecks=bottlenecks.worth(facts, today, said["saleshouse"], inputs, settings),
        seconds=seconds,
    )
    for name in ("forecast_deals", "forecast_stages"):
        connection.execute(f"drop table {name}")
    seconds["tables"] = time.perf_counter() - started
    return result


def _begin(facts: Facts) -> int:
    """The month of the first deal."""
    return max(int(facts.months.month_of(np.array([facts.counts["first_day"]]))[0]), 0)


def _methods_that_speak(facts: Facts, origin: Origin, begin: int) -> dict[str, list[Period]]:
    """Of each method the periods of which it knows every month; ours needs three months and a win to learn from.

    Of a company without deals none says anything: there is nobody of whom it could.
    """
    usable = origin.month - begin + (1 if origin.days_left == 0 else 0)
    wins = int(facts.wins.known(origin.day).sum())
    found: dict[str, list[Period]] = {}
    for method in METHODS:
        columns = origin.methods[method]
        silent = method == "saleshouse" and (usable < ENOUGH_MONTHS or wins == 0)
        found[method] = [
            period
            for period in phase.periods_of(facts, origin.month, origin.days_left)
            if facts.cells and (not period.ahead or not (silent or np.isnan(columns[:, list(period.ahead)]).any()))
        ]
    return found


def _notes(facts: Facts, origin: Origin, said: dict[str, list[Period]]) -> pd.DataFrame:
    """What a reader has to know before trusting the figures."""
    counts = facts.counts
    rows: list[tuple[str, str | None, date | None, str, float | None]] = []
    for method, periods in said.items():
        for period in phase.periods_of(facts, origin.month, origin.days_left):
            if period.ahead and period.kind != "next_three" and period not in periods:
                rows.append((method, period.kind, tables.start_of(facts, period), "not_enough_history", None))
    if said["saleshouse"]:
        for period in said["saleshouse"]:
            weight = float(origin.series_weight[list(period.ahead)].mean()) if period.ahead else 0.0
            if weight >= 0.005 and period.kind != "next_three":
                rows.append(
                    ("saleshouse", period.kind, tables.start_of(facts, period), "blended_with_series", round(weight, 3))
                )
    wins = int(facts.wins.known(origin.day).sum())
    general = {
        "no_deals": counts["deals"] == 0,
        "no_wins": counts["deals"] > 0 and wins == 0,
        "no_losses": counts["losses"] == 0 and counts["deals"] > 0,
        "no_stages": counts["with_stage"] == 0 and counts["deals"] > 0,
        "no_close_dates": counts["with_close_date"] == 0 and counts["deals"] > 0,
        "no_amount_history": counts["with_amount"] == 0 and counts["deals"] > 0,
        "one_owner": counts["owners"] == 1,
    }
    rows += [("saleshouse", None, None, code, None) for code, holds in general.items() if holds]
    if 0 < wins < FEW_WINS:
        rows.append(("saleshouse", None, None, "few_wins", float(wins)))
    return pd.DataFrame(rows, columns=["method", "period_type", "period_start", "code", "value"])
