"""All programs of a world run in one thread: what each sees of that, and what it does not."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest

from bleio.testing import DeviceBlocked, World
from support.patience import PATIENCE_S

FLAGS = b"\x02\x01\x06"


def test_two_programs_block_inside_of_tasks_of_their_own_loops() -> None:
    said: list[str] = []

    def program(name: str) -> None:
        import asyncio

        async def ticks() -> None:
            for number in range(3):
                time.sleep(1)  # blocks, as CircuitPython's programs do
                said.append(f"{name} {number}")
                await asyncio.sleep(0)
                assert asyncio.current_task() is not None

        async def numbers() -> Any:
            for number in range(3):
                time.sleep(0.5)
                yield number

        async def main() -> None:
            loop = asyncio.get_running_loop()
            await asyncio.gather(ticks(), ticks())
            assert [number async for number in numbers()] == [0, 1, 2]
            time.sleep(1)
            assert asyncio.get_running_loop() is loop

        asyncio.run(main())
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    with World() as world:
        world.add(program, ("one",))
        world.add(program, ("other",))
        world.run()
    assert sorted(said) == sorted(f"{name} {n}" for name in ("one", "other") for n in (0, 1, 2) * 2)


def test_a_program_in_a_loop_of_its_own_may_call_the_engine() -> None:
    def program() -> None:
        import asyncio

        import _bleio

        async def main() -> None:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            _bleio.adapter.start_advertising(FLAGS)
            _bleio.adapter.name = "busy"
            _bleio.adapter.stop_advertising()
            assert asyncio.get_running_loop() is loop
            assert asyncio.current_task() is task

        asyncio.run(main())

    with World() as world:
        world.add(program)
        world.run()


def test_a_trace_function_is_told_of_its_own_program_alone() -> None:
    """Without that, coverage and debuggers would take the frames of one for those of another."""
    lines: dict[str, list[int]] = {}

    def program(name: str, traced: bool) -> None:
        seen = lines.setdefault(name, [])

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if frame.f_code.co_name == "work" and event == "line":
                seen.append(frame.f_lineno - frame.f_code.co_firstlineno)
            return trace

        def work() -> None:
            for _ in range(2):
                time.sleep(1)

        before = sys.gettrace()  # a debugger's or coverage's, which has to be there afterwards
        if traced:
            sys.settrace(trace)
        work()
        assert sys.gettrace() is (trace if traced else before)
        sys.settrace(before)

    with World() as world:
        world.add(program, ("traced", True))
        world.add(program, ("other", True))
        world.add(program, ("untraced", False))
        world.run()
    assert lines == {"traced": [1, 2, 1, 2, 1], "other": [1, 2, 1, 2, 1], "untraced": []}


def test_a_trace_function_is_told_of_the_end_of_each_frame_of_which_it_was_told() -> None:
    """Coverage keeps frames on a stack of its own, and would take one for another."""
    wrong: list[str] = []

    def program() -> None:
        stack: list[FrameType] = []

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if event == "call":
                stack.append(frame)
            elif event == "return" and stack.pop() is not frame:
                wrong.append(frame.f_code.co_name)
            return trace

        def work() -> None:
            for _ in range(3):
                time.sleep(1)

        before = sys.gettrace()
        sys.settrace(trace)
        work()
        sys.settrace(before)
        assert stack == []

    with World() as world:
        world.add(program)
        world.add(program)
        world.run()
    assert not wrong


def test_programs_have_the_trace_function_of_new_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: set[str] = set()

    def trace(frame: FrameType, event: str, argument: object) -> None:
        frames.add(frame.f_code.co_name)

    def first_of_one() -> None:
        time.sleep(1)
        second_of_one()

    def second_of_one() -> None:
        time.sleep(1)

    def first_of_other() -> None:
        time.sleep(1.5)

    monkeypatch.setattr(threading, "_trace_hook", trace)
    with World() as world:
        world.add(first_of_one)
        world.add(first_of_other)
        world.run()
    assert {"first_of_one", "second_of_one", "first_of_other"} <= frames


def test_a_program_may_profile_itself() -> None:
    """Up to Python 3.11 cProfile is a profile function that Python code cannot set."""

    def profiles() -> None:
        import cProfile

        profile = cProfile.Profile()
        profile.enable()
        for _ in range(3):
            time.sleep(1)
        profile.disable()
        assert any("sleep" in str(entry.code) for entry in profile.getstats())

    with World() as world:
        world.add(profiles)
        world.add(source="import time\nfor _ in range(9):\n    time.sleep(0.4)")
        world.run()


def test_devices_by_the_hundreds_sleep_side_by_side() -> None:
    with World() as world:
        for number in range(300):
            world.add(source="import time\ntime.sleep(5)", name=f"device {number}")
        world.run()
        assert world.now_s >= 5


def test_each_program_has_the_same_recursion_left() -> None:
    depths: list[int] = []

    def deep(number: int) -> int:
        try:
            return deep(number + 1)
        except RecursionError:
            return number

    def program() -> None:
        time.sleep(1)
        depths.append(deep(0))

    with World() as world:
        for _ in range(40):
            world.add(program)
        world.run()
    assert len(depths) == 40
    assert max(depths) - min(depths) <= 1


def test_programs_may_use_greenlets_themselves() -> None:
    said: list[tuple[str, float]] = []

    def program() -> None:
        from greenlet import getcurrent, greenlet

        outer = getcurrent()

        def inner() -> int:
            time.sleep(1)
            said.append(("inner", time.monotonic()))
            outer.switch()
            time.sleep(1)
            return 7

        stack = greenlet(inner)
        stack.switch()
        time.sleep(1)
        said.append(("outer", time.monotonic()))
        assert stack.switch() == 7
        said.append(("result", time.monotonic()))

    with World() as world:
        world.add(program)
        world.add(source="import time\nfor _ in range(9):\n    time.sleep(0.4)")
        world.run()
    assert [(what, round(when)) for what, when in said] == [
        ("inner", 1),
        ("outer", 2),
        ("result", 3),
    ]


def test_the_thread_has_the_name_of_the_program_that_runs() -> None:
    names: list[str] = []

    def program() -> None:
        for _ in range(2):
            name = threading.current_thread().name
            names.append(name)
            time.sleep(1)
        threading.current_thread().name = f"{name} again"
        time.sleep(1)
        names.append(threading.current_thread().name)

    with World() as world:
        world.add(program, name="one")
        world.add(program, name="other")
        world.run()
    assert names == ["one", "other"] * 2 + ["one again", "other again"]


def test_other_programs_end_when_one_that_blocks_comes_back() -> None:
    release = threading.Event()
    ended: list[str] = []

    def blocks() -> None:
        try:
            release.wait(PATIENCE_S)
        finally:
            ended.append("blocks")

    def waits() -> None:
        try:
            time.sleep(1000)
        finally:
            ended.append("waits")

    with World(blocked_after_s=0.2) as world:
        world.add(waits)
        thread = world.add(blocks)._participant.thread  # type: ignore[union-attr]
        with pytest.raises(DeviceBlocked, match=r"^blocks has neither"):
            world.run()
    assert ended == []
    release.set()
    assert thread is not None
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert ended == ["blocks", "waits"]


def test_an_exception_of_what_a_program_starts_is_shown_as_a_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[tuple[str, type[BaseException]]] = []

    def hook(args: threading.ExceptHookArgs) -> None:
        assert args.thread is not None
        shown.append((args.thread.name, args.exc_type))

    monkeypatch.setattr(threading, "excepthook", hook)
    with World() as world:
        device = world.add(source="import time\ntime.sleep(2)")
        world.clock.start(lambda: 1 // 0, "divides", 1_000_000)
        world.run()
        assert not device.error
    assert shown == [("divides", ZeroDivisionError)]


def test_a_world_without_the_engine_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        with World() as world:
            world.add(source="import time\ntime.sleep(1)")
            world.run()
            world.add(source="import time\ntime.sleep(1)")
            world.run()
        assert set(threading.enumerate()) <= before


def test_a_program_that_still_sleeps_after_its_world_holds_up_no_traced_function() -> None:
    """It has an exception waiting for it, which Python 3.11 would have all threads look for."""
    release = threading.Event()

    def blocks() -> None:
        release.wait(PATIENCE_S)

    with World(blocked_after_s=0.2) as world:
        thread = world.add(blocks)._participant.thread  # type: ignore[union-attr]
        with pytest.raises(DeviceBlocked):
            world.run()
    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: None)
    try:
        assert time.monotonic() > 0 and _answer() == 42
    finally:
        sys.settrace(before)
        release.set()
    assert thread is not None
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def _answer() -> int:
    return 42


def test_a_recursion_that_ends_in_a_call_leaves_the_adapter_whole() -> None:
    source = """
