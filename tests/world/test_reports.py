"""What pytest prints first of a test that failed in a world, in pytest runs of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from world.test_plugin import run

FIRST = 15
PROGRAM = '''
import time


def main():
    """It has more lines than fit."""
{more}
    time.sleep(2)
    raise ValueError("no such thing")


main()
'''
FAILS = """
def test_it(ble_world):
    ble_world.add("program.py")
    ble_world.run()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = "\n".join(f"    assert {number} + 1" for number in range(40))
    (tmp_path / "program.py").write_text(PROGRAM.format(more=lines))
    return tmp_path


def first_lines(text: str) -> list[str]:
    """Return the lines of a report below its title."""
    found = text.partition(" FAILURES ")[2] or text.partition(" ERRORS ")[2]
    lines = found.splitlines()[2:]
    if lines[0].startswith("[gw"):
        lines = lines[1:]
    return lines[:FIRST]


@pytest.mark.parametrize("style", ["auto", "long", "short", "native"])
def test_a_program_that_fails(folder: Path, style: str) -> None:
    text = run(folder, FAILS, f"--tb={style}", "--ble-seed=7")
    first = first_lines(text)
    assert first[0] == "program failed at 2.000000 s: ValueError: no such thing"
    assert first[1] == '  at program.py:48 in main: raise ValueError("no such thing")'
    assert re.match(r"World with seed 7, at 2\.\d+ s; again: ", first[2])
    assert first[2].endswith("again: pytest test_it.py::test_it --ble-seed 7")
    assert "bleio/testing/" not in text.partition("ble_world, seed")[0].replace("\\", "/")
    assert "Traceback (most" not in text.partition("ble_world, seed")[2]


def test_one_line_for_each(folder: Path) -> None:
    text = run(folder, FAILS, "--tb=line")
    assert re.search(r"test_it\.py:\d+: bleio.*: program failed at 2\.000000 s: ValueError", text)


def test_all_frames_are_shown_where_that_is_asked_for(folder: Path) -> None:
    text = run(folder, FAILS, "--full-trace").replace("\\", "/")
    assert "bleio/testing/world.py" in text
    assert first_lines(text)[0].startswith("program failed at 2.000000 s")


def test_workers_of_xdist_tell_the_same(folder: Path) -> None:
    alone, worker = run(folder, FAILS), run(folder, FAILS, "-n1")
    assert first_lines(alone)[:3] == first_lines(worker)[:3]


def test_a_long_text_does_not_hide_where_it_came_from(folder: Path) -> None:
    text = '"".join(["\\n".join(map(str, range(30))), "\\x1b[31m", "y" * 1000])'
    (folder / "program.py").write_text(f"raise ValueError({text})\n")
    first = first_lines(run(folder, FAILS))
    assert first[0] == "program failed at 0.000000 s: ValueError: 0"
    assert first[4].startswith("  at program.py:1: raise ValueError(")
    (folder / "program.py").write_text("raise ValueError('\\x1b[31m' + 'y' * 1000)\n")
    first = first_lines(run(folder, FAILS))
    assert "\\x1b[31m" in "".join(first[:3])
    assert "\x1b[31m" not in "".join(first[:3])
    assert max(map(len, first[:4])) <= 160


def test_an_assertion_of_the_test(folder: Path) -> None:
    text = run(folder, "def test_it(ble_world):\n    ble_world.run_for(1)\n    assert 1 == 2\n")
    first = first_lines(text)
    assert first[0] == "World with seed 0, at 1.000000 s; again: pytest test_it.py::test_it"
    assert "E       assert 1 == 2" in first


def test_a_condition_that_raises(folder: Path) -> None:
    test = "def test_it(ble_world):\n    ble_world.run(until=lambda: {}['a'])\n"
    text = run(folder, test)
    assert "E   KeyError: 'a'" in text
    assert "bleio/testing/" not in text.replace("\\", "/")


def test_a_fixture_that_fails(folder: Path) -> None:
    test = (
        "@pytest.fixture\n"
        "def started(ble_world):\n"
        "    ble_world.add('program.py')\n"
        "    ble_world.run()\n"
        "def test_it(started): pass\n"
    )
    first = first_lines(run(folder, test))
    assert first[0] == "program failed at 2.000000 s: ValueError: no such thing"


def test_a_time_out(folder: Path) -> None:
    test = (
        "def test_it(ble_world):\n"
        "    for number in range(20):\n"
        "        ble_world.add('program.py')\n"
        "    ble_world.run(until=lambda: False, within_s=1)\n"
    )
    first = first_lines(run(folder, test))
    told = " ".join(" ".join(first).split())
    assert "did not come within 1 s of simulated time; running: program, program-2," in told
    assert (
        "program sleeps since 0.000000 s until 2.000000 s, at program.py:47 in main: time.sleep(2)"
        in told
    )
    assert any(line.startswith("World with seed 0") for line in first)


def test_several_seeds_have_the_command_of_theirs(folder: Path) -> None:
    first = first_lines(run(folder, FAILS, "--ble-seeds=3-4"))
    assert first[2].endswith("again: pytest test_it.py::test_it --ble-seeds 3")


def test_a_world_of_the_tests_own_has_no_frames_of_ours_either(folder: Path) -> None:
    test = (
        "from bleio.testing import World\n"
        "def test_it():\n"
        "    with World(seed=5) as world:\n"
        "        world.add('program.py')\n"
        "        world.run()\n"
    )
    text = run(folder, test)
    assert "bleio/testing/" not in text.replace("\\", "/")
    assert "E           The seed of this world is 5." in text.splitlines()
