"""A world's life: what each state makes of what programs, the engine and the owner do.

Rows of the table are states x inputs. A program gets into a state by what it does before: it blocks
outside of simulated time, while the owner, who waits for it, is interrupted.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from bleio.errors import BluetoothError
from bleio.runtime.portal import Portal
from bleio.testing import DeviceBlocked, Stalled
from bleio.testing.errors import PowerOff
from bleio.testing.timing.baton import Baton
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.participant import LOOK_US
from bleio.testing.timing.turns import WorldLife
from support.patience import PATIENCE_S

# Threads of a world that is abandoned end by an exception, which pytest would show.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Radio:
    """An air on which something happens once each second."""

    def __init__(self) -> None:
        self.ran_until_us = 0

    def next_event_us(self) -> int | None:
        return (self.ran_until_us // 1_000_000 + 1) * 1_000_000

    def run_until(self, time_us: int) -> None:
        self.ran_until_us = time_us


class Silence(Radio):
    """An air on which nothing happens."""

    def next_event_us(self) -> int | None:
        return None


def recalled(clock: VirtualClock) -> bool:
    return clock._turns.life is WorldLife.RECALLED


def given_up(clock: VirtualClock) -> bool:
    return clock.given_up


class Scene:
    """A clock, and a program that waits outside of it until the test lets it go on."""

    interrupts = False
    wants_recall = False

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        air: Radio | None = None,
        blocked_after_s: float = PATIENCE_S,
    ) -> None:
        self._monkeypatch = monkeypatch
        self.set_give_up_s(0.05)
        self.clock = VirtualClock(
            air or Silence(), blocked_after_s=blocked_after_s, watch=self.ctrl_c
        )
        self.portal = Portal(self.clock)
        self.said: list[str] = []
        self.inside, self.gate = threading.Event(), threading.Event()

    def set_give_up_s(self, seconds: float) -> None:
        self._monkeypatch.setattr("bleio.testing.timing.turns.GIVE_UP_S", seconds)

    def say(self, word: str) -> None:
        self.said.append(f"{word} {self.clock.now_us}")

    def program(self, then: Callable[[], object]) -> None:
        self.inside.set()
        assert self.gate.wait(PATIENCE_S)
        while self.wants_recall and not recalled(self.clock):
            time.sleep(0.001)
        try:
            then()
            self.say("went on")
        except PowerOff:
            self.say("ended")
            raise SystemExit from None

    def ctrl_c(self, now_s: float) -> None:
        """Interrupt the owner as soon as the program is outside."""
        if self.interrupts and self.inside.is_set():
            self.interrupts = False
            if self.wants_recall:
                self.gate.set()
            raise KeyboardInterrupt

    def interrupt(self, then: Callable[[], object], *, comes_back: bool) -> None:
        """Let the program get inside, and the owner be interrupted while it waits for it."""
        self.wants_recall = comes_back
        if comes_back:
            self.set_give_up_s(PATIENCE_S)
        self.clock.start(lambda: self.program(then), "program")
        self.interrupts = True
        with pytest.raises(KeyboardInterrupt):
            self.clock.wait_until(lambda: False, 5.0)

    def end(self) -> None:
        self.wants_recall = False
        self.gate.set()
        self.clock.abandon(PowerOff)
        for each in (*self.clock._everybody, self.clock._turns.engine):
            if each.thread is not None:
                each.thread.join(PATIENCE_S)
                assert not each.thread.is_alive()

    def engine_thread(self) -> threading.Thread:
        thread = self.clock._turns.engine.thread
        assert thread is not None
        return thread


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    scene = Scene(monkeypatch)
    yield scene
    scene.end()


def waits_for_ever(clock: VirtualClock) -> None:
    clock.wait_until(lambda: False)


def wait_really(predicate: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not predicate():
        assert time.monotonic() < end_s
        time.sleep(0.001)


# What a program does next, by name; each of them gives the baton away.
INPUTS: dict[str, Callable[[Scene], Callable[[], object]]] = {
    "looks": lambda scene: scene.clock.look,
    "sleeps": lambda scene: lambda: scene.clock.sleep(1.0),
    "waits": lambda scene: lambda: scene.clock.wait_until(lambda: True),
    "ends": lambda scene: lambda: None,
    "calls the engine": lambda scene: lambda: scene.portal.run(lambda: None),
    "starts another": lambda scene: lambda: scene.clock.start(lambda: scene.say("other"), "other"),
}


@pytest.mark.parametrize("action", INPUTS)
def test_recalled_the_owner_gets_the_baton_whatever_the_program_does(
    scene: Scene, action: str
) -> None:
    scene.interrupt(INPUTS[action](scene), comes_back=True)
    assert not given_up(scene.clock)
    assert not recalled(scene.clock)
    assert scene.clock.now_us == 0
    scene.clock.sleep(2.0)  # it goes on as if nothing had been
    assert scene.clock.now_us == 2_000_000
    assert scene.said[-1].startswith(("went on", "other"))


def test_recalled_the_owner_that_waits_again_waits_for_the_new_thing_only(scene: Scene) -> None:
    scene.interrupt(scene.clock.look, comes_back=True)
    assert scene.clock.wait_until(lambda: False, 9.0) is False
    assert scene.clock.now_us == 9_000_000


def test_recalled_another_interrupt_gives_the_world_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    comes_within = Baton.comes_within

    def interrupted(baton: Baton, seconds: float) -> bool:
        if recalled(scene.clock):
            raise KeyboardInterrupt
        return comes_within(baton, seconds)

    monkeypatch.setattr(Baton, "comes_within", interrupted)
    scene.interrupt(scene.clock.look, comes_back=False)
    assert given_up(scene.clock)
    with pytest.raises(DeviceBlocked, match="given up"):
        scene.clock.sleep(1.0)


@pytest.mark.parametrize("action", INPUTS)
def test_given_up_the_owner_waits_no_more_whatever_the_program_does(
    scene: Scene, action: str
) -> None:
    scene.interrupt(INPUTS[action](scene), comes_back=False)
    assert given_up(scene.clock)
    with pytest.raises(DeviceBlocked, match="given up"):
        scene.clock.sleep(1.0)
    scene.gate.set()
    if action == "calls the engine":
        wait_really(lambda: scene.clock._turns.engine.thread is not None)
    else:
        wait_really(lambda: bool(scene.said))
    with pytest.raises(DeviceBlocked, match="given up"):
        scene.clock.wait_until(lambda: True)


def test_abandoned_while_it_blocks_a_program_ends_when_it_comes_back(scene: Scene) -> None:
    scene.interrupt(scene.clock.look, comes_back=False)
    scene.clock.abandon(PowerOff)
    scene.gate.set()
    wait_really(lambda: not scene.clock.alive())
    with pytest.raises(DeviceBlocked, match="given up"):
        scene.clock.sleep(1.0)


@pytest.mark.parametrize("action", ["looks", "sleeps", "waits"])
def test_abandoned_programs_end_where_they_wait(scene: Scene, action: str) -> None:
    scene.gate.set()
    scene.clock.start(lambda: scene.program(lambda: scene.clock.sleep(100.0)), "program")
    scene.clock.start(lambda: waits_for_ever(scene.clock), "other")
    scene.clock.sleep(1.0)
    scene.clock.abandon(PowerOff)
    wait_really(lambda: not scene.clock.alive())
    assert scene.said == ["ended 1000000"]
    with pytest.raises(DeviceBlocked, match="given up"):
        INPUTS[action](scene)()


def test_abandoned_the_engine_leaves_its_loop_and_only_ends_tasks(scene: Scene) -> None:
    ended_us: list[int] = []

    async def task() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0.5)
            ended_us.append(scene.clock.now_us)

    tasks: list[object] = []
    scene.portal.run(lambda: tasks.append(asyncio.ensure_future(task())))
    scene.clock.sleep(3.0)
    engine = scene.engine_thread()
    scene.clock.abandon(PowerOff)
    engine.join(PATIENCE_S)
    assert not engine.is_alive()
    assert ended_us == [3_500_000 + LOOK_US]


def test_abandoned_an_engine_that_computes_leaves_when_it_comes_back(scene: Scene) -> None:
    def computes() -> None:
        scene.inside.set()
        assert scene.gate.wait(PATIENCE_S)

    scene.interrupts = True
    with pytest.raises(DeviceBlocked, match="given up"):  # so that the call can be cancelled
        scene.portal.run(computes)
    assert given_up(scene.clock)
    engine = scene.engine_thread()
    scene.clock.abandon(PowerOff)
    assert engine.is_alive()
    scene.gate.set()
    engine.join(PATIENCE_S)
    assert not engine.is_alive()


def test_closed_the_engine_ends_in_its_own_time(scene: Scene) -> None:
    scene.portal.run(lambda: None)
    scene.clock.sleep(1.0)
    engine = scene.engine_thread()
    scene.portal.stop()
    assert not engine.is_alive()
    assert not given_up(scene.clock)
    with pytest.raises(BluetoothError, match="has stopped"):
        scene.portal.run(lambda: None)
    before_us = scene.clock.now_us
    scene.clock.sleep(1.0)  # time goes on without it
    assert scene.clock.now_us == before_us + 1_000_000


def test_going_what_is_due_first_runs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Radio())
    for name, start_us in (("late", 2_500_000), ("early", 1_500_000), ("same", 1_500_000)):
        scene.clock.start(lambda name=name: scene.say(name), name, start_us)  # type: ignore[misc]
    scene.portal.run(lambda: None)
    scene.clock.sleep(3.0)
    assert scene.said == ["early 1500000", "same 1500000", "late 2500000"]
    scene.portal.stop()


def test_going_who_is_stopped_ends_where_it_waits(scene: Scene) -> None:
    scene.gate.set()
    program = scene.clock.start(lambda: scene.program(lambda: scene.clock.sleep(9.0)), "program")
    scene.clock.sleep(1.0)
    scene.clock.stop(program, PowerOff)
    assert program.alive
    scene.clock.wait_until(lambda: not program.alive)
    assert scene.said == ["ended 1000000"]


def test_going_who_is_stopped_before_it_begins_does_nothing(scene: Scene) -> None:
    program = scene.clock.start(lambda: scene.say("began"), "program", 5_000_000)
    scene.clock.stop(program, PowerOff)
    scene.clock.wait_until(lambda: not program.alive)
    assert scene.said == []


def test_going_nothing_can_happen(scene: Scene) -> None:
    with pytest.raises(Stalled, match=r"any more at 0\.000000 s: every program has ended"):
        scene.clock.wait_until(lambda: False)
    scene.clock.start(lambda: waits_for_ever(scene.clock), "program")
    with pytest.raises(Stalled, match=r"any more at 0\.000000 s: program wait without limit"):
        scene.clock.wait_until(lambda: False)


def test_going_a_condition_that_raises_keeps_the_baton(scene: Scene) -> None:
    with pytest.raises(ZeroDivisionError):
        scene.clock.wait_until(lambda: 1 // 0 == 0, 5.0)
    scene.clock.sleep(1.0)
    assert scene.clock.now_us == 1_000_000


def test_going_a_predicate_that_looks_takes_no_time(scene: Scene) -> None:
    def looks() -> bool:
        scene.clock.look()
        return scene.clock.now_us >= 1_000_000

    scene.clock.start(lambda: scene.clock.sleep(1.0), "program")
    assert scene.clock.wait_until(looks)
    assert scene.clock.now_us <= 1_000_100


def test_going_threads_of_a_program_wait_beside_it(scene: Scene) -> None:
    def stranger() -> None:
        scene.clock.sleep(2.0)
        scene.say("stranger")
        scene.clock.wait_until(lambda: len(scene.said) == 2)
        scene.inside.set()

    thread = threading.Thread(target=stranger, name="other", daemon=True)
    thread.start()
    wait_really(lambda: bool(scene.clock._turns.strangers.waiting))
    scene.clock.sleep(3.0)
    assert scene.said == []  # it is let in when somebody waits next
    scene.clock.sleep(1.0)
    wait_really(lambda: len(scene.said) == 1)
    scene.say("owner")
    wait_really(lambda: bool(scene.clock._turns.strangers.waiting))
    scene.clock.sleep(1.0)
    thread.join(PATIENCE_S)
    assert [each.split()[0] for each in scene.said] == ["stranger", "owner"]
    assert scene.inside.is_set()


def test_a_program_that_blocks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, blocked_after_s=0.2)
    clock = scene.clock
    clock.start(lambda: scene.program(clock.look), "program")
    with pytest.raises(DeviceBlocked, match=r"^program has neither waited .* for 0\.2 s") as raised:
        clock.wait_until(lambda: False)
    assert "self.gate.wait" in str(raised.value)
    assert given_up(clock)
    scene.end()
