"""The work that is measured, each piece in a process of its own: `python -m bench.stages <stage> ...`.

What belongs here: one stage at a time, its result as JSON on the standard output. What does not: measuring the process
and comparing stages (run.py).

build  a candidate from the lake, in the home as it stands: from nothing, or after a day's load
gate   all suites on the candidate that stands
floor  the hand-written script (floor.sql) into a file of its own
check  checksums of the floor's tables against the candidate's
"""

import argparse
import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

from configuration.environment import quiet
from configuration.model import Settings, load
from configuration.paths import REPOSITORY, Home

FLOOR = Path(__file__).with_name("floor.sql")


def floor_marts() -> list[str]:
    """The tables that floor.sql makes in `marts`."""
    opening = "create table marts.marts."
    return [line.split()[2].split(".")[2] for line in FLOOR.read_text().splitlines() if line.startswith(opening)]


def build(home: Home, settings: Settings, as_of: date, known_at: int, *, compared: bool) -> dict[str, Any]:
    """One build; `compared`: only what the floor's marts need, and no tests."""
    from warehouse import build as building
    from warehouse import dbt_runner

    began, spent = time.monotonic(), time.process_time()
    manifest = dbt_runner.parse(home)
    parsed, parsed_cpu = time.monotonic() - began, time.process_time() - spent
    context = building.run_context(home, settings, as_of=as_of, run_id="bench", known_at=known_at)
    selection: list[str] = []
    if compared:
        selection = ["--select", *(f"+{mart}" for mart in floor_marts())]
        selection += ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    began, spent = time.monotonic(), time.process_time()
    candidate = building.build(home, settings, context, manifest=manifest, selection=selection)
    built, built_cpu = time.monotonic() - began, time.process_time() - spent
    nodes = []
    for node in candidate.result.nodes:
        known = manifest.nodes.get(node.unique_id)
        layer = "tests" if "test" in node.kind else "seeds" if node.kind == "seed" else known.fqn[1]
        nodes.append({"name": node.name, "layer": layer, "seconds": round(node.seconds, 3)})
    return {
        "parse_seconds": round(parsed, 2),
        "parse_cpu_seconds": round(parsed_cpu, 2),
        "seconds": round(built, 2),
        "cpu_seconds": round(built_cpu, 2),
        "nodes": nodes,
        "repairs": candidate.repairs,
        "bytes": {
            "history": home.history.stat().st_size,
            "work": home.work.stat().st_size,
            "candidate": home.candidate.stat().st_size,
        },
    }


def gate(home: Home, settings: Settings) -> dict[str, Any]:
    from expectations import runner
    from warehouse import stores

    began, spent = time.monotonic(), time.process_time()
    verdict = runner.run(home.candidate, live=None, settings=settings, context=stores.read_context(home))
    return {
        "seconds": round(time.monotonic() - began, 2),
        "cpu_seconds": round(time.process_time() - spent, 2),
        "checks": len(verdict.checks),
        "failed": [f"{check.mart}.{check.check}" for check in verdict.checks if not check.passed],
    }


