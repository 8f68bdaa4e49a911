"""Why a deal is expected to bring what it is: the cell it was judged by, and the factors that moved its chance.

What belongs here: the table of open deals. What does not: the estimates; words of a language (codes and numbers are
worded by the report).
"""

import json

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import rates
from forecasting.factors import TEMPO_MONTHS
from forecasting.facts import Facts, Floats
from forecasting.interface import HORIZONS
from forecasting.months import Days, day_of
from forecasting.phase import Origin
from forecasting.snapshots import IDLE

SEEN_AT_LEAST = 30
REASON_AT_LEAST = 0.05
COLUMNS = [
    "deal_key", "month_offset", "month_start", "part", "owner", "team", "segment", "pipeline", "stage", "amount_cents",
    "value_cents", "chance", "expected_cents", "cell", "cell_level", "n", "wins", "base_chance", "reasons",
]  # fmt: skip


def explain(facts: Facts, origin: Origin, speaks: bool) -> pd.DataFrame:
    """One row per open deal and month ahead; none where our method is silent."""
    judged = origin.judged
    count = len(judged.deals)
    if not speaks or count == 0:
        return pd.DataFrame(columns=COLUMNS)
    keys = facts.connection.execute("select deal_key from forecast_deals order by deal_no").fetchnumpy()["deal_key"]
    stages = {0: None, **dict(zip(facts.stages["stage_no"].tolist(), facts.stages["stage"].tolist(), strict=True))}
    stage = [stages[int(number)] for number in judged.stages]
    labels = facts.labels.iloc[judged.cells].reset_index(drop=True)
    pieces = []
    for ahead in range(rates.first_ahead(origin.days_left), HORIZONS):
        level, cell = _cells_with_enough(origin, ahead)
        piece = pd.DataFrame({
            "deal_key": np.asarray(keys)[judged.deals], "month_offset": ahead,
            "month_start": day_of(int(facts.months.starts[origin.month + ahead])),
            "part": labels["part"], "owner": labels["owner"], "team": labels["team"], "segment": labels["segment"],
            "pipeline": labels["pipeline"], "stage": stage,
            "amount_cents": pd.array(np.rint(judged.amounts * 100), dtype="Float64").astype("Int64"),
            "value_cents": np.rint(judged.value * 100).astype(np.int64),
            "chance": np.round(judged.chance[:, ahead], 9),
            "expected_cents": np.rint(origin.open_deals[:, ahead]).astype(np.int64),
            "cell": _words(facts, origin, level, cell), "cell_level": level,
            "n": _pick(origin.fitted.seen, level, cell, ahead), "wins": _pick(origin.fitted.won, level, cell, ahead),
            "base_chance": np.round(judged.base[:, ahead], 9), "reasons": _reasons(facts, origin, ahead),
        })  # fmt: skip
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)[COLUMNS].sort_values(["deal_key", "month_offset"], ignore_index=True)


def _cells_with_enough(origin: Origin, ahead: int) -> tuple[Days, Days]:
    """The deepest level at which enough deals were seen, and the cell there."""
    cell = origin.judged.finest
    level = np.full(len(cell), len(rates.LEVELS) - 1)
    place = cell.copy()
    for depth in range(len(rates.LEVELS) - 1, 0, -1):
        here = np.where(level == depth, place, 0)
        few = (level == depth) & (origin.fitted.seen[depth][here, ahead] < SEEN_AT_LEAST)
        place = np.where(few, origin.tree.parents[depth][np.where(few, place, 0)], place)
        level = np.where(few, depth - 1, level)
    return level, place


def _pick(counts: list[Floats], level: Days, cell: Days, ahead: int) -> Days:
    found = np.zeros(len(cell), dtype=np.int64)
    for depth in range(len(counts)):
        own = level == depth
        found[own] = counts[depth][cell[own], ahead].astype(np.int64)
    return found


def _words(facts: Facts, origin: Origin, level: Days, cell: Days) -> list[str]:
    stages = dict(zip(facts.stages["stage_no"].tolist(), facts.stages["stage"].tolist(), strict=True))
    keys, back = np.unique(level * 2**40 + cell, return_inverse=True)
    texts = []
    for key in keys:
        depth, place, words = int(key // 2**40), int(key % 2**40), list[str]()
        for at in range(depth, -1, -1):
            value, names = int(origin.tree.added_of_cells[at][place]), rates.LEVELS[at]
            for name in reversed(names):
                size = rates.SIZES[name] if len(names) > 1 else 2**62
                words.append(
                    f"{name.removesuffix('_no')}={rates.words(name, value % size, stages, facts.members['segment'])}"
                )
                value //= size
            place = int(origin.tree.parents[at][place])
        texts.append("; ".join(reversed(words)))
    return [texts[place] for place in back]


def _reasons(facts: Facts, origin: Origin, ahead: int) -> npt.NDArray[np.object_]:
    """JSON of the factors that move a chance by 5 % or more, strongest first.

    A factor's text is made once per value; each deal's texts are then put one after the other by strength.
    """
    judged, count = origin.judged, len(origin.judged.deals)
    month = origin.month + ahead
    idle = [f"{begin + 1 if begin else 0}-{end}" for begin, end in zip((0, *IDLE), IDLE, strict=False)]
    named: dict[str, list[str]] = {
        "source": facts.deals.sources,
        "idle": [*idle, f"over {IDLE[-1]}"],
        "team": facts.members["team"],
        "owner": facts.members["owner"],
    }
    constant: dict[str, str | int | None] = {
        "month_in_quarter": facts.months.month_in_quarter(month) + 1,
        "season": day_of(int(facts.months.starts[month])).isoformat(),
        "tempo": TEMPO_MONTHS,
        "history_blend": None,
    }
    moved = {name: factor[:, ahead] for name, factor in judged.factors.items()}
    moved["history_blend"] = np.full(count, origin.scale[ahead])
    names = sorted(moved)
    texts = np.full((count, len(names)), "", dtype=object)
    strength = np.zeros((count, len(names)))
    for column, name in enumerate(names):
        codes = judged.codes.get(name, np.zeros(count, dtype=np.int64))
        # Sizes have a factor in each segment.
        width = len(facts.members["segment"]) if name == "amount_band" else 1
        codes = codes * width + facts.codes["segment"][judged.cells] % width
        for code in np.unique(codes):
            rows = codes == code
            factor = float(moved[name][np.argmax(rows)])
            if abs(factor - 1) >= REASON_AT_LEAST:
                value = (
                    constant[name] if name in constant else named[name][code] if name in named else int(code) // width
                )
                told = {"code": name, "value": value, "factor": round(factor, 4)}
                texts[rows, column] = json.dumps(told, ensure_ascii=False)
                strength[rows, column] = abs(np.log(max(factor, 1e-9)))
    order = np.argsort(-strength, axis=1, kind="stable")
    found = np.full(count, "", dtype=object)
    for rank in range(len(names)):
        text = texts[np.arange(count), order[:, rank]]
        found = found + np.where((found != "") & (text != ""), ", ", "").astype(object) + text
    return np.array([f"[{text}]" for text in found], dtype=object)
