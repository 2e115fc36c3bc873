"""Waits that need no decision come out as decisions would, and miss nothing that happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import _bleio
import pytest

from bleio.testing import World
from bleio.testing.timing.participant import Participant
from bleio.testing.timing.quick import QuickWaits

SPINS = """
import time, random
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while not _bleio.adapter.connected:
    pass
print("connected", time.monotonic())
while _bleio.adapter.connected:
    if random.random() < 0.01:
        time.sleep(random.random() / 100)
print("gone", time.monotonic())
"""

CONNECTS = """
import time
import _bleio
for _ in range(3):
    for entry in _bleio.adapter.start_scan(timeout=20):
        if entry.connectable:
            break
    _bleio.adapter.stop_scan()
    connection = _bleio.adapter.connect(entry.address, timeout=5)
    end = time.monotonic() + 1
    while connection.connected and time.monotonic() < end:
        connection.max_packet_length
    print(time.monotonic())
    connection.disconnect()
    time.sleep(0.3)
"""

SLEEPS = """
import time
for step in range(3000):
    time.sleep(0.001 + step % 7 / 10000)
print(time.monotonic())
"""


def spinning() -> World:
    world = World(seed=5)
    world.add(source=SPINS, name="one")
    world.add(source=SPINS, name="slow").slowness = 3.5
    world.add(source=CONNECTS, name="central")
    world.add(source=SLEEPS, name="sleeper", stop_s=2.5)
    world.run(6.0)
    return world


def spinning_until() -> World:
    world = World(seed=6, loss=0.1)
    one = world.add(source=SPINS, name="one")
    world.add(source=CONNECTS, name="central", start_s=0.1)
    world.run(until=lambda: "connected" in one.text)
    world.run(until=lambda: world.now_s > 1.234567)
    world.run(until=lambda: not one.adapter.connected)
    world.run_for(0.077)
    return world


LOOPS = """
import asyncio
import _bleio

async def poll(step_s):
    looks = 0
    while asyncio.get_running_loop().time() < 3:
        _bleio.adapter.connected
        await asyncio.sleep(step_s)
        looks += 1
    print(step_s, looks, asyncio.get_running_loop().time())

async def main():
    await asyncio.gather(*(poll(step_s) for step_s in (0, 5e-7, 1e-5, 0.0101, 0.003, 1 / 3)))

_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
asyncio.run(main())
"""


def loops() -> World:
    world = World(seed=7)
    one = world.add(source=LOOPS, name="one")
    world.add(source=LOOPS, name="slow", start_s=0.0123).slowness = 2.5
    world.add(source=CONNECTS, name="central")
    world.add(source=SLEEPS, name="sleeper", stop_s=2.5)
    world.run(until=lambda: "0.0101" in one.text)
    world.run(4.0)
    return world


@pytest.mark.parametrize("make", [spinning, spinning_until, loops])
def test_what_happens_is_the_same_as_with_a_decision_each_time(
    make: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    def happened() -> list[object]:
        with make() as world:
            return [world.now_s, world.output(), world.trace()]

    quick = happened()
    monkeypatch.setattr(QuickWaits, "look", lambda self: self._look_slowly())
    monkeypatch.setattr(QuickWaits, "pass_time", lambda self, me, due_us: False)
    monkeypatch.setattr(QuickWaits, "sleep", lambda self, me, due_us: False)
    monkeypatch.setattr(QuickWaits, "wait", lambda self, predicate, due_us: False)
    monkeypatch.setattr(QuickWaits, "moves_to_engine", lambda self: False)
    assert quick == happened()


def test_spinning_needs_few_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    decided: list[int] = []

    with World() as world:
        turns = world.clock._turns
        ask = turns._next

        def counted(*args: Any) -> Participant:
            decided.append(1)
            return ask(*args)

        monkeypatch.setattr(turns, "_next", counted)
        for _ in range(2):
            world.add(source="import time\nwhile time.monotonic() < 60: pass")
        world.run()
    assert len(decided) < 50


def test_an_announced_change_is_seen_at_once_beside_a_program_that_spins() -> None:
    condition = threading.Condition(threading.Lock())
    changed: list[float] = []
    seen_s: list[float] = []

    def waits() -> None:
        clock = _bleio.adapter._session.engine.clock
        with condition:
            clock.wait_for(condition, lambda: bool(changed))
        seen_s.append(time.monotonic())

    def spins() -> None:
        clock = _bleio.adapter._session.engine.clock
        while time.monotonic() < 0.01:
            pass
        changed.append(time.monotonic())
        clock.announce()
        while time.monotonic() < 60:
            pass

    with World() as world:
        waiter = world.add(waits)
        world.add(spins)
        world.run(until=lambda: not waiter.running)
    assert seen_s[0] - changed[0] < 0.0002


def test_a_thread_that_a_program_started_goes_on_beside_it_while_it_spins() -> None:
    def spins() -> None:
        times: list[float] = []

        def sleeps() -> None:
            for _ in range(5):
                time.sleep(1)
                times.append(time.monotonic())

        thread = threading.Thread(target=sleeps)
        thread.start()
        while thread.is_alive():
            time.monotonic()

    with World() as world:
        world.add(spins)
        world.run(within_s=1e9)


def test_a_condition_may_raise_while_a_program_spins() -> None:
    def fails() -> bool:
        if world.now_s > 0.5:
            raise LookupError("as it should")
        return False

    with World() as world:
        world.add(source="import time\nwhile True: time.monotonic()", name="spinner")
        with pytest.raises(Exception, match="as it should"):
            world.run(until=fails)


ADVERTISES = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
for _ in range(100):
    time.sleep(0.0301)
"""


@pytest.mark.parametrize("spins", [False, True])
@pytest.mark.parametrize("from_s", [-1.0, 0.5])
def test_a_condition_may_look_at_what_the_engine_has(spins: bool, from_s: float) -> None:
    with World(seed=1) as world:
        if spins:
            world.add(source="import time\nwhile True: time.monotonic()")
        device = world.add(source=ADVERTISES)
        world.run(until=lambda: world.now_s > from_s and device.energy.tx_us > 3000, within_s=2)
        assert 3000 < device.energy.tx_us < 6000 or from_s > 0
        world.run_for(1)
        assert device.running and not device.error


@pytest.mark.parametrize("spins", [False, True])
def test_a_condition_cannot_wait_for_the_engine(spins: bool) -> None:
    with World(seed=1) as world:
        if spins:
            world.add(source="import time\nwhile True: time.monotonic()")
        device = world.add(source=ADVERTISES)
        with pytest.raises(RuntimeError, match="A condition that is waited for cannot"):
            world.run(until=lambda: bool(device.adapter.start_scan(timeout=1)), within_s=2)
        world.run_for(1)
        assert device.running and not device.error


def test_a_slow_device_hears_its_controller_in_time() -> None:
    """What it hears waits for a timer, which is set while the radio's events happen."""
    with World(seed=1) as world:
        world.add(source=SPINS, name="peripheral").slowness = 50
        world.add(source=CONNECTS, name="central").slowness = 50
        world.run(until=lambda: "connected" in world["peripheral"].text, within_s=0.5)