def floor(home: Home, settings: Settings, as_of: date, known_at: int) -> dict[str, Any]:
    """Runs floor.sql statement by statement; returns seconds of the slowest ones."""
    import duckdb

    from ingestion import landing, ledger
    from warehouse import build as building

    path = home.db / "floor.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    context = building.run_context(home, settings, as_of=as_of, run_id="bench", known_at=known_at)
    loads = [load_entry for load_entry in ledger.read(home) if load_entry.load_number <= known_at]
    began, spent = time.monotonic(), time.process_time()
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        connection.execute(f"attach '{path}' as marts (storage_version 'v1.4.0'); create schema marts.marts")
        connection.execute("create temp table loads (load_number bigint, _dlt_load_id text)")
        connection.executemany("insert into loads values (?, ?)", [[one.load_number, one.dlt_load_id] for one in loads])
        for name, rule in building._rules(settings).items():
            connection.execute(f"create temp table {name} ({', '.join(f'{column} text' for column in rule.columns)})")
            for row in rule.rows:
                connection.execute(f"insert into {name} values ({', '.join('?' for _ in row)})", list(row))
        for name, source in landing.discover().items():
            for entity in source.ENTITIES:
                files = [str(home.raw / name / entity / "_declared.parquet")]
                for one in loads:
                    if one.source == name and entity in one.entities:
                        files += [str(home.raw / file.path) for file in one.entities[entity].files]
                connection.execute(f"set variable {name}_{entity} = {files!r}")
        variables = {
            "as_of": f"date '{context.as_of}'",
            "as_of_end": f"timestamp '{context.as_of_end}'",
            "start_date": f"date '{context.start_date}'",
            "zone": f"'{context.reporting_timezone}'",
            "reporting_currency": f"'{context.reporting_currency}'",
            "fiscal_year_start_month": str(context.fiscal_year_start_month),
            "first_weekday": str(context.first_weekday),
            "close_day_rule": f"'{context.close_day_rule}'",
            "canonical_channels": f"'{REPOSITORY / 'dbt' / 'seeds' / 'canonical_channels.csv'}'",
        }
        for name, value in variables.items():
            connection.execute(f"set variable {name} = {value}")
        timings = []
        for statement in duckdb.extract_statements(FLOOR.read_text()):
            started = time.monotonic()
            connection.execute(statement)
            words = statement.query.split(" as\n")[0].split()
            timings.append((round(time.monotonic() - started, 3), words[-1]))
        connection.execute("checkpoint marts")
    return {
        "seconds": round(time.monotonic() - began, 2),
        "cpu_seconds": round(time.process_time() - spent, 2),
        "slowest": [{"table": name, "seconds": seconds} for seconds, name in sorted(timings, reverse=True)[:12]],
    }


def check(home: Home) -> dict[str, Any]:
    """Per table of the floor whether rows and checksum equal the candidate's."""
    import duckdb

    from publishing.release import describe

    marts = {path.stem for path in (REPOSITORY / "dbt" / "models" / "marts").rglob("*.sql")}
    equal, different = [], {}
    described: list[dict[str, Any]] = []
    for path in (home.candidate, home.db / "floor.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute("set schema = 'marts'; set TimeZone = 'UTC'")
            described.append({name: describe(connection, name) for name in floor_marts()})
    for name in floor_marts():
        candidate, by_hand = described[0][name], described[1][name]
        if candidate == by_hand:
            equal.append(name)
        else:
            different[name] = {"candidate_rows": candidate["rows"], "floor_rows": by_hand["rows"]}
    return {"equal": equal, "different": different, "not_in_floor": sorted(marts - {*floor_marts()})}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("stage", choices=["build", "gate", "floor", "check", "lake"])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--scale", type=float, nargs=2, metavar=("RECORDS", "VISITORS"))
    parser.add_argument("--as-of", type=date.fromisoformat)
    parser.add_argument("--known-at", type=int)
    parser.add_argument("--compared", action="store_true")
    arguments = parser.parse_args()
    quiet()
    home = Home(arguments.home)
    os.environ["SALESHOUSE_HOME"] = str(home.root)
    if arguments.stage == "lake":
        from bench.lake import written

        result = written(home, *arguments.scale)
    else:
        settings = load()
        if arguments.stage == "build":
            result = build(home, settings, arguments.as_of, arguments.known_at, compared=arguments.compared)
        elif arguments.stage == "gate":
            result = gate(home, settings)
        elif arguments.stage == "floor":
            result = floor(home, settings, arguments.as_of, arguments.known_at)
        else:
            result = check(home)
    # The last line is the result, whatever a tool has printed before it.
    print(json.dumps(result))


if __name__ == "__main__":
    main()
