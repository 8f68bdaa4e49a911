"""Companies with little history, without this or that, and to whom something happens: never a crash, never bluff."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecasting import Forecast, Inputs, Settings, forecast
from forecasting.history import calendar_months
from simulator.worlds import Company
from tests.forecasting.conftest import QUICK, Offered, company_of, offered

BARE = replace(QUICK, origins=0, draws=100)
AS_OF = date(2024, 6, 30)
MONTHS = 18


def plain(months: int = MONTHS, per_month: int = 10, as_of: date = AS_OF) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deals that take 40 days, every third of which is won, in two stages, of two owners; as deals and states."""
    deals, states = [], []
    first = as_of - timedelta(days=30 * months)
    for number in range(months * per_month):
        created = first + timedelta(days=number * 30 // per_month)
        decided = created + timedelta(days=20 + 40 * (number % 7) // 6)
        won = number % 3 == 0
        status = "open" if decided > as_of else "won" if won else "lost"
        amount = 1_000.0 + 100 * (number % 5)
        common = {"owner": f"owner {number % 2}", "team": "a team", "pipeline": "Sales"}
        stage = "proposal" if created + timedelta(days=10) <= as_of else "meeting"
        deals.append({
            "deal_key": f"d{number:05d}", "created_day": created, "status": status,
            "won_day": decided if status == "won" else None, "amount": amount, "part": "open", **common,
            "segment": "all", "source": "web", "stage": stage if status == "open" else status, "close_date": decided,
        })  # fmt: skip
        spans = [("meeting", "open", created, created + timedelta(days=10)),
                 ("proposal", "open", created + timedelta(days=10), decided),
                 ("won" if won else "lost", "won" if won else "lost", decided, None)]  # fmt: skip
        for stage, outcome, begin, end in spans:
            if begin <= as_of:
                states.append({
                    "deal_key": f"d{number:05d}", "valid_from": begin, "valid_until": end, "status": outcome,
                    "stage": stage, "amount": amount, "close_date": decided,
                    "won_day": begin if outcome == "won" else None, **common, "win_probability": None,
                })  # fmt: skip
    return pd.DataFrame(deals), pd.DataFrame(states)


def made(deals: pd.DataFrame, states: pd.DataFrame, as_of: date = AS_OF, settings: Settings = BARE) -> Forecast:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("given_deals", deals)
        connection.register("given_states", states)
        connection.execute(
            """
            create table stages as select * from (values ('meeting', 1, 0.2), ('proposal', 2, 0.5)) as t
                (stage, stage_order, win_probability);
            create table deals as select * replace (cast(created_day as date) as created_day,
                cast(won_day as date) as won_day, cast(close_date as date) as close_date,
                cast(stage as varchar) as stage, cast(amount as double) as amount) from given_deals;
            create table states as select * replace (cast(valid_from as date) as valid_from,
                cast(valid_until as date) as valid_until, cast(close_date as date) as close_date,
                cast(won_day as date) as won_day, cast(stage as varchar) as stage, cast(amount as double) as amount,
                cast(win_probability as double) as win_probability) from given_states
            """
        )
        calendar_months(connection, "months", date(2022, 1, 1), as_of)
        return forecast(connection, as_of=as_of, inputs=Inputs(), settings=settings)


@cache
def usual() -> Forecast:
    """Nothing happens."""
    return made(*plain())


def next_months(result: Forecast, months: int = 3, method: str = "saleshouse") -> float:
    """Expected of the next months together."""
    cells = result.cells
    cells = cells[(cells["method"] == method) & cells["month_offset"].between(1, months)]
    return float(cells["expected_cents"].sum()) / 100


def test_a_steady_company_is_expected_to_go_on() -> None:
    """Ten deals a month, a third of them won at 1,200 on average: 4,000 a month."""
    result = usual()
    assert 3 * 4_000 * 0.85 < next_months(result) < 3 * 4_000 * 1.15
    assert set(result.notes["code"]) <= {"not_enough_history", "blended_with_series"}


SILENT = "silent"
Change = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        pytest.param(lambda d, s: (d.head(0), s.head(0)), {SILENT, "no_deals"}, id="no deals"),
        pytest.param(lambda d, s: (d, s.assign(stage=None)), {"no_stages"}, id="no stages"),
        pytest.param(
            lambda d, s: (d.assign(close_date=None), s.assign(close_date=None)), {"no_close_dates"}, id="no dates"
        ),
        pytest.param(lambda d, s: (d, s.assign(amount=None)), {"no_amount_history"}, id="no amounts of the past"),
        pytest.param(lambda d, s: (d.assign(owner="o"), s.assign(owner="o")), {"one_owner"}, id="one owner"),
        pytest.param(
            lambda d, s: (d[d["status"] != "lost"], s[s["deal_key"].isin(d[d["status"] != "lost"]["deal_key"])]),
            {"no_losses"}, id="all won",
        ),
        pytest.param(
            lambda d, s: (d[d["status"] != "won"], s[s["deal_key"].isin(d[d["status"] != "won"]["deal_key"])]),
            {SILENT, "no_wins"}, id="none won",
        ),
        pytest.param(
            lambda d, s: (d.tail(12), s[s["deal_key"].isin(d.tail(12)["deal_key"])]), {SILENT}, id="twelve deals"
        ),
        pytest.param(lambda d, s: (d, s.head(0)), {"no_stages"}, id="no history at all"),
    ],
)  # fmt: skip
def test_a_company_that_lacks_something_is_told_so(change: Change, codes: set[str]) -> None:
    result = made(*change(*plain()))
    told = set(result.notes["code"])
    assert codes - {SILENT} <= told
    # Whoever says something says it by every level.
    levels = result.intervals.groupby(["method", "period_type", "period_start"])["level"].nunique()
    assert set(levels) <= {5}
    assert len(levels) == len(result.periods)
    assert result.periods.empty == ("no_deals" in codes)
    speaks = result.periods[result.periods["method"] == "saleshouse"]["last_offset"].max() > 0
    assert speaks == (SILENT not in codes)
    if SILENT in codes:
        assert "not_enough_history" in told
        assert next_months(result) == 0
        ours = result.intervals[result.intervals["method"] == "saleshouse"]
        assert (ours["period_end"] <= AS_OF).all()
    else:
        assert next_months(result) > 0
        assert np.isfinite(next_months(result))


