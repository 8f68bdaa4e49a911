"""A release is whole or not there, its readers see one state, and what goes wrong leaves the live one."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from configuration.errors import ReleaseError
from configuration.model import Publish
from configuration.paths import REPOSITORY, Home
from publishing import release
from tests.publishing.conftest import Publisher

FIRST, SECOND = "2026-06-17.001", "2026-06-17.002"


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set schema = 'marts'")
        return connection.execute(query).fetchall()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# --- what a release is -------------------------------------------------------------------------------------


def test_ids_count_up_within_a_day() -> None:
    assert release.new_id(date(2026, 6, 17), []) == FIRST
    assert release.new_id(date(2026, 6, 17), [FIRST, "2026-06-17.009", "2026-06-18.050"]) == "2026-06-17.010"


def test_a_sealed_release_holds_what_its_manifest_says(publisher: Publisher) -> None:
    sealed = publisher.seal(FIRST)
    manifest = sealed.manifest
    assert manifest["release"] == FIRST
    assert (manifest["run_id"], manifest["as_of"], manifest["known_at"]) == ("run-1", "2026-06-17", 4)
    assert manifest["lock_sha256"] == hashlib.sha256((REPOSITORY / "requirements.lock").read_bytes()).hexdigest()
    assert manifest["tables"]["fct_deals"]["rows"] == 60
    assert {"name": "amount", "type": "DECIMAL(18,2)"} in manifest["tables"]["fct_deals"]["columns"]
    assert manifest["checks"] == [{"suite": "dim_dates", "check": "row_floor", "passed": True}]
    assert manifest["not_compared"] == ["release_context"]

    found = {str(path.relative_to(sealed.folder)) for path in sealed.folder.rglob("*") if path.is_file()}
    assert found == set(manifest["files"]) | {"manifest.json"}
    assert {"marts.duckdb", "parquet/fct_deals.parquet", "configuration/saleshouse.yml"} <= found
    for name, told in manifest["files"].items():
        content = (sealed.folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (told["bytes"], told["sha256"])
    for path in [sealed.folder, *sealed.folder.rglob("*")]:
        assert not path.stat().st_mode & 0o222, path
    assert rows(sealed.marts, "select count(*) from fct_deals") == [(60,)]
    parquet = str(sealed.folder / "parquet" / "fct_deals.parquet")
    compression = duckdb.sql(f"select distinct compression from parquet_metadata('{parquet}')").fetchall()
    assert compression == [("ZSTD",)]
    keys = [key for (key,) in duckdb.sql(f"select deal_key from read_parquet('{parquet}')").fetchall()]
    assert keys == sorted(keys)


def test_older_drivers_can_read_it(publisher: Publisher) -> None:
    sealed = publisher.seal(FIRST)
    assert sealed.manifest["storage_version"].startswith("v1.")
    newer = publisher.home.next / "newer.duckdb"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"attach '{publisher.home.candidate}' as old; attach '{newer}' as marts (storage_version 'latest')"
        )
        connection.execute("copy from database old to marts")
    newer.replace(publisher.home.candidate)
    with pytest.raises(ReleaseError, match="storage version"):
        publisher.seal(SECOND)
    assert names(publisher.home.releases) == [FIRST]


def test_equal_tables_have_equal_checksums_in_any_order(publisher: Publisher) -> None:
    first = publisher.seal(FIRST)
    publisher.change("create table shuffled as select * from fct_deals order by hash(deal_key); drop table fct_deals")
    publisher.change("alter table shuffled rename to fct_deals; update release_context set run_id = 'run-9'")
    second = publisher.seal(SECOND)
    assert second.manifest["tables"]["fct_deals"] == first.manifest["tables"]["fct_deals"]
    differing = {
        name
        for name, table in first.manifest["tables"].items()
        if table["checksum"] != second.manifest["tables"][name]["checksum"]
    }
    assert differing == set(first.manifest["not_compared"])
    files = [(one.folder / "parquet" / "fct_deals.parquet").read_bytes() for one in (first, second)]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("select 1 as one", "select 2 as one"),
        ("select 1 as one", "select 1 as other"),
        ("select 1 as one", "select 1::bigint as one"),
        ("select '' as one", "select null::text as one"),
        ("select 'a' as one, 'b' as two", "select 'b' as one, 'a' as two"),
        ("select 'ab' as one, 'c' as two", "select 'a' as one, 'bc' as two"),
        ("select unnest([1, 1, 2]) as one", "select unnest([1, 2, 2]) as one"),
    ],
)
def test_different_tables_have_different_checksums(first: str, second: str) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"create table first_one as {first}; create table second_one as {second}")
        described = [release.describe(connection, name)["checksum"] for name in ("first_one", "second_one")]
    assert described[0] != described[1]


def test_the_checksum_can_be_computed_by_other_means() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create table fixed as select 1::integer as id, 'a' as label union all select 2, null")
        described = release.describe(connection, "fixed")
    digests = [hashlib.md5(text.encode()).digest() for text in ("1\x1fa", "2\x1f\x1e")]
    sums = [sum(int.from_bytes(digest[half], "little") for digest in digests) for half in (slice(8, 16), slice(0, 8))]
    canonical = json.dumps([[["id", "INTEGER"], ["label", "VARCHAR"]], ["2", *(str(one) for one in sums)]])
    assert described["checksum"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_verdict_of_another_run_seals_nothing(publisher: Publisher) -> None:
    written = release.begin(publisher.home, FIRST)()
    with pytest.raises(ReleaseError, match="the gate did not pass run run-1"):
        release.seal(
            publisher.home,
            written,
            context=publisher.context,
            verdict=publisher.verdict | {"run_id": "run-0"},
            settings_files=[],
        )
    assert names(publisher.home.releases) == []


def test_without_a_release_there_is_one_line(publisher: Publisher) -> None:
    assert release.live(publisher.home) is None
    with pytest.raises(ReleaseError, match=r"there is no release yet .* `saleshouse run`"):
        release.require_live(publisher.home)
    with pytest.raises(ReleaseError, match=r"there is no sealed release 2026-01-01\.001"):
        release.rollback(publisher.home, "2026-01-01.001")
    publisher.home.candidate.unlink()
    with pytest.raises(ReleaseError, match="there is no candidate"):
        publisher.seal(FIRST)
    assert not publisher.home.candidate.exists()


# --- readers -----------------------------------------------------------------------------------------------


@pytest.fixture
def two_releases(publisher: Publisher) -> Publisher:
    """Two sealed releases that differ in two marts, the first live."""
    publisher.mark(1)
    publisher.seal(FIRST)
    publisher.mark(2)
    publisher.seal(SECOND)
    release.point(publisher.home, FIRST)
    return publisher


def test_rollback_moves_readers_back(two_releases: Publisher) -> None:
    home = two_releases.home
    release.point(home, SECOND)
    assert release.require_live(home).id == SECOND
    release.rollback(home, FIRST)
    assert release.require_live(home).id == FIRST
    assert home.current.readlink() == Path("releases") / FIRST
    assert rows(home.current / "marts.duckdb", "select distinct team from dim_owners") == [("1",)]


def test_closed_months_are_compared_with_what_readers_see(two_releases: Publisher) -> None:
    home = two_releases.home
    day = release.Release(FIRST, home.releases / FIRST).as_of
    chosen = release.choose_baseline(home, day)
    assert chosen is not None
    assert (chosen.release, chosen.as_of, chosen.known_at) == (FIRST, day, two_releases.context.known_at)
    release.point(home, SECOND)
    assert release.choose_baseline(home, day + timedelta(days=1)).release == SECOND  # type: ignore[union-attr]
    # After a rollback it is what readers are shown again, an earlier day has none, and any can be named.
    release.rollback(home, FIRST)
    assert release.choose_baseline(home, day).release == FIRST  # type: ignore[union-attr]
    assert release.choose_baseline(home, day - timedelta(days=1)) is None
    assert release.choose_baseline(home, day, SECOND).release == SECOND  # type: ignore[union-attr]
    with pytest.raises(ReleaseError, match=r"there is no sealed release 2026-01-01\.001"):
        release.choose_baseline(home, day, "2026-01-01.001")


def test_a_release_without_closed_figures_is_no_baseline(publisher: Publisher) -> None:
    publisher.change("alter table fct_closed_figures drop column is_counted")
    sealed = publisher.seal(FIRST)
    release.point(publisher.home, FIRST)
    assert release.choose_baseline(publisher.home, sealed.as_of) is None
    with pytest.raises(ReleaseError, match="holds no closed figures that can be compared"):
        release.choose_baseline(publisher.home, sealed.as_of, FIRST)


READER = """
import sys, time, duckdb
path, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
seen, mixed, failed = {}, 0, 0
while time.monotonic() < until:
    try:
        with duckdb.connect(path, read_only=True) as connection:
            connection.execute("set schema = 'marts'")
            one = connection.execute("select distinct amount_reporting::int from fct_targets").fetchall()
            two = connection.execute("select distinct team::int from dim_owners").fetchall()
    except duckdb.Error as exc:
        failed += 1
        print(exc, file=sys.stderr)
        continue
    mixed += one != two or len(one) != 1
    seen[one[0][0]] = seen.get(one[0][0], 0) + 1
