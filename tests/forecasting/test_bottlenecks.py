"""What a point or a day would bring: once more with a loop over what the forecast publishes, and its limits."""

from dataclasses import replace

import duckdb
import pandas as pd
import pytest

from forecasting import Forecast, Inputs, forecast
from forecasting.rates import HIGHEST
from tests.forecasting.conftest import QUICK, Offered

SETTINGS = replace(QUICK, origins=0, changed_draws=2_000)


def flows(connection: duckdb.DuckDBPyConnection, *rows: str) -> str:
    """The relation of the given rows: pipeline, stage, order, conversion, share of wins, is_timed."""
    connection.execute(
        f"create or replace temp table flows as select * from (values {', '.join(rows)}) "
        "as t (pipeline, stage, stage_order, conversion, won_share, is_timed)"
    )
    return "flows"


@pytest.fixture(scope="module")
def given(messy: Offered) -> Inputs:
    """Every stage of the company's pipelines can be judged; the last of them seldom comes on."""
    connection = messy.connection
    inputs = messy.inputs()
    connection.execute(
        f"""
        create or replace temp table every_flow as
        select pipeline, stage, stage_order, 0.2 + 0.1 * stage_order as conversion,
            0.5 + 0.05 * stage_order as won_share, true as is_timed
        from (select distinct pipeline from {inputs.deals}) cross join {inputs.stages}
        """
    )
    return replace(inputs, flows="every_flow")


@pytest.fixture(scope="module")
def changed(messy: Offered, given: Inputs) -> Forecast:
    """The company's forecast with what changes would bring."""
    return forecast(messy.connection, as_of=messy.company.last_day, inputs=given, settings=SETTINGS)


@pytest.fixture(scope="module")
def plain(messy: Offered) -> Forecast:
    """The same forecast without asking."""
    return messy.forecast(settings=SETTINGS)


def test_asking_changes_nothing_of_the_forecast(changed: Forecast, plain: Forecast) -> None:
    for name in ("periods", "cells", "intervals", "deals", "errors", "notes"):
        pd.testing.assert_frame_equal(getattr(changed, name), getattr(plain, name))
    assert plain.bottlenecks.empty
    assert len(changed.bottlenecks) > 6


def test_the_base_is_the_published_forecast_to_the_cent(changed: Forecast) -> None:
    quarter = changed.periods.query("method == 'saleshouse' and period_type == 'quarter' and first_offset > 0").iloc[0]
    told = changed.cells.query("method == 'saleshouse' and part != 'won'")
    told = told[told["month_offset"].between(quarter["first_offset"], quarter["last_offset"])]
    wanted = told.groupby("pipeline")["expected_cents"].sum().to_dict()
    for row in changed.bottlenecks.itertuples():
        assert row.base_cents == wanted[row.pipeline]
        assert (row.period_start, row.period_end) == (quarter["period_start"], quarter["period_end"])


