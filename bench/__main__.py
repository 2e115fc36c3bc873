"""Runs all benchmarks, and says which goals are met: `make bench`.

    python bench [--only TEXT] [--rounds 5] [--long PART] [--output bench/results.json]
    python bench --page      puts the table of bench/results.json into docs/performance.md

Each measurement is a process of its own, on all cores of the machine and as users have it. Ours and
what it is compared with take turns, so a machine that slows down slows both; figures are medians.
The scripts that measure print JSON and can be run alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from table import BENCH, BENCHMARKS, PAGE, Benchmark, Figures, NotMeasured, Row, long, put_on_page

RESULTS = BENCH / "results.json"
HEAD = f"""\
| {"what":51} | {"ours":>9} | reference | {"of":10} | {"unit":9} |  ratio | {"goal":22} | met  |
|{"-" * 53}|{"-" * 10}:|{"-" * 10}:|{"-" * 12}|{"-" * 11}|{"-" * 7}:|{"-" * 24}|{"-" * 6}|"""


def result(row: Row, rounds: list[Figures]) -> dict[str, object]:
    """Make a line of what was measured."""
    ours = median(each[row.ours] for each in rounds)
    reference = median(each[row.reference] for each in rounds) if row.reference else math.nan
    return {
        "name": row.name,
        "beside": row.beside,
        "unit": row.unit,
        "ours": ours,
        "reference": reference if row.reference else None,
        "ratio": ours / reference if row.reference and reference else None,
        "goal": row.goal.words if row.goal else None,
        "met": row.goal.met(ours, reference) if row.goal else None,
    }


def run(benchmark: Benchmark, rounds: int) -> list[dict[str, object]]:
    """Measure, and print each line as soon as it is known."""
    lines = []
    try:
        figures = [benchmark.measure() for _ in range(rounds)]
        lines = [result(row, figures) for row in benchmark.rows]
    except NotMeasured as why:
        nothing = dict.fromkeys(("ours", "reference", "ratio", "met"))
        for row in benchmark.rows:
            goal = row.goal.words if row.goal else None
            named = {"name": row.name, "beside": row.beside, "unit": row.unit}
            lines.append({**named, **nothing, "goal": goal})
        print(f"not measured: {why}", flush=True)
    for line in lines:
        print(shown(line), flush=True)
    return lines


def shown(line: dict[str, object]) -> str:
    """Return a line of the table, in Markdown."""
    met = {True: "yes", False: "no", None: "" if line["goal"] is None else "not measured"}
    ours, reference, ratio = (number(line[name]) for name in ("ours", "reference", "ratio"))
    return (
        f"| {line['name']:51} | {ours:>9} | {reference:>9} | {line['beside']:10} "
        f"| {line['unit']:9} | {ratio:>6} "
        f"| {line['goal'] or '':22} | {met[line['met']]:4} |"
    )


def number(value: object) -> str:
    """Return three digits, or all before the point."""
    if not isinstance(value, float | int):
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value == 0 or abs(value) >= 0.001 else "< 0.001"


def machine() -> dict[str, object]:
    """Say what this was measured on."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (line.partition(": ")[2] for line in lines if line.startswith("model name")), model
        )
    free = (
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    return {
        "processor": model,
        "cores": len(free),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("bleio", "bumble", "greenlet", "pytest")},
        "load before": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def told(about: dict[str, object]) -> str:
    """Return the machine in one line."""
    return ", ".join(f"{name} {value}" for name, value in about.items())


def recorded() -> str:
    """Return the table of the recorded results."""
    results = json.loads(RESULTS.read_text())
    return "\n".join((f"{told(results['machine'])}\n", HEAD, *map(shown, results["rows"])))


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", metavar="TEXT", help="rows with TEXT in their names")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--long", type=float, metavar="PART", help="of ten million packets; 1 is all"
    )
    parser.add_argument("--output", type=Path, help="a file for the results, as JSON")
    parser.add_argument("--page", action="store_true", help=f"put those of before into {PAGE.name}")
    options = parser.parse_args()
    if options.page:
        put_on_page("make bench", recorded())
        return
    about = {**machine(), "rounds": options.rounds}
    print(told(about))
    print(HEAD)
    begin, lines = time.monotonic(), []
    for benchmark in BENCHMARKS:
        if any(options.only in row.name for row in benchmark.rows):
            lines += run(benchmark, options.rounds)
    if options.long:
        lines += run(long(options.long), 1)
    met = [line["met"] for line in lines if line["goal"]]
    print(f"{met.count(True)} of {len(met)} goals met, in {time.monotonic() - begin:.0f} s")
    if options.output:
        options.output.write_text(json.dumps({"machine": about, "rows": lines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
