"""What the orchestrator loads: assets from extraction to report, their checks, the daily job, its schedule, the alert.

What belongs here: putting the parts together. What does not: any part. Loads without secrets and without a home.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from configuration.environment import quiet

quiet()

from dagster_project import alerts, extraction, gate, publication, transformation  # noqa: E402
from dagster_project.resources import Warehouse  # noqa: E402
from ingestion import landing  # noqa: E402

_PARTITIONS = extraction.daily_partitions()

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Extract what is new, build, judge, publish and report the state at the end of a day.",
)

rebuild = dg.define_asset_job(
    "rebuild",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("raw"),
    executor_def=dg.in_process_executor,
    description="Build, judge and publish from what has landed, without asking any vendor.",
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.key_prefixes(*([source] for source in landing.by_day())),
    executor_def=dg.in_process_executor,
    description="Fetch a range of days of ads and events again.",
)


@dg.schedule(job=daily, cron_schedule="0 5 * * *", execution_timezone=_PARTITIONS.timezone)
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The last complete day, every morning at five in the reporting zone."""
    local = context.scheduled_execution_time.astimezone(ZoneInfo(_PARTITIONS.timezone))
    return dg.RunRequest(partition_key=(local.date() - timedelta(days=1)).isoformat())


defs = dg.Definitions(
    assets=[
        *extraction.build_assets(_PARTITIONS),
        *transformation.given(),
        transformation.build_assets(),
        publication.build_assets(),
    ],
    asset_checks=[gate.build_checks()],
    jobs=[daily, rebuild, backfill],
    schedules=[every_morning],
    sensors=[alerts.run_failed],
    resources={"warehouse": Warehouse()},
    executor=dg.in_process_executor,
)