import sys
import _bleio

adapter = _bleio.adapter
adapter.name

def deep(left):
    if left:
        return deep(left - 1)
    adapter.start_advertising(b"\\x02\\x01\\x06")
    adapter.stop_advertising()

for left in range(sys.getrecursionlimit() - 140, sys.getrecursionlimit()):
    try:
        deep(left)
    except RecursionError:
        pass
    try:
        adapter.stop_advertising()
    except RecursionError:
        pass
adapter.start_advertising(b"\\x02\\x01\\x06")
adapter.stop_advertising()
print("whole")
"""
    with World() as world:
        device = world.add(source=source)
        world.run()
        assert device.text.endswith("whole\n")


def test_ctrl_c_after_the_owners_turn_has_come_leaves_the_world_going(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with World() as world:
        world.add(source="import time\nfor _ in range(50):\n    time.sleep(0.5)")
        turns = world.clock._turns
        take_out = turns.schedule.take_out

        def interrupted(who: Any) -> None:
            if who is not turns.owner:
                take_out(who)
                return
            monkeypatch.undo()
            raise KeyboardInterrupt

        monkeypatch.setattr(turns.schedule, "take_out", interrupted)
        with pytest.raises(KeyboardInterrupt):
            world.run_for(3)
        before_s = world.now_s
        world.run_for(5)
        assert world.now_s >= before_s + 5


DEEP = """
import sys
import time
import _bleio

