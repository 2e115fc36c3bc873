"""Slots, as tasks and light calls wait for them."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from bleio.backends.base import light
from bleio.backends.slots import Slot
from bleio.errors import BluetoothError
from bleio.runtime.calls import STOPPED, Call
from support.hci.engine import asynchronous


class Light:
    """A light call that waits for two slots, and what it has come to."""

    def __init__(self) -> None:
        self.slots: tuple[Slot[int], Slot[int]] = Slot(), Slot()
        self.known: set[Call[Any]] = set()
        self.log: list[object] = []
        self.call: Call[int] = Call(self.add, 1)
        self.call.known = self.known
        self.known.add(self.call)

    @light
    async def add(self, number: int) -> int:
        try:
            for slot in self.slots:
                number += await slot
                self.log.append(number)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        finally:
            self.log.append("end")
        return number


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio._set_running_loop(loop)
    yield loop
    asyncio._set_running_loop(None)
    loop.close()


@asynchronous
async def test_task_waits() -> None:
    slot: Slot[str] = Slot()

    async def wait() -> str:
        return await slot

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    slot.fill("result", None)
    slot.fill("too late", None)
    assert await task == "result"
    assert await slot == "result"  # what is filled is not waited for


@asynchronous
async def test_error_is_raised() -> None:
    slot: Slot[None] = Slot()
    slot.told(ValueError("of the peer's"))
    with pytest.raises(ValueError, match="of the peer's"):
        await slot


@asynchronous
async def test_error_that_is_raised_again_and_again_keeps_no_frames() -> None:
    error, depths = ValueError("of the peer's"), []
    for _ in range(3):
        slot: Slot[None] = Slot()
        slot.told(error)
        with pytest.raises(ValueError, match="of the peer's"):
            await slot
        depths.append(len(list(traceback.walk_tb(error.__traceback__))))
    assert len(set(depths)) == 1


@asynchronous
async def test_cancelled_task_is_not_woken() -> None:
    slot: Slot[None] = Slot()

    async def wait() -> None:
        await slot

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    slot.told(None)
    with pytest.raises(asyncio.CancelledError):
        await task


def test_light_call_goes_on_with_its_slots(loop: asyncio.AbstractEventLoop) -> None:
    one = Light()
    one.call.begin(loop)
    one.slots[0].fill(10, None)
    assert (one.log, one.call.done) == ([11], False)
    one.slots[1].fill(100, None)
    assert (one.call.result, one.call.done, one.known) == (111, True, set())


@asynchronous
async def test_light_call_goes_on_where_a_task_fills_its_slot() -> None:
    """As a task does that has started encryption, for which values have waited."""
    one, loop = Light(), asyncio.get_running_loop()
    loop.call_soon(one.call.begin, loop)
    await asyncio.sleep(0)
    for slot in one.slots:
        slot.fill(10, None)
        await asyncio.sleep(0)
    assert (one.call.result, one.call.done, one.known) == (21, True, set())


def test_light_call_that_need_not_wait(loop: asyncio.AbstractEventLoop) -> None:
    one = Light()
    for slot in one.slots:
        slot.fill(1, None)
    one.call.begin(loop)
    assert (one.call.result, one.call.done) == (3, True)


def test_error_ends_light_call(loop: asyncio.AbstractEventLoop) -> None:
    one = Light()
    one.call.begin(loop)
    one.slots[0].fill(0, error := BluetoothError("refused"))
    assert (one.log, one.call.done) == ([], False)  # what fails it may be in the middle of an end
    loop.call_soon(loop.stop)
    asyncio._set_running_loop(None)
    loop.run_forever()
    asyncio._set_running_loop(loop)
    assert (one.call.error, one.call.done, one.log) == (error, True, ["end"])


def test_light_call_is_cancelled(loop: asyncio.AbstractEventLoop) -> None:
    one = Light()
    one.call.begin(loop)
    one.call.give_up()
    assert one.log == ["cancelled", "end"]
    assert isinstance(one.call.error, asyncio.CancelledError)
    one.slots[0].fill(1, None)  # it has ended
    assert one.log == ["cancelled", "end"]
    one.call.give_up()


def test_light_call_that_fills_its_slot_when_it_is_cancelled(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """As one does that gives up a request: what has asked is told that it has ended."""
    slot: Slot[None] = Slot()
    known: set[Call[Any]] = set()

    @light
    async def ask() -> None:
        try:
            await slot
        finally:
            slot.told(None)

    call: Call[None] = Call(ask)
    call.known = known
    known.add(call)
    call.begin(loop)
    call.give_up()
    assert isinstance(call.error, asyncio.CancelledError)
    assert (call.done, known) == (True, set())


def test_light_call_ends_with_engine(loop: asyncio.AbstractEventLoop) -> None:
    one = Light()
    one.call.begin(loop)
    one.call.engine_stopped()
    assert (str(one.call.error), one.call.done, one.log) == (STOPPED, True, ["end"])
    one.slots[0].fill(1, None)
    assert one.log == ["end"]


def test_call_that_was_given_up_does_not_begin(loop: asyncio.AbstractEventLoop) -> None:
    one = Light()
    one.known.clear()
    one.call.begin(loop)
    assert (one.log, one.call.done) == ([], False)
