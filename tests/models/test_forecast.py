"""The forecast of a past day knows nothing that came later.

A company of invented deals is read twice: by a warehouse that stopped on the day, and by one that went on for months
and is asked for the same day. Their forecasts must be equal to the cent, which they are only if stages, amounts, dates
and outcomes of the past all come from history.
"""

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from .conftest import Lake

FORECAST = ("--indirect-selection", "cautious", "--select", "+fct_forecast")
FIRST, CUT, LAST = datetime(2025, 1, 2, 9), datetime(2026, 5, 20, 22), datetime(2026, 9, 1)
PROBABILITY = {"qualification": "0.2", "meeting": "0.4", "proposal": "0.6", "won": "1.0", "lost": "0.0"}
Row = dict[str, str | None]
Changes = list[tuple[str, str, datetime]]


def invented_deals(seed: int) -> list[Changes]:
    """Each deal as its changes (property, value, moment), the first of which creates it."""
    chance = random.Random(seed)
    deals = []
    for _ in range(140):
        moment = FIRST + timedelta(minutes=chance.randrange(int((LAST - FIRST).total_seconds()) // 60))
        amount = chance.randint(2, 90) * 100
        changes = [("amount", str(amount), moment), ("closedate", text(moment + timedelta(days=60)), moment)]
        for stage in ["qualification", "meeting", "proposal", chance.choice(["won", "won", "lost"])]:
            changes.append(("dealstage", stage, moment))
            moment += timedelta(hours=chance.randint(30, 900))
            if chance.random() < 0.4:
                amount += chance.randint(-1, 40) * 50
                changes.append(("amount", str(amount), moment - timedelta(hours=1)))
                changes.append(("closedate", text(moment + timedelta(days=chance.randint(-9, 50))), moment))
        deals.append(changes)
    return deals


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def told_until(deals: list[Changes], until: datetime) -> list[Row]:
    rows: list[Row] = []
    for number, changes in enumerate(deals):
        known = sorted((change for change in changes if change[2] < until), key=lambda change: change[2], reverse=True)
        if not known:
            continue
        history: dict[str, list[dict[str, str]]] = {}
        for name, value, moment in known:
            history.setdefault(name, []).append({"value": value, "timestamp": text(moment), "sourceType": "CRM_UI"})
        rows.append(
            {
                "id": str(number),
                "createdate": text(known[-1][2]),
                "updated_at": text(known[0][2]),
                "archived": "false",
                "pipeline": "p",
                "deal_currency_code": "EUR",
                "properties_with_history": json.dumps(history),
                **{name: entries[0]["value"] for name, entries in history.items()},
            }
        )
    return rows


def landed(lake: Lake, deals: list[Changes], until: datetime) -> None:
    stages = [
        {"id": stage, "label": stage, "metadata": {"isClosed": str(stage in ("won", "lost")).lower(), "probability": p}}
        for stage, p in PROBABILITY.items()
    ]
    purpose = {"pipeline_label": "Selling", "purpose": "new_business", "file_name": "pipelines.csv", "row_number": "1"}
    lake.land("mappings", {"pipelines": [purpose]}, text(until))
    pipelines: list[Row] = [{"id": "p", "label": "Selling", "stages": json.dumps(stages)}]
    lake.land("hubspot", {"pipelines": pipelines, "deals": told_until(deals, until)}, text(until))


def test_what_came_later_changes_no_cent(lakes: Callable[[], Lake]) -> None:
    deals = invented_deals(7)
    stopped, went_on = lakes(), lakes()
    # as_of ends at 22:00 UTC, midnight in Prague.
    landed(stopped, deals, CUT)
    landed(went_on, deals, LAST)
    for lake in (stopped, went_on):
        lake.build(as_of=date(2026, 5, 20), selection=FORECAST)
    assert stopped.contents()["fct_forecast"] == went_on.contents()["fct_forecast"]

    totals = {
        (row["method"], row["part"]): row["expected"]
        for row in stopped.rows(
            "select method, part, sum(expected) as expected from fct_forecast"
            " where level = 'total' and period_type = 'month' group by all"
        )
    }
    # None of the methods is silent, or the comparison would say nothing.
    assert min(totals["crm_view", "open"], totals["stage_yield", "open"], totals["stage_yield", "not_created"]) > 0
    assert totals["seasonal_naive", "not_created"] > 0
    won = Decimal(0)
    for changes in deals:
        known = [change for change in changes if change[2] < CUT]
        close = [moment for name, value, moment in known if name == "dealstage" and value == "won"]
        if close and close[0] >= datetime(2026, 4, 30, 22):
            won += Decimal([value for name, value, _ in sorted(known, key=lambda c: c[2]) if name == "amount"][-1])
    assert {totals[method, "won"] for method in ("crm_view", "stage_yield", "seasonal_naive")} == {won} != {Decimal(0)}
