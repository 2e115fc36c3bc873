"""Waiting on the engine's thread without a task.

A program's read is a request, an answer and nothing else. With asyncio it is also a task, a future,
and two turns of the loop before the program hears of the answer: one in which the task takes the
future's result, one in which the task's end is told. So what the data plane waits for is a `Slot`,
which calls the one that waits when it is filled. A coroutine function that waits for slots alone is
marked `light` (in `base`): `runtime.calls` lets it go on itself, from slot to slot, without a task.

Such a coroutine must not use what asyncio does with the current task: no `timeout`, `wait_for`,
`shield` or `Lock`, and no future. Called from a task it is a coroutine like any other.

What may surprise: a light coroutine goes on inside of the call that fills its slot, before the code
behind that. So a slot is filled last, when all else is in order. In two cases it goes on in the
loop's next turn. Where a task fills the slot, the next one would be taken for the task's. And an
error often comes in the middle of an end, of a link or of an adapter, which programs are to see as
a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """What one coroutine waits for. It is filled once; after that, it stays as it is."""

    __slots__ = ("_error", "_result", "_then", "is_filled")

    def __init__(self) -> None:
        self.is_filled = False
        self._result: T | None = None
        self._error: Exception | None = None
        self._then: Callable[[], object] | None = None

    def fill(self, result: T, error: Exception | None) -> None:
        """Let the coroutine go on with the result or, if there is one, the error."""
        if self.is_filled:
            return
        self.is_filled = True
        self._result, self._error = result, error
        if self._then is None:
            return
        if error is None and asyncio.current_task() is None:
            self._then()
        else:
            asyncio.get_running_loop().call_soon(self._then)

    def told(self, error: Exception | None) -> None:
        """The same where there is no result but an error."""
        self.fill(None, error)  # type: ignore[arg-type]

    def when_filled(self, then: Callable[[], object]) -> None:
        """Have `then` called when it is filled, which it is not yet."""
        self._then = then

    def __await__(self) -> Generator[Any, None, T]:
        if not self.is_filled:
            if asyncio.current_task() is None:
                yield self
            else:
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._then = partial(_wake, future)
                yield from future
        if self._error is not None:
            # Some are told to all that comes, and would hold the frames of each that has raised it.
            raise self._error.with_traceback(None)
        return self._result  # type: ignore[return-value]


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():  # cancelled: its task is gone
        future.set_result(None)
