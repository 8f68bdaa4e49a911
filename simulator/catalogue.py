"""What the simulated company sells, and the lines in which its deals name it.

What belongs here: products, line items and every change of their fields. What does not: the deals' own lives
(selling.py). Lines follow a deal's amount as its seller keeps them: entered with the offer, most of them altered when
the amount is, some forgotten; a customer who orders only a part has the rest marked as lost. Nobody pays more than the
list: an amount above quantity times price is a larger quantity.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator import clock, draws
from simulator.draws import Floats, Ints, Objects
from simulator.selling import FACTOR, Log

# Name, SKU, list price in EUR, how it is billed, launched.
_CATALOGUE = [
    ("Core", "CORE", 1_200.0, "annually", "2019-05-01T08:00"),
    ("Core Plus", "CORE-P", 2_400.0, "annually", "2019-05-01T08:00"),
    ("Planner", "PLAN", 1_800.0, "annually", "2019-05-01T08:00"),
    ("Planner Pro", "PLAN-P", 3_600.0, "annually", "2020-03-02T08:00"),
    ("Insight", "INS", 450.0, "monthly", "2021-01-11T08:00"),
    ("Connect", "CON", 250.0, "monthly", "2022-09-05T08:00"),
    ("Enterprise Suite", "ENT", 12_000.0, "annually", "2022-09-05T08:00"),
    ("Onboarding package", "SRV-ON", 2_500.0, None, "2019-05-01T08:00"),
    ("Training day", "SRV-TR", 950.0, None, "2019-05-01T08:00"),
    ("Forecaster", "FCST", 4_200.0, "annually", "2025-02-03T08:00"),
]
_RETIRED = ("Planner", "2025-10-01T09:00")
_FREE_TEXT = ["Travel expenses", "Custom integration", "Data migration"]
_OFFERED = ("proposal", "negotiation", "closing", "won")
_SELLING = ("default", "7301455", "7301456")
_DISCOUNTS = [0.0, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3]


def _catalogue() -> pd.DataFrame:
    products = pd.DataFrame.from_records(
        [(str(1_410_000_101 + 9 * n), *row) for n, row in enumerate(_CATALOGUE)],
        columns=["product_id", "name", "sku", "price", "billing_frequency", "created_at"],
    )
    products["created_at"] = pd.to_datetime(products["created_at"]).astype("datetime64[ms]")
    return products


def make_products(until: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per product, and the deletion of the one that was taken from the list."""
    products = _catalogue()
    retired = products.loc[products["name"] == _RETIRED[0], "product_id"]
    moment = pd.Timestamp(_RETIRED[1])
    return products.loc[products["created_at"] < until].reset_index(drop=True), _deletions(
        "product", retired.tolist() if moment < until else [], [moment] * len(retired)
    )


def _deletions(kind: str, records: list[str], moments: list[pd.Timestamp]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "object": pd.Series([kind] * len(records), dtype="str"),
            "record_id": pd.Series(records, dtype="str"),
            "at": pd.Series(moments[: len(records)], dtype="datetime64[ms]"),
            "restored_at": pd.Series([pd.NaT] * len(records), dtype="datetime64[ms]"),
        }
    )


