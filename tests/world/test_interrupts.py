"""Ctrl-C at bad moments, conditions that raise, and programs that wait for each other's locks."""

from __future__ import annotations

import cProfile
import sys
import threading
import time
from typing import Any

import pytest

from bleio.testing import DeviceBlocked, World
from bleio.testing.timing.baton import Baton
from bleio.testing.timing.hub import Hub

SPINS = "import time\nwhile True: time.sleep(1)"


class Interrupts:
    """Raises KeyboardInterrupt once, before or after a method."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self._method, self._name = getattr(owner, name), name
        self.when = ""
        monkeypatch.setattr(owner, name, lambda *args: self._call(*args))

    def _call(self, *args: Any) -> Any:
        when, self.when = self.when, ""
        if when == "before":
            raise KeyboardInterrupt
        result = self._method(*args)
        if when == "after" and (result or self._name != "comes_within"):
            raise KeyboardInterrupt
        self.when = when
        return result


@pytest.mark.parametrize(
    ("owner", "method", "when"),
    [
        (Baton, "comes_within", "after"),  # the turn has just come
        (Baton, "comes_within", "before"),
        (Hub, "will_wake", "before"),  # nobody else has it yet
        (Hub, "will_wake", "after"),
        (Hub, "wake", "before"),
        (Hub, "wake", "after"),
    ],
)
def test_a_world_goes_on_after_ctrl_c_as_turns_change(
    owner: type, method: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupts = Interrupts(monkeypatch, owner, method)
    with World() as world:
        device = world.add(source=SPINS)
        world.run_for(1)
        for second in range(1, 4):
            interrupts.when = when
            with pytest.raises(KeyboardInterrupt):
                world.run_for(10)
            interrupts.when = ""
            assert not world.clock.given_up
            world.run_for(second)
        assert device.running


def test_ctrl_c_within_close_ends_the_programs_all_the_same() -> None:
    ended = threading.Event()

    def cleans_up() -> None:
        try:
            time.sleep(1000)
        finally:
            try:
                time.sleep(1)
            finally:
                ended.set()

    def ctrl_c(baton: Baton, seconds: float) -> bool:
        monkeypatch.undo()
        raise KeyboardInterrupt

    world = World()
    world.add(cleans_up)
    world.run_for(1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Baton, "comes_within", ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            world.close()
    assert ended.wait(10)
    world.clock.join(10)
    assert "bleio-world" not in {thread.name for thread in threading.enumerate()}


class Failure(BaseException):
    """As pytest's, which is no Exception."""


@pytest.mark.parametrize("error", [LookupError("as asked"), Failure("as asked")])
@pytest.mark.parametrize("program", ["pass", "import time\ntime.sleep(1)"])
def test_what_a_condition_raises_is_raised_by_run(error: BaseException, program: str) -> None:
    def condition() -> bool:
        if not device.running:
            raise error
        return False

    with World() as world:
        device = world.add(source=program)
        other = world.add(source=SPINS)
        with pytest.raises(type(error), match="as asked"):
            world.run(until=condition)
        assert other.running
        world.run_for(1)


def test_what_a_condition_raises_while_a_program_spins_is_raised_by_run_alone() -> None:
    asked = 0

    def condition() -> bool:
        nonlocal asked
        asked += 1
        if asked == 500:
            raise LookupError("just once")
        return False

    with World() as world:
        spinner = world.add(source="import time\nwhile True: time.monotonic()")
        with pytest.raises(LookupError, match="just once"):
            world.run(until=condition)
        assert spinner.running
        world.run_for(1)


def test_a_lock_that_a_waiting_program_holds_is_blamed() -> None:
    lock = threading.Lock()

    def holds() -> None:
        with lock:
            time.sleep(5)

    def wants() -> None:
        time.sleep(1)
        with lock:
            pass

    world = World(blocked_after_s=0.5)
    world.add(holds)
    world.add(wants)
    with pytest.raises(DeviceBlocked, match=r"wants has neither .* one of holds holds"):
        world.run()
    lock.release()
    with pytest.raises(DeviceBlocked):
        world.run_for(1)
    world.close()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="cProfile is no profile function there")
def test_a_profile_of_one_program_outlives_another() -> None:
    calls: list[int] = []

    def profiled() -> None:
        profile = cProfile.Profile()
        profile.enable()
        time.sleep(2)
        for _ in range(50):
            len("")
        profile.disable()
        calls.extend(each.callcount for each in profile.getstats() if "len" in str(each.code))

    with World() as world:
        world.add(profiled)
        world.add(source="import time\ntime.sleep(1)")
        world.run()
    assert calls[0] >= 50  # and a few of the world
