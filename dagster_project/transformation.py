"""dbt as assets: one asset per model and seed, one check per test, built inside the process.

What belongs here: the translation between dbt's nodes and the orchestrator's keys and events. What does not: opening
stores and running dbt (warehouse/), and what models compute (dbt/).
"""

import json
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from configuration.paths import Home
from dagster_project import days, failures
from dagster_project.progress import say
from dagster_project.resources import RELEASE, Warehouse
from publishing import release
from warehouse import build, dbt_runner


class Translator(DagsterDbtTranslator):
    """Asset key = path in the tree, group = layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([self._layer(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return self._layer(dbt_resource_props)

    @staticmethod
    def _layer(properties: Mapping[str, Any]) -> str:
        return "seeds" if properties["resource_type"] == "seed" else str(properties["fqn"][1])


def manifest_path() -> Path:
    """The parsed project's manifest; parsed again when any file of the project is newer."""
    path = dbt_runner.TARGET / "manifest.json"
    newest = max(
        file.stat().st_mtime
        for folder in ("models", "macros", "seeds", "tests")
        for file in (dbt_runner.PROJECT / folder).rglob("*")
        if file.is_file()
    )
    if not path.exists() or path.stat().st_mtime < newest:
        dbt_runner.parse(Home.from_environment())
    return path


def marts() -> list[dg.AssetKey]:
    """The keys of everything that a release holds."""
    nodes = json.loads(manifest_path().read_text())["nodes"].values()
    return [
        dg.AssetKey(["marts", node["name"]])
        for node in nodes
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    ]


def given() -> list[dg.AssetSpec]:
    """What models read that no other asset makes: what a run says of itself, and the ledger of loads."""
    sources = json.loads(manifest_path().read_text())["sources"].values()
    return [
        dg.AssetSpec(
            Translator().get_asset_key(source), group_name=source["source_name"], description=source["description"]
        )
        for source in sources
        if source["source_name"] in ("run", "ledger")
    ]


def build_assets() -> dg.AssetsDefinition:
    """All models, seeds and tests of the project as one step."""

    @dbt_assets(
        manifest=json.loads(manifest_path().read_text()),
        name="dbt",
        dagster_dbt_translator=Translator(),
    )
    def dbt(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
        yield from _run(context, warehouse)

    return dbt


def _run(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
    home, settings = warehouse.home, warehouse.settings
    parameters = get_updated_cli_invocation_params_for_context(
        context=context, manifest={}, dagster_dbt_translator=Translator()
    )
    ahead = warehouse.staged_ahead()
    with failures.told():
        for repair in release.repair(home):
            context.log.warning(repair)
            say(f"repaired {repair}")
        as_of = days.as_of(context, settings)
        baseline = release.choose_baseline(home, as_of, context.run.tags.get(days.BASELINE))
        manifest = warehouse.manifest()
    run = build.run_context(
        home,
        settings,
        as_of=as_of,
        run_id=context.run.run_id,
        baseline_release=baseline.release if baseline else None,
    )
    say(f"build: state at the end of {run.as_of}, knowing {run.known_at} loads")
    building = _Building(
        partial(
            build.build,
            home,
            settings,
            run,
            manifest=manifest,
            selection=list(parameters.selection_args),
            baseline=baseline,
        )
    )
    warehouse.at_end(building.stop)
    # What was read ahead comes first, since the orchestrator wants a table after those that it is made from.
    for node in _one_of_each(ahead, building.results()):
        message = DbtCoreCliEventMessage(raw_event=node.message, event_history_metadata={})
        for event in message.to_default_asset_events(
            manifest=parameters.manifest,
            dagster_dbt_translator=parameters.dagster_dbt_translator,
            context=context,
            project=parameters.dbt_project,
        ):
            if isinstance(event, dg.Output) and event.output_name not in context.selected_output_names:
                continue
            if isinstance(event, dg.Output) and node.rows is not None:
                yield event.with_metadata({**event.metadata, "dagster/row_count": node.rows})
            else:
                yield event
    with failures.told():
        candidate = building.candidate()
        for repair in candidate.repairs:
            context.log.warning(repair)
            say(f"repaired {repair}")
        tested = sum(node.kind in ("test", "unit_test") for node in candidate.result.nodes)
        stand = len(candidate.result.nodes) - tested + len(candidate.settled)
        say(f"build: {stand} tables, {tested} tests passed")
        if RELEASE in context.job_def.asset_layer.selected_asset_keys:
            warehouse.write_ahead(run.as_of)


def _one_of_each(*found: Iterable[dbt_runner.Noted]) -> Iterator[dbt_runner.Noted]:
    seen: set[str] = set()
    for node in chain(*found):
        if node.unique_id not in seen:
            seen.add(node.unique_id)
            yield node


class _Building:
    """A build in a thread of its own, so that its results are noted and seen while it goes on."""

    def __init__(self, build_candidate: Callable[..., build.Candidate]) -> None:
        self._results: queue.SimpleQueue[dbt_runner.Noted | None] = queue.SimpleQueue()
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dbt")
        self._candidate = pool.submit(build_candidate, on_event=self._collect)
        self._candidate.add_done_callback(lambda _: self._results.put(None))
        pool.shutdown(wait=False)

    def results(self) -> Iterator[dbt_runner.Noted]:
        """Each node that has ended, as it ends."""
        yield from iter(self._results.get, None)

    def stop(self) -> None:
        """Returns when the stores are closed; a build that still goes on is broken off."""
        while not self._candidate.done():
            dbt_runner.cancel()
            wait([self._candidate], timeout=0.1)

    def candidate(self) -> build.Candidate:
        """What was built. Raises what the build raised."""
        return self._candidate.result()

    def _collect(self, event: Any) -> None:
        node = dbt_runner.noted(event)
        if node is not None:
            self._results.put(node)
