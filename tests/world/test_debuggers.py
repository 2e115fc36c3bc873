"""Debuggers in the programs of a world, on a terminal."""

from __future__ import annotations

import select
import sys
import time
from code import InteractiveConsole
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bleio.testing import DeviceBlocked, World
from support.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
BLEIO = [sys.executable, "-m", "bleio"]
PROGRAM = """
import time
time.sleep(2)
seen = "in the program"
breakpoint()
time.sleep(3)
print("went on at", round(time.monotonic()))
"""
TEST = """
def test_it(ble_world):
    program = ble_world.add("program.py")
    ble_world.run()
    assert "went on at 5" in program.text
"""
BLOCKED_SOON = "import pytest\n@pytest.mark.ble(blocked_after_s=0.3)"


def wait_for_real(seconds: float) -> None:
    select.select([], [], [], seconds)


def write(folder: Path, program: str, test: str = TEST) -> None:
    (folder / "program.py").write_text(program)
    (folder / "test_it.py").write_text(f"{BLOCKED_SOON}{test}")


def test_a_breakpoint_in_a_program_of_a_test(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    with Terminal([*PYTEST, "test_it.py"], tmp_path) as terminal:
        terminal.expect("(Pdb) ")
        time.sleep(1)  # longer than a program may block
        terminal.type("seen.upper()")
        terminal.expect("'IN THE PROGRAM'")
        terminal.type("time.monotonic()")
        terminal.expect("2.000")
        terminal.type("c")
        terminal.expect("1 passed")
        assert terminal.end() == 0
        assert terminal.is_sane()


def test_a_breakpoint_in_a_function(tmp_path: Path) -> None:
    test = (
        "\ndef test_it(ble_world):\n"
        "    def steps():\n"
        "        import time\n"
        "        breakpoint()\n"
        "        time.sleep(1)\n"
        "        print('after')\n"
        "    ble_world.add(steps)\n"
        "    ble_world.add(steps, name='other', start_s=0.5)\n"
        "    ble_world.run()\n"
        "    assert ble_world.now_s < 2\n"
    )
    write(tmp_path, "", test)
    with Terminal([*PYTEST, "-s", "test_it.py"], tmp_path) as terminal:  # two at once
        terminal.expect("-> ")
        terminal.expect("(Pdb) ")
        terminal.type("n")
        terminal.expect("(Pdb) ")
        terminal.type("n")  # over the sleep, in which the other one stops
        terminal.expect("(Pdb) ")
        terminal.type("c")
        terminal.expect("(Pdb) ")
        terminal.type("c")
        terminal.expect("1 passed")
        assert terminal.end() == 0
        assert terminal.is_sane()


def test_ctrl_c_in_a_debugger_does_not_end_the_world(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    with Terminal([*PYTEST, "test_it.py"], tmp_path) as terminal:
        terminal.expect("(Pdb) ")
        terminal.type("import itertools")
        terminal.expect("(Pdb) ")
        terminal.type("sum(itertools.cycle([0, 0]), 0) if 0 else [None for _ in iter(int, 1)]")
        time.sleep(0.3)
        terminal.press_ctrl_c()
        terminal.expect("KeyboardInterrupt")
        terminal.expect("(Pdb) ")
        terminal.type("c")
        terminal.expect("1 passed")
        assert terminal.end() == 0
        assert terminal.is_sane()


def test_whoever_quits_a_debugger_ends_the_run(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    with Terminal([*PYTEST, "test_it.py"], tmp_path) as terminal:
        terminal.expect("(Pdb) ")
        terminal.type("q")
        terminal.expect("Quitting debugger")
        assert terminal.end() == 2
        assert terminal.is_sane()


def test_after_a_failure_the_debugger_is_where_the_program_failed(tmp_path: Path) -> None:
    program = "import _bleio\nwanted = 'a name'\n_bleio.adapter.start_scan(timeout=-1)\n"
    write(tmp_path, program)
    with Terminal([*PYTEST, "test_it.py", "-x", "--pdb"], tmp_path) as terminal:
        terminal.expect("entering PDB")
        terminal.expect("program.py(3)<module>()")
        terminal.expect("(Pdb) ")
        terminal.type("wanted.upper()")
        terminal.expect("'A NAME'")
        terminal.type("c")
        terminal.expect("1 failed")
        terminal.end()
        assert terminal.is_sane()


def test_a_breakpoint_in_a_simulation(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    (tmp_path / "other.py").write_text("import time\ntime.sleep(4)\nprint('other')\n")
    with Terminal([*BLEIO, "sim", "program.py", "other.py"], tmp_path) as terminal:
        terminal.expect("(Pdb) ")
        time.sleep(2.5)  # longer than until progress is shown
        terminal.type("seen")
        told = terminal.expect("'in the program'")
        assert "simulated" not in told
        terminal.type("c")
        terminal.expect("[    4.000000 other] other")
        terminal.expect("program] went on at 5")
        assert terminal.end() == 0
        assert terminal.is_sane()


def test_whoever_quits_a_debugger_ends_a_simulation(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    with Terminal([*BLEIO, "sim", "program.py"], tmp_path) as terminal:
        terminal.expect("(Pdb) ")
        terminal.type("q")
        assert terminal.end() == 1
        assert "Traceback" not in terminal.shown
        assert terminal.is_sane()


def _ide(stop: Any) -> Any:
    """Return what an IDE's debugger does: it has a trace function that waits by the real clock."""
    source = (
        "def trace(frame, event, argument):\n"
        "    if event == 'line' and frame.f_locals.get('here') == 1:\n"
        "        stop(frame)\n"
        "    return trace\n"
    )
    space: dict[str, Any] = {"__name__": "pydevd", "stop": stop}
    exec(source, space)
    return space["trace"]


def test_a_debugger_that_traces_may_stop_for_as_long_as_it_likes() -> None:
    stopped: list[float] = []

    def stop(frame: FrameType) -> None:
        if not stopped:
            wait_for_real(1.0)
        stopped.append(world.now_s)

    def program() -> None:
        sys.settrace(trace)
        go()
        sys.settrace(None)
        time.sleep(1)

    def go() -> None:
        here = 0
        here += 1
        time.sleep(2)
        here += 1

    trace = _ide(stop)
    with World(blocked_after_s=0.3) as world:
        world.add(program)
        world.run()
        assert stopped[0] == 0
        assert world.now_s == pytest.approx(3, abs=0.001)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
def test_a_debugger_that_monitors_may_stop_for_as_long_as_it_likes() -> None:
    monitoring = vars(sys)["monitoring"]
    stopped: list[float] = []
    space: dict[str, Any] = {"__name__": "_pydevd_sys_monitoring", "stop": wait_for_real}
    exec("def line(code, number):\n    stop(1.0)\n    told()\n    return off", space)

    def program() -> None:
        time.sleep(2)
        time.sleep(1)

    space["told"] = lambda: stopped.append(world.now_s)
    space["off"] = monitoring.DISABLE
    tool = monitoring.DEBUGGER_ID
    monitoring.use_tool_id(tool, "test")
    try:
        monitoring.register_callback(tool, monitoring.events.LINE, space["line"])
        with World(blocked_after_s=0.3) as world:
            world.add(program)
            code = program.__code__
            monitoring.set_local_events(tool, code, monitoring.events.LINE)
            world.run()
            assert world.now_s == pytest.approx(3, abs=0.001)
    finally:
        monitoring.free_tool_id(tool)
    assert stopped == [] or stopped[0] == 0


def test_a_makers_module_that_is_called_as_pythons_console_is_no_debugger(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("def go():\n    while True:\n        pass")
    (tmp_path / "computes.py").write_text("import code\ncode.go()")
    with World(blocked_after_s=0.3, folder=tmp_path) as world:
        world.add("computes.py")
        with pytest.raises(DeviceBlocked, match=r"computes has neither"):
            world.run()


def test_pythons_console_in_a_program_may_wait_for_as_long_as_it_likes() -> None:
    def program() -> None:
        InteractiveConsole({"wait": wait_for_real}).push("wait(1.0)")
        time.sleep(1)

    with World(blocked_after_s=0.3) as world:
        world.add(program)
        world.run()
        assert world.now_s == pytest.approx(1, abs=0.001)


def test_a_world_in_real_time_is_not_behind_after_a_stop() -> None:
    space: dict[str, Any] = {"__name__": "pdb", "wait_for_real": wait_for_real}
    exec("def wait():\n    wait_for_real(1.0)", space)

    def program() -> None:
        space["wait"]()
        time.sleep(0.2)

    with World(real_time=True) as world:
        world.add(program)
        world.run()
        assert world.clock.pace is not None
        assert world.clock.pace.times_behind == 0