def of(chosen: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """Only these deals."""
    return lambda deals, states: (chosen(deals), states[states["deal_key"].isin(chosen(deals)["deal_key"])])


# One after the other; each leaves the rest as it is.
LACKS: dict[str, Change] = {
    "twelve deals": of(lambda deals: deals.iloc[:: len(deals) // 12].head(12)),
    "one rep": lambda deals, states: (deals.assign(owner="o"), states.assign(owner="o")),
    "no stages": lambda deals, states: (deals.assign(stage=None), states.assign(stage=None)),
    "no dates": lambda deals, states: (deals.assign(close_date=None), states.assign(close_date=None)),
    "all won": of(lambda deals: deals[deals["status"] != "lost"]),
    "none won": of(lambda deals: deals[deals["status"] != "won"]),
    "one win": of(lambda deals: deals[(deals["status"] != "won") | ((deals["status"] == "won").cumsum() == 1)]),
    "no amounts": lambda deals, states: (
        deals.assign(amount=deals["amount"].where(deals["status"] != "open")),
        states.assign(amount=states["amount"].where(states["status"] != "open")),
    ),
}
COMBINED = [
    *combinations(LACKS, 1), ("twelve deals", "one win"), ("twelve deals", "none won"), ("no amounts", "one win"),
    ("twelve deals", "one rep", "no stages", "no dates", "one win"), ("twelve deals", "all won", "no dates"),
    ("no stages", "no dates", "all won"), ("all won", "one win", "one rep"),
    ("no stages", "no dates", "no amounts", "one rep"),
]  # fmt: skip


@pytest.mark.parametrize("lacks", COMBINED, ids=" + ".join)
@pytest.mark.parametrize("days", [92, 106])
def test_a_handful_of_deals_makes_no_confident_figure(days: int, lacks: tuple[str, ...]) -> None:
    """Three months, or three and a half, without this or that: every open deal may be won and may not."""
    since = AS_OF - timedelta(days=days)
    deals, states = of(lambda deals: deals[deals["created_day"] >= since])(*plain(months=6))
    for name in lacks:
        deals, states = LACKS[name](deals, states)
    result = made(deals, states)
    wins = int((deals["status"] == "won").sum())
    told = set(result.notes["code"])
    speaks = result.periods[result.periods["method"] == "saleshouse"]["last_offset"].max() > 0
    assert speaks == (wins > 0)
    if not wins:
        assert {"no_wins", "not_enough_history"} <= told
        assert result.deals.empty
        return
    assert {"few_wins", "blended_with_series"} <= told
    assert (deals["status"] == "open").any()
    assert set(result.deals["deal_key"]) == set(deals[deals["status"] == "open"]["deal_key"])
    assert (result.deals["chance"] > 0).all()
    assert (result.deals["value_cents"] > 0).all()
    assert result.deals.groupby("deal_key")["chance"].sum().max() <= (wins + 0.5) / (wins + 1) + 1e-6
    cells = result.cells[(result.cells["method"] == "saleshouse") & (result.cells["part"] == "open")]
    spoken = result.deals[result.deals["month_offset"] <= cells["month_offset"].max()]
    assert cells["expected_cents"].sum() == spoken["expected_cents"].sum()
    assert next_months(result) > 0
    # The range of the next month says how little is known.
    total = result.intervals[(result.intervals["level"] == "total") & (result.intervals["method"] == "saleshouse")]
    month = total[(total["period_type"] == "month") & (total["period_start"] == AS_OF + timedelta(days=1))].iloc[0]
    assert month["p90_cents"] - month["p10_cents"] > 0.7 * month["expected_cents"]


def test_three_months_are_forecast_with_the_series_at_hand() -> None:
    result = made(*plain(months=4))
    told = result.notes[result.notes["method"] == "saleshouse"].set_index("code")["value"]
    assert told["blended_with_series"].max() > 0.3
    assert "few_wins" in told.index
    year_ago = result.periods[result.periods["method"] == "seasonal_naive"]
    assert year_ago[year_ago["last_offset"] > 0].empty


@pytest.mark.parametrize("closed", [False, True])
def test_a_stage_that_is_new_or_renamed_is_judged_by_all_others(closed: bool) -> None:
    """Since a month ago `proposal` is called `offer`; of `closed` stages no open deal is left."""
    deals, states = plain()
    since = AS_OF - timedelta(days=30)
    renamed = (states["stage"] == "proposal") & (pd.to_datetime(states["valid_from"]) > pd.Timestamp(since))
    states.loc[renamed, "stage"] = "meeting" if closed else "offer"
    after = made(deals, states)
    assert next_months(after) == pytest.approx(next_months(usual()), rel=0.25)
    stages = set(after.deals["stage"])
    assert ("offer" in stages) is not closed


def test_who_has_left_is_expected_to_bring_nothing_new() -> None:
    """Owner 1 left four months ago and handed all over: what is open is owner 0's, and so is what is to come."""
    deals, states = plain()
    left = pd.Timestamp(AS_OF - timedelta(days=120))
    taken = pd.to_datetime(states["valid_from"]) >= left
    states.loc[taken & (states["owner"] == "owner 1"), "owner"] = "owner 0"
    deals.loc[deals["status"] == "open", "owner"] = "owner 0"
    late = pd.to_datetime(deals["created_day"]) >= left
    deals.loc[late, "owner"] = "owner 0"
    result = made(deals, states)
    ahead = result.cells[(result.cells["method"] == "saleshouse") & (result.cells["month_offset"] > 0)]
    by_owner = ahead.groupby("owner")["expected_cents"].sum()
    assert by_owner.get("owner 1", 0) < 0.06 * by_owner["owner 0"]
    assert set(result.deals["owner"]) == {"owner 0"}
    assert next_months(result) == pytest.approx(next_months(usual()), rel=0.1)


def test_a_change_of_territory_moves_what_is_open_and_not_what_was_won() -> None:
    deals, states = plain()
    moved = pd.Timestamp(AS_OF - timedelta(days=5))
    current = states["valid_until"].isna() | (pd.to_datetime(states["valid_until"]) > pd.Timestamp(AS_OF))
    states.loc[current & (states["status"] == "open"), "team"] = "new team"
    assert moved < pd.Timestamp(AS_OF)
    cells = made(deals, states).cells
    ours = cells[cells["method"] == "saleshouse"]
    assert set(ours[ours["part"] == "open"]["team"]) == {"new team"}
    assert set(ours[ours["part"] == "won"]["team"]) == {"a team"}


def test_a_new_price_moves_values_with_the_amounts() -> None:
    """Prices double for deals created in the last four months."""
    deals, states = plain()
    new = deals[pd.to_datetime(deals["created_day"]) > pd.Timestamp(AS_OF - timedelta(days=120))]["deal_key"]
    for table in (deals, states):
        table.loc[table["deal_key"].isin(new), "amount"] *= 2
    before, after = next_months(usual(), 1), next_months(made(deals, states), 1)
    assert 1.5 * before < after < 2.2 * before


def test_a_shock_of_demand_is_followed_within_months() -> None:
    """Four months ago creations fell to a third; what is expected falls with them."""
    deals, states = plain()
    late = deals[pd.to_datetime(deals["created_day"]) > pd.Timestamp(AS_OF - timedelta(days=120))]
    gone = late[np.arange(len(late)) // 3 % 3 > 0]["deal_key"]
    result = made(deals[~deals["deal_key"].isin(gone)], states[~states["deal_key"].isin(gone)])
    assert next_months(result) < 0.6 * next_months(usual())


def test_renewals_stand_apart() -> None:
    company = company_of("renewals_heavy", scale=0.5, months=30)
    given = offered(company)
    cells = given.forecast(settings=BARE).cells
    ours = cells[(cells["method"] == "saleshouse") & (cells["month_offset"] > 0)]
    by_part = ours.groupby("part")["expected_cents"].sum()
    assert by_part["renewals"] > 0
    assert by_part["open"] > 0
    assert set(ours[ours["part"] == "renewals"]["pipeline"]) == {"Renewals"}
    given.connection.close()


def test_worlds_are_the_same_from_the_same_seed_and_different_from_another() -> None:
    def same(one: Company, other: Company) -> bool:
        return one.history.equals(other.history) and one.deals.equals(other.deals)

    first = company_of("tiny", seed=1)
    assert same(first, company_of("tiny", seed=1))
    assert not same(first, company_of("tiny", seed=2))


def test_a_deal_that_was_reopened_counts_once(messy: Offered, messy_forecast: Forecast) -> None:
    """It is won while it is won: bookings of months that are over are those of deals that are won now."""
    inputs = messy.inputs()
    won = messy.connection.execute(
        f"""
        select cast(round(sum(amount) * 100) as bigint) from {inputs.deals} as deals
        inner join {inputs.months} as months on deals.won_day between months.month_start and months.month_end
        where status = 'won' and months.month_end = ?
        """,
        [messy.company.last_day],
    ).fetchone()
    cells = messy_forecast.cells
    booked = cells[(cells["method"] == "saleshouse") & (cells["part"] == "won") & (cells["month_offset"] == 0)]
    assert won is not None
    assert int(booked["expected_cents"].sum()) == won[0]
