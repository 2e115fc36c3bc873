"""Programs of tests: what they print."""

from __future__ import annotations

import os
from pathlib import Path

from support.processes import Program

PROGRAM = """
import sys, threading
def speak():
    for _ in range(2000):
        sys.stderr.write("of another\\n")
threading.Thread(target=speak).start()
for number in range(2000):
    print("line", number)
"""


def test_lines_of_two_threads_come_whole(tmp_path: Path) -> None:
    program = Program("two", ["-c", PROGRAM], dict(os.environ), tmp_path)
    program.ends_well()
    assert [line for line in program.lines if line != "of another"] == [
        f"line {number}" for number in range(2000)
    ]
