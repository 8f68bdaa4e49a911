"""Recurring revenue as a property: whatever is signed, ended and told again, its movements add up and nothing is lost.

Contracts are drawn at random, since it is gaps, overlaps, changes of currency and corrected lists that break sums.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from .conftest import AS_OF, Lake

SELECTION = ("--indirect-selection", "cautious", "--select", "+fct_customer_months")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
RATES = {"EUR": Decimal(1), "USD": Decimal("0.9"), "CZK": Decimal("0.0405")}
Row = dict[str, str | None]


def drawn(source: random.Random) -> list[Row]:
    """Up to four contracts of each customer, which may follow each other, overlap or leave a gap."""
    rows: list[Row] = []
    for customer in range(25):
        day = date(2024, 1, 1) + timedelta(days=source.randint(0, 500))
        for number in range(source.randint(0, 4)):
            length = source.choice([10, 90, 364, 364, 729])
            open_ended = source.random() < 0.1
            rows.append(
                {
                    "contract_id": f"{customer}-{number}",
                    "account_id": f"a{customer}",
                    "amount": f"{source.randint(0, 900_000) / 100:.2f}",
                    "amount_period": source.choice(list(MONTHS)),
                    "currency": source.choice(list(RATES)),
                    "start_date": str(day),
                    "end_date": None if open_ended else str(day + timedelta(days=length)),
                    "signed_date": source.choice([None, str(day - timedelta(days=source.randint(0, 60)))]),
                }
            )
            day += timedelta(days=length + source.choice([1, 1, -40, 45]))
    return rows


def landed(rows: list[Row]) -> list[Row]:
    file: Row = {"system": "finance", "mapping_name": "contracts", "file_name": "contracts.csv"}
    return [{**file, "row_number": str(number), **row} for number, row in enumerate(rows, start=1)]


def worth(row: Row) -> Decimal:
    cent, euro = Decimal("0.01"), RATES[str(row["currency"])]
    monthly = (Decimal(str(row["amount"])) / MONTHS[str(row["amount_period"])]).quantize(cent, ROUND_HALF_UP)
    return (monthly * euro).quantize(cent, ROUND_HALF_UP)


def running(rows: list[Row], day: date) -> dict[str, Decimal]:
    """customer -> what recurs on the day."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        known = str(row["signed_date"] or row["start_date"]) <= str(AS_OF)
        if known and str(row["start_date"]) <= str(day) <= str(row["end_date"] or "9999-12-31"):
            found[f"finance:{row['account_id']}"] += worth(row)
    return {customer: amount for customer, amount in found.items() if amount}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_recurs_moves_by_named_causes_only(lakes: Callable[[], Lake], seed: int) -> None:
    source = random.Random(seed)
    stepwise, at_once = lakes(), lakes()
    rates = [
        {
            "system": "finance", "mapping_name": "rates", "file_name": "rates.csv", "row_number": str(number),
            "rate_date": "2024-01-01", "currency": currency, "rate_to_reporting": str(rate), "kind": kind,
        }
        for number, (currency, rate, kind) in enumerate(
            [("USD", RATES["USD"], "plan"), ("USD", Decimal("0.7"), "daily"), ("CZK", RATES["CZK"], "daily")]
        )
    ]  # fmt: skip
    rows: list[Row] = []
    for number in range(3):
        # The list is sent again with corrections: it replaces what it said before.
        rows = drawn(source) if not rows else [row for row in rows if source.random() < 0.9]
        for row in rows:
            if source.random() < 0.2:
                row["amount"] = f"{source.randint(0, 900_000) / 100:.2f}"
        for lake in (stepwise, at_once):
            lake.land("files", {"contracts": landed(rows), "rates": rates}, f"2026-06-1{number + 5}T05:00:00Z")
        stepwise.build(selection=SELECTION)
    at_once.build(selection=SELECTION)
    assert stepwise.contents()["fct_customer_months"] == at_once.contents()["fct_customer_months"]

    months = stepwise.rows("select * from fct_customer_months order by customer_key, month_start")
    assert {row["movement"] for row in months} == {
        *("new", "expansion", "contraction", "churn", "resurrection", "unchanged"),
    }
    closing: dict[date, dict[str, Decimal]] = defaultdict(dict)
    for row in months:
        moved = row["new_mrr"] + row["expansion_mrr"] - row["contraction_mrr"] - row["churn_mrr"]
        assert row["opening_mrr"] + moved + row["resurrection_mrr"] == row["closing_mrr"]
        if row["closing_mrr"]:
            closing[row["month_start"]][row["customer_key"]] = row["closing_mrr"]
    first, month = date(2024, 1, 1), date(2024, 1, 1)
    assert min(closing) >= first
    while month <= AS_OF:
        following = (month + timedelta(days=31)).replace(day=1)
        assert closing[month] == running(rows, min(following - timedelta(days=1), AS_OF)), month
        before = {row["customer_key"]: row["opening_mrr"] for row in months if row["month_start"] == month}
        assert {name: amount for name, amount in before.items() if amount} == (
            closing[(month - timedelta(days=1)).replace(day=1)] if month > first else {}
        )
        month = following