def test_a_loop_over_the_published_chances_finds_the_same(messy: Offered, given: Inputs, changed: Forecast) -> None:
    """Each deal and each part of what is not created, one after the other, from what anybody can read."""
    quarter = changed.periods.query("method == 'saleshouse' and period_type == 'quarter' and first_offset > 0").iloc[0]
    first, last = int(quarter["first_offset"]), int(quarter["last_offset"])
    order = dict(messy.connection.execute(f"select stage, stage_order from {given.stages}").fetchall())
    asked = messy.connection.execute("select * exclude (is_timed) from every_flow").fetchall()
    deals: dict[str, list[tuple[str, str | None, int, float, int]]] = {}
    for row in changed.deals.itertuples():
        told = (row.pipeline, row.stage, row.month_offset, row.chance, row.expected_cents)
        deals.setdefault(row.deal_key, []).append(told)
    # What is not created of a part is what is left of it after open deals and wins that are dated later.
    later = dict(
        messy.connection.execute(
            f"select date_trunc('month', won_day)::date || pipeline || part, sum(amount) * 100 from {given.deals} "
            f"where status = 'won' and won_day > date '{messy.company.last_day}' group by all"
        ).fetchall()
    )
    assert not later, "none here, or the loop below would have to take them off"
    left: dict[tuple[str, int], int] = {}
    for row in changed.cells.query("method == 'saleshouse' and part != 'won'").itertuples():
        key = (row.pipeline, row.month_offset)
        left[key] = left.get(key, 0) + row.expected_cents
    for rows in deals.values():
        for pipeline, _, month, _, cents in rows:
            if (pipeline, month) in left:
                left[pipeline, month] -= cents
    start = pd.Timestamp(quarter["period_start"])
    ends = pd.Timestamp(quarter["period_end"])
    found = changed.bottlenecks.set_index(["lever", "pipeline", "stage"])
    for pipeline, stage, place, conversion, share in asked:
        point, day, out, count = 0.0, 0.0, 0.0, 0
        for rows in deals.values():
            if rows[0][0] != pipeline or rows[0][1] is None or order[rows[0][1]] > place:
                continue
            count += 1
            all_months = sum(chance for *_, chance, _ in rows)
            factor = min((float(conversion) + 0.01) / float(conversion), max(HIGHEST / all_months, 1.0))
            for _, _, month, _, cents in rows:
                point += cents * (factor - 1) if first <= month <= last else 0
                day += cents / ends.days_in_month if month == last else 0
                out += cents / start.days_in_month if month == first else 0
        for month in range(first, last + 1):
            point += left[pipeline, month] * float(share) * 0.01 / float(conversion)
        day += left[pipeline, last] * float(share) / ends.days_in_month
        out += left[pipeline, first] * float(share) / start.days_in_month
        told, timed = found.loc[("point", pipeline, stage)], found.loc[("day", pipeline, stage)]
        assert told["gain_cents"] == pytest.approx(point, abs=1)
        assert timed["gain_cents"] == pytest.approx(day, abs=1)
        # The company is seen on the last day of a month: where the quarter begins tomorrow nothing can leave it.
        assert timed["moved_out_cents"] == pytest.approx(0 if first == 1 else out, abs=1)
        assert told["open_deals"] == timed["open_deals"] == count
    assert found["gain_cents"].max() > 0


def test_the_range_is_that_of_the_gain(changed: Forecast) -> None:
    for row in changed.bottlenecks.itertuples():
        assert 0 <= row.p10_cents <= row.p90_cents
        # Of few wins P90 may be below the mean, never far.
        assert row.p10_cents <= row.gain_cents


@pytest.mark.parametrize(
    ("row", "levers"),
    [
        ("('nowhere', 'proposal', 3, 0.5, 0.9, true)", {"point", "day"}),
        ("('nowhere', 'proposal', 3, null, 0.9, false)", set()),
        ("('nowhere', 'proposal', 3, 0.5, null, true)", set()),
        ("('nowhere', 'proposal', 3, null, 0.9, true)", {"day"}),
    ],
)
def test_what_cannot_be_judged_is_not(messy: Offered, row: str, levers: set[str]) -> None:
    asked = replace(messy.inputs(), flows=flows(messy.connection, row))
    found = forecast(messy.connection, as_of=messy.company.last_day, inputs=asked, settings=SETTINGS).bottlenecks
    assert set(found["lever"]) == levers
    assert found["gain_cents"].eq(0).all()
    assert found["base_cents"].eq(0).all()


def test_a_company_without_history_gets_no_figure() -> None:
    connection = duckdb.connect()
    connection.execute(
        """
        create table deals as select 'd' as deal_key, date '2024-03-01' as created_day, 'open' as status,
            null::date as won_day, 10.0 as amount, 'open' as part, 'o' as owner, 't' as team, 's' as segment,
            'p' as pipeline, null::varchar as source, 'x' as stage, null::date as close_date;
        create table states as select deal_key, created_day as valid_from, won_day as valid_until, status, stage,
            amount, close_date, won_day, owner, team, pipeline, null::double as win_probability from deals where false;
        create table stages as select 'x' as stage, 1 as stage_order, 0.5 as win_probability;
        create table months as select cast(d as date) as month_start, last_day(d) as month_end,
            cast(date_trunc('quarter', d) as date) as quarter_start,
            cast(date_trunc('quarter', d) + interval 3 month - interval 1 day as date) as quarter_end,
            null::date as frozen_day
        from generate_series(date '2023-01-01', date '2025-01-01', interval 1 month) as t (d)
        """
    )
    asked = Inputs(flows=flows(connection, "('p', 'x', 1, 0.5, 0.9, true)"))
    result = forecast(connection, as_of=pd.Timestamp("2024-03-15").date(), inputs=asked, settings=SETTINGS)
    assert result.bottlenecks.empty
