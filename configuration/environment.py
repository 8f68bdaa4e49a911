"""Process environment: telemetry and chatter of every tool are off before any of them is imported."""

import os

QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # What fails in dlt is raised and told in one line; its log adds pages about threads that are being stopped.
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def quiet() -> None:
    """Switches telemetry and chatter off, whatever the surrounding environment says."""
    os.environ.update(QUIET)