print(sorted(seen), mixed, failed)
"""


@pytest.mark.fault(55)
def test_who_opens_during_swaps_sees_the_old_or_the_new(two_releases: Publisher) -> None:
    home = two_releases.home
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(home.current / "marts.duckdb"), "3"], stdout=subprocess.PIPE, text=True
    )
    swaps = 0
    while reader.poll() is None:
        release.point(home, (SECOND, FIRST)[swaps % 2])
        swaps += 1
        time.sleep(0.003)
    assert reader.communicate()[0].split("\n")[0] == "[1, 2] 0 0"
    assert swaps > 20


@pytest.mark.fault(54)
def test_who_holds_an_old_release_open_blocks_nobody_and_keeps_it(two_releases: Publisher) -> None:
    home = two_releases.home
    with duckdb.connect(str(home.current / "marts.duckdb"), read_only=True) as held:
        held.execute("set schema = 'marts'")
        release.point(home, SECOND)
        # A build writes the next candidate meanwhile.
        two_releases.mark(3)
        assert held.execute("select distinct team from dim_owners").fetchall() == [("1",)]
        _age(home)
        assert release.retain(home, Publish(keep_daily=1, keep_weekly=0, keep_monthly=0)) == [FIRST]
        assert names(home.releases) == [SECOND]
        assert held.execute("select sum(amount_reporting) from fct_targets").fetchall() == [(24,)]
        assert rows(home.current / "marts.duckdb", "select distinct team from dim_owners") == [("2",)]


# --- retention ---------------------------------------------------------------------------------------------


def _age(home: Home) -> None:
    """Makes every release an old one, as if nobody had followed the pointer for an hour."""
    for folder in home.releases.iterdir():
        os.utime(folder, (time.time() - 3600, time.time() - 3600))


@pytest.fixture
def many_releases(tmp_path: Path) -> Home:
    """Two releases a day over more than a year, the newest live; nothing in them but a manifest."""
    home = Home(tmp_path)
    for age in range(400):
        for number in ("001", "002"):
            folder = home.releases / f"{date(2026, 6, 17) - timedelta(days=age)}.{number}"
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text("{}")
    _age(home)
    release.point(home, "2026-06-17.002")
    return home


def test_seven_days_four_weeks_twelve_months_are_kept(many_releases: Home) -> None:
    removed = release.retain(many_releases, Publish())
    kept = names(many_releases.releases)
    assert len(removed) + len(kept) == 800
    assert kept == sorted(
        {f"2026-06-{day:02d}.002" for day in range(11, 18)}
        | {"2026-06-17.002", "2026-06-14.002", "2026-06-07.002", "2026-05-31.002"}
        | {f"2026-{month:02d}-{day}.002" for month, day in [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]}
        | {f"2025-{month:02d}-{day}.002" for month, day in [(7, 31), (8, 31), (9, 30), (10, 31), (11, 30), (12, 31)]}
    )
    assert release.retain(many_releases, Publish()) == []


def test_the_live_one_and_a_fresh_one_are_never_removed(many_releases: Home) -> None:
    release.point(many_releases, "2025-08-08.001")
    os.utime(many_releases.releases / "2025-09-09.001")
    release.retain(many_releases, Publish(keep_daily=1, keep_weekly=0, keep_monthly=0))
    # The one that was live until now may still be opened by who has just followed the pointer.
    assert names(many_releases.releases) == ["2025-08-08.001", "2025-09-09.001", "2026-06-17.002"]


def test_a_disk_that_fails_in_retention_says_that_the_new_release_is_live(
    two_releases: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = two_releases.home
    release.point(home, SECOND)
    _age(home)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", _failing)
        with pytest.raises(ReleaseError, match="readers see the live one"):
            release.retain(home, Publish(keep_daily=1, keep_weekly=0, keep_monthly=0))
    assert release.require_live(home).id == SECOND


# --- killed ------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from configuration.paths import Home
from publishing import release
from tests.publishing.conftest import Publisher
from configuration.model import Publish, load
from warehouse.stores import read_context

home, step = Home(Path(sys.argv[1])), sys.argv[2]

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function):
    def called(*arguments, **named):
        function(*arguments, **named)
        kill()
    return called

publisher = Publisher(home, load(home.root / "company" / "saleshouse.yml"), read_context(home))
if step == "in the copy":
    release._export = kill
elif step == "before the manifest":
    release._describe_files = kill
elif step == "before the rename":
    release._make_durable = after(release._make_durable)
elif step == "before the swap":
    release.seal = after(release.seal)
elif step == "with the pointer made":
    Path.replace = kill
elif step == "after the swap":
    release.point = after(release.point)
elif step == "in retention":
    release._remove_tree = kill
if step != "in retention":
    publisher.seal("2026-06-17.002")
    release.point(home, "2026-06-17.002")
release.retain(home, Publish(keep_daily=1, keep_weekly=0, keep_monthly=0))
"""


