"""What programs' threads want done on the engine's thread: one call each.

A call is a plain function, a coroutine function that needs a task, or a light one
(`backends.slots`), which goes on by itself from slot to slot. How it ended is in the call, which is
also the flag that its caller waits for. See `portal` for how calls come to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bleio.backends.base import is_light
from bleio.errors import BluetoothError
from bleio.runtime.clock import Flag, InPlace

if TYPE_CHECKING:
    import asyncio

STOPPED = "The Bluetooth engine has stopped"


class Call(Flag):
    """One function wanted by another thread, and how it ended, which sets the flag.

    Args: known: the calls that have not ended; this one is taken out at its end.
    Thread: the engine's, once it was handed over.
    """

    __slots__ = ("_coroutine", "_known", "_task", "args", "error", "function", "result")

    def __init__(
        self, known: set[Call], function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        super().__init__()
        self.function = function
        self.args = args
        self.result: Any = None
        self.error: BaseException | None = None
        self._known = known
        self._task: asyncio.Task[Any] | None = None
        self._coroutine: Coroutine[Any, Any, Any] | None = None  # of a light one

    def do(self, loop: asyncio.AbstractEventLoop, in_place: InPlace | None = None) -> None:
        """Do the plain function."""
        if self not in self._known:  # given up before it began
            return
        try:
            self.result = self.function(*self.args)
        except BaseException as error:  # of any kind: it is the caller's to see
            self.error = error
        self._end()

    def begin(self, loop: asyncio.AbstractEventLoop, in_place: InPlace | None = None) -> None:
        """Start the coroutine."""
        if self not in self._known:
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

    def cancel(self) -> None:
        """End it, in its own time."""
        if self._task is not None:
            self._task.cancel()
        elif self._coroutine is not None:
            from asyncio import CancelledError

            self._step(self._coroutine.throw, CancelledError())

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
            self._known.discard(self)
            return
        if task.cancelled():
            self.error = BluetoothError(STOPPED)
        elif (error := task.exception()) is not None:
            self.error = error
        else:
            self.result = task.result()
        self._end()

    def _end(self) -> None:
        self._known.discard(self)
        self.set()
