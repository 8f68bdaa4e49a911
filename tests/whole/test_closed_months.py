"""What a reader is told when months that had ended say something else than before."""

import json
from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest
from typer.testing import CliRunner

from configuration.errors import ReleaseError
from configuration.model import load
from dagster_project import difference
from dagster_project.cli import app
from publishing import release
from simulator.truth import Moment, World
from simulator.truth.restatements import restated
from tests.whole.conftest import AS_OF, NOW, Whole, rows, verify

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]
PAST = AS_OF - timedelta(days=200)


@pytest.fixture(scope="module")
def past(whole: Whole) -> release.Release:
    """What was true 200 days before, with everything known since."""
    return whole.run(PAST, extract=False)


def test_a_past_day_has_no_later_release_as_its_baseline(past: release.Release) -> None:
    assert past.manifest["baseline_release"] is None
    assert rows(past.marts, "from marts.marts.fct_restatements") == []


def test_a_day_before_the_first_landing_agrees_with_the_truth(whole: Whole, past: release.Release) -> None:
    outcome = verify(whole.home, f"{NOW:%Y-%m-%dT%H:%M:%S}", "--release", past.id)
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-2000:]


def test_two_days_differ_by_what_the_truth_names(whole: Whole, past: release.Release) -> None:
    found = difference.difference(whole.home, load(), past.id, whole.first.id)
    assert found.notes == ()
    told = {
        (row["measure"], row["period_start"], row["record_key"], row["cause"]): row["difference"] for row in found.rows
    }
    now = pd.Timestamp(NOW)
    before, after = (World(whole.company, Moment(day, now)) for day in (PAST, AS_OF))
    expected = {
        (row["measure"], row["period_start"], row["record_key"], row["cause"]): row["difference"]
        for row in restated(before, after).to_dict("records")
    }
    assert told == expected
    assert {key[3] for key in told} == {"delete"}
    assert difference.difference(whole.home, load(), whole.first.id, whole.first.id).rows == []


def test_the_command_prints_them(whole: Whole, past: release.Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALESHOUSE_HOME", str(whole.home.root))
    printed = CliRunner().invoke(app, ["diff", past.id, whole.first.id, "--format", "json"])
    assert printed.exit_code == 0, printed.output
    listed = json.loads(printed.stdout)
    assert {"measure", "period_start", "cause", "record_key", "old_value", "new_value", "difference"} <= set(listed[0])
    figures: dict[tuple[str, str], set[Decimal]] = {}
    for row in listed:
        figure = (row["measure"], row["period_start"])
        figures.setdefault(figure, set()).add(Decimal(row["new_value"]) - Decimal(row["old_value"]))
    for figure, whole_difference in figures.items():
        parts = [Decimal(row["difference"]) for row in listed if (row["measure"], row["period_start"]) == figure]
        assert whole_difference == {sum(parts)}
    table = CliRunner().invoke(app, ["diff", past.id, whole.first.id], env={"COLUMNS": "200"}).stdout.splitlines()
    assert len(table) == len(listed) + 1
    last = [listed[-1]["period_start"][:7], *(listed[-1][name] for name in ("measure", "cause", "record_key"))]
    assert any(line.split()[:4] == last for line in table)
    with pytest.raises(ReleaseError, match="there is no sealed release 2020"):
        difference.difference(whole.home, load(), "2020-01-01.001", past.id)


def test_a_named_baseline_stands_in_the_release_and_on_its_report(whole: Whole, past: release.Release) -> None:
    live = release.require_live(whole.home)
    named = whole.run(AS_OF, extract=False, baseline=past.id)
    release.rollback(whole.home, live.id)
    assert named.manifest["baseline_release"] == past.id
    count = rows(named.marts, "select count(*), count(distinct cause) from marts.marts.fct_restatements")
    listed = difference.difference(whole.home, load(), past.id, named.id).rows
    assert count[0][0] == len(listed) >= 2
    page = named.report.read_text(encoding="utf-8")
    assert f"something else than in release {past.id}" in page
    assert named.manifest["definitions"]