def _killed(home: Home, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home.root), step], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def one_release(publisher: Publisher) -> Publisher:
    """A live release of number 1 and a candidate of number 2."""
    publisher.mark(1)
    publisher.seal(FIRST)
    release.point(publisher.home, FIRST)
    publisher.mark(2)
    return publisher


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("in the copy", marks=pytest.mark.fault(44)),
        pytest.param("before the manifest", marks=pytest.mark.fault(44)),
        pytest.param("before the rename", marks=pytest.mark.fault(44)),
    ],
)
def test_killed_before_the_seal_the_old_release_stays(step: str, one_release: Publisher) -> None:
    home = one_release.home
    _killed(home, step)
    assert names(home.releases) == [f".unsealed-{SECOND}", FIRST]
    assert [one.id for one in release.list_releases(home)] == [FIRST]
    assert release.require_live(home).id == FIRST
    assert len(release.repair(home)) == 1
    assert names(home.releases) == [FIRST]
    assert rows(home.current / "marts.duckdb", "select distinct team from dim_owners") == [("1",)]
    one_release.seal(SECOND)
    release.point(home, SECOND)
    assert rows(home.current / "marts.duckdb", "select distinct team from dim_owners") == [("2",)]


@pytest.mark.parametrize(
    ("step", "expected", "repairs"),
    [
        pytest.param("before the swap", FIRST, 0, marks=pytest.mark.fault(45)),
        pytest.param("with the pointer made", FIRST, 1, marks=pytest.mark.fault(45)),
        pytest.param("after the swap", SECOND, 0, marks=pytest.mark.fault(45)),
    ],
)
def test_killed_around_the_swap_readers_see_old_or_new(
    step: str, expected: str, repairs: int, one_release: Publisher
) -> None:
    home = one_release.home
    _killed(home, step)
    assert release.require_live(home).id == expected
    number = {FIRST: "1", SECOND: "2"}[expected]
    assert rows(home.current / "marts.duckdb", "select distinct team from dim_owners") == [(number,)]
    assert rows(home.current / "marts.duckdb", "select distinct amount_reporting::int::text from fct_targets") == [
        (number,)
    ]
    assert len(release.repair(home)) == repairs
    assert release.require_live(home).id == expected
    assert not list(home.root.glob(".pointing-*"))


