"""A release and a raw lake instead of a folder: the same deals give the same states, and what is neither is told."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from configuration.errors import MalformedData
from configuration.paths import Home
from dagster_project import backtesting
from dagster_project.cli import app
from forecasting import folder, marts
from tests.forecasting.test_folder import FILES, written


def release_at(path: Path, rule: str = "crm_close_date") -> Path:
    """The deals of `FILES` as marts, and with them a renewal nobody followed, one that was deleted, and a test."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"""
            create schema marts; set schema = 'marts';
            create table release_context as select date '2026-03-31' as as_of, '{rule}' as close_day_rule;
            create table dim_dates as select day::date as date_day, date_trunc('month', day)::date as month_start,
                last_day(day) as month_end, date_trunc('quarter', day)::date as quarter_start,
                (date_trunc('quarter', day) + interval 3 month - interval 1 day)::date as quarter_end
            from generate_series(date '2025-01-01', date '2027-12-31', interval 1 day) as days (day);
            create table dim_owners as select * from (values ('Ada', 'North'), ('Ben', null)) as o (owner_key, team);
            create table dim_stages as select 'deal' as object, stage as stage_key, * from (
                values ('talk', 1, 0.3, false, false), ('done', 7, 1, true, false), ('lost', 90, 0, false, true)
            ) as s (stage, stage_order, win_probability, is_won, is_lost);
            create table dim_accounts as select 'a' as account_key, 'test' as exclusion_reason;
            create table dim_contacts as select null::text as contact_key, null::text as exclusion_reason;
            create table fct_activities as select 'D1' as deal_key, date '2026-01-07' as occurred_date, true as is_past,
                true as is_completed, false as is_excluded;
            create table fct_deals as select *, 'c' as contact_key, 'small' as segment, 'Sales' as pipeline_label,
                'referral' as channel from (
                values
                ('D1', null, 'Ada', 'new_business', 'won', null, 100.5, date '2026-01-05', null, date '2026-01-09'),
                ('D2', null, 'Ben', 'renewal', 'open', null, null, date '2026-02-01', date '2026-03-01', null),
                ('D3', null, 'Ben', 'renewal', 'won', null, 7, date '2026-02-01', null, date '2026-02-05'),
                ('D4', null, 'Ada', 'upsell', 'open', 'deleted', 9, date '2026-02-01', null, null),
                ('D5', 'a', 'Ada', 'new_business', 'won', null, 999, date '2026-02-01', null, date '2026-02-03'),
                ('D6', null, 'Ada', 'onboarding', 'won', null, 999, date '2026-02-01', null, date '2026-02-03')
            ) as d (deal_key, account_key, owner_key, pipeline_purpose, status, exclusion_reason, amount_reporting,
                created_date, close_date, close_day);
            create table fct_deal_changes as select *, stage as stage_key from (
                values ('D1', 'created', 'Ada', 'talk', 'open', 100.5, date '2026-01-05', null),
                ('D1', 'won', 'Ada', 'done', 'won', 100.5, date '2026-01-09', date '2026-01-08'),
                ('D1', 'close_date', 'Ada', 'done', 'won', 100.5, date '2026-01-09', date '2026-01-08'),
                ('D1', 'amount', 'Ada', 'done', 'won', 110, date '2026-01-20', date '2026-01-08'),
                ('D2', 'created', 'Ben', 'talk', 'open', null, date '2026-02-01', date '2026-03-01'),
                ('D4', 'created', 'Ada', 'talk', 'open', 9, date '2026-02-01', null),
                ('D4', 'deleted', 'Ada', 'talk', 'deleted', 9, date '2026-02-10', null)
            ) as c (deal_key, change, owner_key, stage, status, amount_reporting, date_day, close_date)
            """
        )
    return path


@pytest.mark.parametrize(("rule", "booked"), [("crm_close_date", "2026-01-08"), ("stage_event", "2026-01-09")])
def test_a_release_is_read_as_states(tmp_path: Path, rule: str, booked: str) -> None:
    with duckdb.connect() as connection:
        given = marts.read(connection, release_at(tmp_path / "marts.duckdb", rule))
        states = connection.execute(
            "select deal_key, valid_from::text, valid_until::text, status, stage, amount::text, owner, team, "
            f"won_day::text, win_probability from {given.inputs.states} order by 1, 2"
        ).fetchall()
        kinds = connection.execute(f"select deal_key, part, status from {given.inputs.deals} order by 1").fetchall()
    assert (given.deals, str(given.as_of)) == (4, "2026-03-31")
    assert states == [
        ("D1", "2026-01-05", "2026-01-09", "open", "talk", "100.50", "Ada", "North", None, 0.3),
        ("D1", "2026-01-09", "2026-01-20", "won", "done", "100.50", "Ada", "North", booked, 1.0),
        ("D1", "2026-01-20", None, "won", "done", "110.00", "Ada", "North", booked, 1.0),
        ("D2", "2026-02-01", None, "open", "talk", None, "Ben", None, None, 0.3),
        # Of D3 no stages are kept.
        ("D3", "2026-02-01", "2026-02-05", "open", None, None, "Ben", None, None, None),
        ("D3", "2026-02-05", None, "won", "(won)", "7.00", "Ben", None, "2026-02-05", None),
        ("D4", "2026-02-01", "2026-02-10", "open", "talk", "9.00", "Ada", "North", None, 0.3),
        ("D4", "2026-02-10", None, "lost", "(deleted)", "9.00", "Ada", "North", None, 0.3),
    ]
    assert kinds == [
        ("D1", "open", "won"),
        ("D2", "renewals", "open"),
        ("D3", "renewals", "won"),
        ("D4", "open", "lost"),
    ]


def test_a_past_day_knows_nothing_of_later_ones(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        given = marts.read(connection, release_at(tmp_path / "marts.duckdb"), backtesting.date(2026, 1, 8))
        assert connection.execute(f"select deal_key, status from {given.inputs.deals}").fetchall() == [("D1", "open")]


def test_a_home_and_a_raw_lake_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release_at(tmp_path / "home" / "current" / "marts.duckdb")
    found = CliRunner().invoke(app, ["backtest", "--data", str(tmp_path / "home")])
    assert found.exit_code == 0, found.output
    assert "not enough history" in found.output
    assert "4 deals" in found.output

    lake = tmp_path / "lake"
    (lake / "_loads").mkdir(parents=True)
    load = {"load_number": 1, "dlt_load_id": "1", "source": "hubspot", "landed_at": "2026-09-01T00:00:00.000Z",
            "arguments": {"now": "2026-03-20T23:30:00+00:00"}, "mapping_hash": None, "entities": {}}  # fmt: skip
    (lake / "_loads" / "0000000001.json").write_text(json.dumps(load))
    built: list[Any] = []

    def build(home: Home, settings: Any, context: Any, *, selection: Any) -> None:
        built.append((context.as_of.isoformat(), context.known_at, selection))
        assert home.root != lake
        home.candidate.parent.mkdir(parents=True)
        release_at(home.candidate)

    monkeypatch.setattr("warehouse.build.build", build)
    with duckdb.connect() as connection:
        assert backtesting.read(connection, lake, None).deals == 4
    # Half past midnight in Prague on the 21st: the 20th is over.
    assert built == [("2026-03-20", 1, backtesting.SELECTION)]
    assert [path.name for path in lake.rglob("*") if path.is_file()] == ["0000000001.json"]


def test_what_is_none_of_them_is_one_line(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        with pytest.raises(
            MalformedData, match=r"neither CSV files .*, nor a live release .*, nor a raw lake"
        ) as caught:
            backtesting.read(connection, tmp_path, None)
        assert "\n" not in str(caught.value)
        with pytest.raises(MalformedData, match="there is no such folder"):
            backtesting.read(connection, tmp_path / "nowhere", None)
        (tmp_path / "_loads").mkdir()
        with pytest.raises(MalformedData, match="nothing has landed in it"):
            backtesting.read(connection, tmp_path, None)
    assert folder.read is not marts.read
    assert set(FILES) == {path.name for path in written(tmp_path).glob("*.csv")}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("drop table fct_deal_changes", "the release has no fct_deal_changes"),
        ("delete from fct_deals", "the release has no deals"),
        ("update release_context set as_of = date '2026-01-01'", "the release ends on 2026-01-01, before 2026-02-01"),
    ],
)
def test_a_release_that_cannot_be_tested_says_why(tmp_path: Path, broken: str, said: str) -> None:
    path = release_at(tmp_path / "marts.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"set schema = 'marts'; {broken}")
    with duckdb.connect() as connection, pytest.raises(MalformedData, match=said):
        marts.read(connection, path, backtesting.date(2026, 2, 1))
