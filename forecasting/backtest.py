"""How right the forecast would have been: the same company, forecast again from the ends of past months and weeks.

What belongs here: running it over one company, and its result as a table to read. What does not: files (folder.py),
generated companies (simulator, bench).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from forecasting import classics
from forecasting.engine import forecast
from forecasting.interface import METHODS, Inputs, Settings
from forecasting.scores import scoreboard

# What the bars are about: the next month, and the next three months together, from the ends of months.
HEADLINES = {"next month": ("month", 1), "next three months": ("next_three", 1)}
SETTINGS = Settings(origins=22, weekly_origins=12, errors_of=("total",))
# Those of the literature speak where their package is installed.
COMPARED = (*METHODS, *classics.METHODS)


@dataclass(frozen=True)
class Backtest:
    """`scores`: as `scoreboard` gives them; `notes`: of the last day's forecast."""

    as_of: date
    scores: pd.DataFrame
    notes: pd.DataFrame

    @property
    def is_empty(self) -> bool:
        """Too short a history: no past forecast of ours could be judged."""
        return bool(self.scores.empty or (self.scores["method"] != "saleshouse").all())


def run(
    connection: duckdb.DuckDBPyConnection, as_of: date, inputs: Inputs, settings: Settings | None = None
) -> Backtest:
    """Forecasts of past days against what came."""
    result = forecast(connection, as_of=as_of, inputs=inputs, settings=settings or SETTINGS)
    errors = result.errors
    if classics.is_installed():
        errors = pd.concat([errors, classics.errors(connection, inputs, errors)], ignore_index=True)
    return Backtest(as_of=as_of, scores=scoreboard(errors), notes=result.notes)


def headline(scores: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Period of HEADLINES -> method -> n, wape, bias, mase, pinball, coverage of the total from the ends of months."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    total = scores[(scores["level"] == "total") & (scores["origin_kind"] == "month_end")]
    for name, (kind, horizon) in HEADLINES.items():
        rows = total[(total["period_type"] == kind) & (total["horizon"] == horizon)]
        found[name] = {
            method: _values(rows[rows["method"] == method].iloc[0])
            for method in COMPARED
            if method in set(rows["method"])
        }
    return found


def weekly(scores: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The running month by days left: method's wape, ours with coverage."""
    rows = scores[
        (scores["level"] == "total") & (scores["origin_kind"] == "weekly") & (scores["period_type"] == "month")
        & (scores["horizon"] == 0)
    ]  # fmt: skip
    return {
        f"{days} days left": {str(row["method"]): _values(row) for _, row in group.iterrows()}
        for days, group in rows.groupby("days_left")
    }


def printed(result: Backtest) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of the total's scores: from month's ends the headlines, from weeks the running month."""
    columns = ["forecast", "method", "n", "wape", "bias", "mase", "pinball", "coverage"]
    rows: list[tuple[Any, ...]] = []
    for name, methods in {**headline(result.scores), **weekly(result.scores)}.items():
        for method in COMPARED:
            if method in methods:
                rows.append((name, method, *(methods[method][column] for column in columns[2:])))
    return columns, rows


def in_words(result: Backtest) -> list[str]:
    """What has to be said beside the scores."""
    lines = []
    if result.is_empty:
        lines.append(
            "not enough history: no past month's end could be judged (four months of deals and a frozen month after)"
        )
    codes = sorted(set(result.notes["code"]) - {"not_enough_history", "blended_with_series"})
    if codes:
        lines.append("note: " + ", ".join(code.replace("_", " ") for code in codes))
    if not classics.is_installed():
        lines.append(classics.MISSING)
    return lines


def _values(row: pd.Series) -> dict[str, Any]:
    found: dict[str, Any] = {"n": int(row["n"])}
    for name in ("wape", "bias", "mase", "pinball", "coverage"):
        found[name] = None if pd.isna(row[name]) else round(float(row[name]), 4)
    return found
