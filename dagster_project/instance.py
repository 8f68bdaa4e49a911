"""The orchestrator's own state: a folder below the home, telemetry off, one run at a time.

What belongs here: the instance's settings. What does not: what runs on it.
"""

from pathlib import Path

from configuration.paths import Home

_SETTINGS = """\
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


def prepare(home: Home) -> Path:
    """Makes the instance's folder with its settings and returns it."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    if not settings.exists() or settings.read_text() != _SETTINGS:
        settings.write_text(_SETTINGS)
    return home.dagster
