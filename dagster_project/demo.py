"""The demonstration: starts the simulated vendors as another process and runs the production path over them.

What belongs here: starting and stopping them, the demo's clock and credentials. What does not: any second code path.
The simulated company is known here by its command line only.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from configuration.errors import ConfigurationError, Unreachable
from configuration.paths import Home

FIRST_NOW = datetime(2026, 6, 18, 6)
COMPANY: dict[str, float] = {"scale": 1.0, "seed": 7}
CREDENTIALS = {
    "HUBSPOT_TOKEN": "demo-token",
    "GOOGLE_ADS_DEVELOPER_TOKEN": "demo-developer-token",
    "GOOGLE_ADS_CLIENT_ID": "demo-client-id",
    "GOOGLE_ADS_CLIENT_SECRET": "demo-client-secret",
    "GOOGLE_ADS_REFRESH_TOKEN": "demo-refresh-token",
}
_PATIENCE_SECONDS = 120


def run(home: Home, *, scale: float | None, seed: int | None, console: Console) -> None:
    """One more day of the simulated company: the first time three years, every later time what is new.

    Raises ConfigurationError when the home holds another company than is asked for, Unreachable when the simulated
    vendors do not start, and whatever stops a run.
    """
    folder = home.root / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    clock = folder / "clock.json"
    kept = json.loads(clock.read_text()) if clock.exists() else {}
    now = datetime.fromisoformat(kept["next"]) if "next" in kept else FIRST_NOW
    company = _company(kept, folder, scale=scale, seed=seed)
    clock.write_text(json.dumps(company | {"next": now.isoformat()}))
    began = time.monotonic()
    console.print(f"[bold]Demo[/]  the simulated company Aldergate on {now:%d %B %Y}, as its vendors would show it")
    from dagster_project import headless

    with _vendors(folder, now, company, meanwhile=lambda: headless.prepare_all(home)) as address:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  vendors answer at {address}", highlight=False)
        os.environ |= CREDENTIALS | addresses(address)
        published = headless.run(home, as_of=now.date() - timedelta(days=1), extract=True, console=console)
    clock.write_text(json.dumps(company | {"next": (now + timedelta(days=1)).isoformat()}))
    console.print()
    console.print(f"[bold green]Done[/] in {time.monotonic() - began:.0f} s: release {published.id} is live.")
    console.print(f"  report    {published.report}", highlight=False)
    console.print("  try next  .venv/bin/saleshouse status", highlight=False)
    console.print(
        '            .venv/bin/saleshouse sql "select channel, leads, won_deals, spend_reporting, roas '
        "from rpt_channels where window_name = 'trailing_12_months' order by won_amount_reporting desc\"",
        highlight=False,
    )


def addresses(base: str) -> dict[str, str]:
    """The variables by which saleshouse.yml finds the simulated vendors below `base`."""
    return {
        "HUBSPOT_BASE_URL": f"{base}/hubspot",
        "GOOGLE_ADS_BASE_URL": f"{base}/google_ads",
        "GOOGLE_ADS_TOKEN_URL": f"{base}/google_ads/token",
    }


def _company(kept: dict[str, Any], folder: Path, *, scale: float | None, seed: int | None) -> dict[str, float]:
    """Whose days these are: what is asked for the first time, and the same ever after."""
    asked = {name: value for name, value in (("scale", scale), ("seed", seed)) if value is not None}
    company = {name: kept.get(name, asked.get(name, default)) for name, default in COMPANY.items()}
    other = [f"--{name} {company[name]}" for name, value in asked.items() if value != company[name]]
    if other:
        raise ConfigurationError(
            f"it holds the days of another company ({', '.join(other)})",
            where=str(folder),
            effect="nothing was run",
            fix="leave that option out, or name a new folder in SALESHOUSE_HOME",
        )
    return company


@contextmanager
def _vendors(folder: Path, now: datetime, company: dict[str, float], *, meanwhile: Callable[[], None]) -> Iterator[str]:
    port_file = folder / "port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "simulator", "serve", "--now", now.isoformat(), "--scale", str(company["scale"])]
    command += ["--seed", str(company["seed"]), "--port", "0", "--port-file", str(port_file), "--files", str(folder)]
    with (folder / "vendors.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        meanwhile()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unreachable(
                    "the simulated vendors did not start",
                    where=str(folder / "vendors.log"),
                    effect="nothing was run",
                    fix="read that file, then `make demo` again",
                )
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
    finally:
        process.terminate()
        process.wait(timeout=10)
