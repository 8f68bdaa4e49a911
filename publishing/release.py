"""A release: a sealed folder that never changes, and the pointer that readers follow to the live one.

What belongs here: staging, sealing, pointing, keeping and repairing releases. What does not: what stands in a report
(reports/), asking a release questions (reading.py), and judging a candidate (expectations/).

releases/.unsealed-<id>/   being made; nobody reads it, a crash leaves it and `repair` removes it
releases/<id>/             sealed: marts.duckdb, parquet/<mart>.parquet, semantics.json (the metrics), report files,
                           configuration/, manifest.json
releases/.removing-<id>/   on its way out
current -> releases/<id>   swapped atomically; each release is a new path, so readers of an older one are not disturbed

Sealing writes, syncs every file and folder, and only then renames: a folder without the prefix is whole.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configuration.errors import ReleaseError
from configuration.paths import REPOSITORY, Home

if TYPE_CHECKING:
    import duckdb

    from configuration.model import Publish, Settings
    from warehouse.baselines import Baseline
    from warehouse.stores import RunContext

SCHEMA = "marts"
UNSEALED = ".unsealed-"
REMOVING = ".removing-"
POINTING = ".pointing-"
# Files of this storage version are read by the drivers of DuckDB 1.4 and newer.
NEWEST_STORAGE = (1, 4)
# A reader that has followed the pointer opens the file within this time.
GRACE_SECONDS = 60
# Tables that name the run, or compare it with another release: equal in two equal releases but for these.
NOT_COMPARED = ("release_context", "fct_restatements", "rpt_restatements")

_NOTHING_PUBLISHED = "nothing was published, the live release stays"
_ID = re.compile(r"\d{4}-\d{2}-\d{2}\.\d{3,}")


@dataclass(frozen=True)
class Release:
    """One sealed release. Ids sort by day reported, then by the order in which they were made."""

    id: str
    folder: Path

    @property
    def marts(self) -> Path:
        """The database: open it read-only."""
        return self.folder / "marts.duckdb"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def semantics(self) -> Path:
        """What MetricFlow reads: the metrics as they were defined when the marts were built."""
        return self.folder / "semantics.json"

    @property
    def manifest(self) -> dict[str, Any]:
        """What the release holds and how it came about. Raises ReleaseError when it cannot be read."""
        path = self.folder / "manifest.json"
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ReleaseError(
                f"the manifest cannot be read ({exc})",
                where=str(path),
                effect="this release cannot be used",
                fix="roll back to another one with `saleshouse rollback <id>`",
            ) from exc
        return manifest

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.id[:10])


# --- making a release --------------------------------------------------------------------------------------


def new_id(as_of: date, existing: Iterable[str]) -> str:
    """The next id of that day: `2026-06-17.001`."""
    taken = [int(one.rsplit(".", 1)[1]) for one in existing if one.startswith(f"{as_of.isoformat()}.")]
    return f"{as_of.isoformat()}.{max(taken, default=0) + 1:03d}"


@dataclass(frozen=True)
class Written:
    """A candidate's marts in the unsealed folder of a release to be: rows, columns and checksum by mart."""

    release_id: str
    tables: dict[str, dict[str, Any]]
    storage_version: str


def begin(home: Home, release_id: str) -> Callable[[], Written]:
    """Makes the unsealed folder with a copy of the closed candidate; what is returned writes the rest of the marts.

    That reads the copy alone, so it may go on in another thread while the candidate is judged. Both raise ReleaseError
    when the id is taken, the candidate is not closed, or the disk refuses; the folder is gone then.
    """
    sealed = home.releases / release_id
    if sealed.exists():
        raise _refused("this release is sealed already", sealed, "choose a new id")
    folder = home.releases / f"{UNSEALED}{release_id}"
    with _told(folder, cleanup=folder):
        _remove_tree(folder)
        folder.mkdir(parents=True)
        marts = _copy_candidate(home, folder)

    def write() -> Written:
        with _told(folder, cleanup=folder):
            return Written(release_id, *_export(marts, folder))

    return write


