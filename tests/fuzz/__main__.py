"""`python -m fuzz`: see `--help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz the product.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all if none is named")
    parser.add_argument("--minutes", type=float, default=10, help="in all; 10 if not given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--keep", action="store_true", help="choose anew what is in corpus/")
    parser.add_argument("--again", nargs=2, metavar=("TARGET", "HEX"), help="run one input")
    for mode in ("--guided", "--unguided"):
        parser.add_argument(mode, nargs=2, metavar=("TARGET", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if mode := arguments.guided or arguments.unguided:
        # Before anything of the product is loaded; see `driver.guided`.
        from fuzz import driver

        target, seconds = mode[0], int(mode[1])
        folder = Path(__file__).parents[2] / ".fuzz" / target
        (driver.guided if arguments.guided else driver.unguided)(target, seconds, folder)
        return 0

    from fuzz import runs
    from fuzz.targets import TARGETS

    if arguments.again:
        target, digits = arguments.again
        TARGETS[target].run(bytes.fromhex(digits))
        print("It holds.")
        return 0
    names = arguments.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    if arguments.keep:
        runs.keep(names)
        return 0
    outcomes = runs.run_all(arguments.minutes, names, arguments.jobs)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    print(f"\n{sum(outcome.inputs for outcome in outcomes)} inputs, {len(findings)} findings")
    for finding in findings:
        print(f"\n{finding}")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
