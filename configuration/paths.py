"""Where the state lives: one directory, `SALESHOUSE_HOME`, `./var` by default.

What belongs here: names of files and folders. What does not: opening, writing or interpreting them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """All paths of one warehouse."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        return cls(Path(os.environ.get("SALESHOUSE_HOME", "var")).resolve())

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def ledger(self) -> Path:
        return self.raw / "_loads"

    @property
    def dlt(self) -> Path:
        return self.root / "dlt"

    @property
    def db(self) -> Path:
        return self.root / "db"

    @property
    def history(self) -> Path:
        return self.db / "history.duckdb"

    @property
    def next(self) -> Path:
        """Emptied at the start of each build: the work store and the candidate."""
        return self.db / "next"

    @property
    def work(self) -> Path:
        return self.next / "work.duckdb"

    @property
    def candidate(self) -> Path:
        return self.next / "marts.duckdb"

    @property
    def semantics(self) -> Path:
        """Beside the candidate: what its metrics are."""
        return self.next / "semantics.json"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def verdicts(self) -> Path:
        return self.root / "verdicts"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"
