"""What starting takes, with modules compiled before, as pip leaves them.

    python bench/startup.py processes    of `import _bleio`, `bleio sim` of two programs, and others
    python bench/startup.py tests        of a `ble_world` test that does nothing, after the first

Prints milliseconds as JSON. Of processes, what a start of Python takes has been taken off, but from
the start itself; `finder` is what bleio adds to each start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
HEAVY = "import sys, _bleio; assert not {'bumble', 'cryptography', 'asyncio'} & set(sys.modules)"
PROGRAMS = (
    "import _bleio; print(_bleio.adapter.address)",
    "import _bleio; print(_bleio.adapter.name)",
)
CASES = {
    "start": ["-c", "pass"],
    "asyncio": ["-c", "import asyncio"],
    "json": ["-c", "import json"],
    "import": ["-c", HEAVY],
    "sim": ["-m", "bleio", "sim", "one.py", "other.py"],
}
TESTS = 40
TEST_FILE = """
import json, time
import pytest
begun = []

@pytest.mark.parametrize("number", range({count}))
def test_nothing({fixture}number):
    begun.append(time.perf_counter())
    if number == {count} - 1:
        steps = sorted(after - before for before, after in zip(begun[1:], begun[2:]))
        with open("took", "w") as file:
            json.dump(1000 * steps[len(steps) // 2], file)
"""


def process_ms(folder: str, arguments: list[str]) -> float:
    """Time one process of Python."""
    begin = time.perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - begin)


def finder_ms() -> float:
    """Return what importing bleio takes of a start, as Python itself measures it."""
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    ended = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    rows = [line.split("|") for line in ended.stderr.splitlines()]
    (cumulative_us,) = (row[1] for row in rows if row[-1].strip() == "bleio")
    return int(cumulative_us) / 1000


def processes(folder: str, rounds: int = 3) -> dict[str, float]:
    """Start one of each in turns, so that a machine that slows down slows all of them."""
    for name, program in zip(("one.py", "other.py"), PROGRAMS, strict=True):
        Path(folder, name).write_text(program)
    taken = [
        {name: process_ms(folder, case) for name, case in CASES.items()} for _ in range(rounds)
    ]
    least = {name: median(each[name] for each in taken[1:]) for name in CASES}
    result = {name: took - least["start"] for name, took in least.items()}
    return {**result, "start": least["start"], "finder": median(finder_ms() for _ in range(3))}


def tests(folder: str) -> dict[str, float]:
    """Return what follows from one test to the next, of empty ones and of those with a world."""
    result = {}
    for name, fixture in ("empty", ""), ("world", "ble_world, "):
        Path(folder, "test_it.py").write_text(TEST_FILE.format(count=TESTS, fixture=fixture))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
        subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
        result[name] = json.loads(Path(folder, "took").read_text())
    return result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder:
        print(json.dumps({"processes": processes, "tests": tests}[sys.argv[1]](folder)))