@pytest.mark.fault(47)
def test_killed_in_retention_pinned_readers_go_on(two_releases: Publisher) -> None:
    home = two_releases.home
    with duckdb.connect(str(home.releases / FIRST / "marts.duckdb"), read_only=True) as pinned:
        pinned.execute("set schema = 'marts'")
        release.point(home, SECOND)
        _age(home)
        _killed(home, "in retention")
        assert names(home.releases) == [f".removing-{FIRST}", SECOND]
        assert [one.id for one in release.list_releases(home)] == [SECOND]
        assert len(release.repair(home)) == 1
        assert names(home.releases) == [SECOND]
        assert pinned.execute("select distinct amount_reporting::int from fct_targets").fetchall() == [(1,)]
    assert release.require_live(home).id == SECOND


def test_a_pointer_that_leads_nowhere_is_told_and_repaired(two_releases: Publisher) -> None:
    home = two_releases.home
    release._remove_tree(home.releases / FIRST)
    with pytest.raises(ReleaseError, match="which is not a sealed release"):
        release.live(home)
    assert release.repair(home) == [f"releases: the pointer led nowhere, {SECOND} is live"]
    assert release.require_live(home).id == SECOND
    release._remove_tree(home.releases / SECOND)
    assert len(release.repair(home)) == 1
    assert release.live(home) is None


