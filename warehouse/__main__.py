"""`python -m warehouse`: builds a candidate from what has landed, without extracting, judging or publishing."""

import argparse
from datetime import date
from pathlib import Path

from configuration.model import load
from configuration.paths import Home
from warehouse import dbt_runner
from warehouse.build import build, run_context


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m warehouse", description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--parse", action="store_true", help="only check that the dbt project parses")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="only write what is documented, as one HTML page")
    parser.add_argument("--as-of", type=date.fromisoformat)
    parser.add_argument("--known-at", type=int)
    parser.add_argument("--select", nargs="*")
    parser.add_argument("--full-refresh", action="store_true")
    arguments = parser.parse_args()
    home = Home(arguments.home.resolve()) if arguments.home else Home.from_environment()
    if arguments.parse:
        manifest = dbt_runner.parse(home)
        print(f"dbt: {len(manifest.nodes)} nodes parsed")
        return
    if arguments.docs:
        dbt_runner.write_docs(home, arguments.docs)
        print(f"documentation of models, columns and lineage: {arguments.docs}")
        return
    if arguments.as_of is None:
        parser.error("--as-of is needed")
    settings = load(arguments.config)
    context = run_context(home, settings, as_of=arguments.as_of, run_id="development", known_at=arguments.known_at)
    candidate = build(
        home,
        settings,
        context,
        selection=["--select", *arguments.select] if arguments.select else [],
        full_refresh=arguments.full_refresh,
    )
    for line in candidate.repairs:
        print("repaired", line)
    slowest = sorted(candidate.result.nodes, key=lambda node: -node.seconds)[:8]
    for node in slowest:
        print(f"{node.seconds:8.2f} s  {node.kind:6} {node.name}")
    print(f"{len(candidate.result.nodes)} nodes, {sum(node.seconds for node in candidate.result.nodes):.1f} s")


if __name__ == "__main__":
    main()
