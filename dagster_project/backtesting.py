"""What a backtest is made over: a folder of CSV files, a home's live release, or a raw lake, of which marts are built.

What belongs here: telling the three apart, and building the few marts of a raw lake aside. What does not: reading CSV
files or marts (forecasting/), scores.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from configuration.errors import MalformedData
from configuration.paths import Home
from forecasting import folder, marts

if TYPE_CHECKING:
    import duckdb

    from configuration.model import Settings

SELECTION = (
    *("--resource-type", "model", "--resource-type", "seed"),
    "--select",
    *(f"+{name}" for name in marts.NEEDED),
)


def read(connection: "duckdb.DuckDBPyConnection", data: Path, as_of: date | None) -> folder.Given:
    """Deals up to `as_of`, else up to the newest day told. Raises MalformedData where `data` is none of the three."""
    for told in (data / "current" / "marts.duckdb", data / "marts.duckdb"):
        if told.is_file():
            return marts.read(connection, told, as_of)
    for raw in (data / "raw", data):
        if (raw / "_loads").is_dir():
            return _built(connection, raw, as_of)
    if data.is_dir() and not any((data / f"{name}.csv").exists() for name in folder.NEEDED):
        raise MalformedData(
            "it holds no deals: neither CSV files (deals.csv, history.csv, stages.csv), nor a live release "
            "(current/marts.duckdb), nor a raw lake (_loads)",
            where=str(data), effect=folder.EFFECT, fix="name one of the three (see docs/forecast.md)",
        )  # fmt: skip
    return folder.read(connection, data, as_of)


def _built(connection: "duckdb.DuckDBPyConnection", raw: Path, as_of: date | None) -> folder.Given:
    """Of a raw lake, with the settings that every command reads. The lake itself is only read."""
    from configuration.model import load
    from warehouse.build import build, run_context

    settings = load()
    with TemporaryDirectory(prefix="saleshouse-backtest-") as temporary:
        home = Home(Path(temporary))
        for file in sorted(path for path in raw.rglob("*") if path.is_file()):
            link = home.raw / file.relative_to(raw)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.resolve())
        day = as_of or _last_day(home, settings)
        build(home, settings, run_context(home, settings, as_of=day, run_id="backtest"), selection=SELECTION)
        return marts.read(connection, home.candidate, as_of)


def _last_day(home: Home, settings: "Settings") -> date:
    """The last day that was over when a source was asked for the last time."""
    from ingestion import ledger

    asked = [datetime.fromisoformat(load.arguments.get("now") or load.landed_at) for load in ledger.read(home)]
    if not asked:
        raise MalformedData(
            "nothing has landed in it", where=str(home.raw), effect=folder.EFFECT, fix="run `saleshouse run` first"
        )
    return max(asked).astimezone(ZoneInfo(settings.company.reporting_timezone)).date() - timedelta(days=1)
