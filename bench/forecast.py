"""The backtest over twelve generated companies: `python -m bench.forecast`, writes forecast.json and the docs' table.

What belongs here: which seeds, the figures against the bars, the table; with `--oracle` what could be reached at best.
What does not: companies (simulator), the forecast. Seeds below 9,000 were looked at while the method was made; the
published figures come from others, each looked at once.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from forecasting import Settings, backtest, classics, forecast
from forecasting.history import prepare
from simulator.worlds import WORLDS, Company, World, generate, oracle

HELD_OUT = (*range(9_001, 9_004), *range(9_101, 9_107), *range(9_201, 9_207))
FOR_THE_ORACLE = (31, 32, 33, 34)
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
WITHHELD = oracle.Withheld
# What each oracle is told: whether the days of decision, and what is withheld; from the one who knows least on.
ORACLES = {
    "nor the mood so far": (False, WITHHELD.MOOD),
    "nor quality and amounts": (False, WITHHELD.DEALS),
    "without what comes": (False, WITHHELD.COMING),
    "oracle": (False, WITHHELD.NOTHING),
    "told the days": (True, WITHHELD.NOTHING),
}
LIMITS = ("saleshouse", "crm_haircut", *SERIES, *ORACLES)


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
    found: dict[str, Any] = {
        "world": world.name, "about": world.about, "seed": seed, "deals": len(company.deals),
        "last_day": company.last_day.isoformat(), **backtest.headline(result.scores),
        "weekly": backtest.weekly(result.scores), "cpu_seconds": round(time.process_time() - started, 1),
    }  # fmt: skip
    ours = found["next three months"]["saleshouse"]
    print(
        f"{world.name} seed {seed}: {len(company.deals):,} deals, next three months wape {ours['wape']:.3f}", flush=True
    )
    return found


def limits(world: World, seed: int) -> dict[str, Any]:
    """One company's WAPE of the next month and the next three: of ours, the CRM with haircut, series and oracles."""
    company = generate(world, seed)
    settings = Settings(origins=22, weekly_origins=0, errors_of=("total",), with_intervals=False)
    with duckdb.connect() as connection:
        offer(connection, company)
        inputs = prepare(connection, company.last_day, with_activities=True)
        errors = forecast(connection, as_of=company.last_day, inputs=inputs, settings=settings).errors
        if classics.is_installed():
            errors = pd.concat([errors, classics.errors(connection, inputs, errors)], ignore_index=True)
    errors = errors[errors["origin_kind"] == "month_end"]
    known = {
        (day, method): oracle.outlook(company, day, knows_days=knows_days, withheld=withheld)
        for day in sorted(set(errors["origin_day"]))
        for method, (knows_days, withheld) in ORACLES.items()
    }
    found: dict[str, Any] = {"world": world.name, "seed": seed}
    for name, (kind, horizon) in backtest.HEADLINES.items():
        rows = errors[(errors["period_type"] == kind) & (errors["horizon"] == horizon)]
        said = rows.pivot(index="origin_day", columns="method", values="expected_cents").astype(float) / 100
        actual = rows.groupby("origin_day")["actual_cents"].first().astype(float) / 100
        months = 1 if kind == "month" else oracle.MONTHS_AHEAD
        for method in ORACLES:
            said[method] = [known[day, method][:months].sum() for day in said.index]
        counted = said.notna()
        missed = said.sub(actual, axis=0).abs().sum() / counted.mul(actual, axis=0).sum()
        found[name] = {method: round(float(missed[method]), 4) for method in LIMITS if method in said}
    print(f"{world.name} seed {seed}: {found}", flush=True)
    return found


def limits_table(companies: list[dict[str, Any]]) -> str:
    """Mean WAPE of each kind of company; and ours and the oracles' against that of what the bars name."""
    lines: list[str] = []
    shares: list[str] = []
    for period in backtest.HEADLINES:
        table = pd.DataFrame([row[period] for row in companies], index=[row["world"] for row in companies])
        table = table.groupby(level=0, sort=False).mean()
        table.loc["**mean**"] = table.mean()
        mean = table.loc["**mean**"]
        best = str(mean[[name for name in SERIES if name in mean]].idxmin())
        names = {"saleshouse": "ours", "crm_haircut": "CRM haircut", best: best, **{name: name for name in ORACLES}}
        lines += ["", f"| {period} | " + " | ".join(names.values()) + " |", "|---" * (1 + len(names)) + "|"]
        lines += [
            f"| {world} | " + " | ".join(f"{value:.3f}" for value in row[list(names)]) + " |"
            for world, row in table.iterrows()
        ]
        shares += [
            f"{period}, {name} / {against}: {mean[name] / mean[against]:.3f}"
            for against in ("crm_haircut", best)
            for name in ("saleshouse", *ORACLES)
        ]
    return "\n".join([*lines[1:], "", *shares])


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
    names = ["saleshouse", "trailing_three", "seasonal_naive", "crm_haircut", "crm_view"]
    if all(method in row[period] for row in companies for period in backtest.HEADLINES for method in classics.METHODS):
        heads[3:3], names[3:3] = ["AutoETS", "Theta"], classics.METHODS
    lines = [
        "WAPE of the total, mean of each company's seeds; bias and share of actuals within P10 to P90 are ours.",
        "",
        "| company | " + " | ".join(f"month: {head}" for head in heads) + " | "
        + " | ".join(f"three: {head}" for head in heads) + " |",
        "|---" * (1 + 2 * len(heads)) + "|",
    ]  # fmt: skip
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
    parser.add_argument("--seeds", type=int, nargs="+", help="seeds of each company")
    parser.add_argument("--worlds", nargs="+", choices=[world.name for world in WORLDS], help="all unless given")
    parser.add_argument(
        "--out", type=Path, help="JSON; forecast.json and the docs' table unless worlds or seeds are given"
    )
    parser.add_argument(
        "--oracle", action="store_true", help="what could be reached by who knows the companies' hidden process"
    )
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or list(FOR_THE_ORACLE if arguments.oracle else HELD_OUT)
    chosen = [world for world in WORLDS if not arguments.worlds or world.name in arguments.worlds]
    print(f"seeds {', '.join(map(str, arguments.seeds))}")
    if arguments.oracle:
        print(limits_table([limits(world, seed) for world in chosen for seed in arguments.seeds]))
        return 0
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
