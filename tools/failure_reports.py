"""Prints what pytest says of five programs that are broken on purpose, for docs/failures.md.

    tools/failure_reports.py            print the page
    tools/failure_reports.py --write    put it into docs/failures.md

The programs and their tests are in tests/world/broken. A test holds that the page is what is
printed (tests/world/test_broken.py).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BROKEN = ROOT / "tests" / "world" / "broken"
PAGE = ROOT / "docs" / "failures.md"
FIRST = 15  # lines, in which the fault is named


class Case(NamedTuple):
    """A test of `BROKEN`. programs: what it runs. told: the fault, and how the report names it."""

    test: str
    title: str
    programs: tuple[str, ...]
    told: str
    options: tuple[str, ...] = ()


CASES = (
    Case(
        "check_permission.py",
        "A wrong permission",
        ("battery_sensor.py", "battery_reader.py"),
        "The sensor wants the link encrypted, the reader does not pair. The error has its name, the"
        " value that was read, and what helps.",
    ),
    Case(
        "check_line.py",
        "A truncated line",
        ("weather_station.py", "weather_display.py"),
        "A packet holds 20 octets here, and the display takes what one has brought for a line. The"
        " last packet ends in the middle of it.",
    ),
    Case(
        "check_race.py",
        "A race in one seed of twenty",
        ("counter.py", "gate.py"),
        "Two gates read a number and write one more; with one seed of twenty the second reads"
        " before the first has written. The last packets show both writing the same.",
        ("--ble-seeds", "0-19"),
    ),
    Case(
        "check_leaving.py",
        "A peer that leaves",
        ("thermometer.py", "logger.py"),
        "The thermometer is gone after eight seconds, and the logger reads on. The note says why"
        " the link ended.",
    ),
    Case(
        "check_order.py",
        "Subscribing after writing",
        ("lock.py", "key.py"),
        "The lock answers before the key listens. The report says which device waits at which line"
        " for what, and has the write before the subscription.",
    ),
)
INTRODUCTION = f"""# What failures look like

Five pairs of programs as makers write them, each broken on purpose, and what pytest prints of their
tests. The programs are in `tests/world/broken`. The first {FIRST} lines of each report name the
fault. The page is made by `tools/failure_reports.py --write`, with `--tb=short`; a test holds that
it is what is printed.
"""


# For the tests that run the documentation's blocks.
SHOWN = "<!-- shown: tests/world/test_broken.py holds that it is what is printed -->"


def _marks(case: Case, report: str) -> str:
    """Return the comments by which the documentation's tests run a case, and know how it fails."""
    fault = report.partition("\n")[0].partition(": ")[2]
    marks = f"<!-- fails: {fault or 'seeds fail'} -->\n"
    if case.options:
        marks += f"<!-- env: PYTEST_ADDOPTS='{' '.join(case.options)}' -->\n"
    return marks


def report_of(case: Case) -> str:
    """Run a test. Returns: its report, from below its title to the summary."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "broken")
        shutil.copytree(BROKEN, place, ignore=shutil.ignore_patterns("__pycache__"))
        plain = ("-p", "no:cacheprovider", "--color=no", "--tb=short", f"--rootdir={place}")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                *plain,
                f"--rootdir={place}",
                *case.options,
                case.test,
            ],
            cwd=place,
            env={**os.environ, "COLUMNS": "100", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
        )
    found = re.search(r"= FAILURES =+\n_+ .* _+\n(.*?)^=+ ", done.stdout, re.DOTALL | re.MULTILINE)
    if found is None:
        sys.exit(f"{case.test} has not failed as it should:\n{done.stdout}{done.stderr}")
    return _same_everywhere(found[1])


def _same_everywhere(report: str) -> str:
    """Return a report without what depends on Python: carets, and lines of its own library."""
    lines: list[str] = []
    of_library = False
    for line in report.splitlines():
        if line[:1] not in (" ", "E"):
            of_library = re.match(r"\S*[/\\]json[/\\]", line) is not None
        if not of_library and not re.fullmatch(r"\s*[~^]+", line):
            lines.append(line.rstrip())
    return "\n".join(lines)


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for case in CASES:
        report = report_of(case)
        parts.append(f"## {case.title}\n\n{case.told}\n")
        for name in case.programs:
            parts.append(f"`{name}`:\n\n```python\n{(BROKEN / name).read_text('utf-8')}```\n")
        test = (BROKEN / case.test).read_text("utf-8")
        parts.append(f"The test:\n\n{_marks(case, report)}```python\n{test}```\n")
        parts.append(f"Its report:\n\n{SHOWN}\n```text\n{report}\n```\n")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"to {PAGE.relative_to(ROOT)}")
    text = page()
    if parser.parse_args().write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
