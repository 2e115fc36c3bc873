"""What things cost without a clock: Python calls, switches, and objects that stay.

    python bench/budget.py             compares with bench/budget.json; fails at 5 % more
    python bench/budget.py --record    records anew, on purpose
    python bench/budget.py --show      prints each function's calls

Counted are calls of functions that stand in the source of bleio, by programs and engine alike, for
one notification, read, look, advertising report and connection: in a world, and on a scripted
controller, whose bytes come to the engine of the process one packet at a time. Switches are, in a
world, calls in another greenlet than the call before; in a process, functions that are handed to
the engine's thread. Objects are those of the garbage collector that are still there afterwards; a
world keeps the last packets on air for its trace.

The figures are the same in each run and on each machine, and for all versions of Python.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from budget_script import SCRIPTS, on_script
from budget_world import WORLDS, in_world
from profile_calls import Cost, profiled

FILE = Path(__file__).with_name("budget.json")
TIMES = 50
MORE = 1.05
SLACK = {"calls": 0.0, "switches": 0.05, "objects": 0.25}  # what is there once, divided by TIMES


def measure() -> dict[str, Cost]:
    """Count everything."""
    costs = {}
    with profiled(in_world=False) as profile:
        for what in SCRIPTS:
            costs[f"scripted controller: {what}"] = on_script(what, profile, TIMES)
    for what in WORLDS:
        costs[f"world: {what}"] = in_world(what, TIMES)
    return costs


def complaints(found: Cost, recorded: Cost) -> Iterator[str]:
    """Say what costs more than was recorded, and which functions came to it."""
    for name in ("calls", "switches", "objects"):
        now, before = getattr(found, name), getattr(recorded, name)
        if now > before * MORE + SLACK[name]:
            yield f"{now:g} {name}, {before:g} were recorded"
            if name == "calls":
                more = Counter(found.functions)
                more.subtract(recorded.functions)
                for function, count in more.most_common(15):
                    if count >= 0.05:
                        yield f"    {count:+8.2f}  {function}"


def recorded() -> dict[str, Cost]:
    """Read the budget."""
    return {name: Cost(**cost) for name, cost in json.loads(FILE.read_text()).items()}


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help="write what things cost now")
    parser.add_argument("--show", action="store_true", help="print each function's calls")
    options = parser.parse_args()
    costs = measure()
    before = recorded() if FILE.exists() else {}
    failed = False
    for name, cost in costs.items():
        counted = f"{cost.calls:8.2f} calls{cost.switches:7.2f} switches{cost.objects:7.2f} objects"
        print(f"{name:44}{counted}")
        if options.show:
            for function, count in sorted(cost.functions.items(), key=lambda each: -each[1]):
                print(f"    {count:8.2f}  {function}")
        if not options.record:
            for complaint in complaints(cost, before[name]):
                failed = True
                print(f"    {complaint}")
    if options.record:
        as_json = {name: cost._asdict() for name, cost in costs.items()}
        FILE.write_text(json.dumps(as_json, indent=1, sort_keys=True) + "\n")
    elif failed:
        sys.exit(f"More than {FILE.name} allows. If it has to be: python bench/budget.py --record")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bleio-") as state:
        os.environ["BLEIO_STATE_DIR"] = state
        main()
