"""The comparison with a release: silent when all agrees, loud at each kind of deviation."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from simulator import verify
from simulator.__main__ import company_of
from simulator.company import Company, generate
from simulator.truth import Moment, World

SEED, SCALE = 5, 0.02
NOW = pd.Timestamp("2026-06-18 06:00")


@pytest.fixture(scope="module")
def world() -> World:
    return World(generate(SEED, SCALE, start=date(2026, 1, 1)), Moment(date(2026, 6, 17), NOW))


@pytest.fixture
def home(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release that says nothing but the truth; the truth itself is computed once for all tests."""
    monkeypatch.setattr(verify, "generate", lambda seed, scale: world.company)

    def known(company: Company, moment: Moment) -> World:
        assert company is world.company
        assert moment == world.moment
        return world

    monkeypatch.setattr(verify, "World", known)
    folder = tmp_path / "current"
    folder.mkdir()
    with duckdb.connect(str(folder / "marts.duckdb")) as connection:
        connection.execute("create schema marts.marts")
        connection.execute(
            "create table marts.marts.release_context as select date '2026-06-17' as as_of, "
            "'Europe/Prague' as reporting_timezone, 'stage_event' as close_day_rule, 'amount' as headline_amount"
        )
        connection.execute("create table marts.marts.fct_restatements as select null::text as restatement_key limit 0")
        for comparison in verify.COMPARISONS:
            frame = getattr(world, comparison.mart).assign(source_system="hubspot")
            # Of stages the truth tells those of deals.
            frame["object"] = frame.get("object", "deal")
            connection.register("frame", frame)
            connection.execute(f"create table marts.marts.{comparison.mart} as select * from frame")
            connection.unregister("frame")
    return tmp_path


def change(home: Path, statement: str) -> None:
    with duckdb.connect(str(home / "current" / "marts.duckdb")) as connection:
        connection.execute(statement)


def wrong(home: Path) -> dict[tuple[str, str], int]:
    results = verify.verify(home, SEED, SCALE)
    return {(result.mart, result.measure): result.differing for result in results if result.differing}


def test_the_truth_agrees_with_itself(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(home, SEED, SCALE) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1].endswith("values compared, 0 differ")
    measures = sum(len(comparison.measures) + 1 for comparison in verify.COMPARISONS)
    assert len(printed) == measures + 2


@pytest.mark.parametrize(
    ("statement", "mart", "measure", "count"),
    [
        ("update marts.marts.fct_deals set pushes = pushes + 1", "fct_deals", "pushes", 0),
        ("update marts.marts.fct_deals set status = 'won' where status = 'open'", "fct_deals", "status", 0),
        ("update marts.marts.fct_leads set mql_at = mql_at + interval 1 millisecond", "fct_leads", "mql_at", 0),
        ("update marts.marts.dim_owners set is_active = not is_active", "dim_owners", "is_active", 0),
        ("update marts.marts.fct_sessions set session_date = session_date + 1", "fct_sessions", "session_date", 0),
        ("update marts.marts.fct_funnel_stages set wilson_low = 0.987654", "fct_funnel_stages", "wilson_low", 0),
        ("delete from marts.marts.fct_targets where level = 'company'", "fct_targets", "rows", 24),
        ("insert into marts.marts.dim_stages select * from marts.marts.dim_stages limit 1", "dim_stages", "rows", 1),
        ("alter table marts.marts.fct_deals drop column reopens", "fct_deals", "reopens", 0),
        ("update marts.marts.dim_contacts set email = null", "dim_contacts", "email", 0),
    ],
)  # fmt: skip
def test_each_kind_of_deviation_is_seen(home: Path, statement: str, mart: str, measure: str, count: int) -> None:
    change(home, statement)
    found = wrong(home)
    assert set(found) == {(mart, measure)}
    assert found[mart, measure] == count or (count == 0 and found[mart, measure] > 0)
    assert verify.main(home, SEED, SCALE) == 1


def test_a_cent_is_a_difference_and_less_is_not(home: Path) -> None:
    change(home, "alter table marts.marts.fct_deals alter amount type decimal(18, 4)")
    change(home, "update marts.marts.fct_deals set amount = amount + 0.0001")
    assert wrong(home) == {}
    change(home, "update marts.marts.fct_deals set amount = amount + 0.01")
    assert set(wrong(home)) == {("fct_deals", "amount")}


def test_three_differences_are_shown_with_both_values(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, "update marts.marts.fct_deals set stage = 'nowhere'")
    verify.main(home, SEED, SCALE)
    shown = [line for line in capsys.readouterr().out.splitlines() if "release nowhere" in line]
    assert len(shown) == 3
    assert all("true " in line for line in shown)


def test_too_little_to_compare_is_a_failure(world: World) -> None:
    results = [verify.Result("dim_owners", "rows", 12, 0, [])]
    assert verify.printed(results)[1] == 1
    assert verify.printed(results, floor=12)[1] == 0
    assert verify.printed([*results, verify.Result("fct_deals", "rows", 0, 0, [])], floor=12)[1] == 1


def test_without_a_release_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(tmp_path) == 2
    assert "no release" in capsys.readouterr().out


def test_a_demo_s_home_says_whose_truth_is_meant(tmp_path: Path) -> None:
    assert company_of(tmp_path) == {"seed": 7, "scale": 1.0}
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/clock.json").write_text('{"scale": 0.1, "seed": 8, "next": "2026-06-19T06:00:00"}')
    assert company_of(tmp_path) == {"seed": 8, "scale": 0.1}


def test_the_list_names_every_mart_and_measure(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(Path("nowhere"), show=True) == 0
    printed = capsys.readouterr().out
    for comparison in verify.COMPARISONS:
        assert comparison.mart in printed
        assert all(f"    {measure} " in printed for measure in comparison.measures)


def test_every_measure_is_one_that_the_truth_knows(world: World) -> None:
    read: Callable[[str], pd.DataFrame] = lambda mart: getattr(world, mart)  # noqa: E731
    for comparison in verify.COMPARISONS:
        assert set(comparison.measures) <= set(read(comparison.mart).columns), comparison.mart
