"""The orchestrator loads the project without secrets, and its checks guard marts that exist."""

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import sqlalchemy

from configuration.errors import ConfigurationError, SaleshouseError
from configuration.model import load
from configuration.paths import Home
from dagster_project import alerts, days, event_log, failures, instance
from dagster_project.resources import Warehouse
from expectations import runner


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.Definitions]:
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if "TOKEN" in name or name.startswith("GOOGLE_ADS"):
                environment.delenv(name)
        environment.setenv("SALESHOUSE_HOME", str(tmp_path_factory.mktemp("home")))
        from dagster_project.definitions import defs as loaded

        yield loaded


def test_assets_stand_as_the_tree_does(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {"hubspot/deals", "staging/stg_hubspot__deals", "marts/fct_deals", "publish/release"} <= keys
    deals = graph.get(dg.AssetKey(["staging", "stg_hubspot__deals"]))
    assert dg.AssetKey(["hubspot", "deals"]) in deals.parent_keys
    assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} == {
        *("raw", "run", "ledger", "seeds", "staging", "history", "intermediate", "marts", "publish")
    }
    report = graph.get(dg.AssetKey(["publish", "report"]))
    assert dg.AssetKey(["marts", "fct_deals"]) in report.parent_keys


def test_every_gate_check_guards_a_mart_that_is_built(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    built = {key.path[-1] for key in graph.get_all_asset_keys() if key.path[0] == "marts"}
    guarded = set(runner.suites().values())
    assert guarded <= built
    assert built - guarded == set()


def test_the_morning_run_is_about_the_day_before(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("every_morning")
    moment = datetime(2026, 3, 30, 5, tzinfo=ZoneInfo("Europe/Prague"))
    with dg.build_schedule_context(
        repository_def=defs.get_repository_def(), scheduled_execution_time=moment
    ) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2026-03-29"


def test_sources_look_back_from_the_end_of_the_day() -> None:
    settings = load()
    assert days.moment(datetime(2026, 3, 29).date(), settings).isoformat() == "2026-03-29T22:00:00+00:00"


def test_a_day_that_no_report_can_be_about_is_told() -> None:
    settings = load()
    assert days.checked(settings.start_date, settings) == settings.start_date
    for day, says in ((settings.start_date - timedelta(days=1), "before start_date"), (date.max, "not over yet")):
        with pytest.raises(ConfigurationError, match=says):
            days.checked(day, settings)


@pytest.mark.fault(53)
def test_the_lock_is_held_while_a_run_goes_on(tmp_path: Path) -> None:
    first, second = Warehouse(home_folder=str(tmp_path)), Warehouse(home_folder=str(tmp_path))
    context = dg.build_init_resource_context()
    refused = pytest.raises(dg.Failure, match=f"process {os.getpid()}")
    with first.yield_for_execution(context), refused, second.yield_for_execution(context):
        pass
    assert isinstance(failures.last(), SaleshouseError)
    with second.yield_for_execution(context):
        assert Home(tmp_path).lock.read_text() == str(os.getpid())


def test_an_alert_goes_to_the_webhook_and_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    import http.server
    import json
    import threading

    received: list[dict[str, str]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    settings = load()
    assert settings.alerts.webhook_env is not None
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv(settings.alerts.webhook_env, f"http://127.0.0.1:{server.server_port}/hook")
        assert alerts.send(settings, "gate: one promise broke")
    assert received == [{"text": "gate: one promise broke"}]
    assert not alerts.send(settings, "nobody listens now")
    monkeypatch.delenv(settings.alerts.webhook_env)
    assert not alerts.send(settings, "no address")


def test_what_happened_is_noted_over_one_engine_per_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dg.multi_asset(specs=[dg.AssetSpec("noted")], check_specs=[dg.AssetCheckSpec("is_there", asset="noted")])
    def noted() -> Iterator[Any]:
        yield dg.MaterializeResult(asset_key="noted", metadata={"dagster/row_count": 3})
        yield dg.AssetCheckResult(asset_key="noted", check_name="is_there", passed=True)

    made: list[str] = []

    def make(address: str, **options: Any) -> sqlalchemy.Engine:
        made.append(address)
        return sqlalchemy.create_engine(address, **options)

    monkeypatch.setattr(event_log, "create_engine", make)
    folder = str(instance.prepare(Home(tmp_path / "it's a home")))
    for run in range(2):
        made.clear()
        with dg.DagsterInstance.from_config(folder) as state:
            assert dg.materialize([noted], instance=state).success
            records = state.fetch_materializations(dg.AssetKey("noted"), limit=9).records
            assert len(records) == run + 1
            assert len(made) == len(set(made)) == 2
            assert {row.asset_materialization.metadata["dagster/row_count"].value for row in records} == {3}
