"""The whole path: what a run leaves behind for the three people who use it."""

import json
import shutil
from datetime import UTC, timedelta

import dagster as dg
import duckdb
import pytest

from configuration.errors import GateFailed
from configuration.model import load
from configuration.paths import Home
from dagster_project import instance
from ingestion import landing
from publishing import reading, release
from tests.whole.conftest import AS_OF, Whole, rows, verify
from warehouse import build

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]


def test_status_names_release_rows_checks_rejects_and_freshness(whole: Whole) -> None:
    state = json.loads(json.dumps(reading.status(whole.home), default=str))
    assert state["release"] == whole.first.id
    assert state["as_of"] == AS_OF.isoformat()
    assert state["rows"]["fct_deals"] > 50
    assert state["checks"]["passed"] > 100
    assert set(state["rejects"]) >= {"hubspot", "google_ads", "ga4", "files"}
    assert {row["source"] for row in state["freshness"] if row["rows_staged"]} >= {"hubspot", "google_ads", "ga4"}


def test_the_release_describes_every_mart_and_column(whole: Whole) -> None:
    silent = "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and comment is null"
    assert rows(whole.first.marts, silent) == []
    silent = "select table_name from duckdb_tables() where schema_name = 'marts' and comment is null"
    assert rows(whole.first.marts, silent) == []


def test_release_agrees_with_the_truth(whole: Whole) -> None:
    outcome = verify(whole.home, "2026-06-18T06:00:00")
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-2000:]


def test_a_past_day_is_rebuilt_as_it_was_and_readers_stay_where_they_are(whole: Whole) -> None:
    """What was true on a day months ago, with everything known since, not moving the live one; and by fiscal months of
    weeks, which have been listed since.
    """
    live = release.require_live(whole.home)
    past = AS_OF - timedelta(days=100)
    whole.report_by_weeks()
    whole.run(past, extract=False)
    assert release.require_live(whole.home) == live
    rebuilt = next(one for one in release.list_releases(whole.home) if one.as_of == past)
    longest = "select max(month_end - month_start + 1) from marts.marts.dim_dates where fiscal_year = 2023"
    assert rows(rebuilt.marts, longest) == [(42,)], "the 53rd week of that year makes its last month one of six"
    outcome = verify(whole.home, "2026-06-18T06:00:00", "--release", rebuilt.id)
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-2000:]


def test_a_wrong_model_is_found(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A deal's amount a cent off, as a wrong model would have it, must be told."""
    wrong = Home(tmp_path_factory.mktemp("wrong"))
    folder = wrong.releases / whole.first.id
    shutil.copytree(whole.first.folder, folder)
    marts = folder / "marts.duckdb"
    marts.chmod(0o600)
    with duckdb.connect(str(marts)) as connection:
        connection.execute(
            "update marts.marts.fct_deals set amount = amount + 0.01 "
            "where deal_key = (select min(deal_key) from marts.marts.fct_deals where amount > 0 and not is_excluded)"
        )
    wrong.current.symlink_to(folder)
    outcome = verify(wrong, "2026-06-18T06:00:00")
    assert outcome.returncode != 0
    assert "fct_deals" in outcome.stdout


def test_report_opens_and_names_its_release(whole: Whole) -> None:
    page = whole.first.report.read_text(encoding="utf-8")
    assert whole.first.id in page
    assert "<svg" in page


def test_next_day_fetches_only_what_is_new_and_equals_a_full_rebuild(whole: Whole) -> None:
    before = {row["entity"]: row["rows_fetched"] for row in reading.status(whole.home)["freshness"]}
    whole.advance(1)
    second = whole.run(AS_OF + timedelta(days=1))
    after = {row["entity"]: row["rows_fetched"] for row in reading.status(whole.home)["freshness"]}
    assert release.live(whole.home) == second
    assert whole.first.marts.exists()
    assert after["contacts"] - before["contacts"] < before["contacts"] / 5
    assert after["events"] - before["events"] < before["events"] / 5
    outcome = verify(whole.home, "2026-06-19T06:00:00")
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-2000:]

    # What nobody has changed since is not read again.
    newest = {"stg_hubspot__deals": 2, "stg_ga4__web_events": 2, "stg_mappings__stages": 1, "stg_files__contracts": 1}
    with dg.DagsterInstance.from_config(str(instance.prepare(whole.home))) as state:
        made = {
            name: event.run_id
            for name in newest
            if (event := state.get_latest_materialization_event(dg.AssetKey(["staging", name])))
        }
    runs = {one.manifest["run_id"]: number for number, one in enumerate((whole.first, second), start=1)}
    assert {name: runs.get(run) for name, run in made.items()} == newest

    # The ledger holds what the earlier release has published, to the last digit.
    columns = "run_id, period_type, period_start, method, level, member, part, expected, p10, p90, chance_of_target"
    published = "from marts.marts.fct_forecast cross join marts.marts.release_context order by all"
    ledger = f"from marts.marts.fct_forecast_ledger where release_id = '{whole.first.id}' order by all"
    said = rows(whole.first.marts, f"select {columns} {published}")
    assert rows(second.marts, f"select {columns} {ledger}") == said
    assert len(said) > 100

    whole.home.history.unlink()
    rebuilt = whole.run(AS_OF + timedelta(days=1), extract=False)
    tables = second.manifest["tables"]
    for name, table in rebuilt.manifest["tables"].items():
        if name not in second.manifest["not_compared"]:
            assert table["checksum"] == tables[name]["checksum"], f"{name} differs after a full rebuild"


