"""What customers answer when they are asked how satisfied they are, by a survey tool or by the CRM itself.

What belongs here: answers of people at accounts that have signed. What does not: contracts (contracts.py), how the two
show them (exports.py, hubspot_records.py). Who will not renew tends to be less content months before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator import clock, draws
from simulator.spending import hash_key

_COLUMNS = ["feedback_id", "kind", "score", "account_id", "contact_id", "answered_date", "answered_at"]


def make_feedback(seed: int, contracts: pd.DataFrame, contacts: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """One row per answer: about every hundred days one to three people of a customer, after the start also CSAT.

    The CRM asks people whom it knows from a deal: `contact_id`, NaN where the survey tool has asked. It also asks how
    easy all was (ces). An answer depends on the contract that runs and on the notice that has been given, never on
    what follows.
    """
    people = contacts.loc[contacts["opportunity_at"].notna() & contacts["account_id"].notna()]
    known = {
        str(account): (rows["opportunity_at"].to_numpy().astype("datetime64[ms]"), rows["contact_id"].to_numpy())
        for account, rows in people.sort_values(["opportunity_at", "contact_id"]).groupby("account_id")
    }
    parts = []
    for number in range(8):
        asked = contracts["start_date"] + pd.Timedelta(days=20 + 100 * number)
        rows = contracts.loc[asked <= contracts["end_date"]]
        contract_ids = rows["contract_id"].tolist()
        contract_keys = np.array([hash_key(one) for one in contract_ids], dtype=np.uint64)
        for person in range(3):
            keys = np.array([hash_key(f"{one}/{number}/{person}") for one in contract_ids], dtype=np.uint64)
            answers = draws.chance(seed, "answers", keys, 0.45)
            day = asked.loc[rows.index] + pd.to_timedelta(draws.below(seed, "answer day", keys, 14), unit="D")
            kind = np.where(draws.chance(seed, "csat", keys, 0.35), "csat", "nps")
            mood = 0.9 * draws.normal(seed, "mood", contract_keys) + draws.normal(seed, "answer mood", keys)
            leaving = (rows["notice_date"] <= asked.loc[rows.index]).to_numpy(dtype=bool)
            mood = mood - 1.2 * leaving
            chosen = draws.uniform(seed, "who answers", keys)
            contact = np.array(
                [
                    _one_of(known.get(str(account)), before, share)
                    for account, before, share in zip(rows["account_id"], day, chosen, strict=True)
                ],
                dtype=object,
            )
            by_crm = draws.chance(seed, "asked by the crm", keys, 0.4) & pd.notna(contact)
            kind = np.where(by_crm & draws.chance(seed, "ces", keys, 0.1), "ces", kind)
            scores = {
                "nps": np.clip(np.round(8.0 + 1.6 * mood), 0, 10),
                "csat": np.clip(np.round(4.0 + 0.8 * mood), 1, 5),
                "ces": np.clip(np.round(5.0 + mood), 1, 7),
            }
            minute = 8 * 60 + draws.below(seed, "answer minute", keys, 10 * 60)
            numbers = draws.bits(seed, "answer id", keys) >> np.uint64(16)
            part = pd.DataFrame(
                {
                    "feedback_id": [
                        str(own) if crm else f"F{one}-{number}{person}"
                        for one, own, crm in zip(contract_ids, numbers.tolist(), by_crm, strict=True)
                    ],
                    "kind": kind,
                    "score": np.select([kind == name for name in scores], list(scores.values())).astype(np.int64),
                    "account_id": rows["account_id"].to_numpy(),
                    "contact_id": draws.given(by_crm, contact),
                    "answered_date": day.to_numpy(),
                    "answered_at": clock.utc_from_local(
                        day.to_numpy().astype("datetime64[ms]") + minute.astype("timedelta64[m]")
                    ),
                }
            )
            parts.append(part.loc[answers])
    feedback = pd.concat(parts, ignore_index=True)
    feedback["answered_date"] = feedback["answered_date"].astype("datetime64[s]")
    last = clock.local_days(np.array([until], dtype="datetime64[ms]"))[0]
    feedback = feedback.loc[feedback["answered_date"].to_numpy().astype("datetime64[D]") < last, _COLUMNS]
    for name in ("feedback_id", "kind", "account_id", "contact_id"):
        feedback[name] = feedback[name].astype("str")
    ordered: pd.DataFrame = feedback.sort_values(["answered_date", "feedback_id"], ignore_index=True)
    return ordered


def _one_of(people: tuple[draws.Times, draws.Objects] | None, day: pd.Timestamp, share: float) -> str | None:
    """One of the people who were known before a day; None where nobody was."""
    if people is None:
        return None
    before = int(np.searchsorted(people[0], np.datetime64(day, "ms")))
    return None if before == 0 else str(people[1][int(share * before)])


def withdrawn(seed: int, feedback: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """deletions(object, record_id, at, restored_at): answers that the CRM took back some days later, for good."""
    rows = feedback.loc[feedback["contact_id"].notna()]
    keys = rows["feedback_id"].astype("int64").to_numpy().astype(np.uint64)
    days = 1.0 + 60 * draws.uniform(seed, "withdrawn when", keys)
    at = clock.at_work(
        rows["answered_at"].to_numpy().astype("datetime64[ms]") + clock.milliseconds(days * clock.DAY),
        draws.uniform(seed, "withdrawn hour", keys),
    )
    gone = draws.chance(seed, "withdrawn", keys, 0.05) & (at < np.datetime64(until, "ms"))
    return pd.DataFrame(
        {
            "object": "feedback_submission",
            "record_id": rows["feedback_id"].to_numpy()[gone],
            "at": at[gone],
            "restored_at": np.full(int(gone.sum()), clock.NEVER),
        }
    )
