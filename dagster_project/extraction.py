"""Extraction assets: one per source and entity, one step per source.

What belongs here: wrapping `ingestion.landing.land` for the orchestrator. What does not: anything about a vendor.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import dagster as dg

from configuration.model import Settings, load
from dagster_project import days, failures
from dagster_project.progress import say
from dagster_project.resources import Warehouse
from ingestion import landing


def daily_partitions() -> dg.DailyPartitionsDefinition:
    """A partition per day since the company's start date, in its reporting zone."""
    settings = load()
    return dg.DailyPartitionsDefinition(
        start_date=settings.start_date.isoformat(), timezone=settings.company.reporting_timezone
    )


def build_assets(partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The extraction step of every known source; those that are switched off declare their empty tables."""
    return [_source_assets(name, partitions) for name in sorted(landing.discover())]


def _source_assets(source: str, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    entities = landing.discover()[source].ENTITIES
    partitioned = source in landing.by_day()

    @dg.multi_asset(
        name=f"extract_{source}",
        specs=[
            dg.AssetSpec(dg.AssetKey([source, entity]), group_name="raw", kinds={"dlt", "parquet"})
            for entity in entities
        ],
        partitions_def=partitions if partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if partitioned else None,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
    )
    def extract(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
        settings = warehouse.settings
        landing.declare(warehouse.home)
        if source not in landing.enabled_sources(settings):
            context.log.info(f"{source} is switched off in saleshouse.yml; its tables stay empty")
            for entity in entities:
                yield dg.MaterializeResult(asset_key=[source, entity], metadata={"enabled": False})
            return
        start, end = _backfill_window(context) if partitioned else (None, None)
        land = partial(
            landing.land,
            warehouse.home,
            settings=settings,
            now=days.moment(days.as_of(context, settings), settings),
            start=start,
            end=end,
            progress=warehouse.progress,
        )
        if not context.retry_number:
            landings = {name: partial(land, name) for name in _sources_of(context, settings)}
            warehouse.begin(landings, days.as_of(context, settings))
        with failures.told():
            summary = warehouse.result(source, partial(land, source))
        say(
            f"{source}: "
            + (", ".join(f"{rows:,} {entity}" for entity, rows in summary.rows.items() if rows) or "nothing new")
        )
        for entity in entities:
            yield dg.MaterializeResult(
                asset_key=[source, entity],
                metadata={
                    "dagster/row_count": summary.rows.get(entity, 0),
                    "load_number": summary.load_number,
                    "recovered_loads": list(summary.recovered),
                },
            )

    return extract


def _sources_of(context: dg.AssetExecutionContext, settings: Settings) -> list[str]:
    """The sources that this run extracts, the one that waits longest for its vendor first."""
    if "dagster/asset_partition_range_start" in context.run.tags:
        return []
    keys = context.job_def.asset_layer.selected_asset_keys
    selected = {key.path[0] for key in keys}
    return sorted(selected & set(landing.enabled_sources(settings)), reverse=True)


def _backfill_window(context: dg.AssetExecutionContext) -> tuple[date | None, date | None]:
    """The asked range of days, end exclusive; a run for a single day is the daily run with its trailing window."""
    if "dagster/asset_partition_range_start" not in context.run.tags:
        return None, None
    keys = context.partition_key_range
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end) + timedelta(days=1)
