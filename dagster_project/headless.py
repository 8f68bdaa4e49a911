"""Runs the orchestrator's jobs in this process, for the command line.

What belongs here: starting a job, turning its failure into our one line. What does not: the job.
"""

import gc
import importlib
import os
import time
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console

from configuration.environment import quiet
from configuration.errors import SaleshouseError, Stopped
from configuration.model import load
from configuration.paths import Home
from publishing.release import Release

if TYPE_CHECKING:
    import dagster as dg


def prepare(home: Home) -> None:
    """Loads the definitions, which takes some seconds of their own and needs no source to answer."""
    quiet()
    os.environ["SALESHOUSE_HOME"] = str(home.root)
    importlib.import_module("dagster_project.definitions")


def prepare_all(home: Home) -> None:
    """What `prepare` does and what else a run imports before it can do anything, for who waits for something anyway."""
    # All this stays: looking for garbage in it, again and again while it grows, takes a tenth of the time.
    gc.disable()
    try:
        prepare(home)
        import dagster as dg

        from dagster_project import instance, resources

        with dg.DagsterInstance.from_config(str(instance.prepare(home))):
            # The first opening makes its databases.
            pass
        resources.import_for_landing()
        resources.import_for_building()
        gc.freeze()
    finally:
        gc.enable()


def run(home: Home, *, as_of: date, extract: bool, console: Console, baseline: str | None = None) -> Release:
    """Materialises the `daily` job (or `rebuild`, without extraction) for one day and returns the release that it made.

    That is the live one unless one of a later day is live. `baseline`: the release to compare closed figures with.
    Raises the SaleshouseError that stopped it, after alerting.
    """
    settings = load()
    prepare(home)
    began = time.monotonic()

    def show(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {line}", highlight=False)

    import dagster as dg

    from dagster_project import alerts, days, failures, instance, progress
    from dagster_project.definitions import defs
    from dagster_project.resources import RELEASE
    from publishing import release

    progress.listen(show)
    job = defs.resolve_job_def("daily" if extract else "rebuild")
    with dg.DagsterInstance.from_config(str(instance.prepare(home))) as state:
        result = job.execute_in_process(
            instance=state,
            partition_key=as_of.isoformat() if extract else None,
            raise_on_error=False,
            tags={alerts.ALERTED_BY_COMMAND_LINE: "true", days.AS_OF: as_of.isoformat()}
            | ({days.BASELINE: baseline} if baseline else {}),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        error = failures.last() or _unexpected(result)
        told = isinstance(error, Stopped) or alerts.send(settings, f"{settings.company.name}: {error}")
        if told is False:
            show(f"alert: the webhook in {settings.alerts.webhook_env} did not take it")
        raise error
    made = {event.asset_key: event.metadata for event in result.asset_materializations_for_node("publish")}
    return release.find(home, str(made[RELEASE]["release"].value))


def _unexpected(result: "dg.ExecuteInProcessResult") -> SaleshouseError:
    """Something that no room foresaw: the step and its message, and where the whole trace stands."""
    from dagster_project import failures

    failed = [event for event in result.all_events if event.is_failure]
    step = next((event.step_key for event in failed if event.step_key), "run")
    error = next((event.step_failure_data.error for event in failed if event.is_step_failure), None)
    if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
        return failures.stopped()
    while error is not None and error.cause is not None:
        error = error.cause
    return SaleshouseError(
        error.message if error is not None else str(failed[0].message if failed else "no event says why"),
        where=str(step),
        effect="nothing was published, the live release stays",
        fix=f"`saleshouse ui` shows the trace of run {result.run_id[:8]}; please report it",
    )
