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

import duckdb
import pandas as pd
import pytest

from forecasting.scores import scoreboard

from .conftest import Lake

FORECAST = (
    *("--indirect-selection", "cautious", "--select"),
    *("+fct_forecast", "+fct_forecast_deals", "+fct_forecast_scoreboard", "+fct_forecast_bridge"),
)
LEVELS = ("total", "team", "owner", "segment", "pipeline")
COMPARED = ("fct_forecast", "fct_forecast_deals", "fct_forecast_scoreboard", "fct_forecast_bridge")
FIRST, CUT, LAST = datetime(2025, 1, 2, 9), datetime(2026, 5, 20, 22), datetime(2026, 9, 1)
# Total, teams, owners, segments, pipelines, deals and the bridge are one figure, to the cent.
VIEWS = """
    with levels as (
        select period_type, period_start, method, level, part, sum(expected) as expected from fct_forecast group by all
    )
    select 'levels' as broken, count(*) as rows from (
        select 1 from levels group by period_type, period_start, method, part
        having count(distinct expected) > 1 or count(*) <> 5
    )
    union all
    select 'deals', count(*) from (
        select month_start, sum(expected) as of_deals from fct_forecast_deals where part = 'open' group by month_start
    ) as deals inner join levels on levels.period_type = 'month' and levels.period_start = deals.month_start
        and levels.method = 'saleshouse' and levels.level = 'total' and levels.part = 'open'
    where deals.of_deals <> levels.expected
    union all
    select 'bridge', count(*) from (
        select period_type, period_start, sum(expected) as of_bridge, sum(commit_reporting) as committed,
            sum(difference) as difference
        from fct_forecast_bridge group by all
    ) as bridges inner join (
        select period_type, period_start, sum(expected) as expected from levels
        where method = 'saleshouse' and level = 'total' group by all
    ) using (period_type, period_start)
    where of_bridge <> expected or of_bridge - committed <> difference
"""
PROBABILITY = {"qualification": "0.2", "meeting": "0.4", "proposal": "0.6", "won": "1.0", "lost": "0.0"}
# Where a property lands under another name.
COLUMN = {"hs_manual_forecast_category": "hs_forecast_category"}
Row = dict[str, str | None]
Changes = list[tuple[str, str, datetime]]


def invented_deals(seed: int) -> list[Changes]:
    """Each deal as its changes (property, value, moment), the first of which creates it."""
    chance = random.Random(seed)
    deals = []
    for number in range(140):
        moment = FIRST + timedelta(minutes=chance.randrange(int((LAST - FIRST).total_seconds()) // 60))
        amount = chance.randint(2, 90) * 100
        changes = [("amount", str(amount), moment), ("closedate", text(moment + timedelta(days=60)), moment)]
        # Each of three sellers says how sure some of the deals are.
        changes.append(("hubspot_owner_id", str(number % 3), moment))
        if number % 2:
            changes.append(("hs_manual_forecast_category", ("COMMIT", "BEST_CASE")[number % 3 == 1], moment))
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
                **{COLUMN.get(name, name): entries[0]["value"] for name, entries in history.items()},
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
    left, right = stopped.contents(), went_on.contents()
    for mart in COMPARED:
        assert left[mart] == right[mart], mart

    totals = {
        (row["method"], row["part"]): row["expected"]
        for row in stopped.rows(
            "select method, part, sum(expected) as expected from fct_forecast"
            " where level = 'total' and period_type = 'month' group by all"
        )
    }
    # None of the methods is silent, or the comparison would say nothing.
    assert min(totals["crm_view", "open"], totals["saleshouse", "open"], totals["saleshouse", "not_created"]) > 0
    assert min(totals["seasonal_naive", "not_created"], totals["trailing_three", "not_created"]) > 0
    won = Decimal(0)
    for changes in deals:
        known = [change for change in changes if change[2] < CUT]
        close = [moment for name, value, moment in known if name == "dealstage" and value == "won"]
        if close and close[0] >= datetime(2026, 4, 30, 22):
            won += Decimal([value for name, value, _ in sorted(known, key=lambda c: c[2]) if name == "amount"][-1])
    assert {totals[method, "won"] for method in ("saleshouse", "crm_view", "seasonal_naive")} == {won} != {Decimal(0)}
    assert {row["broken"]: row["rows"] for row in stopped.rows(VIEWS)} == {"levels": 0, "deals": 0, "bridge": 0}
    (bridged,) = stopped.rows("select count(*) as rows, sum(commit_reporting) as committed from fct_forecast_bridge")
    assert bridged["rows"] > 10
    assert bridged["committed"] > 0
    told = stopped.rows("select count(*) as scores, max(forecasts) as most from fct_forecast_scoreboard")
    assert told[0]["scores"] > 50
    assert told[0]["most"] > 5
    with duckdb.connect(str(stopped.home.work), read_only=True) as work:
        errors = work.execute("select * from intermediate.int_forecast_results where result = 'error'").df()
    # Who backtests without a warehouse is told the same; the mart keeps the scale of MASE in whole cents.
    keys = ["method", "period_type", "horizon", "level"]
    by_hand = scoreboard(errors.query("origin_kind == 'month_end'"), keys).set_index(keys)
    of_mart = stopped.rows(
        "select * from fct_forecast_scoreboard where basis = 'backtest' and origin_kind = 'month_end'"
    )
    assert len(of_mart) == len(by_hand) > 20
    for row in of_mart:
        wanted = by_hand.loc[tuple(row[key] for key in keys)]
        assert row["forecasts"] == wanted["n"]
        for score in ("wape", "bias", "mase", "pinball", "coverage"):
            found = None if row[score] is None else float(row[score])
            assert found == (None if pd.isna(wanted[score]) else pytest.approx(wanted[score], rel=1e-6, abs=2e-9)), (
                row,
                score,
            )


def test_who_has_won_nothing_yet_is_told_by_every_level(lake: Lake) -> None:
    moment = datetime(2026, 1, 5, 9)
    landed(lake, [[("dealstage", stage, moment), ("amount", "100", moment)] for stage in ("meeting", "proposal")], LAST)
    lake.build(as_of=date(2026, 5, 20), selection=FORECAST)
    told = lake.rows(
        "select level, sum(expected) as expected from fct_forecast where method = 'trailing_three' group by 1"
    )
    assert {row["level"]: row["expected"] for row in told} == dict.fromkeys(LEVELS, 0)
    assert {row["broken"]: row["rows"] for row in lake.rows(VIEWS)} == {"levels": 0, "deals": 0, "bridge": 0}
