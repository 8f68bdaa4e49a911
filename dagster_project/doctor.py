"""What `saleshouse doctor` looks at: settings, secrets, sources, disk, the raw lake, the live release.

What belongs here: one short question per thing that commonly breaks. What does not: mending it.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from configuration.environment import quiet
from configuration.errors import SaleshouseError
from configuration.model import Settings, load
from configuration.paths import Home

_ROOM_NEEDED_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One examined thing and the line that says how it is."""

    ok: bool
    line: str


def examine(home: Home) -> list[Finding]:
    """All findings, in the order in which a person would mend them."""
    quiet()
    try:
        settings = load()
    except SaleshouseError as exc:
        return [Finding(False, str(exc))]
    findings = [Finding(True, f"settings: {settings.file} is valid")]
    findings += _sources(settings)
    findings.append(_ask("raw lake", lambda: _lake(home)))
    findings.append(_ask("disk", lambda: _disk(home)))
    findings.append(_ask("release", lambda: _live(home)))
    return findings


def _ask(name: str, question: Callable[[], str]) -> Finding:
    try:
        return Finding(True, f"{name}: {question()}")
    except SaleshouseError as exc:
        return Finding(False, str(exc))


def _sources(settings: Settings) -> list[Finding]:
    from ingestion import landing

    known = landing.discover()
    enabled = landing.enabled_sources(settings)
    findings = []
    for name in enabled:
        check = getattr(known[name], "check", None)
        if check is not None:
            findings.append(_ask(name, partial(check, settings)))
    if not enabled:
        findings.append(Finding(False, "sources: none is switched on - a run would publish nothing; enable one"))
    return findings


def _lake(home: Home) -> str:
    from ingestion import ledger

    loads = ledger.verify(home)
    return f"{loads} loads, every file as it was landed"


def _disk(home: Home) -> str:
    home.root.mkdir(parents=True, exist_ok=True)
    if not os.access(home.root, os.W_OK):
        raise SaleshouseError(
            "the folder cannot be written", where=str(home.root), effect="no run can start", fix="make it writable"
        )
    free = shutil.disk_usage(home.root).free / 1e9
    if free < _ROOM_NEEDED_GB:
        raise SaleshouseError(
            f"{free:.1f} GB free",
            where=str(home.root),
            effect="a build may fail",
            fix=f"free at least {_ROOM_NEEDED_GB:.0f} GB",
        )
    return f"{free:.0f} GB free below {home.root}"


def _live(home: Home) -> str:
    from publishing import release

    live = release.live(home)
    return f"{live.id} is live" if live else "none yet; `saleshouse run` makes the first"
