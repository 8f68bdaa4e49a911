"""What a suite may know beside its mart: the run, the thresholds, what was staged, and the live release.

What belongs here: facts read once, before any suite. What does not: judging them (suites/) and asking the clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configuration.errors import GateFailed

if TYPE_CHECKING:
    import duckdb

    from configuration.model import Settings
    from warehouse.stores import RunContext

CANDIDATE = "candidate"
SCHEMA = "marts"

# What becomes both.
CONTACTS_AS_LEADS = "contacts, leads"

# Below this a share says nothing: three deals of nine may well have been deleted.
COMPARABLE_ROWS = 20


@dataclass(frozen=True)
class GateContext:
    """The run as suites see it.

    `staged`: accepted rows by the canonical entities that they become, as the sources declare it: `deals`, or
    `contacts, leads` where contacts are leads as well; `contacts_are_leads` names those sources. `live_rows`: rows by
    mart of the live release, empty when there is none or when this run reports an earlier day. `staging`: names of
    history's staged tables, empty when there is no history beside the candidate. `enabled`: sources that are switched
    on. `integration_owners`: who the company says is no person, in lowercase; `calendar_owners`, `calendar_teams`: who
    has a calendar of their own. `headline_amount`: which of a deal's amounts it counts.
    """

    as_of: date
    as_of_end: datetime
    known_at: int
    unmapped_share_block: float
    row_drop_block: float
    freshness_hours: Mapping[str, float]
    enabled: frozenset[str]
    integration_owners: tuple[str, ...] = ()
    headline_amount: str = "amount"
    calendar_owners: tuple[str, ...] = ()
    calendar_teams: tuple[str, ...] = ()
    staged: Mapping[str, int] = field(default_factory=dict)
    contacts_are_leads: frozenset[str] = frozenset()
    live_release: str | None = None
    live_as_of: date | None = None
    live_known_at: int | None = None
    live_rows: Mapping[str, int] = field(default_factory=dict)
    staging: frozenset[str] = frozenset()
    has_ledger: bool = False

    @property
    def is_rebuild(self) -> bool:
        """This run reports an earlier day than the live release: it will never become the live one."""
        return self.live_as_of is not None and self.as_of < self.live_as_of

    @property
    def compares(self) -> bool:
        """There is a live release that this run may be compared with."""
        return self.live_release is not None and not self.is_rebuild

    def floor(self, *entities: str) -> int:
        """1 when any row of these was staged, else 0: a source that is off may leave a mart empty.

        An entity is canonical, whatever the source calls it; `contacts, leads` are contacts that are leads. An earlier
        day may truly have had none, so a rebuild has no floor.
        """
        rows = sum(
            rows for becomes, rows in self.staged.items() if {becomes, *becomes.split(", ")}.intersection(entities)
        )
        return 1 if rows and not self.is_rebuild else 0


def release_database(live: Path) -> Path:
    """The live release's database, given its folder or the file itself."""
    return live / "marts.duckdb" if live.is_dir() else live


def gather(
    connection: "duckdb.DuckDBPyConnection",
    *,
    settings: "Settings",
    run: "RunContext",
    live: Path | None,
    has_ledger: bool,
) -> GateContext:
    """Reads the facts from the attached files. A table that is missing gives no fact; its own suite then fails."""
    catalogues = {row[0] for row in connection.execute("select database_name from duckdb_databases()").fetchall()}
    marts = tables(connection, CANDIDATE, SCHEMA)
    manifest = _manifest(release_database(live).parent) if live else {}
    as_of = date.fromisoformat(manifest["as_of"]) if manifest else None
    live_rows: dict[str, int] = {}
    if "live" in catalogues and as_of is not None and run.as_of >= as_of:
        for mart in sorted(tables(connection, "live", SCHEMA)):
            counted = connection.execute(f'select count(*) from live.{SCHEMA}."{mart}"').fetchone()
            live_rows[mart] = counted[0] if counted else 0
    staged = _staged(connection) if "fct_source_freshness" in marts else {}
    calendars = settings.company.business_hours.calendars
    return GateContext(
        as_of=run.as_of,
        as_of_end=run.as_of_end,
        known_at=run.known_at,
        unmapped_share_block=settings.gate.unmapped_share_block,
        row_drop_block=settings.gate.row_drop_block,
        freshness_hours={str(name): hours for name, hours in settings.gate.freshness_hours.items()},
        enabled=settings.sources.enabled,
        headline_amount=run.headline_amount,
        integration_owners=tuple(name.lower() for name in settings.company.integration_owners),
        calendar_owners=tuple(name.lower() for one in calendars for name in one.owners),
        calendar_teams=tuple(name.lower() for one in calendars for name in one.teams),
        staged={becomes: sum(rows.values()) for becomes, rows in staged.items()},
        contacts_are_leads=frozenset(staged.get(CONTACTS_AS_LEADS, ())),
        live_release=manifest.get("release"),
        live_as_of=as_of,
        live_known_at=manifest.get("known_at"),
        live_rows=live_rows,
        staging=frozenset(tables(connection, "history", "staging")) if "history" in catalogues else frozenset(),
        has_ledger=has_ledger,
    )


def tables(connection: "duckdb.DuckDBPyConnection", catalogue: str, schema: str) -> set[str]:
    """Names of the tables and views of one schema."""
    found = connection.execute(
        "select table_name from information_schema.tables where table_catalog = ? and table_schema = ?",
        [catalogue, schema],
    ).fetchall()
    return {row[0] for row in found}


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise GateFailed(
            f"the manifest of the live release cannot be read ({exc})",
            where=str(path),
            effect="there is nothing to compare the candidate with, the live release stays",
            fix="`saleshouse rollback <id>` points at a release that is whole, then `saleshouse run`",
        ) from exc
    return manifest


def _staged(connection: "duckdb.DuckDBPyConnection") -> dict[str, dict[str, int]]:
    """Accepted rows by canonical entity and source."""
    rows = connection.execute(
        "select staged_as, source, sum(coalesce(rows_staged, 0))::bigint "
        f"from {CANDIDATE}.{SCHEMA}.fct_source_freshness "
        "where source is not null and staged_as is not null group by all"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for becomes, source, staged in rows:
        found.setdefault(becomes, {})[source] = staged
    return found