def make_line_items(
    seed: int, deals: pd.DataFrame, changes: pd.DataFrame, stages: pd.DataFrame, until: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """One row per line; the changes of lines' fields (quantity, price, amount, outcome); the deletions of lines.

    All follow from what the log says of the deals up to `until`, so a later end adds lines and changes none.
    """
    own = changes.loc[changes["object"] == "deal"]
    offered, won = _offered(own, stages)
    held = deals.loc[deals["pipeline_id"].isin(_SELLING), ["deal_id", "key"]].merge(offered, on="deal_id")
    key = held["key"].to_numpy().astype(np.uint64)
    held = held.loc[draws.chance(seed, "has lines", key, 0.8)].reset_index(drop=True)
    key = held["key"].to_numpy().astype(np.uint64)
    held["made_at"] = held["offered_at"] + pd.Timedelta(minutes=5)
    held["lines"] = 1 + draws.pick(seed, "line count", key, [0.4, 0.35, 0.2, 0.05])
    # Most sellers enter lines that add up; some forget one, some forget what was agreed.
    held["told"] = np.asarray([1.0, 0.8, 1.1])[draws.pick(seed, "lines told", key, [0.85, 0.1, 0.05])]
    held = held.merge(won, on="deal_id", how="left")
    parted = draws.chance(seed, "partly won", key, 0.07).astype(bool) & (held["lines"] >= 2).to_numpy()
    held["is_parted"] = parted
    lines = _lines(seed, held.loc[held["made_at"] < until], until)
    log = Log()
    _tell(seed, lines, own, log)
    columns = ["line_item_id", "deal_id", "product_id", "name", "sku", "billing_frequency", "currency", "created_at"]
    table = lines[columns].copy()
    for column in columns[:-1]:
        table[column] = table[column].astype("str")
    keys = lines["key"].to_numpy().astype(np.uint64)
    gone_at = lines["created_at"] + pd.to_timedelta(
        np.round((1 + 20 * draws.uniform(seed, "line gone", keys)) * clock.DAY), unit="ms"
    )
    gone = draws.chance(seed, "line removed", keys, 0.04) & (gone_at < until).to_numpy()
    return (
        table.reset_index(drop=True),
        log.table(until) if len(lines) else changes.iloc[:0],
        _deletions("line_item", table.loc[gone, "line_item_id"].tolist(), gone_at.loc[gone].tolist()),
    )


def _offered(own: pd.DataFrame, stages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """deal -> when it first stood in a proposal or beyond; deal -> when it was first won."""
    true_stage = dict(zip(stages["stage_id"], stages["true_stage"], strict=True))
    moves = own.loc[own["field"] == "stage", ["record_id", "value", "at"]].rename(columns={"record_id": "deal_id"})
    moves = moves.assign(stage=moves["value"].map(true_stage))
    offered = moves.loc[moves["stage"].isin(_OFFERED)].groupby("deal_id")["at"].min()
    won = moves.loc[moves["stage"] == "won"].groupby("deal_id")["at"].min()
    return offered.rename("offered_at").reset_index(), won.rename("won_at").reset_index()


def _lines(seed: int, held: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """One row per line to be, in the order in which they were entered."""
    products = _catalogue()
    count = held["lines"].to_numpy() + held["is_parted"].to_numpy(dtype=np.int64)
    rows = np.repeat(np.arange(len(held)), count)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    lines = held.iloc[rows].reset_index(drop=True)
    lines["number"] = number
    lines["is_extra"] = lines["is_parted"] & (lines["number"] == lines["lines"])
    lines["key"] = draws.bits(seed, "line item", lines["key"].to_numpy().astype(np.uint64) + number.astype(np.uint64))
    lines["created_at"] = lines["made_at"] + pd.to_timedelta(number, unit="s")
    lines["created_at"] = lines["created_at"].astype("datetime64[ms]")
    lines = lines.loc[lines["created_at"] < until]
    lines = lines.sort_values(["created_at", "key"], ignore_index=True)
    key = lines["key"].to_numpy().astype(np.uint64)
    chosen: Ints = draws.below(seed, "line product", key, len(products))
    listed = ~draws.chance(seed, "line free text", key, 0.08)
    launched = products["created_at"].to_numpy()[chosen] <= lines["created_at"].to_numpy()
    chosen = np.where(launched, chosen, 0)
    free: Objects = np.asarray(_FREE_TEXT, dtype=object)[draws.below(seed, "line text", key, len(_FREE_TEXT))]
    lines["product_id"] = draws.given(listed, products["product_id"].to_numpy(dtype=object)[chosen])
    lines["name"] = np.where(listed, products["name"].to_numpy(dtype=object)[chosen], free)
    lines["sku"] = draws.given(listed, products["sku"].to_numpy(dtype=object)[chosen])
    frequency = products["billing_frequency"].to_numpy(dtype=object)[chosen]
    lines["billing_frequency"] = draws.given(listed & pd.notna(frequency), frequency)
    lines["line_item_id"] = np.array([str(31_000_000_000 + 7 * n) for n in range(len(lines))], dtype=object)
    # A line names a currency of its own only where its seller bothered to.
    lines["currency"] = None
    return lines


def _tell(seed: int, lines: pd.DataFrame, own: pd.DataFrame, log: Log) -> None:
    """Writes what each line said from its entry on: quantity and price, amount after discount, outcome."""
    if not len(lines):
        return
    key = lines["key"].to_numpy().astype(np.uint64)
    ids = lines["line_item_id"].to_numpy(dtype=object)
    quantity = 1 + draws.below(seed, "line quantity", key, 12)
    discount = np.asarray(_DISCOUNTS)[draws.below(seed, "line discount", key, len(_DISCOUNTS))]
    told = _amounts(seed, lines, own)
    first = told.drop_duplicates("place", keep="first").sort_values("place")
    # To the cent away from zero, so that rounding puts no amount above the list.
    worth = first["cents"].to_numpy() / (1 - discount) / quantity
    price = np.sign(worth) * np.ceil(np.round(np.abs(worth), 6)) / 100
    created = lines["created_at"].to_numpy().astype("datetime64[ms]")
    log.add("line_item", "quantity", ids, _texts(quantity), created, None, "CRM_UI")
    log.add("line_item", "price", ids, _texts(price), created, None, "CRM_UI")
    place = told["place"].to_numpy()
    values = np.array([f"{cents / 100:.2f}" for cents in told["cents"].tolist()], dtype=object)
    log.add("line_item", "amount", ids[place], values, told["at"].to_numpy(), None, "CRM_UI")
    # With another amount sometimes comes another number of seats, always where fewer cost less at the list's price.
    later = told["at"].to_numpy() > created[place]
    more = later & draws.chance(seed, "line more", key[place] ^ told["at"].to_numpy().astype(np.uint64), 0.15)
    seats = quantity[place] + pd.Series(more).groupby(place).cummax().to_numpy()
    cents, each = told["cents"].to_numpy(), np.round(price[place] * 100)
    needed = np.ceil(np.divide(cents, each, out=np.zeros(len(told)), where=each != 0))
    seats = np.maximum(seats, needed).astype(np.int64)
    other = later & (seats != pd.Series(seats).groupby(place).shift(1).to_numpy())
    log.add(
        "line_item", "quantity", ids[place[other]], _texts(seats[other]), told["at"].to_numpy()[other], None, "CRM_UI"
    )
    lost = np.flatnonzero(lines["is_extra"].to_numpy(dtype=bool) & lines["won_at"].notna().to_numpy())
    moment = np.maximum(lines["won_at"].to_numpy().astype("datetime64[ms]")[lost], created[lost])
    log.add(
        "line_item", "outcome", ids[lost], np.full(len(lost), "lost", dtype=object), moment + np.timedelta64(1, "m"),
        None, "CRM_UI",
    )  # fmt: skip


def _amounts(seed: int, lines: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """(place of the line, at, cents) in order of time: what was entered first, and what followed the deal's amount."""
    amounts = own.loc[(own["field"] == "amount") & own["value"].notna(), ["record_id", "value", "at"]]
    amounts = amounts.rename(columns={"record_id": "deal_id"})
    amounts["total"] = np.round(amounts["value"].astype(float) * 100)
    made = lines.drop_duplicates("deal_id")[["deal_id", "made_at"]]
    amounts = amounts.merge(made, on="deal_id")
    before = amounts.loc[amounts["at"] <= amounts["made_at"]].sort_values("at", kind="stable")
    before = before.drop_duplicates("deal_id", keep="last")
    start = made.merge(before[["deal_id", "total"]], on="deal_id", how="left")
    # Nobody has entered an amount of the deal yet: the lines are the first to say one, in the deal's currency.
    currency = own.loc[own["field"] == "currency"].drop_duplicates("record_id").set_index("record_id")["value"]
    start["guess"] = start["deal_id"].map(currency.map(FACTOR)).fillna(1.0) * 480_000.0
    start["total"] = start["total"].fillna(start["guess"].round())
    start["moment"] = start["made_at"]
    after = amounts.loc[amounts["at"] > amounts["made_at"]].copy()
    number = (after["at"].to_numpy().astype("datetime64[ms]").astype(np.uint64)) ^ np.array(
        [int(i) % (1 << 62) for i in after["deal_id"]], dtype=np.uint64
    )
    after = after.loc[draws.chance(seed, "lines follow", number, 0.8)]
    after["moment"] = after["at"] + pd.Timedelta(minutes=2)
    told = pd.concat([start, after], ignore_index=True)[["deal_id", "moment", "total"]]
    place = lines[["deal_id", "number", "lines", "told", "is_extra", "key", "created_at"]].copy()
    place["place"] = np.arange(len(place))
    rows = place.merge(told, on="deal_id")
    share: Floats = 0.4 + draws.uniform(seed, "line share", rows["key"].to_numpy().astype(np.uint64))
    rows["share"] = np.where(rows["is_extra"], 0.0, share)
    cell = [rows["deal_id"], rows["moment"]]
    rows = rows.assign(weight=rows["share"] / rows.groupby(["deal_id", "moment"])["share"].transform("sum"))
    rows["target"] = np.round(rows["total"] * rows["told"])
    rows["cents"] = np.round(rows["target"] * rows["weight"])
    # The last regular line takes what rounding leaves.
    gap = rows["target"] - rows["cents"].groupby(cell).transform("sum")
    rows["cents"] += np.where(rows["number"] == rows["lines"] - 1, gap, 0.0)
    rows["cents"] = np.where(rows["is_extra"], np.round(rows["target"] * 0.3), rows["cents"])
    rows["cents"] = rows["cents"].astype(np.int64)
    rows["at"] = np.maximum(rows["moment"].to_numpy(), rows["created_at"].to_numpy())
    rows = rows.sort_values(["place", "at"], kind="stable", ignore_index=True)
    same = rows["cents"].eq(rows.groupby("place")["cents"].shift(1))
    return rows.loc[~same, ["place", "at", "cents"]]


def _texts(values: Ints | Floats) -> Objects:
    return np.array([f"{float(value):g}" if float(value).is_integer() else f"{value:.2f}" for value in values],
                    dtype=object)  # fmt: skip
