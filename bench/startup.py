"""What bleio costs at every start of Python, and what `import _bleio` costs.

python bench/startup.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

RUNS = 40
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
CASES = {"start": "pass", "import _bleio": "import _bleio", "import asyncio": "import asyncio"}


def run_ms(program: str) -> float:
    """Time one process of Python, with modules compiled before as pip leaves them."""
    begin_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, check=True)
    return 1000 * (time.perf_counter() - begin_s)


def own_ms() -> float:
    """Return what importing bleio takes of a start, as Python itself measures it."""
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    ended = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    rows = [line.split("|") for line in ended.stderr.splitlines()]
    (cumulative_us,) = (row[1] for row in rows if row[-1].strip() == "bleio")
    return int(cumulative_us) / 1000


def main() -> None:
    """Interleave the runs, so that a machine that slows down slows all of them."""
    rounds = [{name: run_ms(program) for name, program in CASES.items()} for _ in range(RUNS + 1)]
    for name in CASES:
        taken_ms = median(each[name] for each in rounds[1:])
        ratio = median(each[name] / each["start"] for each in rounds[1:])
        print(f"{name:16}{taken_ms:6.1f} ms, {ratio:.2f} times a start")
    print(f"of a start, bleio's share{median(own_ms() for _ in range(RUNS)):6.2f} ms")


if __name__ == "__main__":
    main()
