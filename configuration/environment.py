"""Process environment: the telemetry of every tool is off before any of them is imported."""

import os

QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def quiet() -> None:
    """Switches telemetry off, whatever the surrounding environment says."""
    os.environ.update(QUIET)
