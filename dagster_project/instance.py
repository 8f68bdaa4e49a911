"""The orchestrator's own state: a folder below the home, telemetry off, one run at a time.

What belongs here: the instance's settings. What does not: what runs on it.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

from configuration.paths import Home

_SETTINGS = """\
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
event_log_storage:
  module: dagster_project.event_log
  class: EventLog
  config:
    base_dir: {history}
"""


def prepare(home: Home) -> Path:
    """Makes the instance's folder with its settings and returns it.

    Each of the thousand events of a run is a handful of commits; waiting for the disk at each costs more than a build.
    The log of runs is no truth: raw, history and releases are synced by those who write them.
    """
    from sqlalchemy import Engine, event

    event.listen(Engine, "connect", _do_not_wait_for_the_disk)
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    # The folder of the orchestrator's own storage, whose databases ours continues. A path may hold anything: as JSON.
    wanted = _SETTINGS.format(history=json.dumps(str(home.dagster / "history" / "runs")))
    if not settings.exists() or settings.read_text() != wanted:
        settings.write_text(wanted)
    return home.dagster


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = off")
