"""Calls that are given up, bells, and how tasks wait for both."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bleio.errors import BluetoothError, CallerError
from bleio.runtime.awaiting import ended, finished, until
from bleio.runtime.bell import Bell
from bleio.runtime.buffers import ByteFifo, PacketRing
from bleio.runtime.calls import STOPPED, Call, PlainCall
from bleio.runtime.clock import Clock
from bleio.runtime.engine import Engine, use_portal
from bleio.runtime.portal import Portal
from support.patience import PATIENCE_S


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    yield portal
    portal.stop()


@pytest.fixture
def engine(portal: Portal) -> Engine:
    with use_portal(portal):
        return Engine()


class Work:
    """A coroutine on the engine that goes on when the test says so, and what it has come to."""

    def __init__(self, portal: Portal) -> None:
        self.log: list[Any] = []
        self.begun = threading.Event()
        self.undone = threading.Event()
        self._go_on = asyncio.Event()
        self._portal = portal

    async def work(self) -> str:
        self.begun.set()
        try:
            await self._go_on.wait()
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        return "result"

    async def stubborn(self) -> str:
        """What cannot be cancelled any more."""
        try:
            return await self.work()
        except asyncio.CancelledError:
            return "all the same"

    async def quick(self) -> str:
        self.begun.set()
        return "result"

    def undo(self, result: str) -> None:
        self.log.append(f"undone: {result}")
        self.undone.set()

    def go_on(self) -> None:
        self._portal.run(self._go_on.set)


def test_both_ways_carry_out_one_operation(engine: Engine) -> None:
    async def fail() -> None:
        raise CallerError("no")

    async def operation(number: int) -> list[Any]:
        seen: list[Any] = [await PlainCall(lambda: number)]
        try:
            await Call(fail)
        except BluetoothError as error:
            seen.append(str(error))
        seen.append(await PlainCall(lambda: threading.current_thread().name))
        return seen

    expected = [5, "no", "bleio-engine"]
    assert engine.finish(operation, 5) == expected
    assert asyncio.run(finished(engine, operation(5))) == expected


def test_an_error_of_the_operation_itself(engine: Engine) -> None:
    async def operation() -> None:
        await PlainCall(int)
        raise LookupError("own")

    with pytest.raises(LookupError, match="own"):
        engine.finish(operation)
    with pytest.raises(LookupError, match="own"):
        asyncio.run(finished(engine, operation()))


@pytest.mark.parametrize("kind", ["work", "stubborn", "quick"])
def test_a_call_that_is_given_up(portal: Portal, engine: Engine, kind: str) -> None:
    work = Work(portal)

    async def main() -> None:
        task = asyncio.ensure_future(ended(engine, Call(getattr(work, kind), undo=work.undo)))
        await asyncio.sleep(0)
        assert work.begun.wait(PATIENCE_S)
        portal.run(int)  # by now the quick one has ended, but the task was not told
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if kind == "work":
            assert work.log == ["cancelled"]  # before the task goes on

    asyncio.run(main())
    if kind != "work":
        assert work.undone.wait(PATIENCE_S)
    assert (
        work.log
        == {
            "work": ["cancelled"],
            "stubborn": ["cancelled", "undone: all the same"],
            "quick": ["undone: result"],
        }[kind]
    )
    assert not portal._calls


def test_what_ends_something_goes_on(portal: Portal, engine: Engine) -> None:
    work = Work(portal)
    call = Call(work.work, undo=work.undo)

    async def main() -> None:
        task = asyncio.ensure_future(ended(engine, call, keeps_on=True))
        await asyncio.sleep(0)
        assert work.begun.wait(PATIENCE_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.known
        work.go_on()
        while call.known:
            await asyncio.sleep(0.001)

    asyncio.run(main())
    assert (call.result, work.log) == ("result", [])


def test_a_call_for_a_loop_that_is_closed_is_undone(portal: Portal, engine: Engine) -> None:
    work = Work(portal)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # tells that a task is pending
    task = loop.create_task(ended(engine, Call(work.work, undo=work.undo)))
    loop.run_until_complete(asyncio.sleep(0.01))
    assert work.begun.wait(PATIENCE_S)
    loop.close()
    work.go_on()
    assert work.undone.wait(PATIENCE_S)
    del task


def test_a_thread_gives_up_what_has_ended(portal: Portal) -> None:
    """As Ctrl-C may come between the end of a call and its return."""
    work = Work(portal)
    call: Call[str] = Call(work.quick, undo=work.undo)
    portal.wait(call)
    assert not portal.give_up(call)
    assert work.undone.wait(PATIENCE_S)
    portal.run(int)
    portal.give_up(call)
    portal.run(int)
    assert work.log == ["undone: result"]  # once


def test_a_task_on_the_engines_own_thread_is_refused(portal: Portal, engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="would block the thread of the Bluetooth engine"):
        portal.call(lambda: ended(engine, PlainCall(int)))


def test_until_wakes_with_the_engines_end(portal: Portal, engine: Engine) -> None:
    portal.run(int)

    async def main() -> None:
        waiting = asyncio.ensure_future(until(engine, Bell(), lambda: False))
        await asyncio.sleep(0)
        await asyncio.to_thread(portal.stop)
        with pytest.raises(BluetoothError, match=STOPPED):
            await waiting

    asyncio.run(main())


def test_no_change_is_missed(engine: Engine) -> None:
    """Another thread changes and rings as fast as it can."""
    bell, numbers, count = Bell(), [0], 5_000

    def change() -> None:
        for number in range(1, count + 1):
            numbers[0] = number
            bell.ring()

    async def main() -> None:
        thread = threading.Thread(target=change)
        thread.start()
        seen = 0
        while seen < count:
            await asyncio.wait_for(
                until(engine, bell, lambda seen=seen: numbers[0] > seen), PATIENCE_S
            )
            seen = numbers[0]
        thread.join()
        assert not bell.waiting
        assert not engine.portal.ended.waiting

    asyncio.run(main())


def test_a_bell_wakes_in_order_and_once() -> None:
    bell, woken = Bell(), []
    wakers = [lambda each=each: woken.append(each) for each in range(3)]
    for each in wakers:
        bell.add(each)
    bell.discard(wakers[1])
    bell.discard(wakers[1])
    bell.ring()
    bell.ring()
    assert woken == [0, 2]


def test_octets_are_taken_through_an_end_and_put_back() -> None:
    counted: Counter[str] = Counter()
    fifo = ByteFifo(Clock(), 8, counted)
    fifo.put(b"ab\ncd")
    assert fifo.take_through(b"\n") == b"ab\n"
    assert fifo.take_through(b"\n") == b"cd"
    fifo.put(b"12345678")
    fifo.put_back(b"cd")  # more than it holds: nothing that was there is lost
    fifo.put(b"9")
    assert (len(fifo.octets), counted["buffers.dropped_octets"]) == (10, 1)
    assert fifo.take_now(3) == b"cd1"
    fifo.put(b"9")
    assert fifo.take_now(100) == b"23456789"


def test_a_ring_tells_what_it_dropped() -> None:
    ring = PacketRing(lambda: 10, Counter())
    for each in (b"1234", b"5678", bytes(20)):
        ring.put(each)
    assert (ring.dropped, ring.take(), ring.take()) == (2, b"5678", None)
