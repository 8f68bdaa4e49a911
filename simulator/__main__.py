"""`python -m simulator`: serve the vendors, write their files, compare a release with the truth.

What belongs here: arguments. What does not: anything that serves, writes or compares.
"""

import argparse
import gc
import importlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

DEMO_NOW = datetime(2026, 6, 18, 6)
COMPANY = {"seed": 7, "scale": 1.0}


def main() -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the vendors' interfaces on loopback")
    write = commands.add_parser("write", help="write the vendors' files once")
    verify = commands.add_parser("verify", help="compare a release with the truth")
    for command in (serve, write, verify):
        command.add_argument("--seed", type=int, default=None if command is verify else COMPANY["seed"])
        command.add_argument(
            "--scale", type=float, default=None if command is verify else COMPANY["scale"],
            help="1.0: 20,000 contacts, 6,000 deals, 1M events" + ("; of the home's demo" if command is verify else ""),
        )  # fmt: skip
        command.add_argument("--now", type=datetime.fromisoformat, help="ISO time, UTC; 2026-06-18T06:00 unless given")
    serve.add_argument("--port", type=int, default=8765, help="0: any free port")
    serve.add_argument("--port-file", type=Path, help="the port is written here once requests are taken")
    serve.add_argument("--files", type=Path, help="folder for the GA4 export and the finance lists")
    write.add_argument("--files", type=Path, required=True)
    write.add_argument("--export", action="store_true", help="also the other CRM's export")
    serve.set_defaults(now=DEMO_NOW)
    write.set_defaults(now=DEMO_NOW)
    verify.add_argument("--list", action="store_true", dest="show", help="print what is compared, and stop")
    verify.add_argument("--home", type=Path, default=Path(os.environ.get("SALESHOUSE_HOME", "var")))
    verify.add_argument("--release", help="a sealed release; the live one unless given")
    arguments = parser.parse_args()

    if arguments.command == "verify":
        of_home = company_of(arguments.home)
        seed = of_home["seed"] if arguments.seed is None else arguments.seed
        scale = of_home["scale"] if arguments.scale is None else arguments.scale
        verification = importlib.import_module("simulator.verify")
        code: int = verification.main(
            home=arguments.home, seed=int(seed), scale=scale, now=arguments.now,
            release=arguments.release, show=arguments.show,
        )  # fmt: skip
        return code

    from simulator.company import generate

    # The company is never garbage: looking for some while it grows takes a tenth of the time.
    gc.disable()
    company = generate(seed=arguments.seed, scale=arguments.scale)
    from simulator import exports, server

    if arguments.command == "write":
        written = server.write_files(company, arguments.now, arguments.files)
        if arguments.export:
            written += exports.write_export(company, arguments.now, arguments.files / "export")
        print(f"{len(written)} files written below {arguments.files}")
        return 0
    control = server.control_of(company, arguments.now, files=arguments.files)
    # Writing leaves a processor idle, and who asks first would wait for the fold.
    with ThreadPoolExecutor(1) as beside:
        folded = beside.submit(control.crm.portal.fold)
        control.write_files()
        folded.result()
    server.serve(control, arguments.port, arguments.port_file)
    return 0


def company_of(home: Path) -> dict[str, float]:
    """Seed and scale of the company whose days a home of the demo holds; the demo's own where it says nothing."""
    clock = home / "demo" / "clock.json"
    kept = json.loads(clock.read_text(encoding="utf-8")) if clock.exists() else {}
    return {name: kept.get(name, usual) for name, usual in COMPANY.items()}


if __name__ == "__main__":
    raise SystemExit(main())
