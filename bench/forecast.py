"""The backtest over twelve generated companies: `python -m bench.forecast`, writes forecast.json and the docs' table.

What belongs here: which seeds, the figures against the bars, the table. What does not: companies (simulator), the
forecast. Seeds below 9,000 were looked at while the method was made; the published figures come from others.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import duckdb

from forecasting import backtest, classics
from forecasting.history import prepare
from simulator.worlds import WORLDS, Company, World, generate

HELD_OUT = (9_001, 9_002, 9_003)
HERE = Path(__file__).parent
RESULT = HERE / "forecast.json"
DOCS = HERE.parent / "docs" / "forecast.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
BARS = {
    "next three months / CRM with haircut": 0.75,
    "next three months / best series": 0.70,
    "next month / CRM with haircut": 0.50,
    "worst company / trailing three": 1.15,
}
SERIES = ("trailing_three", "seasonal_naive", *classics.METHODS)


def offer(connection: duckdb.DuckDBPyConnection, company: Company) -> None:
    """The company's tables as the relations that the backtest prepares its inputs from."""
    for name, table in (("deals", company.deals), ("changes", company.history), ("stages", company.stages),
                        ("activities", company.activities)):  # fmt: skip
        connection.register(f"company_{name}", table)
    connection.execute(
        """
        create temp view company_history as select *, cast(null as varchar) as pipeline from company_changes;
        create temp view company_activity_days as
        select deal_id as deal_key, cast(day as date) as activity_day from company_activities
        """
    )


def judge(world: World, seed: int) -> dict[str, Any]:
    """One company's figures."""
    started = time.process_time()
    company = generate(world, seed)
    with duckdb.connect() as connection:
        offer(connection, company)
        inputs = prepare(connection, company.last_day, with_activities=True)
        result = backtest.run(connection, company.last_day, inputs)
    found = {
        "world": world.name, "about": world.about, "seed": seed, "deals": len(company.deals),
        "last_day": company.last_day.isoformat(), **backtest.headline(result.scores),
        "weekly": backtest.weekly(result.scores), "cpu_seconds": round(time.process_time() - started, 1),
    }  # fmt: skip
    ours = found["next three months"]["saleshouse"]
    print(
        f"{world.name} seed {seed}: {len(company.deals):,} deals, next three months wape {ours['wape']:.3f}", flush=True
    )
    return found


def summarise(companies: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over companies, each counting once, and the figures that have a bar."""
    found: dict[str, Any] = {}
    for period in backtest.HEADLINES:
        found[period] = {
            method: {
                name: _mean([company[period][method][name] for company in companies if method in company[period]])
                for name in ("wape", "bias", "mase", "pinball", "coverage")
            }
            for method in backtest.COMPARED
        }
    quarter, month = found["next three months"], found["next month"]
    ours = quarter["saleshouse"]["wape"]
    series = min(quarter[method]["wape"] for method in SERIES if quarter[method]["wape"] is not None)
    worst = {
        world: _mean([row[period]["saleshouse"]["wape"] for row in rows])
        / _mean([row[period]["trailing_three"]["wape"] for row in rows])
        for period in ("next three months",)
        for world, rows in _by_world(companies).items()
    }
    found["against the bars"] = {
        "next three months / CRM with haircut": round(ours / quarter["crm_haircut"]["wape"], 3),
        "next three months / best series": round(ours / series, 3),
        "next month / CRM with haircut": round(month["saleshouse"]["wape"] / month["crm_haircut"]["wape"], 3),
        "worst company / trailing three": round(max(worst.values()), 3),
        "coverage next three months": round(quarter["saleshouse"]["coverage"], 3),
        "coverage next month": round(month["saleshouse"]["coverage"], 3),
        "bias next three months": round(quarter["saleshouse"]["bias"], 3),
        "bias next month": round(month["saleshouse"]["bias"], 3),
    }
    return found


def _mean(values: list[float | None]) -> Any:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known else None


def _by_world(companies: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for company in companies:
        found.setdefault(company["world"], []).append(company)
    return found


def table(companies: list[dict[str, Any]], summary: dict[str, Any]) -> str:
    """The table of docs/forecast.md: WAPE per kind of company, next month and next three months."""
    heads = ["ours", "trailing 3", "year ago", "CRM haircut", "CRM view", "bias", "in range"]
    lines = [
        "WAPE of the total, mean of each company's seeds; bias and share of actuals within P10 to P90 are ours.",
        "",
        "| company | " + " | ".join(f"month: {head}" for head in heads) + " | "
        + " | ".join(f"three: {head}" for head in heads) + " |",
        "|---" * (1 + 2 * len(heads)) + "|",
    ]  # fmt: skip
    names = ["saleshouse", "trailing_three", "seasonal_naive", "crm_haircut", "crm_view"]
    for world, rows in _by_world(companies).items():
        cells = [world]
        for period in backtest.HEADLINES:
            cells += [
                f"{_mean([row[period][name]['wape'] for row in rows if name in row[period]]):.3f}" for name in names
            ]
            cells.append(f"{_mean([row[period]['saleshouse']['bias'] for row in rows]):+.3f}")
            cells.append(f"{_mean([row[period]['saleshouse']['coverage'] for row in rows]):.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    cells = ["**mean**"]
    for period in backtest.HEADLINES:
        cells += [f"{summary[period][name]['wape']:.3f}" for name in names]
        cells += [f"{summary[period]['saleshouse']['bias']:+.3f}", f"{summary[period]['saleshouse']['coverage']:.2f}"]
    lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| figure | measured | bar |", "|---|---|---|"]
    for name, value in summary["against the bars"].items():
        bar = f"at most {BARS[name]:.2f}" if name in BARS else "0.75 to 0.85" if "coverage" in name else "within 0.03"
        lines.append(f"| {name} | {value:.3f} | {bar} |")
    return "\n".join(lines)


def publish(text: str, docs: Path) -> None:
    """Replaces the table between its marks."""
    old = docs.read_text(encoding="utf-8")
    before, rest = old.split(BEGIN)
    _, after = rest.split(END)
    docs.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(HELD_OUT), help="seeds of each company")
    parser.add_argument("--worlds", nargs="+", choices=[world.name for world in WORLDS], help="all unless given")
    parser.add_argument(
        "--out", type=Path, help="JSON; forecast.json and the docs' table unless worlds or seeds are given"
    )
    arguments = parser.parse_args()
    chosen = [world for world in WORLDS if not arguments.worlds or world.name in arguments.worlds]
    print(f"seeds {', '.join(map(str, arguments.seeds))}")
    if not classics.is_installed():
        print(classics.MISSING)
    companies = [judge(world, seed) for world in chosen for seed in arguments.seeds]
    summary = summarise(companies)
    text = table(companies, summary)
    print(text)
    whole = not arguments.worlds and arguments.seeds == list(HELD_OUT)
    out = arguments.out or (RESULT if whole else None)
    if out:
        result = {"seeds": arguments.seeds, "summary": summary, "companies": companies}
        out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if whole and not arguments.out:
        publish(text, DOCS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
