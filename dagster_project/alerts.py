"""Telling a person that a run failed: a webhook, once per failed run.

What belongs here: when and what to send. What does not: retries of the run and the wording of errors.
"""

import json
import os
import urllib.request

import dagster as dg

from configuration.model import Settings, load

# A run started by the command line alerts by itself, since no sensor may be running then.
ALERTED_BY_COMMAND_LINE = "saleshouse/alerted_by_command_line"


def send(settings: Settings, text: str) -> bool | None:
    """Posts `{"text": ...}` to the configured webhook; returns whether it was taken, None where none is set. Never
    raises: the run's own error is what matters."""
    name = settings.alerts.webhook_env
    address = os.environ.get(name, "") if name else ""
    if not address:
        return None
    if not address.startswith(("http://", "https://")):
        return False
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        address, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return bool(answer.status < 300)
    except OSError:
        return False


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING)
def run_failed(context: dg.RunFailureSensorContext) -> None:
    """Alerts on any failed run of this project."""
    if ALERTED_BY_COMMAND_LINE in context.dagster_run.tags:
        return
    settings = load()
    send(settings, f"{settings.company.name}: {context.dagster_run.job_name} failed - {context.failure_event.message}")
