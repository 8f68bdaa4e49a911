"""What callers may rely on, whatever the company: sums, order of rows, and that the past does not know the future."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecasting import LEVELS, METHODS, Forecast, ForecastError, Inputs, Settings, forecast
from forecasting.months import day_number
from tests.forecasting.conftest import QUICK, Offered

GRAIN = ["method", "month_offset", "part", "owner", "team", "segment", "pipeline"]


def test_every_level_and_part_adds_up_to_the_cent(messy_forecast: Forecast) -> None:
    cells, intervals = messy_forecast.cells, messy_forecast.intervals
    assert not cells.duplicated(GRAIN).any()
    for period in messy_forecast.periods.itertuples():
        inside = cells[
            (cells["method"] == period.method) & cells["month_offset"].between(period.first_offset, period.last_offset)
        ]
        stated = intervals[
            (intervals["method"] == period.method)
            & (intervals["period_type"] == period.period_type)
            & (intervals["period_start"] == period.period_start)
        ]
        total = int(inside["expected_cents"].sum())
        for level in LEVELS:
            rows = stated[stated["level"] == level].set_index("member")["expected_cents"]
            assert int(rows.sum()) == total
            if level != "total":
                by_member = inside.groupby(level)["expected_cents"].sum()
                assert by_member[by_member != 0].to_dict() == rows[rows != 0].to_dict()


def test_a_win_stays_with_the_team_of_its_day(messy: Offered, messy_forecast: Forecast) -> None:
    """What was won until the fifteenth was won with another team: that part moves, and nothing else."""
    given = messy.inputs()
    day = messy.company.last_day.replace(day=15)
    states = f"(select *, case when won_day <= date '{day}' then 'Elsewhere' end as booked_team from {given.states})"
    settings = replace(QUICK, origins=3, weekly_origins=2, weekly_days_left=(14,))
    told = forecast(
        messy.connection, as_of=messy.company.last_day, inputs=replace(given, states=states), settings=settings
    )
    won, before = (one.cells[one.cells["part"] == "won"] for one in (told, messy_forecast))
    rest, others = (one.cells[one.cells["part"] != "won"] for one in (told, messy_forecast))
    pd.testing.assert_frame_equal(rest.reset_index(drop=True), others.reset_index(drop=True))
    grain = [name for name in GRAIN if name != "team"]
    sums = [rows.groupby(grain)["expected_cents"].sum() for rows in (won, before)]
    assert sums[0].to_dict() == sums[1].to_dict()
    moved = won[(won["team"] == "Elsewhere") & (won["method"] == "saleshouse") & (won["month_offset"] == 0)]
    assert 0 < moved["expected_cents"].sum() < won[won["month_offset"] == 0]["expected_cents"].sum()
    teams = told.intervals[(told.intervals["level"] == "team") & (told.intervals["method"] == "saleshouse")]
    month = teams[(teams["period_type"] == "month") & (teams["member"] == "Elsewhere")].sort_values("period_start")
    assert month["expected_cents"].tolist()[1:] == [0] * (len(month) - 1)
    assert month["expected_cents"].iloc[0] == moved["expected_cents"].sum()
    pd.testing.assert_frame_equal(told.errors, messy_forecast.errors)
    test_every_level_and_part_adds_up_to_the_cent(told)


def sharing(states: str, booked_team: str = "team 1") -> str:
    """Every third deal is shared with a colleague since a month after it came, or since its close if that is later."""
    return f"""(
        with told as (
            select *, hash(deal_key) % 3 = 0 and valid_from >= (min(valid_from) over (partition by deal_key)) + 30
                as is_shared
            from {states}
        )
        select * exclude (is_shared), case when is_shared then [
            {{'owner': owner, 'team': team, 'booked_team': null, 'share': 0.6, 'amount': null}},
            {{'owner': 'colleague', 'team': 'team 1', 'booked_team': '{booked_team}', 'share': 0.4, 'amount': null}}
        ] end as credits
        from told
    )"""


def test_who_shares_a_deal_is_credited_as_what_came_is(messy: Offered, messy_forecast: Forecast) -> None:
    """Owners and teams change, nothing else: neither totals nor deals, and the same of forecasts of past days."""
    given = messy.inputs()
    settings = replace(QUICK, origins=3, weekly_origins=2, weekly_days_left=(14,))
    inputs = replace(given, states=sharing(given.states, "Elsewhere"))
    told = forecast(messy.connection, as_of=messy.company.last_day, inputs=inputs, settings=settings)
    for name in ("segment", "pipeline", "part"):
        sums = [
            one.cells.groupby(["method", "month_offset", name])["expected_cents"].sum().rename("cents").reset_index()
            for one in (told, messy_forecast)
        ]
        both = sums[0].merge(sums[1], on=["method", "month_offset", name])
        assert len(both) == len(sums[0])
        assert (both["cents_x"] - both["cents_y"]).abs().max() <= 1  # cents of new deals are rounded by cell
    pd.testing.assert_frame_equal(told.deals, messy_forecast.deals)
    ours = told.cells[told.cells["method"] == "saleshouse"]
    first, last = messy.company.last_day.replace(day=1), messy.company.last_day
    won = messy.connection.execute(
        f"""
        select round(amount * 100), credits is not null from {inputs.states}
        where status = 'won' and valid_until is null and won_day between date '{first}' and date '{last}'
        """
    ).fetchall()
    shared = [int(cents) for cents, is_shared in won if is_shared]
    assert shared
    colleague = ours[ours["owner"] == "colleague"]
    booked = colleague[colleague["part"] == "won"]
    assert booked[booked["month_offset"] == 0]["expected_cents"].sum() == sum(cents * 2 // 5 for cents in shared)
    assert set(booked["team"]) == {"Elsewhere"}
    assert set(colleague[colleague["part"] != "won"]["team"]) == {"team 1"}
    for part in ("open", "not_created"):
        assert 0.02 < colleague[colleague["part"] == part]["expected_cents"].sum() / (
            ours[ours["part"] == part]["expected_cents"].sum()
        ) < 0.2  # fmt: skip
    # A range of their own, and what came is theirs as well.
    errors = told.errors[(told.errors["member"] == "colleague") & (told.errors["method"] == "saleshouse")]
    assert (errors["actual_cents"] > 0).any()
    assert (errors["p90_cents"] > 0).any()
    test_every_level_and_part_adds_up_to_the_cent(told)


def test_cutting_all_data_after_a_day_changes_no_credit(messy: Offered) -> None:
    """Who shared a deal later is nobody then."""
    settings = replace(QUICK, origins=3, past_draws=40, draws=40, weekly_origins=0)
    given = messy.inputs()
    inputs = replace(given, states=sharing(given.states))
    errors = forecast(messy.connection, as_of=messy.company.last_day, inputs=inputs, settings=settings).errors
    day = min(errors["origin_day"])
    then = messy.inputs(day)
    found = forecast(
        messy.connection, as_of=day, inputs=replace(then, states=sharing(then.states)), settings=settings
    ).intervals
    keys = ["method", "period_type", "period_start", "level", "member"]
    both = found.merge(errors[errors["origin_day"] == day], on=keys, suffixes=("_then", "_again"))
    assert ((both["member"] == "colleague") & (both["expected_cents_then"] > 0)).any()
    for name in ("expected_cents", "p10_cents", "p50_cents", "p90_cents"):
        assert both[f"{name}_then"].eq(both[f"{name}_again"]).fillna(True).all()


def test_deals_add_up_to_the_cells_of_deals_that_exist(messy_forecast: Forecast) -> None:
    cells = messy_forecast.cells
    ours = cells[(cells["method"] == "saleshouse") & (cells["part"] == "open")]
    spoken = ours["month_offset"].unique().tolist()
    deals = messy_forecast.deals
    deals = deals[(deals["part"] == "open") & deals["month_offset"].isin(spoken)]
    keys = ["month_offset", "owner", "team", "segment", "pipeline"]
    from_deals = deals.groupby(keys)["expected_cents"].sum()
    assert from_deals[from_deals != 0].to_dict() == ours.groupby(keys)["expected_cents"].sum().to_dict()
    assert deals["chance"].between(0, 1).all()
    assert (deals["wins"] <= deals["n"]).all()
    assert deals.groupby("deal_key")["chance"].sum().max() < 1


@pytest.mark.parametrize("days_left", [0, 14])
def test_cutting_all_data_after_a_day_changes_no_forecast(
    messy: Offered, messy_forecast: Forecast, days_left: int
) -> None:
    """Deals were reopened, re-dated, handed on and created after that day; none of it may show."""
    errors = messy_forecast.errors
    kind = "weekly" if days_left else "month_end"
    made_again = errors[errors["origin_kind"] == kind]
    day = min(made_again["origin_day"])
    made_again = made_again[made_again["origin_day"] == day]
    then = messy.forecast(day, replace(QUICK, draws=QUICK.past_draws)).intervals
    keys = ["method", "period_type", "period_start", "level", "member"]
    both = then.merge(made_again, on=keys, suffixes=("_then", "_again"))
    assert set(both["method"]) == set(METHODS) - {"seasonal_naive"} or set(both["method"]) == set(METHODS)
    assert set(both["level"]) == set(LEVELS)
    for name in ("expected_cents", "p10_cents", "p50_cents", "p90_cents"):
        differ = both[~(both[f"{name}_then"].eq(both[f"{name}_again"]).fillna(True).astype(bool))]
        assert differ.empty, differ[[*keys, f"{name}_then", f"{name}_again"]].head().to_string()
    # Whoever came later is nobody then.
    later = made_again[~made_again["member"].isin(set(then["member"]))]
    assert (later["expected_cents"] == 0).all()


def test_neither_order_of_rows_nor_threads_change_anything(messy: Offered) -> None:
    inputs = messy.inputs()
    first = forecast(messy.connection, as_of=messy.company.last_day, inputs=inputs, settings=QUICK)
    connection = messy.connection
    for name in ("deals", "states", "stages", "months"):
        connection.execute(
            f"create or replace temp table shuffled_{name} as select * from {getattr(inputs, name)} order by random()"
        )
    connection.execute("set threads = 2")
    shuffled = Inputs(*(f"shuffled_{name}" for name in ("deals", "states", "stages", "months")),
                      activities=inputs.activities)  # fmt: skip
    second = forecast(connection, as_of=messy.company.last_day, inputs=shuffled, settings=QUICK)
    connection.execute("set threads = 1")
    for name in ("periods", "cells", "intervals", "deals", "errors", "notes"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_ranges_are_in_order_and_targets_have_a_chance(messy: Offered) -> None:
    inputs = messy.inputs()
    connection, last = messy.connection, messy.company.last_day
    start = (last + timedelta(days=1)).isoformat()
    connection.execute(
        f"create or replace temp table goals as select * from (values ('total', 'total', date '{start}', 1.0), "
        f"('team', 'team 1', date '{start}', 1e9)) as t (level, member, month_start, amount)"
    )
    settings = replace(QUICK, origins=0)
    result = forecast(connection, as_of=last, inputs=replace(inputs, targets="goals"), settings=settings).intervals
    ours = result[result["method"] == "saleshouse"]
    assert (ours["p10_cents"] <= ours["p50_cents"]).all()
    assert (ours["p50_cents"] <= ours["p90_cents"]).all()
    next_month = ours[(ours["period_type"] == "month") & (ours["period_start"] == last + timedelta(days=1))]
    chances = next_month.set_index(["level", "member"])["chance_of_target"]
    assert chances["total", "total"] > 0.9
    assert chances["team", "team 1"] == 0
    assert chances.notna().sum() == 2
    assert ours[ours["period_type"] == "quarter"]["chance_of_target"].isna().all()


def test_a_month_that_is_over_has_no_range(messy: Offered, messy_forecast: Forecast) -> None:
    ours = messy_forecast.intervals
    last = messy.company.last_day
    over = ours[(ours["period_type"] == "month") & (ours["period_end"] == last)]
    assert (over["p10_cents"] == over["expected_cents"]).all()
    assert (over["p90_cents"] == over["expected_cents"]).all()


def test_fiscal_months_of_four_four_and_five_weeks(messy: Offered) -> None:
    """Periods are given days; the day of the forecast stands in the middle of a month of five weeks."""
    inputs = messy.inputs(date(2023, 12, 20))
    rows, start = [], date(2021, 1, 3)
    while start < date(2025, 6, 1):
        quarter = start
        for weeks in (4, 4, 5):
            end = start + timedelta(weeks=weeks, days=-1)
            rows.append((start, end, quarter, quarter + timedelta(weeks=13, days=-1)))
            start += timedelta(weeks=weeks)
    fiscal = pd.DataFrame(rows, columns=["month_start", "month_end", "quarter_start", "quarter_end"])
    fiscal["frozen_day"] = pd.Series([None] * len(fiscal), dtype="object")
    messy.connection.register("fiscal", fiscal)
    result = forecast(
        messy.connection, as_of=date(2023, 12, 20), inputs=replace(inputs, months="fiscal"), settings=QUICK
    )
    running = next(row for row in rows if row[0] <= date(2023, 12, 20) <= row[1])
    periods = result.periods[result.periods["method"] == "saleshouse"]
    assert running[:2] in {(row.period_start, row.period_end) for row in periods.itertuples()}
    quarters = periods[periods["period_type"] == "quarter"]
    assert [(row.period_end - row.period_start).days for row in quarters.itertuples()] == [90, 90]
    assert result.errors["days_left"].min() == (running[1] - date(2023, 12, 20)).days


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"deals": "(select * exclude (owner) from company_bookings)"}, "deals lacks owner"),
        ({"states": "nowhere"}, "states cannot be read"),
        ({"deals": "(select * from company_bookings union all select * from company_bookings)"}, "more than once"),
        ({"months": "(select * from company_months where month_start < date '2024-03-01')"}, "do not reach"),
        ({"months": "(select * from company_months where month_start <> date '2023-03-01')"}, "leave a gap"),
    ],
)
def test_what_is_wrong_with_the_inputs_is_said_in_one_line(messy: Offered, broken: dict[str, Any], said: str) -> None:
    inputs = messy.inputs()
    with pytest.raises(ForecastError, match=said) as caught:
        forecast(messy.connection, as_of=messy.company.last_day, inputs=replace(inputs, **broken), settings=QUICK)
    assert "\n" not in str(caught.value)


def test_it_works_on_a_cursor_and_leaves_nothing_but_temporary_tables() -> None:
    connection = duckdb.connect()
    connection.execute(
        """
        create table deals as select 'd' || n as deal_key, date '2024-01-01' + cast(n as integer) as created_day,
            'open' as status, cast(null as date) as won_day, 10.0 as amount, 'open' as part, 'o' as owner, 't' as team,
            's' as segment, 'p' as pipeline, cast(null as varchar) as source, cast(null as varchar) as stage,
            cast(null as date) as close_date
        from range(5) as r (n);
        create table states as select deal_key, created_day as valid_from, won_day as valid_until, status, stage,
            amount, close_date, won_day, owner, team, pipeline, cast(null as double) as win_probability
        from deals where false;
        create table stages as select 'x' as stage, 1 as stage_order, 0.5 as win_probability;
        create table months as select cast(d as date) as month_start, last_day(d) as month_end,
            cast(date_trunc('quarter', d) as date) as quarter_start,
            cast(date_trunc('quarter', d) + interval 3 month - interval 1 day as date) as quarter_end,
            cast(null as date) as frozen_day
        from generate_series(date '2023-01-01', date '2025-01-01', interval 1 month) as t (d)
        """
    )
    result = forecast(connection.cursor(), as_of=date(2024, 3, 15), settings=Settings(origins=2, weekly_origins=0))
    assert "saleshouse" not in set(result.periods[result.periods["first_offset"] > 0]["method"])
    kept = connection.execute("select table_name from duckdb_tables() where not temporary order by 1").fetchall()
    assert [name for (name,) in kept] == ["deals", "months", "stages", "states"]
    assert np.isclose(day_number(date(1970, 1, 2)), 1)