# --- the disk ----------------------------------------------------------------------------------------------


def _full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def _failing(*_: Any, **__: Any) -> Any:
    raise OSError(errno.EIO, "Input/output error")


def _full_duckdb(*_: Any, **__: Any) -> Any:
    raise duckdb.IOException("IO Error: Could not write file: No space left on device\nmore")


@pytest.mark.fault(48)
@pytest.mark.parametrize(
    ("where", "name", "failure"),
    [
        (Path, "mkdir", _full),
        (shutil, "copyfile", _full),
        (release, "_export", _full_duckdb),
        (Path, "write_text", _full),
        (os, "fsync", _full),
        (Path, "rename", _full),
    ],
    ids=["folder", "copy", "parquet", "manifest", "sync", "rename"],
)
def test_a_full_disk_while_sealing_leaves_the_live_release(
    where: Any, name: str, failure: Callable[..., Any], one_release: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = one_release.home
    with monkeypatch.context() as broken:
        broken.setattr(where, name, failure)
        with pytest.raises(
            ReleaseError, match=r"No space left on device - nothing was published, .*; free some space"
        ) as error:
            one_release.seal(SECOND)
    assert "\n" not in str(error.value)
    release.repair(home)
    assert names(home.releases) == [FIRST]
    assert release.require_live(home).id == FIRST


@pytest.mark.fault(48)
@pytest.mark.parametrize(("where", "name"), [(Path, "symlink_to"), (Path, "replace")], ids=["link", "swap"])
def test_a_full_disk_while_pointing_leaves_the_live_release(
    where: Any, name: str, two_releases: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(where, name, _full)
        with pytest.raises(ReleaseError, match="free some space"):
            release.point(two_releases.home, SECOND)
    assert release.require_live(two_releases.home).id == FIRST


@pytest.fixture
def small_disk(one_release: Publisher) -> Iterator[Publisher]:
    """Releases on a file system of their own with no room for a second one."""
    home = one_release.home
    aside = home.root / "aside"
    home.releases.rename(aside)
    home.releases.mkdir()
    used = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
    size = used + home.candidate.stat().st_size // 2
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home.releases)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting takes rights that this user does not have")
    try:
        shutil.copytree(aside, home.releases, dirs_exist_ok=True)
        yield one_release
    finally:
        subprocess.run(["umount", "--lazy", str(home.releases)], check=True)


@pytest.mark.fault(48)
def test_a_really_full_disk_leaves_the_live_release(small_disk: Publisher) -> None:
    home = small_disk.home
    with pytest.raises(ReleaseError, match=r"No space left on device .*; free some space") as error:
        small_disk.seal(SECOND)
    assert "\n" not in str(error.value)
    assert names(home.releases) == [FIRST]
    assert rows(home.current / "marts.duckdb", "select distinct team from dim_owners") == [("1",)]


@pytest.mark.fault(49)
def test_a_sync_that_fails_publishes_nothing(two_releases: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    home = two_releases.home
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _failing)
        with pytest.raises(ReleaseError, match="Input/output error - nothing was published"):
            two_releases.seal("2026-06-17.003")
        with pytest.raises(ReleaseError, match="Input/output error - nothing was published"):
            release.point(home, SECOND)
    assert names(home.releases) == [FIRST, SECOND]
    assert release.require_live(home).id == FIRST
    home.current.unlink()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _failing)
        with pytest.raises(ReleaseError):
            release.point(home, SECOND)
    assert release.live(home) is None


