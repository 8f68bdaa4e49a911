"""What customers have signed: the finance department's list of recurring contracts.

What belongs here: contracts as they follow from won deals, with their terms, and those that customers take out by
themselves, without any deal. What does not: the deals (selling.py).
A new customer's contract runs for a year or two, a won renewal follows it or comes too late, an expansion ends with the
contract that it adds to, and who loses the renewal leaves. Finance keeps the account's id of the day of the signature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from simulator import clock, draws, words
from simulator.selling import FACTOR, NEW, RENEWAL, UPSELL

PERIODS = {"month": 12, "quarter": 4, "year": 1}
_COLUMNS = [
    "contract_id", "account_id", "deal_id", "amount", "amount_period", "currency", "signed_date", "start_date",
    "end_date", "renewal_date", "notice_date",
]  # fmt: skip


def make_contracts(
    seed: int, accounts: pd.DataFrame, deals: pd.DataFrame, changes: pd.DataFrame, until: pd.Timestamp
) -> pd.DataFrame:
    """One row per contract, in the order of their signatures; days are midnights."""
    told = _closed(deals, changes, until)
    key = told["key"].to_numpy().astype(np.uint64)
    told["has_contract"] = draws.chance(seed, "contract", key, 0.9)
    told["delay"] = 1 + draws.below(seed, "contract delay", key, 15)
    told["years"] = 1 + draws.pick(seed, "contract years", key, [0.9, 0.1])
    told["period"] = np.asarray(list(PERIODS), dtype=object)[
        draws.pick(seed, "contract period", key, [0.25, 0.1, 0.65])
    ]
    own = _taken_out(seed, accounts, until)
    for event in told.sort_values("account_id", kind="stable").to_dict("records"):
        account = str(event["account_id"])
        _sign(account, own.setdefault(account, []), {str(name): value for name, value in event.items()})
    records = [contract for contracts in own.values() for contract in contracts]
    contracts = pd.DataFrame.from_records(records, columns=_COLUMNS)
    for name in _COLUMNS:
        if name.endswith("_date"):
            contracts[name] = pd.to_datetime(contracts[name]).astype("datetime64[s]")
        elif name != "amount":
            contracts[name] = contracts[name].astype("str")
    return contracts.sort_values(["signed_date", "contract_id"], ignore_index=True)


def _taken_out(seed: int, accounts: pd.DataFrame, until: pd.Timestamp) -> dict[str, list[dict[str, Any]]]:
    """account -> the small contract that it took out by itself on the day after it became known."""
    key = accounts["key"].to_numpy().astype(np.uint64)
    first = accounts["created_at"].dt.normalize() + pd.Timedelta(days=1)
    chosen = (
        draws.chance(seed, "takes out", key, 0.12)
        & ~(accounts["is_test"] | accounts["is_junk"]).to_numpy(dtype=bool)
        & (first + pd.Timedelta(days=1) < until).to_numpy(dtype=bool)
    )
    rows = accounts.loc[chosen]
    currency = [words.CURRENCY_OF_COUNTRY.get(country, "EUR") for country in rows["country"]]
    monthly = np.round(draws.lognormal(seed, "taken out", key[chosen], 140.0, 0.6), 2)
    months = np.asarray([3, 6, 12])[draws.pick(seed, "taken out for", key[chosen], [0.3, 0.4, 0.3])]
    found: dict[str, list[dict[str, Any]]] = {}
    for account, day, money, amount, term in zip(
        rows["account_id"], first.loc[chosen], currency, monthly, months, strict=True
    ):
        end = day + pd.DateOffset(months=int(term)) - pd.Timedelta(days=1)
        found[str(account)] = [
            _contract(str(account), 1, None, float(amount) * FACTOR[money], "month", money, day, day, end)
        ]
    return found


def _contract(
    account: str, number: int, deal: str | None, amount: float, period: str, currency: str, signed: pd.Timestamp,
    start: pd.Timestamp, end: pd.Timestamp,
) -> dict[str, Any]:  # fmt: skip
    return {
        "contract_id": f"K{account}-{number}",
        "account_id": account,
        "deal_id": deal,
        "amount": round(amount, 2),
        "amount_period": period,
        "currency": currency,
        "signed_date": signed,
        "start_date": start,
        "end_date": end,
        "renewal_date": end + pd.Timedelta(days=1),
        "notice_date": None,
    }


def _closed(deals: pd.DataFrame, changes: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Deals of accounts that closed before `until`, oldest first, with amount and currency of that moment."""
    chosen = (
        deals["account_id"].notna()
        & deals["kind"].isin([NEW, RENEWAL, UPSELL])
        & (deals["duplicate_of"] < 0)
        & (deals["closed"] < until)
        & (deals["won"] | (deals["kind"] == RENEWAL))
    )
    told = deals.loc[chosen, ["deal_id", "account_id", "key", "kind", "won", "closed"]]
    own = changes.loc[(changes["object"] == "deal") & changes["field"].isin(["amount", "currency"])]
    own = own.merge(told[["deal_id", "closed"]], left_on="record_id", right_on="deal_id")
    own = own.loc[own["at"] <= own["closed"]].sort_values("at", kind="stable")
    last = own.drop_duplicates(["deal_id", "field"], keep="last")
    for name in ("amount", "currency"):
        told = told.merge(
            last.loc[last["field"] == name, ["deal_id", "value"]].rename(columns={"value": name}),
            how="left",
            on="deal_id",
        )
    told["day"] = clock.local_days(told["closed"].to_numpy().astype("datetime64[ms]")).astype("datetime64[s]")
    return told.sort_values(["closed", "deal_id"], ignore_index=True)


def _sign(account: str, own: list[dict[str, Any]], event: dict[str, Any]) -> None:
    """What one closed deal does to the contracts of its account."""
    day: pd.Timestamp = event["day"]
    covered = max((contract["end_date"] for contract in own), default=None)
    if not event["won"]:
        for contract in own:
            if contract["end_date"] == covered and covered >= day:
                contract["notice_date"] = contract["notice_date"] or day
        return
    amount = float("nan") if event["amount"] is None else float(event["amount"])
    if not amount > 0 or pd.isna(event["currency"]):
        return
    if event["kind"] == NEW:
        if not event["has_contract"]:
            return
        start = day + pd.Timedelta(days=int(event["delay"]))
        end = start + pd.DateOffset(years=int(event["years"])) - pd.Timedelta(days=1)
    elif covered is None:
        return
    elif event["kind"] == RENEWAL:
        start = max(covered, day) + pd.Timedelta(days=1)
        end = start + pd.DateOffset(years=1) - pd.Timedelta(days=1)
    else:
        start = (day + pd.offsets.MonthBegin(1)).normalize()
        end = covered
        if end <= start:
            return
    period = str(event["period"])
    worth = amount / PERIODS[period]
    own.append(_contract(account, len(own) + 1, event["deal_id"], worth, period, event["currency"], day, start, end))
