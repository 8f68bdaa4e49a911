"""A CRM that only exports its lists: the files that had landed tell what a past day was like and what has changed."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from configuration.model import load
from configuration.paths import REPOSITORY, Home
from ingestion import landing
from simulator import clock
from simulator.company import generate
from simulator.exports import write_export, write_finance
from simulator.truth import COMPARISONS, Moment, World
from simulator.verify import compare
from warehouse.build import build, run_context

pytestmark = pytest.mark.whole

SEED, SCALE = 34, 0.02
# What the export keeps no history of, by mart.
TOLD = {
    "fct_deals": (
        "deal_key, stage, status, owner_key, amount, currency, close_date, close_day, forecast_category, next_step, "
        "lost_reason, account_key, contact_key, is_deleted, exclusion_reason"
    ),
    "fct_leads": "lead_key, lifecycle_stage, exit_reason, owner_key, temperature, channel, account_key, is_excluded",
    "dim_accounts": "account_key, owner_key, segment, industry, country, employee_count, is_deleted",
    "dim_contacts": "contact_key, owner_key, account_key, is_deleted",
    "fct_activities": "activity_key, owner_key, deal_key, contact_key, kind",
}


def test_a_past_day_is_told_by_the_files_that_had_landed_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("EXPORTED_COMPANY", str(home.root))
    company = generate(seed=SEED, scale=SCALE)
    settings = load(REPOSITORY / "tests" / "exported_company" / "saleshouse.yml")
    day = date(2026, 3, 31)
    told: list[dict[str, set[tuple[object, ...]]]] = []
    for evening in (datetime(2026, 3, 31, 22, tzinfo=UTC), datetime(2026, 6, 17, 22, tzinfo=UTC)):
        write_export(company, evening, home.root / "export")
        write_finance(company, evening, home.root / "finance")
        for source in landing.enabled_sources(settings):
            landing.land(home, source, settings, now=evening)
        build(home, settings, run_context(home, settings, as_of=day, run_id=f"at-{evening:%m-%d}"))
        with duckdb.connect(str(home.candidate), read_only=True) as built:
            select = {mart: f"select {columns} from marts.marts.{mart}" for mart, columns in TOLD.items()}
            told.append({mart: set(built.execute(query).fetchall()) for mart, query in select.items()})
    then, since = told
    for mart, rows in then.items():
        assert len(rows) > 100
        assert not (rows ^ since[mart]), mart


# What the two systems call by their own names.
OWN_WORDS = {"pipeline_id", "stage_key", "old_value", "new_value", "forecast_category"}


def test_deals_move_from_file_to_file_as_they_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A week of evenings, the one of the daylight-saving change, after a first file that holds what was there before.
    first, last = date(2026, 3, 22), date(2026, 3, 29)
    home = Home(tmp_path / "home")
    monkeypatch.setenv("EXPORTED_COMPANY", str(home.root))
    folder = tmp_path / "company"
    shutil.copytree(REPOSITORY / "tests" / "exported_company", folder)
    written = yaml.safe_load((folder / "saleshouse.yml").read_text())
    needed = {
        "kontor_owners",
        "kontor_accounts",
        "kontor_contacts",
        "kontor_deals",
        "finance_rates",
        "finance_holidays",
    }
    written["sources"]["files"] = [file for file in written["sources"]["files"] if file["name"] in needed]
    (folder / "saleshouse.yml").write_text(yaml.safe_dump(written))
    settings = load(folder / "saleshouse.yml")
    company = generate(seed=SEED, scale=0.1)
    evenings = [clock.day_start(first + timedelta(days=days + 1), "Europe/Prague") for days in range(8)]
    for evening in evenings:
        now = evening.to_pydatetime().replace(tzinfo=UTC)
        write_export(company, now, home.root / "export")
        write_finance(company, now, home.root / "finance")
        for source in landing.enabled_sources(settings):
            landing.land(home, source, settings, now=now)
    build(home, settings, run_context(home, settings, as_of=last, run_id="nightly"))
    world = World(company, Moment(as_of=last, now=evenings[-1]))
    with duckdb.connect(str(home.candidate), read_only=True) as built:
        (unknown,) = built.execute(
            "select sum(unknown_deals) from marts.marts.fct_pipeline_waterfall where level = 'total' and "
            f"view_name = 'all_open' and period_type = 'week' and period_start <= date '{first}'"
        ).fetchone() or (None,)
        assert unknown
        # Deleted and merged records are in no export.
        kept = {key for (key,) in built.execute("select deal_id from marts.marts.fct_deals").fetchall()}
        for mart, day, since, least in (
            ("fct_deal_days", "date_day", first, 400),
            ("fct_deal_changes", "date_day", first + timedelta(days=1), 30),
            ("fct_pipeline_movements", "period_start", first + timedelta(days=1), 100),
        ):
            comparison = next(one for one in COMPARISONS if one.mart == mart)
            measures = {name: kind for name, kind in comparison.measures.items() if name not in OWN_WORDS}
            true, told = (
                compared(table, day, since, kept)
                for table in (getattr(world, mart), built.execute(f"select * from marts.marts.{mart}").df())
            )
            results = list(compare(replace(comparison, measures=measures), true, told))
            assert results[0].compared > least, mart
            assert [result for result in results if result.differing] == []


def compared(table: pd.DataFrame, day: str, since: date, kept: set[str]) -> pd.DataFrame:
    """The rows from a day on of deals that both have, under the ids alone; periods are weeks."""
    plain = table.map(lambda value: value.split(":", 1)[1] if isinstance(value, str) and ":" in value else value)
    wanted = plain["deal_key"].isin(kept) & (pd.to_datetime(plain[day]) >= pd.Timestamp(since))
    if "period_type" in plain:
        wanted &= plain["period_type"] == "week"
    return plain[wanted].assign(**{day: pd.to_datetime(plain[day]).dt.date})
