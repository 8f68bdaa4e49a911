"""Two forecasts of the series of bookings that are known from the literature, where the optional package is installed.

What belongs here: exponential smoothing and the Theta method over whole months, for backtests. What does not: methods
that a release publishes (baselines.py), which need no further package.

`auto_ets` is exponential smoothing in state space, of its forms (trend: none, additive, damped; with two whole years a
season of twelve months or none) that with the lowest AICc (R. Hyndman and Y. Khandakar, "Automatic time series
forecasting", 2008). `theta` is the Theta method with a season where a test finds one (V. Assimakopoulos and K.
Nikolopoulos, "The theta model", 2000). Both from statsmodels; they see what was booked by the origin and nothing else.
"""

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from forecasting.facts import Floats
from forecasting.interface import Inputs

METHODS = ("auto_ets", "theta")
MISSING = (
    "AutoETS and Theta are left out: statsmodels is not installed (`uv pip install --group backtest` adds it to .venv)"
)
STEPS = 3
ENOUGH_MONTHS = 8
SEASON = 12


def is_installed() -> bool:
    """Whether the package can be imported; it is, here."""
    try:
        importlib.import_module("statsmodels.tsa.api")
    except ImportError:
        return False
    return True


def errors(connection: duckdb.DuckDBPyConnection, inputs: Inputs, known: pd.DataFrame) -> pd.DataFrame:
    """Rows as in `known` (errors of others) of the total's next month and next three months, from ends of months."""
    rows = known[
        (known["method"] == "saleshouse") & (known["level"] == "total") & (known["origin_kind"] == "month_end")
        & known["period_type"].isin(("month", "next_three")) & (known["horizon"] == 1)
    ]  # fmt: skip
    pieces = []
    for day, at_origin in rows.groupby("origin_day"):
        series = _series(connection, inputs, day)
        if len(series) < ENOUGH_MONTHS:
            continue
        for method, forecast in (("auto_ets", _auto_ets), ("theta", _theta)):
            ahead = _quietly(forecast, series)
            if ahead is None:
                continue
            expected = at_origin["period_type"].map({"month": ahead[0], "next_three": ahead.sum()})
            told = at_origin.assign(method=method, expected_cents=np.rint(expected.astype(float)).astype("int64"))
            told[["p10_cents", "p50_cents", "p90_cents"]] = pd.NA
            pieces.append(told)
    found = pd.concat(pieces, ignore_index=True) if pieces else known.iloc[:0]
    return found.astype({name: known[name].dtype for name in ("p10_cents", "p50_cents", "p90_cents")})


def _series(connection: duckdb.DuckDBPyConnection, inputs: Inputs, day: Any) -> Floats:
    """Cents booked by month as they were known at the end of the day, without the month in which the company began."""
    rows = connection.execute(
        f"""
        with known as (
            select coalesce(states.won_day, states.valid_from) as won_day,
                cast(coalesce(states.amount, deals.amount, 0) as double) * 100 as cents
            from {inputs.states} as states inner join {inputs.deals} as deals on states.deal_key = deals.deal_key
            where states.status = 'won' and states.valid_from <= $day
                and coalesce(states.valid_until, date '9999-12-31') > $day
        )
        select coalesce(sum(known.cents), 0)
        from {inputs.months} as months
        left join known on known.won_day between months.month_start and months.month_end
        where months.month_end <= $day
            and months.month_start > (select min(created_day) from {inputs.deals})
        group by months.month_start order by months.month_start
        """,
        {"day": day},
    ).fetchall()
    return np.array([cents for (cents,) in rows], dtype=np.float64)


def _quietly(forecast: Callable[[Floats], Floats], series: Floats) -> Floats | None:
    """What the package says of the next months; None where it cannot fit."""
    scale = max(float(np.abs(series).mean()), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ahead = forecast(series / scale) * scale
        except (ValueError, np.linalg.LinAlgError):
            return None
    return np.maximum(ahead, 0.0) if np.isfinite(ahead).all() else None


def _auto_ets(series: Floats) -> Floats:
    model = importlib.import_module("statsmodels.tsa.exponential_smoothing.ets").ETSModel
    trends: tuple[dict[str, Any], ...] = ({"trend": None}, {"trend": "add"}, {"trend": "add", "damped_trend": True})
    forms = list(trends)
    if len(series) >= 2 * SEASON:
        forms += [{**form, "seasonal": "add", "seasonal_periods": SEASON} for form in trends]
    fitted = [model(series, error="add", **form).fit(disp=False, maxiter=60) for form in forms]
    best = min(fitted, key=lambda fit: float(fit.aicc) if np.isfinite(fit.aicc) else np.inf)
    return np.asarray(best.forecast(STEPS), dtype=np.float64)


def _theta(series: Floats) -> Floats:
    model = importlib.import_module("statsmodels.tsa.forecasting.theta").ThetaModel
    is_seasonal = len(series) >= 2 * SEASON
    fitted = model(series, period=SEASON, deseasonalize=is_seasonal, use_test=is_seasonal, method="additive").fit()
    return np.asarray(fitted.forecast(STEPS), dtype=np.float64)
