"""How right forecasts were: typical miss, lean, coverage and loss of each method.

What belongs here: scores from expected and actual. What does not: forecasts. Formulas: WAPE = sum |F - A| / sum A;
bias = sum (F - A) / sum A; MASE = mean of |F - A| / mean absolute change between spans of the same length before the
origin (Hyndman & Koehler 2006); pinball loss = mean over P10, P50, P90 of max(q (A - Q), (q - 1)(A - Q)), as a share of
the mean actual (Koenker & Bassett 1978); coverage = share of actuals between P10 and P90. Sums run over members and
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
    table["miss"], table["away"], table["actual"] = miss, miss.abs(), actual
    scale = table["scale_cents"].astype(float)
    table["scaled"] = (miss.abs() / scale).where(scale > 0)
    loss = pd.Series(0.0, index=table.index)
    for column, share in QUANTILES.items():
        over = actual - table[column].astype("Float64")
        loss = loss + np.maximum(share * over, (share - 1) * over) / len(QUANTILES)
    table["loss"] = loss
    ranged = table["p10_cents"].notna()
    inside = (table["p10_cents"] <= table["actual_cents"]) & (table["actual_cents"] <= table["p90_cents"])
    table["inside"] = inside.astype("Float64").where(ranged)
    table["ranged_actual"] = actual.where(ranged)
    grouped = table.groupby(keys, dropna=False, sort=True, observed=True)
    found = grouped.agg(
        n=("miss", "size"), away=("away", "sum"), miss=("miss", "sum"), actual=("actual", "sum"),
        mase=("scaled", "mean"), loss=("loss", "mean"), mean=("ranged_actual", "mean"), coverage=("inside", "mean"),
    ).reset_index()  # fmt: skip
    above = found["actual"] > 0
    found["wape"] = (found["away"] / found["actual"].where(above)).round(9)
    found["bias"] = (found["miss"] / found["actual"].where(above)).round(9)
    found["pinball"] = (found["loss"] / found["mean"].where(found["mean"] > 0)).round(9)
    found["mase"], found["coverage"] = found["mase"].round(9), found["coverage"].round(9)
    return found[[*keys, "n", "wape", "bias", "mase", "pinball", "coverage"]]
