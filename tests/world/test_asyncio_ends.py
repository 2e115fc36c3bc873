"""How programs with event loops end: cancelled, cut off, stuck, interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import _bleio
import pytest

from bleio.testing import DeviceBlocked, DeviceFailed, World

FLAGS = b"\x02\x01\x06"


async def sleeps() -> None:
    await asyncio.sleep(1000)


async def waits_for_an_event() -> None:
    await asyncio.Event().wait()


async def waits_for_a_queue() -> None:
    await asyncio.Queue().get()


async def waits_for_a_lock() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()


async def waits_for_a_condition() -> None:
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()


async def waits_for_a_thread() -> None:
    await asyncio.to_thread(time.sleep, 1000)


async def waits_for_others() -> None:
    await asyncio.gather(sleeps(), waits_for_an_event())


async def waits_with_a_limit() -> None:
    await asyncio.wait_for(waits_for_an_event(), 1000)


async def waits_in_a_shield() -> None:
    await asyncio.shield(sleeps())


async def polls() -> None:
    while True:
        await asyncio.sleep(0)


async def polls_the_adapter() -> None:
    while not _bleio.adapter.connected:
        await asyncio.sleep(0)


async def iterates() -> None:
    async def numbers() -> AsyncIterator[int]:
        while True:
            await asyncio.sleep(1)
            yield 1

    async for _ in numbers():
        pass


async def scans() -> None:
    for _ in _bleio.adapter.start_scan():  # blocks the loop
        await asyncio.sleep(0)


WAITS = [
    *(sleeps, waits_for_an_event, waits_for_a_queue, waits_for_a_lock, waits_for_a_condition),
    *(waits_for_a_thread, waits_for_others, waits_with_a_limit, waits_in_a_shield, polls),
    *(polls_the_adapter, iterates),
]


@pytest.mark.parametrize("wait", WAITS)
def test_a_task_can_be_cancelled_at_each_await(wait: Callable[[], Any]) -> None:
    said: list[str] = []

    async def guarded() -> None:
        try:
            await wait()
        except asyncio.CancelledError:
            said.append(f"cancelled at {time.monotonic():.0f}")
            raise
        finally:
            await asyncio.sleep(1)
            said.append(f"ended at {time.monotonic():.0f}")

    async def main() -> None:
        task = asyncio.ensure_future(guarded())
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with World() as world:
        world.add(main)
        world.run(within_s=2000)  # asyncio.run waits for threads
    assert said == ["cancelled at 5", "ended at 6"]


@pytest.mark.parametrize("wait", [*WAITS, scans])
@pytest.mark.parametrize("by_hand", [False, True])
def test_power_ends_a_loop_at_each_await_without_a_word(
    wait: Callable[[], Any], by_hand: bool, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    async def guarded(name: str) -> None:
        try:
            await wait()
        finally:
            ended.append(name)
            await asyncio.sleep(1)
            ended.append("never")

    async def main() -> None:
        task = asyncio.ensure_future(guarded("task"))
        await guarded("main")
        await task

    def program() -> None:
        if by_hand:
            loop = asyncio.new_event_loop()
            kept = loop.create_task(main())
            loop.run_forever()
            assert not kept.done()
        else:
            asyncio.run(main())

    with World() as world:
        device = world.add(program)
        world.run_for(5)
        before_s = world.now_s
        device.power_off()
        assert world.now_s - before_s < 0.001
        assert not device.running
        gc.collect()
        assert sorted(set(ended)) == ["main", "task"]
        assert device.text == ""
        device.power_on()
        world.run_for(5)
        assert device.running
    gc.collect()
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_tasks_that_will_not_end_do_not_keep_a_device_up() -> None:
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    async def busy() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(10)

    async def main() -> None:
        await asyncio.gather(stubborn(), busy())

    with World() as world:
        device = world.add(main)
        world.run_for(5)
        before_s = world.now_s
        device.power_off()
        assert world.now_s - before_s < 0.001
        assert not device.running
    gc.collect()


def test_a_task_that_never_yields_is_named() -> None:
    async def computes() -> None:
        while True:
            pass

    async def main() -> None:
        await asyncio.sleep(1)
        await asyncio.gather(computes(), asyncio.sleep(1))

    with World(blocked_after_s=0.3) as world:
        world.add(main, name="stuck")
        with pytest.raises(DeviceBlocked, match="stuck has neither waited") as raised:
            world.run()
    assert "in computes" in str(raised.value)


def test_a_task_that_looks_and_never_yields_spins() -> None:
    async def spins() -> None:
        while time.monotonic() < 100:
            pass

    with World() as world:
        world.add(spins)
        world.run()
        assert world.now_s == pytest.approx(100, abs=0.02)


def test_a_loop_of_the_processs_own_is_named() -> None:
    """Code that was defined before its device, and cannot be the device's own."""
    from asyncio import base_events

    class Hidden:
        __slots__ = ()

        def run(self) -> None:
            loop = REAL_LOOPS[0]()
            try:
                loop.run_until_complete(base_events.tasks.sleep(30))  # type: ignore[attr-defined]
            finally:
                loop.close()

    hidden = [Hidden()]

    def program() -> None:
        hidden[0].run()

    with World() as world:
        world.add(program)
        with pytest.raises(DeviceBlocked, match="by the real clock"):
            world.run()