def deep(left):
    if left:
        return deep(left - 1)
    wait()

for left in range(sys.getrecursionlimit() - 80, sys.getrecursionlimit()):
    reports = iter(_bleio.adapter.start_scan(timeout=9, interval=0.01, window=0.01))
    try:
        deep(left)
    except RecursionError:
        print("caught")
    _bleio.adapter.stop_scan()
"""
LOOKS_DEEP = DEEP.replace("wait()", "time.sleep(1e-4)")
LOOKS_ON_ITS_WAY = """
import time

def deep():
    time.sleep(1e-4)
    deep()

def deeper(left):
    return deeper(left - 1) if left else deep()

for left in range(20):
    try:
        deeper(left)
    except RecursionError:
        print("caught")
"""
WAITS_DEEP = DEEP.replace("wait()", "next(reports, None)")
ADVERTISES = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while time.monotonic() < 20:
    time.sleep(0.5)
"""
SPINS = """
import time
def spins():
    while time.monotonic() < 5:
        pass
spins()
"""
SLEEPS = "import time\nwhile time.monotonic() < 5: time.sleep(2e-5)"


@pytest.mark.parametrize("deep", [LOOKS_DEEP, LOOKS_ON_ITS_WAY, WAITS_DEEP])
@pytest.mark.parametrize("other", [SPINS, SLEEPS, ADVERTISES])
def test_a_recursion_that_ends_in_a_wait_loses_no_other_program(deep: str, other: str) -> None:
    with World(seed=1, blocked_after_s=PATIENCE_S) as world:
        caught = world.add(source=deep)
        world.add(source=other)
        world.run(within_s=1000)
        assert caught.text.count("caught") > 10


def test_a_condition_that_looks_at_the_engine_may_be_asked_deep_in_a_recursion() -> None:
    with World(seed=1) as world:
        caught = world.add(source=LOOKS_ON_ITS_WAY)
        advertiser = world.add(source=ADVERTISES)
        world.run(until=lambda: advertiser.energy.tx_us > 20_000, within_s=300)
        world.run()
        assert caught.text.count("caught") == 20
