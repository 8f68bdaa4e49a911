"""A company read now and then while it lives on: what changed in between is told as it was.

It has not chosen which day counts as the close of a deal, so it is the CRM's date; of a deal's amounts it counts what
recurs in a year, which its CRM makes of lines and changes with them.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.console import Console

from configuration.model import load
from configuration.paths import REPOSITORY, Home
from dagster_project import demo, headless
from ingestion import landing
from publishing import release
from simulator import clock, server
from simulator.company import generate
from simulator.verify import verify
from tests.whole.conftest import rows

pytestmark = pytest.mark.whole

# A company with several deals that were merged soon after they had been read.
SEED, SCALE = 34, 0.02
MORNINGS = [datetime(2025, 3, 2, 6), datetime(2026, 1, 4, 6), datetime(2026, 4, 11, 6), datetime(2026, 6, 18, 6)]


def test_what_is_merged_between_loads_leaves_on_that_day_and_all_agrees_with_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("SALESHOUSE_HOME", str(home.root))
    text = (REPOSITORY / "saleshouse.yml").read_text().replace(": mappings/", f": {REPOSITORY}/mappings/")
    settings_file = tmp_path / "saleshouse.yml"
    text = text.replace("  close_day: stage_event\n", "").replace("headline_amount: amount", "headline_amount: arr")
    settings_file.write_text(text)
    monkeypatch.setenv("SALESHOUSE_CONFIG", str(settings_file))
    console = Console(quiet=True)
    with server.running(generate(seed=SEED, scale=SCALE), MORNINGS[0], files=home.root / "demo") as (address, control):
        for name, value in (demo.CREDENTIALS | demo.addresses(address)).items():
            monkeypatch.setenv(name, value)
        settings = load()
        landing.declare(home)
        for morning in MORNINGS[:-1]:
            control.move(morning.replace(tzinfo=UTC))
            asked = clock.day_start(morning.date(), "Europe/Prague").replace(tzinfo=UTC)
            for source in landing.enabled_sources(settings):
                landing.land(home, source, settings, now=asked)
        control.move(MORNINGS[-1].replace(tzinfo=UTC))
        live = headless.run(home, as_of=date(2026, 6, 17), extract=True, console=console)
        # Two were merged on either side of this day.
        headless.run(home, as_of=date(2026, 1, 10), extract=False, console=console)
    past = next(one for one in release.list_releases(home) if one.as_of == date(2026, 1, 10))
    left = "select count(distinct deal_key) from marts.marts.fct_pipeline_movements where movement = 'deleted' "
    left += "and deal_key in (select deal_key from marts.marts.fct_deals where exclusion_reason = 'merged')"
    assert rows(live.marts, left) == [(7,)]
    assert rows(past.marts, left) == [(4,)]
    apart = "select count(*) from marts.marts.fct_deals where status = 'won' and close_day <> stage_close_date"
    assert rows(live.marts, apart) == [(4,)]
    untold = "select count(*) filter (where amount is null) > 10 and count(*) filter (where amount <> tcv) > 10 "
    untold += "and count(*) filter (where amount is distinct from arr) = 0 from marts.marts.fct_deals"
    for one in (live, past):
        assert rows(one.marts, untold) == [(True,)]
        results = verify(home.root, SEED, SCALE, MORNINGS[-1], one.id)
        assert not [result for result in results if result.differing]
        assert sum(result.compared for result in results) > 200_000