REAL_LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.SelectorEventLoop]


def test_ctrl_c_interrupts_the_test_and_the_loop_goes_on() -> None:
    async def main() -> None:
        for number in range(3):
            await asyncio.sleep(10)
            print(number)

    with World(real_time=True) as world:
        device = world.add(main)
        timer = threading.Timer(0.2, lambda: __import__("_thread").interrupt_main())
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            world.run()
        timer.join()
        assert device.running
        before_s = world.now_s
        world.run_for(0.1)
        assert world.now_s == pytest.approx(before_s + 0.1, abs=0.01)


def test_sys_exit_in_a_task_ends_the_device() -> None:
    async def leaves() -> None:
        await asyncio.sleep(1)
        raise SystemExit(3)

    async def main() -> None:
        task = asyncio.ensure_future(leaves())
        await asyncio.sleep(100)
        await task

    with World() as world:
        world.add(main)
        with pytest.raises(DeviceFailed) as raised:
            world.run()
        assert raised.value.exit_code == 3
        assert world.now_s == pytest.approx(1, abs=0.001)


def test_a_reset_in_a_task_starts_the_device_anew() -> None:
    with World() as world:
        device = world.add(
            source="""
import asyncio, microcontroller

async def resets():
    await asyncio.sleep(1)
    microcontroller.reset()

async def main():
    print("up")
    task = asyncio.create_task(resets())
    await asyncio.sleep(100)

asyncio.run(main())
"""
        )
        world.run(lambda: device.text.count("up") == 3, within_s=10)


def test_asynchronous_generators_are_finished() -> None:
    said: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            said.append(f"finished at {time.monotonic():.0f}")

    async def main() -> None:
        async for _ in numbers():
            break
        await asyncio.sleep(5)

    with World() as world:
        world.add(main)
        world.run()
    assert said == ["finished at 1"]


def test_the_loop_of_the_test_is_left_alone() -> None:
    """A test in a running loop can hold a world, and its own loop keeps the real time."""

    async def program() -> None:
        await asyncio.sleep(100)
        print(time.monotonic())

    async def the_test() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        policy = asyncio.get_event_loop_policy()
        began_s = loop.time()
        with World() as world:
            device = world.add(program)
            await asyncio.sleep(0.01)
            world.run(50)
            assert asyncio.get_running_loop() is loop
            assert asyncio.current_task() is task
            world.run(lambda: "100" in device.text)
            await asyncio.sleep(0.01)
            assert asyncio.new_event_loop.__module__ == "asyncio.events"
        assert loop.time() - began_s < 50
        assert asyncio.get_event_loop_policy() is policy

    asyncio.run(the_test())
