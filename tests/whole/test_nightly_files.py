"""A CRM that only exports its lists: what a past day was like is known from the files that had landed for it."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from configuration.model import load
from configuration.paths import REPOSITORY, Home
from ingestion import landing
from simulator.company import generate
from simulator.exports import write_export, write_finance
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
