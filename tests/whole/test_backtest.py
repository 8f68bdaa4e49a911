"""A backtest of a raw lake against one of the release that was made of it.

It stands before the tests that land more: the lake is then what the first release was made of.
"""

import json

import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from tests.whole.conftest import AS_OF, Whole

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]


def test_a_backtest_of_the_raw_lake_says_what_one_of_the_release_says(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its marts are built aside by dbt, from the same loads with the same settings; the lake is only read."""
    monkeypatch.setattr("forecasting.classics.is_installed", lambda: False)
    lake = {path: path.stat().st_mtime_ns for path in whole.home.raw.rglob("*") if path.is_file()}
    said = []
    for data in (whole.home.raw, whole.kept.folder):
        found = CliRunner().invoke(app, ["backtest", "--data", str(data), "--as-of", f"{AS_OF}", "--format", "json"])
        assert found.exit_code == 0, found.output
        said.append(json.loads(found.stdout))
    assert said[0] == said[1]
    assert {row["method"] for row in said[0]} >= {"saleshouse", "trailing_three", "crm_haircut"}
    assert lake == {path: path.stat().st_mtime_ns for path in whole.home.raw.rglob("*") if path.is_file()}
