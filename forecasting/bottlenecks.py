"""What one more point of conversion, or one day less, in a stage would bring in the next quarter.

What belongs here: the forecast of the day made again with one thing changed. What does not: another forecast, and
what a stage's conversion is (the caller's relation says). Chances, values, deals to be created and shocks are those of
`Origin`; the difference is a forecast of what comes on top, so its range is drawn as all ranges are.

With a point more, c + .01 instead of c come on from the stage, and of those who do as many are won as before, as late
and as large: chances of open deals in it or before it, and what deals to be created bring through it, rise by .01 / c.
With a day less, all that comes through the stage comes a day earlier from tomorrow on: what would be won on the first
day after the quarter, told at the daily pace of its last month, is won in it. What a day moves from the quarter into
the time before it, at the pace of its first month, is told apart.
"""

from typing import Any

import numpy as np
import pandas as pd

from forecasting import draws, tables
from forecasting.facts import Facts, Floats
from forecasting.interface import Inputs, Settings
from forecasting.phase import Origin, Period
from forecasting.rates import HIGHEST

POINT = 0.01
UNMAPPED = 90
COLUMNS = [
    "lever", "pipeline", "stage", "period_start", "period_end", "open_deals", "base_cents", "gain_cents", "p10_cents",
    "p90_cents", "moved_out_cents",
]  # fmt: skip


def worth(facts: Facts, origin: Origin, said: list[Period], inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """One row per pipeline, stage and lever that `inputs.flows` can judge; none where our method is silent."""
    following = [period for period in said if period.kind == "quarter" and period.first > origin.month]
    if inputs.flows is None or not following:
        return pd.DataFrame(columns=COLUMNS)
    period, judged = following[0], origin.judged
    months = list(period.ahead)
    cents = np.rint(origin.open_deals).astype(np.int64)
    new = np.stack([tables.whole_cents(of_month, facts.kinds) for of_month in origin.new_deals.T], 1)
    base = np.zeros(facts.cells, dtype=np.int64)
    for ahead in months:
        for part in tables.cents_of(facts, origin, "saleshouse", ahead).values():
            base += part
    chance = np.round(judged.chance, 9)
    room = np.maximum(HIGHEST / np.maximum(chance.sum(axis=1), 1e-12), 1.0)
    wins = origin.coming.shares[:, None] * origin.coming.wins[facts.group]
    orders = np.append(0, facts.stages["stage_order"].to_numpy(dtype=np.int64))[judged.stages]
    orders = np.where((orders > 0) & (orders < UNMAPPED), orders, UNMAPPED)
    pipelines = facts.codes["pipeline"]
    places = {name: place for place, name in enumerate(facts.members["pipeline"])}
    month_days = facts.months.ends - facts.months.starts + 1
    first, last = (int(month_days[month]) for month in (period.first, period.last))
    starts_tomorrow = int(facts.months.starts[period.first]) == facts.as_of + 1
    rows: list[tuple[Any, ...]] = []
    for pipeline, stage, order, conversion, won_share, is_timed in facts.connection.execute(
        f"""
        select pipeline, stage, stage_order, cast(conversion as double), cast(won_share as double), is_timed
        from {inputs.flows} order by pipeline, stage_order, stage
        """
    ).fetchall():
        place = places.get(pipeline, -1)
        ours = (pipelines[judged.cells] == place) & (orders <= order)
        cells = np.where(pipelines == place, won_share or 0.0, 0.0)
        told = (pipeline, stage, tables.start_of(facts, period), tables.end_of(facts, period), int(ours.sum()),
                int(base[pipelines == place].sum()))  # fmt: skip
        seed = (settings.seed, origin.day, place + 1, order)
        if conversion is not None and won_share is not None:
            more = np.where(ours, np.minimum(1 + POINT / conversion, room) - 1, 0.0)
            coming = cells * (POINT / conversion)
            gain = float((cents[:, months].sum(axis=1) * more).sum() + (new[:, months].sum(axis=1) * coming).sum())
            hopes = _hopes(origin, chance, wins, months, more, coming)
            rows.append(("point", *told, round(gain), *_range(facts, origin, hopes, period, settings, (*seed, 0)), 0))
        if is_timed and won_share is not None:
            gain, out = (
                float((cents[:, ahead] * ours).sum() + (new[:, ahead] * cells).sum()) / days
                for ahead, days in ((months[-1], last), (months[0], first))
            )
            hopes = _hopes(origin, chance, wins, months[-1:], ours / last, cells / last)
            rows.append(
                ("day", *told, round(gain), *_range(facts, origin, hopes, period, settings, (*seed, 1)),
                 0 if starts_tomorrow else round(out))
            )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _hopes(
    origin: Origin, chance: Floats, wins: Floats, months: list[int], more: Floats, coming: Floats
) -> draws.Hopes:
    """What comes on top: of each open deal `more` of its chance, of each cell `coming` of its new deals."""
    on_top = chance[:, months].sum(axis=1) * more
    likely = on_top > 1e-9
    money = origin.open_deals[:, months].sum(axis=1)[likely] * more[likely]
    return draws.Hopes(
        chance=on_top[likely],
        value=money / on_top[likely],
        cell=origin.judged.cells[likely],
        spread=origin.judged.ratio_spread,
        new_revenue=origin.new_deals[:, months].sum(axis=1) * coming,
        new_wins=wins[:, months].sum(axis=1) * coming,
        new_sizes=origin.coming.sizes,
        new_spread=origin.coming.spread,
        deal=np.arange(int(likely.sum())),
        share=np.ones(int(likely.sum())),
    )


def _range(
    facts: Facts, origin: Origin, hopes: draws.Hopes, period: Period, settings: Settings, seed: tuple[int, ...]
) -> tuple[int, int]:
    """P10 and P90 of what comes on top."""
    sums, _ = draws.draw(facts, hopes, origin.shocks(period.ahead), settings.changed_draws, seed)
    low, high = np.quantile(sums.sum(axis=1), (0.1, 0.9))
    return round(float(low)), round(float(high))
