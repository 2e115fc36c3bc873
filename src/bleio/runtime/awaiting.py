"""How tasks of asyncio wait for the engine: no thread for a call, and no task for a packet.

The engine's thread, or another one, tells that something has come, by a waker. That is the one way
from there to a program's loop: `call_soon_threadsafe` of the loop that the task runs in. So any
loop will do, also several in several threads, and a loop in simulated time hears of it at the one
place where it must. There are two kinds of waiting:

    ended   a call (`calls`) has ended, as `Portal.wait` waits for it
    until   what has a bell (`bell`) has come to be so, as `Clock.wait_for` waits on a condition

A task that is cancelled gives its call up, as Ctrl-C does for a thread, and goes on when that has
ended, or after 1 s: once `connect` was cancelled nothing is initiated any more. What a call brought
all the same is taken back (`Call.undo`). In `until` nothing can be lost: it only says that it is
worth to look, and what is taken then is taken in one go.

A loop that was closed with tasks that still wait cannot be woken, nor does it say that it is
closed. (`asyncio.run` cancels its tasks before that.) What such a task waits for goes on until it
ends, and is taken back then. `connect` need not end, so the next one here gives it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bleio.errors import BluetoothError
from bleio.runtime.bell import Bell
from bleio.runtime.calls import STOPPED, Call
from bleio.runtime.engine import Engine
from bleio.runtime.portal import CANCEL_S, Portal, as_public

T = TypeVar("T")

_NOT_OF_THE_WORLD = (
    "This event loop goes by real time, and the adapter's world stands still while it waits; run"
    " the coroutine as a device's program: world.add(function)"
)


class Waker:
    """Wakes the task that made it. Thread: the task's, except for calling it, which any may do.

    Raises: RuntimeError, when made, if the task's loop cannot wait for that engine.
    """

    __slots__ = ("_future", "_loop", "_told")

    def __init__(self, portal: Portal) -> None:
        self._loop = asyncio.get_running_loop()
        kind = portal.clock.kind_of_loops
        if kind is not None and not isinstance(self._loop, kind):
            raise RuntimeError(_NOT_OF_THE_WORLD)
        self._future: asyncio.Future[None] | None = None
        self._told = False

    def __call__(self) -> bool:
        """Wake it. Returns: whether its loop is there to hear of it."""
        try:
            self._loop.call_soon_threadsafe(self._arrive)
        except RuntimeError:  # it is closed
            return False
        return True

    def is_forsaken(self) -> bool:
        """Whether its loop was closed. Thread: any."""
        return self._loop.is_closed()

    def _arrive(self) -> None:
        self._told = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self) -> None:
        """Wait until it was called; at once if it was."""
        if not self._told:
            self._future = self._loop.create_future()
            await self._future

    async def wait_briefly(self, seconds: float) -> None:
        """The same, but no longer than that."""
        timer = self._loop.call_later(seconds, self._arrive)
        try:
            await self.wait()
        finally:
            timer.cancel()


async def ended(engine: Engine, call: Call[T], *, keeps_on: bool = False) -> T:
    """Have a call done by the engine and wait for it.

    Args: keeps_on: it goes on if the task is cancelled: it ends something, and nothing is to stay.
    Raises: what `Portal.wait` raises.
    """
    portal = engine.portal
    waker = call.waker = Waker(portal)
    portal.hand_over(call)
    try:
        await waker.wait()
    except BaseException as error:  # also GeneratorExit: the task is gone, and cannot wait
        if not keeps_on and portal.give_up(call) and isinstance(error, asyncio.CancelledError):
            await waker.wait_briefly(CANCEL_S)
        raise
    if call.error is not None:
        raise as_public(call)
    result: T = call.result
    return result


async def finished(
    engine: Engine, operation: Coroutine[Call[Any], Any, T], *, keeps_on: bool = False
) -> T:
    """Carry out an operation, waiting for each of its calls: see `Engine.finish`."""
    step, value = operation.send, None
    try:
        while True:
            call = step(value)
            try:
                step, value = operation.send, await ended(engine, call, keeps_on=keeps_on)
            except GeneratorExit:  # the task was forgotten; its operation may have been before it
                operation.close()
                raise
            except BaseException as error:  # of any kind: it is the operation's to see
                step, value = operation.throw, error
    except StopIteration as end:
        result: T = end.value
        return result


async def until(engine: Engine, bell: Bell, ready: Callable[[], object]) -> None:
    """Wait until `ready()`; what makes it so rings the bell.

    Raises: BluetoothError if the engine stops. Thread: `ready` is called on the task's.
    """
    portal = engine.portal
    while True:
        waker = Waker(portal)
        bell.add(waker)
        portal.ended.add(waker)
        try:
            if ready():
                return
            if portal.stopped:
                raise BluetoothError(STOPPED)
            await waker.wait()
        finally:
            bell.discard(waker)
            portal.ended.discard(waker)