def seal(
    home: Home,
    written: Written,
    *,
    context: "RunContext",
    verdict: Mapping[str, Any],
    settings_files: Iterable[Path],
) -> Release:
    """Completes the folder of `written` with the settings as used and the manifest, and seals it.

    `verdict` is the gate's, as plain data; `settings_files` are saleshouse.yml and the mapping files. Raises
    ReleaseError when the verdict did not pass or is another run's, or when the disk is full or fails; the unsealed
    folder is then gone and the live release as it was.
    """
    folder = home.releases / f"{UNSEALED}{written.release_id}"
    sealed = home.releases / written.release_id
    with _told(sealed, cleanup=folder):
        _require_passed(home, context, verdict)
        _copy_settings(folder, settings_files)
        manifest = {
            "release": written.release_id,
            "run_id": context.run_id,
            "as_of": context.as_of.isoformat(),
            "known_at": context.known_at,
            "baseline_release": context.baseline_release,
            "sealed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "code_version": context.code_version,
            "definitions": context.definitions,
            "lock_sha256": _sha256(REPOSITORY / "requirements.lock"),
            "reporting_currency": context.reporting_currency,
            "reporting_timezone": context.reporting_timezone,
            "storage_version": written.storage_version,
            "tables": written.tables,
            "not_compared": [name for name in NOT_COMPARED if name in written.tables],
            "checks": [
                {name: value for name, value in check.items() if name not in ("sample_rows", "sql")}
                for check in verdict["checks"]
            ],
            "waivers": [],
            "files": _describe_files(folder),
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        _make_durable(folder)
        folder.rename(sealed)
        _fsync(home.releases)
    return Release(written.release_id, sealed)


def begin_next(home: Home, as_of: date) -> Callable[[], Written]:
    """What `begin` does, for the next release of that day."""
    return begin(home, new_id(as_of, [release.id for release in list_releases(home)]))


def publish(home: Home, settings: "Settings", *, run_id: str, written: Written | None = None) -> Release:
    """Makes the passed candidate of this run a release with its report, and live unless a later day is live already.

    `written`: what `begin` gave for this candidate, where the marts have been written while it was judged. Raises
    ReleaseError when the run has no verdict that passed or the disk refuses, and what rendering raises; the live
    release stays as it was then.
    """
    from publishing.reports.render import Certificate, render
    from warehouse.stores import read_context

    context = read_context(home)
    verdict = _read_verdict(home, run_id)
    _require_passed(home, context, verdict)
    before = live(home)
    if written is None:
        repair(home)
        written = begin_next(home, context.as_of)()
    report = home.releases / f"{UNSEALED}{written.release_id}" / "report.html"
    certificate = Certificate.from_verdict(written.release_id, verdict)
    render(home.candidate, report, certificate=certificate, settings=settings)
    settings_files = [settings.file, *settings.mappings.files().values()]
    release = seal(home, written, context=context, verdict=verdict, settings_files=settings_files)
    if before is None or context.as_of >= before.as_of:
        point(home, release.id)
    retain(home, settings.publish)
    return release


# --- the pointer -------------------------------------------------------------------------------------------


def point(home: Home, release_id: str) -> None:
    """Makes a sealed release the live one in one step: a reader sees the old or the new.

    Raises ReleaseError when there is no such release or the disk refuses; the pointer is unchanged then.
    """
    target = find(home, release_id).folder
    before = home.current.readlink() if home.current.is_symlink() else None
    with _told(home.current):
        if before is not None and home.current.exists():
            # Retention spares it for the readers that have followed the pointer and not opened the file yet.
            os.utime(home.current)
        _swap(home, target.relative_to(home.root))
        try:
            _fsync(home.root)
        except OSError:
            # A pointer that the next power cut may undo is none: back to what is durable.
            if before is None:
                home.current.unlink()
            else:
                _swap(home, before)
            raise


def _swap(home: Home, target: Path) -> None:
    temporary = home.root / f"{POINTING}{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(home.current)


def live(home: Home) -> Release | None:
    """The release that readers see, None before the first. Raises ReleaseError when the pointer leads nowhere."""
    if not home.current.is_symlink():
        return None
    target = home.current.resolve()
    if not _is_sealed(target):
        raise _refused(
            f"the pointer leads to {target.name}, which is not a sealed release",
            home.current,
            "`saleshouse rollback <id>` points at another one, `saleshouse run` makes a new one",
        )
    return Release(target.name, target)


def require_live(home: Home) -> Release:
    """The live release. Raises ReleaseError when there is none yet."""
    found = live(home)
    if found is None:
        raise ReleaseError(
            "there is no release yet",
            where=str(home.current),
            effect="there is nothing to read",
            fix="make the first with `saleshouse run`",
        )
    return found


def list_releases(home: Home) -> list[Release]:
    """All sealed releases, by day reported and order of making."""
    if not home.releases.is_dir():
        return []
    folders = sorted(path for path in home.releases.iterdir() if _is_sealed(path))
    return [Release(folder.name, folder) for folder in folders]


def choose_baseline(home: Home, as_of: date, named: str | None = None) -> "Baseline | None":
    """The release that closed figures of a run about `as_of` are compared with; None where there is none to compare.

    It is the one that is `named`, else the live one; an earlier day is compared with the newest release up to that day.
    Releases without closed figures are passed over, so a first release with them has no baseline. Raises ReleaseError
    when the named one is not there or holds none.
    """
    if named is not None:
        baseline = read_baseline(find(home, named))
        if baseline is None:
            raise _refused(
                f"release {named} holds no closed figures that can be compared",
                home.releases / named,
                "name a later one, or none",
            )
        return baseline
    current = live(home)
    candidates = [release for release in list_releases(home) if release.as_of <= as_of]
    if current is not None and current.as_of <= as_of:
        candidates = [current]
    return next(filter(None, map(read_baseline, reversed(candidates))), None)


def read_baseline(release: Release) -> "Baseline | None":
    """A sealed release as what later ones are compared with; None where it lacks what that needs."""
    from warehouse.baselines import FIGURES, Baseline, comparable

    manifest = release.manifest
    figures = release.folder / "parquet" / f"{FIGURES}.parquet"
    table = manifest["tables"].get(FIGURES)
    if table is None or not figures.exists() or not comparable([column["name"] for column in table["columns"]]):
        return None
    return Baseline(
        release=release.id,
        as_of=date.fromisoformat(manifest["as_of"]),
        known_at=manifest["known_at"],
        definitions=manifest.get("definitions", ""),
        figures=figures,
    )


def find(home: Home, release_id: str) -> Release:
    """A sealed release by its id. Raises ReleaseError when there is none of that id."""
    folder = home.releases / release_id
    if not _is_sealed(folder):
        known = ", ".join(release.id for release in list_releases(home)[-3:]) or "none"
        raise _refused(f"there is no sealed release {release_id}", folder, f"choose one of {known}")
    return Release(release_id, folder)


def rollback(home: Home, release_id: str) -> None:
    """Makes an earlier release live again. Raises ReleaseError when it is not there."""
    point(home, release_id)


# --- keeping and mending -----------------------------------------------------------------------------------


def retain(home: Home, publish: "Publish") -> list[str]:
    """Removes releases that no rule keeps and returns their ids.

    Kept are the newest release of each of the last days, weeks and months that have one (counted apart), the live
    one, and any that was sealed or live within the last minute. Readers that hold a removed file open keep reading it.
    """
    releases = list_releases(home)
    current = live(home)
    kept = {current.id} if current else set()
    for period, count in (
        ("%Y-%m-%d", publish.keep_daily),
        ("%G-%V", publish.keep_weekly),
        ("%Y-%m", publish.keep_monthly),
    ):
        newest = {release.as_of.strftime(period): release.id for release in releases}
        kept.update(sorted(newest.values())[-count:] if count else [])
    removed = []
    for release in releases:
        if release.id in kept or time.time() - release.folder.stat().st_mtime < GRACE_SECONDS:
            continue
        going = home.releases / f"{REMOVING}{release.id}"
        with _told(release.folder, effect="releases that no rule keeps are still there, readers see the live one"):
            release.folder.rename(going)
            _remove_tree(going)
        removed.append(release.id)
    return removed


def repair(home: Home) -> list[str]:
    """Converges what a crash left apart and returns a line per repair. Only the run that holds the lock may call it.

    Unsealed and half-removed folders and unfinished pointers go; a pointer that leads nowhere is set to the newest
    sealed release, or removed when there is none.
    """
    done: list[str] = []
    with _told(home.releases):
        for path in sorted(home.releases.glob(f"{UNSEALED}*")) + sorted(home.releases.glob(f"{REMOVING}*")):
            _remove_tree(path)
            done.append(f"releases: removed {path.name}, which a stopped run left")
        for path in sorted(home.root.glob(f"{POINTING}*")):
            path.unlink()
            done.append(f"releases: removed {path.name}, which a stopped run left")
        if home.current.is_symlink() and not _is_sealed(home.current.resolve()):
            releases = list_releases(home)
            if releases:
                point(home, releases[-1].id)
                done.append(f"releases: the pointer led nowhere, {releases[-1].id} is live")
            else:
                home.current.unlink()
                done.append("releases: the pointer led nowhere and was removed, there is no release")
    return done


# --- the parts of sealing ----------------------------------------------------------------------------------


def _copy_candidate(home: Home, folder: Path) -> Path:
    """A closed, checkpointed copy: nothing of it stands in a write-ahead log."""
    import duckdb

    if not home.candidate.exists():
        raise _refused("there is no candidate", home.candidate, "build one with `saleshouse run`")
    with duckdb.connect(str(home.candidate)) as connection:
        connection.execute("checkpoint")
    log = home.candidate.with_name(home.candidate.name + ".wal")
    if log.exists():
        raise _refused(
            "the candidate has a write-ahead log beside it", log, "end the program that holds it and run again"
        )
    copied = folder / "marts.duckdb"
    shutil.copyfile(home.candidate, copied)
    if home.semantics.exists():
        shutil.copyfile(home.semantics, folder / "semantics.json")
    return copied


def _export(marts: Path, folder: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Parquet of every mart, and rows, columns and checksum by mart; and the storage version. Reads the copy."""
    import duckdb

    (folder / "parquet").mkdir()
    with duckdb.connect(str(marts), read_only=True) as connection:
        connection.execute(f"set schema = '{SCHEMA}'; set TimeZone = 'UTC'")
        tags = connection.execute("select tags from duckdb_databases() where database_name = 'marts'").fetchone()
        storage = tags[0].get("storage_version", "") if tags else ""
        numbers = re.match(r"v(\d+)\.(\d+)", storage)
        if numbers is None or (int(numbers[1]), int(numbers[2])) > NEWEST_STORAGE:
            raise _refused(
                f"the candidate's storage version is {storage or 'unknown'}",
                marts,
                "attach the candidate with storage_version v1.4.0, older drivers cannot read it otherwise",
            )
        found = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'marts' and schema_name = ? order by all",
            [SCHEMA],
        ).fetchall()
        names = [name for (name,) in found]

        def export(name: str) -> dict[str, Any]:
            path = str(folder / "parquet" / f"{name}.parquet").replace("'", "''")
            with connection.cursor() as cursor:
                cursor.execute(f"set schema = '{SCHEMA}'; set TimeZone = 'UTC'")
                cursor.execute(
                    f"copy (select * from {_quoted(name)} order by all) to '{path}' (format parquet, compression zstd)"
                )
                return describe(cursor, name)

        # Most tables are too small to keep two threads busy on their own.
        with ThreadPoolExecutor(2) as pool:
            tables = dict(zip(names, pool.map(export, names), strict=True))
    return tables, storage


def describe(connection: "duckdb.DuckDBPyConnection", table: str) -> dict[str, Any]:
    """Rows, columns and canonical checksum of one table.

    The checksum does not depend on the order of rows, on threads or on DuckDB's own hash: every row is written as text
    (each column cast to text, NULL as a mark of its own, columns apart by the unit separator), its MD5 taken as two
    64-bit numbers, both summed over all rows; the sums, the row count and the columns' names and types give a SHA-256.
    """
    columns = [(row[0], row[1]) for row in connection.execute(f"describe {_quoted(table)}").fetchall()]
    text = ", ".join(f"coalesce(cast({_quoted(name)} as text), chr(30))" for name, _ in columns)
    found = connection.execute(
        "select count(*), coalesce(sum(cast(digest >> 64 as ubigint)), 0), "
        "coalesce(sum(cast(digest & 18446744073709551615::uhugeint as ubigint)), 0) "
        f"from (select md5_number(concat_ws(chr(31), {text})) as digest from {_quoted(table)})"
    ).fetchone()
    rows = found[0] if found else 0
    canonical = json.dumps([columns, [str(value) for value in found or ()]])
    return {
        "rows": rows,
        "checksum": hashlib.sha256(canonical.encode()).hexdigest(),
        "columns": [{"name": name, "type": kind} for name, kind in columns],
    }


def _copy_settings(folder: Path, settings_files: Iterable[Path]) -> None:
    (folder / "configuration").mkdir()
    for path in settings_files:
        copied = folder / "configuration" / path.name
        if copied.exists():
            copied = copied.with_name(f"{path.parent.name}_{path.name}")
        shutil.copyfile(path, copied)


def _describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _make_durable(folder: Path) -> None:
    """Read-only and synced, files first and then the folders that name them."""
    paths = sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)
    for path in [*(one for one in paths if one.is_file()), *(one for one in paths if one.is_dir()), folder]:
        path.chmod(0o444 if path.is_file() else 0o555)
        _fsync(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_sealed(folder: Path) -> bool:
    return _ID.fullmatch(folder.name) is not None and (folder / "manifest.json").is_file()


def _remove_tree(folder: Path) -> None:
    """Removes a folder, sealed or not; what is read-only is made writable first."""
    if not folder.exists():
        return
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


def _read_verdict(home: Home, run_id: str) -> dict[str, Any]:
    path = home.verdicts / f"{run_id}.json"
    try:
        verdict: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise _refused("this run has no verdict of the gate", path, "run again, the gate comes first") from exc
    return verdict


def _require_passed(home: Home, context: "RunContext", verdict: Mapping[str, Any]) -> None:
    if not verdict.get("passed") or verdict.get("run_id") != context.run_id:
        raise _refused(
            f"the gate did not pass run {context.run_id}", home.verdicts, "mend what the verdict names and run again"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _refused(what: str, where: Path, fix: str, effect: str = _NOTHING_PUBLISHED) -> ReleaseError:
    return ReleaseError(what, where=str(where), effect=effect, fix=fix)


@contextmanager
def _told(where: Path, cleanup: Path | None = None, effect: str = _NOTHING_PUBLISHED) -> Iterator[None]:
    """Turns what the disk or DuckDB raises into one line, after giving back the room that was taken."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.Error, ReleaseError) as exc:
        if cleanup is not None:
            with suppress(OSError):
                _remove_tree(cleanup)
        if isinstance(exc, ReleaseError):
            raise
        full = getattr(exc, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(exc)
        raise _refused(
            str(getattr(exc, "strerror", None) or str(exc).splitlines()[0]),
            Path(getattr(exc, "filename", None) or where),
            "free some space and run again" if full else "check the disk and its permissions, then run again",
            effect,
        ) from exc
