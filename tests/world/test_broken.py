"""Five broken programs, and whether the report of each names its fault in its first lines."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "failure_reports.py"))
CASES = {case.test: case for case in TOOL["CASES"]}

NAMED = {
    "check_permission.py": (
        "reader failed at 0.",
        "ATT error Insufficient Authentication (0x05) while reading characteristic Battery Level",
        "of sensor",
        "connection.pair()",
        'battery_reader.py:14: print("Battery:", level.value[0])',
    ),
    "check_line.py": (
        "display failed at 2.",
        "JSONDecodeError",
        "weather_display.py:18: reading = json.loads(line)",
        'station -> display ATT Notification UART TX (0x0014) = "{\\"temperature\\": 21.5"',
    ),
    "check_race.py": (
        "gate1 -> counter ATT Write UUID ffc1 (0x0012) = 01",
        "gate2 -> counter ATT Write UUID ffc1 (0x0012) = 01",
        "again: pytest check_race.py::test_each_visitor_is_counted --ble-seeds ",
    ),
    "check_leaving.py": (
        "logger failed at 12.",
        "ConnectionError: Not connected",
        "Connection Timeout (0x08)",
        "at handle 0x0012 of thermometer",
        "logger.py:15",
    ),
    "check_order.py": (
        "key waits since 0.44",
        'key.py:15: print("The lock says", answers.readline())',
        'key -> lock ATT Write UUID ffe1 (0x0012) = "OPEN\\n"',
        "key -> lock ATT Write Client Characteristic Configuration of UUID ffe2",
    ),
}


def reports() -> dict[str, str]:
    """Return the reports that the documentation has."""
    page = (ROOT / "docs" / "failures.md").read_text("utf-8")
    found = {}
    for case in CASES.values():
        section = page.partition(f"## {case.title}\n")[2]
        report = section.partition(f"Its report:\n\n{TOOL['SHOWN']}\n```text\n")[2]
        found[case.test] = report.partition("\n```\n")[0]
    return found


def test_each_fault_has_its_program() -> None:
    assert CASES.keys() == NAMED.keys()
    files = {path.name for path in (ROOT / "tests" / "world" / "broken").glob("*.py")}
    assert files == {*CASES, *(name for case in CASES.values() for name in case.programs)}


@pytest.mark.parametrize("test", CASES)
def test_the_first_lines_name_the_fault(test: str) -> None:
    first = reports()[test].splitlines()[: TOOL["FIRST"]]
    told = " ".join(" ".join(first).split())
    for part in NAMED[test]:
        assert part in told, f"{part!r} is not in\n{told}"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="tracebacks differ")
def test_the_documentation_has_what_is_printed() -> None:
    assert (ROOT / "docs" / "failures.md").read_text("utf-8") == TOOL["page"]()


def test_one_seed_of_twenty_meets_the_race() -> None:
    report = reports()["check_race.py"]
    fails = re.search(r"1 of 20 seeds fails: (\d+);", report)
    assert fails is not None
    assert f"World with seed {fails[1]}," in report.partition("check_race.py:6")[0]