@pytest.mark.fault(54)
def test_a_reader_of_the_old_release_and_a_build_do_not_disturb_each_other(whole: Whole) -> None:
    """What is built is the day before once more, with everything known since: true, and linked as had landed for it."""
    live = release.require_live(whole.home)
    with duckdb.connect(str(live.marts), read_only=True) as reader:
        deals = reader.execute("select count(*) from marts.marts.fct_deals").fetchone()
        before = whole.run(AS_OF, extract=False)
        assert reader.execute("select count(*) from marts.marts.fct_deals").fetchone() == deals
    assert release.require_live(whole.home) == live
    outcome = verify(whole.home, "2026-06-19T06:00:00", "--release", before.id)
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-2000:]
    for query in (
        "select contact_key, account_key from marts.marts.dim_contacts order by all",
        "select activity_key, contact_key, deal_key, account_key from marts.marts.fct_activities order by all",
        "select line_key, deal_key, product_key from marts.marts.fct_deal_line_items order by all",
        "select deal_key, contact_key, account_key from marts.marts.fct_deals order by all",
    ):
        assert rows(before.marts, query) == rows(whole.kept.marts, query), query
    moved = "select contact_key, account_key from marts.marts.dim_contacts"
    assert set(rows(live.marts, moved)) - set(rows(before.marts, moved)), "nobody has gone to another firm"


def test_a_failed_gate_leaves_the_live_release_and_writes_its_verdict(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its stage mapping every stage is unmapped: the company's stages have been renamed overnight."""
    live = release.require_live(whole.home)
    verdicts = set(whole.home.verdicts.iterdir())
    settings = whole.home.root / "renamed.yml"
    empty = whole.home.root / "stages.csv"
    header = "object,source_system,pipeline_label,stage_label,stage,valid_from"
    empty.write_text(f"{header}\ndeal,another_system,,Agreed,won,\n")
    from configuration.paths import REPOSITORY

    text = (REPOSITORY / "saleshouse.yml").read_text().replace("mappings/stages.csv", str(empty))
    settings.write_text(text.replace(": mappings/", f": {REPOSITORY}/mappings/"))
    monkeypatch.setenv("SALESHOUSE_CONFIG", str(settings))
    with pytest.raises(GateFailed, match="unmapped"):
        whole.run(live.as_of)
    assert release.live(whole.home) == live
    # What was written while the gate judged is gone.
    assert not list(whole.home.releases.glob(f"{release.UNSEALED}*"))
    written = set(whole.home.verdicts.iterdir()) - verdicts
    assert len(written) == 1
    verdict = json.loads(written.pop().read_text())
    assert not verdict["passed"]


def test_a_release_comes_out_the_same_from_raw_months_and_many_loads_later(
    whole: Whole, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its own day and watermark are all that it needs: what landed since changes no cell of any mart."""
    settings = load()
    for days in (20, 21, 22):
        whole.advance(days)
        for source in landing.enabled_sources(settings):
            landing.land(whole.home, source, settings, now=whole.control.now.replace(tzinfo=UTC))
    first = whole.kept.manifest
    home = Home(tmp_path_factory.mktemp("later"))
    home.raw.symlink_to(whole.home.raw, target_is_directory=True)
    context = build.run_context(home, settings, as_of=AS_OF, run_id="later", known_at=first["known_at"])
    build.build(home, settings, context, selection=["--exclude-resource-type", "test"])
    with duckdb.connect(str(home.candidate), read_only=True) as connection:
        connection.execute("set schema = 'marts'; set TimeZone = 'UTC'")
        found = {name: release.describe(connection, name) for name in first["tables"]}
    compared = [name for name in first["tables"] if name not in first["not_compared"]]
    assert len(compared) > 45
    differing = [name for name in compared if found[name]["checksum"] != first["tables"][name]["checksum"]]
    assert differing == []
    assert sum(found[name]["rows"] for name in compared) > 20_000