# --- the whole of publishing -------------------------------------------------------------------------------


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is tried elsewhere; here it is one line."""
    from publishing.reports import render

    def write(marts: Path, out: Path, **_: Any) -> Path:
        out.write_text(f"report of {marts.name}")
        return out

    monkeypatch.setattr(render, "render", write)


def _judged(publisher: Publisher, *, passed: bool = True) -> None:
    publisher.home.verdicts.mkdir(exist_ok=True)
    verdict = publisher.verdict | {"passed": passed}
    (publisher.home.verdicts / f"{publisher.context.run_id}.json").write_text(json.dumps(verdict))


def test_publishing_seals_points_and_counts_on(publisher: Publisher, rendered: None) -> None:
    _judged(publisher)
    first = release.publish(publisher.home, publisher.settings, run_id="run-1")
    second = release.publish(publisher.home, publisher.settings, run_id="run-1")
    assert (first.id, second.id) == (FIRST, SECOND)
    assert release.require_live(publisher.home) == second
    assert second.report.read_text() == "report of marts.duckdb"
    assert "report.html" in second.manifest["files"]
    assert {"saleshouse.yml", "stages.csv", "channels.csv", "pipelines.csv"} == set(
        names(second.folder / "configuration")
    )


def test_an_earlier_day_never_becomes_the_live_one(publisher: Publisher, rendered: None) -> None:
    _judged(publisher)
    publisher.seal("2026-06-18.001")
    release.point(publisher.home, "2026-06-18.001")
    published = release.publish(publisher.home, publisher.settings, run_id="run-1")
    assert published.id == FIRST
    assert release.require_live(publisher.home).id == "2026-06-18.001"


def test_what_the_gate_refused_is_not_published(publisher: Publisher, rendered: None) -> None:
    with pytest.raises(ReleaseError, match="no verdict"):
        release.publish(publisher.home, publisher.settings, run_id="run-1")
    _judged(publisher, passed=False)
    with pytest.raises(ReleaseError, match="the gate did not pass"):
        release.publish(publisher.home, publisher.settings, run_id="run-1")
    assert names(publisher.home.releases) == []
    assert release.live(publisher.home) is None


def test_another_run_s_candidate_is_not_published(publisher: Publisher, rendered: None) -> None:
    other = Publisher(publisher.home, publisher.settings, replace(publisher.context, run_id="run-2"))
    _judged(other)
    with pytest.raises(ReleaseError, match="the gate did not pass run run-1"):
        release.publish(publisher.home, publisher.settings, run_id="run-2")
