"""What programs want done on the engine's thread: one call each.

A call is a plain function, a coroutine function that needs a task, or a light one
(`backends.slots`), which goes on by itself from slot to slot. How it ended is in the call, which is
also the flag that its caller waits for. See `portal` for how calls come to the engine.

A call is made where its arguments are checked, and says nothing about how its caller waits: a
thread that blocks waits for the flag (`portal`), a task of asyncio is woken (`awaiting`). What is
made of several calls, or does something with how they end, is an operation: a coroutine that awaits
calls and nothing else. It knows no loop. What carries it out takes each call that it awaits, waits
for it in its own way, and sends back what came of it. So each check and each text is there once,
for both ways to wait.

A caller may give up: by Ctrl-C, or since its task was cancelled. The call is cancelled then. If it
has ended by that time, or ends well all the same, nobody takes its result; `undo` takes back what
it has done, such as a link that nobody knows of.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from bleio.backends.base import is_light
from bleio.errors import BluetoothError
from bleio.runtime.clock import Flag, InPlace

if TYPE_CHECKING:
    import asyncio

STOPPED = "The Bluetooth engine has stopped"

T = TypeVar("T")


class CallersWaker(Protocol):
    """Wakes the task that waits for a call."""

    def __call__(self) -> bool:
        """Wake it. Returns: whether there is anybody to wake."""

    def is_forsaken(self) -> bool:
        """Whether the task's loop was closed, so that it can never go on."""


class Call(Flag, Generic[T]):
    """One coroutine function wanted on the engine, and how it ended, which sets the flag.

    Args: undo: called on the engine with the result if its caller has given up.
    Attributes:
        known: the calls that have not ended; it is in there from being handed over to its end.
        waker: called in place of setting the flag.
    Thread: the engine's, once it was handed over.
    """

    __slots__ = (
        "_coroutine",
        "_given_up",
        "_task",
        "args",
        "error",
        "function",
        "known",
        "result",
        "undo",
        "waker",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        *args: Any,
        undo: Callable[[Any], object] | None = None,
    ) -> None:
        super().__init__()
        self.function = function
        self.args = args
        self.undo = undo
        self.result: Any = None
        self.error: BaseException | None = None
        self.known: set[Call[Any]] | None = None
        self.waker: CallersWaker | None = None
        self._given_up = False
        self._task: asyncio.Task[Any] | None = None
        self._coroutine: Coroutine[Any, Any, Any] | None = None  # of a light one

    def __await__(self) -> Generator[Call[Any], Any, T]:
        """Be awaited by an operation; what carries that out sends the result."""
        result: T = yield self
        return result

    def is_known(self) -> bool:
        """Whether it was handed over and has not ended. Thread: the engine's."""
        return self.known is not None and self in self.known

    def begin(self, loop: asyncio.AbstractEventLoop, in_place: InPlace | None = None) -> None:
        """Start it, unless it was given up before."""
        if not self.is_known():
            return
        coroutine = self.function(*self.args)
        if is_light(self.function):
            self._coroutine = coroutine
            self._step(coroutine.send, None)
        elif in_place is None:
            self._task = loop.create_task(coroutine)
            self._task.add_done_callback(self._task_ended)
        else:
            task = self._task = in_place.start(coroutine)
            if task.done():
                self._task_ended(task)
            else:
                task.add_done_callback(self._task_ended)

    def give_up(self) -> None:
        """Nobody waits for it any more: end it in its own time, or take back what it did."""
        if self.done:
            self._undo()
            return
        self._given_up = True
        if self._task is not None:
            self._task.cancel()
        elif self._coroutine is not None:
            from asyncio import CancelledError

            self._step(self._coroutine.throw, CancelledError())

    def set(self) -> None:
        """See `Flag`. A loop that is closed meanwhile has nobody to take the result."""
        self.done = True
        if self.waker is None:
            self.lock.release()
        elif not self.waker():
            self._undo()

    def engine_stopped(self) -> None:
        """Nothing goes on any more; its caller is told."""
        if self._coroutine is not None:
            self._coroutine.close()
            self._coroutine = None
        self.error = BluetoothError(STOPPED)
        self.set()

    def _step(self, step: Callable[[Any], Any], value: Any) -> None:
        """Let the light coroutine run up to the next slot that is not filled, or to its end.

        While it runs it may fill the slot that it has waited for, as what ends a request does.
        """
        coroutine, self._coroutine = self._coroutine, None
        try:
            slot = step(value)
        except StopIteration as end:
            self.result = end.value
        except BaseException as error:  # of any kind: it is the caller's to see
            self.error = error
        else:
            self._coroutine = coroutine
            slot.when_filled(self._go_on)
            return
        self._end()

    def _go_on(self) -> None:
        if self._coroutine is not None:  # else it was cancelled, and runs or has ended
            self._step(self._coroutine.send, None)

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        if self.done:  # the engine's end has woken its caller
            return
        if task.cancelled():
            self.error = BluetoothError(STOPPED)
        elif (error := task.exception()) is not None:
            self.error = error
        else:
            self.result = task.result()
        self._end()

    def _end(self) -> None:
        if self.known is not None:
            self.known.discard(self)
        if self._given_up:
            self._undo()
        self.set()

    def _undo(self) -> None:
        undo, self.undo = self.undo, None
        if undo is not None and self.error is None:
            undo(self.result)


class PlainCall(Call[T]):
    """The same of a plain function, which cannot wait."""

    __slots__ = ()

    def begin(self, loop: asyncio.AbstractEventLoop, in_place: InPlace | None = None) -> None:
        if not self.is_known():
            return
        try:
            self.result = self.function(*self.args)
        except BaseException as error:  # of any kind: it is the caller's to see
            self.error = error
        self._end()
