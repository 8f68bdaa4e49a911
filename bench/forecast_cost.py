"""What a forecast of a million deals costs: `python -m bench.forecast_cost`, seconds and peak memory of one process.

What belongs here: a large company's relations, written once, and the measurement. What does not: how right a forecast
is (forecast.py). The company is the world `large_stable` many times over, each copy with deals of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

FOLDER = Path(tempfile.gettempdir()) / "saleshouse-bench-forecast"
RELATIONS = ("deals", "states", "stages", "months", "activities")
SEED = 77


def write(folder: Path, deals: int) -> None:
    """The relations as Parquet files; copies of one company of about 30,000 deals."""
    from bench.forecast import offer
    from forecasting.history import prepare
    from simulator.worlds import WORLDS, generate

    company = generate(next(world for world in WORLDS if world.name == "large_stable"), SEED)
    copies = max(1, round(deals / len(company.deals)))
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        offer(connection, company)
        inputs = prepare(connection, company.last_day, with_activities=True)
        for name in RELATIONS:
            source = getattr(inputs, name)
            columns = {row[0] for row in connection.execute(f"describe {source}").fetchall()}
            select, copied = "*", ""
            if "deal_key" in columns:
                # Every fourth copy has sellers of its own.
                owner = ", owner || ' ' || (copy % 4) as owner" if "owner" in columns else ""
                select, copied = (
                    f"* replace (deal_key || '-' || copy as deal_key{owner})",
                    f", range({copies}) as c (copy)",
                )
            path = folder / f"{name}.parquet"
            connection.execute(
                f"copy (select {select.replace(' replace', ' exclude (copy) replace') if copied else select} "
                f"from {source}{copied}) to '{path}'"
            )
    (folder / "day").write_text(company.last_day.isoformat())


def measure(folder: Path) -> dict[str, object]:
    """One forecast in this process."""
    from forecasting import Inputs, forecast

    with duckdb.connect(config={"memory_limit": "1500MB", "threads": 2}) as connection:
        for name in RELATIONS:
            connection.execute(f"create view {name} as select * from read_parquet('{folder / name}.parquet')")
        counted = connection.execute("select (select count(*) from deals), (select count(*) from states)").fetchone()
        as_of = date.fromisoformat((folder / "day").read_text())
        started, cpu = time.perf_counter(), time.process_time()
        result = forecast(connection, as_of=as_of, inputs=Inputs(activities="activities"))
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "deals": counted[0] if counted else 0,
        "states": counted[1] if counted else 0,
        "open deals": len(result.deals) // max(result.deals["month_offset"].nunique(), 1),
        "errors": len(result.errors),
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_mb": round(peak),
        "seconds": {name: round(value, 1) for name, value in result.seconds.items()},
    }


def main() -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast_cost", description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.folder / str(arguments.deals)
    if arguments.measure:
        print(json.dumps(measure(folder), indent=1))
        return 0
    if not (folder / "day").is_file():
        write(folder, arguments.deals)
    # A process of its own, so that nothing but the forecast counts.
    command = [sys.executable, "-m", "bench.forecast_cost", "--measure", "--deals", str(arguments.deals)]
    return subprocess.run([*command, "--folder", str(arguments.folder)], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
