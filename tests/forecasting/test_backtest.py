"""The backtest over generated companies, as `make backtest` runs it, on one small company."""

from dataclasses import replace
from pathlib import Path

from bench import forecast as bench
from simulator.worlds import WORLDS


def test_a_company_is_judged_and_the_table_replaces_the_one_before(tmp_path: Path) -> None:
    company = bench.judge(replace(WORLDS[0], months=18, deals=15), 5)
    assert company["next month"]["saleshouse"]["n"] > 5
    assert set(company["weekly"]) == {"7 days left", "14 days left", "21 days left"}
    summary = bench.summarise([company])
    ours = company["next three months"]["saleshouse"]["wape"]
    cut = company["next three months"]["crm_haircut"]["wape"]
    assert abs(summary["against the bars"]["next three months / CRM with haircut"] - ours / cut) < 0.001
    docs = tmp_path / "forecast.md"
    docs.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n")
    text = bench.table([company], summary)
    bench.publish(text, docs)
    assert docs.read_text() == f"before\n{bench.BEGIN}\n{text}\n{bench.END}\nafter\n"
    assert "| tiny | " in text
    assert "at most 0.75" in text


def test_the_published_seeds_are_none_that_were_looked_at() -> None:
    assert len(WORLDS) == 12
    assert min(bench.HELD_OUT) > 9_000
    assert bench.BEGIN in bench.DOCS.read_text()
