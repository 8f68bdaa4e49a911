"""What will be booked, how sure that is, and how right earlier forecasts were: pure functions over given relations.

What belongs here: estimates that SQL says badly (draws, chains, fits), their score, the backtest. What does not: where
relations come from (dbt), how figures are worded (reports). Knows only `configuration`. `interface.py` is the contract
with callers.
"""

from forecasting.engine import forecast
from forecasting.facts import ForecastError
from forecasting.interface import HORIZONS, LEVELS, METHODS, PARTS, Forecast, Inputs, Settings

__all__ = ["HORIZONS", "LEVELS", "METHODS", "PARTS", "Forecast", "ForecastError", "Inputs", "Settings", "forecast"]
