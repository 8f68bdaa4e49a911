"""What two releases say differently about months that had ended: the rows behind `saleshouse diff`.

What belongs here: finding the rows, made anew where no release holds them. What does not: the comparison itself, which
is the model fct_restatements, whoever asks for it.
"""

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configuration.errors import ReleaseError
from configuration.model import Settings
from configuration.paths import Home
from publishing import release

if TYPE_CHECKING:
    from publishing.release import Release

MODEL = "fct_restatements"
_COLUMNS = "measure, period_start, cause, record_kind, record_key, old_value, new_value, difference"


@dataclass(frozen=True)
class Difference:
    """Rows as dictionaries, the largest of each figure first, and what a reader must know of them."""

    rows: list[dict[str, Any]]
    notes: tuple[str, ...] = ()


def difference(home: Home, settings: Settings, older: str, newer: str) -> Difference:
    """The closed figures of release `newer` against those of release `older`.

    Where the two understand rows differently and `newer` does as this code and these settings do, the older day and
    watermark are built again from raw, which takes as long as a build. Raises ReleaseError when one of them is missing
    or holds no closed figures.
    """
    before, after = release.find(home, older), release.find(home, newer)
    if after.manifest["baseline_release"] == before.id:
        return Difference(_read(after.marts))
    with tempfile.TemporaryDirectory(prefix="saleshouse-diff-") as folder:
        return _compared(home, settings, before, after, Path(folder))


def _compared(home: Home, settings: Settings, before: "Release", after: "Release", folder: Path) -> Difference:
    from warehouse import build, dbt_runner, stores

    pair = []
    for one in (before, after):
        figures = release.read_baseline(one)
        if figures is None:
            raise ReleaseError(
                f"release {one.id} holds no closed figures that can be compared",
                where=str(one.folder),
                effect="nothing was compared",
                fix="name two releases that this version, or a later one, has made",
            )
        pair.append(figures)
    old, new = pair
    work = Home(folder / "comparison")
    manifest = dbt_runner.parse(home)
    context = build.run_context(home, settings, as_of=new.as_of, run_id="diff", known_at=new.known_at)
    notes: list[str] = []
    with ExitStack() as held:
        again = None
        if old.definitions != new.definitions:
            if build.definitions(home, settings, context, manifest) == new.definitions:
                rebuilding = build.rebuilt(home, folder / "rebuilding", old, settings, context, manifest)
                again = held.enter_context(rebuilding)
            else:
                notes.append(
                    f"{after.id} was made by other code or settings than {before.id} and than these: what they have "
                    "changed stands under the sources' causes"
                )
        stores.prepare(work, context, {}, {}, {}, old, again)
        shutil.copyfile(after.marts, work.candidate)
        dbt_runner.build(work, manifest, selection=["--resource-type", "model", "--select", MODEL])
        return Difference(_read(work.candidate), tuple(notes))


def _read(marts: Path) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("attach '" + str(marts).replace("'", "''") + "' as compared (read_only)")
        found = connection.execute(
            f"select {_COLUMNS} from compared.marts.{MODEL} "
            "order by measure, period_start desc, abs(difference) desc, record_key, cause"
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
