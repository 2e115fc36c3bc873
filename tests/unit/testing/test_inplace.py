"""Calls of programs into the engine that need no turn of it: what they must not change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from bleio.errors import BluetoothError
from bleio.runtime.portal import Portal
from bleio.testing.errors import PowerOff
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.inplace import InPlace
from bleio.testing.timing.participant import LOOK_US


class Air:
    """An air with events at given times, each of which says so to the engine's loop."""

    def __init__(self) -> None:
        self.times_us: list[int] = []
        self.happens: Callable[[], object] = lambda: None

    def next_event_us(self) -> int | None:
        return self.times_us[0] if self.times_us else None

    def run_until(self, time_us: int) -> None:
        while self.times_us and self.times_us[0] <= time_us:
            self.times_us.pop(0)
            self.happens()


class Scene:
    """A clock with an engine, and programs that call it. Counts calls that were done in place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.air = Air()
        self.clock = VirtualClock(self.air)
        self.portal = Portal(self.clock)
        self.order: list[str] = []
        self.in_place = 0
        run = InPlace.run

        def counted(place: InPlace, *args: Any) -> None:
            self.in_place += 1
            run(place, *args)

        monkeypatch.setattr(InPlace, "run", counted)
        self.portal.run(self.order.clear)  # the engine has begun

    def run(self, program: Callable[[], object]) -> None:
        """Let a program begin now, and run to its end."""
        errors: list[BaseException] = []

        def guarded() -> None:
            try:
                program()
            except BaseException as error:
                errors.append(error)

        participant = self.clock.start(guarded, "program")
        self.clock.wait_until(participant.has_ended)
        if errors:
            raise errors[0]

    def note(self, word: str) -> None:
        self.order.append(f"{word} {self.clock.now_us}")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    scene = Scene(monkeypatch)
    yield scene
    scene.portal.stop()
    scene.clock.join(1.0)


def test_a_call_of_an_idle_engine_is_done_in_place_and_takes_a_look(scene: Scene) -> None:
    def program() -> None:
        began_us = scene.clock.now_us
        assert scene.portal.run(lambda: scene.clock.now_us) == began_us
        assert scene.clock.now_us == began_us + LOOK_US

    scene.run(program)
    assert scene.in_place == 1


def test_a_coroutine_that_does_not_wait_is_done_in_place(scene: Scene) -> None:
    async def answer() -> int:
        assert asyncio.current_task() is not None
        async with asyncio.Lock():
            return 42

    scene.run(lambda: scene.note(str(scene.portal.call(answer))))
    assert scene.in_place == 1
    assert scene.order[0].startswith("42 ")


def test_a_coroutine_that_waits_goes_on_in_the_engines_turns(scene: Scene) -> None:
    async def slow() -> str:
        scene.note("begun")
        await asyncio.sleep(0)
        await asyncio.sleep(2)
        return "done"

    def program() -> None:
        began_us = scene.clock.now_us
        assert scene.portal.call(slow) == "done"
        assert scene.clock.now_us == began_us + 2_000_000

    scene.run(program)
    assert scene.in_place == 1


def test_what_was_ready_comes_first(scene: Scene) -> None:
    def program() -> None:
        scene.portal.post(scene.note, "posted")
        scene.portal.run(scene.note, "run")

    scene.run(program)
    assert [each.split()[0] for each in scene.order] == ["posted", "run"]
    assert scene.in_place == 0


def test_an_event_of_the_air_that_is_due_comes_first(scene: Scene) -> None:
    at_us = scene.clock.now_us + 1000
    scene.air.times_us = [at_us]

    async def get_loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loop = scene.portal.call(get_loop)
    scene.air.happens = lambda: loop.call_soon(scene.note, "heard")
    scene.clock.start(lambda: scene.portal.run(scene.note, "first"), "first", at_us)
    scene.clock.start(lambda: scene.portal.run(scene.note, "second"), "second", at_us)
    scene.clock.sleep(1.0)
    assert scene.order == [f"heard {at_us}", f"first {at_us}", f"second {at_us}"]


def test_what_a_call_leaves_to_do_comes_next(scene: Scene) -> None:
    def leave() -> None:
        asyncio.get_running_loop().call_soon(scene.note, "left")

    def program() -> None:
        scene.portal.run(leave)
        scene.note("program")

    scene.run(program)
    assert [each.split()[0] for each in scene.order] == ["left", "program"]


def test_timers_of_a_call_are_kept(scene: Scene) -> None:
    handles: list[asyncio.TimerHandle] = []

    def set_timers() -> None:
        loop = asyncio.get_running_loop()
        handles.append(loop.call_later(1.0, scene.note, "cancelled"))
        loop.call_later(2.0, scene.note, "timer")

    def program() -> None:
        scene.portal.run(set_timers)
        scene.portal.run(handles[0].cancel)
        scene.clock.sleep(3.0)

    began_us = scene.clock.now_us
    scene.run(program)
    assert scene.in_place == 2
    assert scene.order == [f"timer {began_us + 2_000_000}"]


def test_the_program_is_the_engine_only_meanwhile(scene: Scene) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    def inside() -> None:
        assert scene.portal.on_engine_thread()
        assert asyncio.get_running_loop() is not None
        scene.clock.look()  # takes no time there
        variable.set("engine's")
        with pytest.raises(RuntimeError, match="would block the thread"):
            scene.portal.run(lambda: None)

    def program() -> None:
        began_us = scene.clock.now_us
        scene.portal.run(inside)
        assert not scene.portal.on_engine_thread()
        assert variable.get() == "unset"
        assert scene.clock.now_us == began_us + LOOK_US
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    scene.run(program)
    assert scene.in_place == 1


def test_what_a_call_raises_is_the_callers(scene: Scene) -> None:
    async def fails() -> None:
        raise BluetoothError("no")

    def program() -> None:
        with pytest.raises(ZeroDivisionError):
            scene.portal.run(lambda: 1 // 0)
        with pytest.raises(BluetoothError, match=r"^no$"):
            scene.portal.call(fails)

    scene.run(program)
    assert scene.in_place == 2


def test_the_last_calls_of_a_program_that_is_ended_do_nothing(scene: Scene) -> None:
    async def late() -> None:
        scene.note("late")

    def program() -> None:
        try:
            scene.clock.sleep(100.0)
        finally:
            scene.portal.call(late)

    participant = scene.clock.start(program, "program")
    scene.clock.sleep(1.0)
    scene.clock.stop(participant, PowerOff)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("threading.excepthook", lambda args: None)
        scene.clock.wait_until(participant.has_ended)
    scene.clock.sleep(1.0)
    assert scene.order == []
    assert scene.in_place == 0


def test_the_owners_calls_are_handed_over(scene: Scene) -> None:
    scene.portal.run(scene.note, "owner")
    assert scene.in_place == 0
    assert scene.order
