"""How right forecasts were: typical miss, lean, coverage and loss of each method.

What belongs here: scores from expected and actual, for who has no warehouse. What does not: forecasts. The warehouse
scores in `fct_forecast_scoreboard`, by the same formulas, which a test compares. WAPE = sum |F - A| / sum |A|; bias =
sum (F - A) / sum |A|; MASE = sum |F - A| / sum of the mean absolute change between spans of the same length before the
origin (Hyndman & Koehler 2006); pinball loss = mean over P10, P50, P90 of max(q (A - Q), (q - 1)(A - Q)), as a share of
the mean |A| (Koenker & Bassett 1978); coverage = share of actuals between P10 and P90. Sums run over members and
origins, so a ratio is never averaged; a zero denominator gives NULL.
"""

import numpy as np
import pandas as pd

KEYS = ["method", "origin_kind", "period_type", "horizon", "days_left", "level"]
QUANTILES = {"p10_cents": 0.1, "p50_cents": 0.5, "p90_cents": 0.9}


def scoreboard(errors: pd.DataFrame, keys: list[str] | None = None) -> pd.DataFrame:
    """Grain: `keys` (KEYS unless given). Columns: n, wape, bias, mase, pinball, coverage.

    Days left are kept for weekly origins only, as what was left of the running period: elsewhere the horizon says it.
    """
    keys = keys or KEYS
    table = errors.astype(dict.fromkeys([*QUANTILES, "expected_cents", "actual_cents"], "Int64"))
    weekly = (table["origin_kind"] == "weekly") & (table["horizon"] <= 0)
    table["days_left"] = table["days_left"].where(weekly).astype("Int64")
    actual = table["actual_cents"].astype(float)
    miss = table["expected_cents"].astype(float) - actual
    table["miss"], table["away"], table["actual"] = miss, miss.abs(), actual.abs()
    scale = table["scale_cents"].astype(float)
    table["scale"] = scale.where(scale > 0)
    table["scaled"] = miss.abs().where(scale > 0)
    loss = pd.Series(0.0, index=table.index)
    for column, share in QUANTILES.items():
        over = actual - table[column].astype("Float64")
        loss = loss + np.maximum(share * over, (share - 1) * over) / len(QUANTILES)
    table["loss"] = loss
    ranged = table["p10_cents"].notna()
    inside = (table["p10_cents"] <= table["actual_cents"]) & (table["actual_cents"] <= table["p90_cents"])
    table["inside"] = inside.astype("Float64").where(ranged)
    table["ranged_actual"] = table["actual"].where(ranged)
    grouped = table.groupby(keys, dropna=False, sort=True, observed=True)
    sums = grouped[["miss", "away", "actual", "scaled", "scale", "loss", "ranged_actual"]].sum()
    found = pd.DataFrame({"n": grouped.size(), "coverage": grouped["inside"].mean().round(9)})
    for name, above, below in (
        ("wape", "away", "actual"),
        ("bias", "miss", "actual"),
        ("mase", "scaled", "scale"),
        ("pinball", "loss", "ranged_actual"),
    ):
        found[name] = (sums[above] / sums[below].where(sums[below] > 0)).round(9)
    return found.reset_index()[[*keys, "n", "wape", "bias", "mase", "pinball", "coverage"]]
