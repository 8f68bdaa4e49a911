"""`python -m bench`: runs the stages of one size, each in a process of its own, and writes what they cost.

What belongs here: the order of stages, wall and processor time and peak memory of each process, ratios, the result.
What does not: the work itself (stages.py, floor.sql, lake.py).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.lake import FIRST_NOW, SIZES
from configuration.paths import REPOSITORY, Home

_AS_OF = FIRST_NOW.date() - timedelta(days=1)
# The smaller size is measured several times, since a second more or less matters there.
_REPEATS = {"S": 3, "M": 1}


def measure(home: Home, stage: str, *arguments: str) -> dict[str, Any]:
    """Runs one stage: its own result (`seconds`, `cpu_seconds` of the work alone), and what the whole process took.

    Raises RuntimeError with the last lines that the process wrote when it fails.
    """
    command = [sys.executable, "-m", "bench.stages", stage, "--home", str(home.root), *arguments]
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=REPOSITORY)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        out.seek(0)
        errors.seek(0)
        said = out.read().decode().strip().splitlines()
        if process.returncode != 0:
            raise RuntimeError(f"{stage} {' '.join(arguments)}: {errors.read().decode()[-2000:]}")
    result: dict[str, Any] = json.loads(said[-1])
    result["process_seconds"] = round(wall, 2)
    result["process_cpu_seconds"] = round(usage.ru_utime + usage.ru_stime, 2)
    result["peak_mb"] = round(usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024))
    return result


def run(
    home: Home, size: str, scale: tuple[float, float], repeats: int, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """All stages over the lake in `home`, which is written first if it is not there.

    `keep` gets the result so far after every stage, so that a stage that fails does not take the others with it.
    """
    say(f"size {size}: lake of scale {scale[0]:g}, unknown visitors {scale[1]:g}")
    result: dict[str, Any] = {
        "size": size,
        "scale": scale,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "load_average_before": round(os.getloadavg()[2], 1),
    }

    def kept(name: str, value: dict[str, Any], line: str) -> dict[str, Any]:
        result[name] = value
        keep(result)
        say(f"  {line}")
        return value

    lake = measure(home, "lake", "--scale", *map(str, scale))
    kept("lake", lake, f"{sum(lake['rows'][0].values()):,} rows on the first day")
    first, second = lake["watermarks"]
    today = ("--as-of", _AS_OF.isoformat(), "--known-at", str(first))
    tomorrow = ("--as-of", (_AS_OF + timedelta(days=1)).isoformat(), "--known-at", str(second))
    builds, floors = [], []
    for _ in range(repeats):
        _forget(home)
        builds.append(measure(home, "build", "--compared", *today))
        kept("floor_marts_build", _median(builds), f"build of the floor's marts {_told(builds[-1])}")
        floors.append(measure(home, "floor", *today))
        kept("floor", _median(floors), f"floor {_told(floors[-1])}")
    equality = measure(home, "check")
    kept(
        "equality", equality, f"{len(equality['equal'])} tables equal the floor's, {len(equality['different'])} do not"
    )
    _forget(home)
    full = measure(home, "build", *today)
    kept("full_build", full, f"full build with tests {_told(full)}")
    gate = measure(home, "gate")
    kept("gate", gate, f"gate {_told(gate)}, {gate['checks']} checks, failed: {', '.join(gate['failed']) or 'none'}")
    daily = measure(home, "build", *tomorrow)
    kept("daily_build", daily, f"next day {_told(daily)}")
    measure(home, "floor", *tomorrow)
    equality = measure(home, "check")
    kept("equality_next_day", equality, f"{len(equality['equal'])} tables equal, {len(equality['different'])} do not")
    idle = measure(home, "build", *tomorrow)
    kept("idle_build", idle, f"nothing new {_told(idle)}")
    result["ratios"] = _ratios(builds, floors, full, daily)
    result["layers"] = {name: layers(one) for name, one in (("full", full), ("daily", daily), ("idle", idle))}
    result["slowest"] = {name: slowest(one) for name, one in (("full", full), ("daily", daily))}
    keep(result)
    return result


def _told(measured: dict[str, Any]) -> str:
    return f"{measured['seconds']} s, cpu {measured['cpu_seconds']} s, {measured['peak_mb']} MB"


def _forget(home: Home) -> None:
    """What a fresh home does not have; the lake stays."""
    for path in sorted(home.db.rglob("*"), reverse=True) if home.db.exists() else []:
        if path.name != "floor.duckdb":
            path.rmdir() if path.is_dir() else path.unlink()


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run in the middle, with all runs' seconds beside it."""
    ordered = sorted(runs, key=lambda one: one["seconds"])
    return ordered[(len(ordered) - 1) // 2] | {"all_seconds": [one["seconds"] for one in runs]}


def _ratios(
    builds: list[dict[str, Any]], floors: list[dict[str, Any]], full: dict[str, Any], daily: dict[str, Any]
) -> dict[str, float]:
    """Each build is compared with the floor that ran right after it. Processor time is beside the wall, since the wall
    also shows what else the machine had to do; parsing the project is in neither.
    """

    def paired(key: str) -> float:
        pairs = zip(builds, floors, strict=True)
        return round(statistics.median(build[key] / by_hand[key] for build, by_hand in pairs), 2)

    return {
        "floor_marts_by_floor": paired("seconds"),
        "floor_marts_by_floor_cpu": paired("cpu_seconds"),
        "full_with_tests_by_floor": round(full["seconds"] / statistics.median(one["seconds"] for one in floors), 2),
        "full_with_tests_by_floor_cpu": round(
            full["cpu_seconds"] / statistics.median(one["cpu_seconds"] for one in floors), 2
        ),
        "daily_by_full": round(daily["seconds"] / full["seconds"], 3),
        "daily_by_full_cpu": round(daily["cpu_seconds"] / full["cpu_seconds"], 3),
        "daily_staging_and_history_by_full": round(_kept(daily) / _kept(full), 3),
    }


def _kept(built: dict[str, Any]) -> float:
    """Seconds of the nodes whose tables stay."""
    return float(sum(node["seconds"] for node in built["nodes"] if node["layer"] in ("staging", "history")))


def layers(built: dict[str, Any]) -> dict[str, float]:
    """Node seconds by layer; two nodes run at a time, so they add up to more than the wall shows."""
    found: dict[str, float] = {}
    for node in built["nodes"]:
        found[node["layer"]] = round(found.get(node["layer"], 0) + node["seconds"], 2)
    return found


def slowest(built: dict[str, Any], count: int = 15) -> list[dict[str, Any]]:
    return sorted(built["nodes"], key=lambda node: -node["seconds"])[:count]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default="S")
    parser.add_argument("--scale", type=float, help="another size, as the simulator's factor of all")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "saleshouse-bench")
    parser.add_argument("--repeat", type=int, help="how often the compared build and the floor are measured")
    parser.add_argument("--out", type=Path, help="write the result here as JSON as well")
    arguments = parser.parse_args()
    scale = SIZES[arguments.size] if arguments.scale is None else (arguments.scale, arguments.scale)
    size = arguments.size if arguments.scale is None else f"scale-{arguments.scale:g}"
    home = Home((arguments.folder / size).resolve())

    def keep(result: dict[str, Any]) -> None:
        if arguments.out:
            arguments.out.write_text(json.dumps(result, indent=1) + "\n")

    result = run(home, size, scale, arguments.repeat or _REPEATS.get(size, 1), keep)
    print(json.dumps({"ratios": result["ratios"], "layers": result["layers"]}, indent=1))
    different = [*result["equality"]["different"], *result["equality_next_day"]["different"]]
    if different:
        raise SystemExit(f"the floor and the build disagree about {', '.join(different)}")
    # At this stage of the project, at ten million events.
    if size == "M" and result["ratios"]["floor_marts_by_floor"] > 3:
        raise SystemExit("the build takes more than three times the floor")


if __name__ == "__main__":
    main()
