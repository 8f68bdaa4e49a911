"""What customers answer when they are asked how satisfied they are: the survey tool's list.

What belongs here: answers of people at accounts that have signed, as the tool exports them. What does not: contracts
(contracts.py). Who will not renew tends to be less content months before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator import clock, draws
from simulator.spending import hash_key

_COLUMNS = ["feedback_id", "kind", "score", "account_id", "answered_date"]


def make_feedback(seed: int, contracts: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """One row per answer: about every hundred days one to three people of a customer, after the start also CSAT.

    An answer depends on the contract that runs and on the notice that has been given, never on what follows.
    """
    parts = []
    for number in range(8):
        asked = contracts["start_date"] + pd.Timedelta(days=20 + 100 * number)
        rows = contracts.loc[asked <= contracts["end_date"]]
        contract_ids = rows["contract_id"].tolist()
        contract_keys = np.array([hash_key(one) for one in contract_ids], dtype=np.uint64)
        for person in range(3):
            keys = np.array([hash_key(f"{one}/{number}/{person}") for one in contract_ids], dtype=np.uint64)
            answers = draws.chance(seed, "answers", keys, 0.45)
            delay = draws.below(seed, "answer day", keys, 14)
            kind = np.where(draws.chance(seed, "csat", keys, 0.35), "csat", "nps")
            mood = 0.9 * draws.normal(seed, "mood", contract_keys) + draws.normal(seed, "answer mood", keys)
            leaving = (rows["notice_date"] <= asked.loc[rows.index]).to_numpy(dtype=bool)
            mood = mood - 1.2 * leaving
            nps = np.clip(np.round(8.0 + 1.6 * mood), 0, 10)
            csat = np.clip(np.round(4.0 + 0.8 * mood), 1, 5)
            part = pd.DataFrame(
                {
                    "feedback_id": [f"F{one}-{number}{person}" for one in contract_ids],
                    "kind": kind,
                    "score": np.where(kind == "nps", nps, csat).astype(np.int64),
                    "account_id": rows["account_id"].to_numpy(),
                    "answered_date": (asked.loc[rows.index] + pd.to_timedelta(delay, unit="D")).to_numpy(),
                }
            )
            parts.append(part.loc[answers])
    feedback = pd.concat(parts, ignore_index=True)
    feedback["answered_date"] = feedback["answered_date"].astype("datetime64[s]")
    last = clock.local_days(np.array([until], dtype="datetime64[ms]"))[0]
    feedback = feedback.loc[feedback["answered_date"].to_numpy().astype("datetime64[D]") < last, _COLUMNS]
    for name in ("feedback_id", "kind", "account_id"):
        feedback[name] = feedback[name].astype("str")
    ordered: pd.DataFrame = feedback.sort_values(["answered_date", "feedback_id"], ignore_index=True)
    return ordered
