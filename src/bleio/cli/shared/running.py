"""Commands that await: from the first line to Ctrl-C, or `kill`.

Both cancel the command at the place where it waits, so its `async with` and `finally` blocks run:
scans and links end, files are whole, and a terminal is as it was. `timeout 10 bleio scan` is a
`kill`, too. What was to be ignored, as under nohup, still is. See `bleio.cli.ending` for what comes
after the first signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from click.exceptions import Exit as ClickExit

from bleio.cli.ending import ENDING, interrupt

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Carry out what a command does.

    After Ctrl-C, KeyboardInterrupt goes on when the work has ended, which ends the program with
    code 130. A command that has a summary to print does so in a `finally`, here or there.

    Raises: what the work raises; click's Exit, after another signal.
    """
    task = _Task()
    with ENDING.by(task.cancel):
        try:
            result = asyncio.run(task.run(work))
        except asyncio.CancelledError:
            _raise_if_ended()
            raise
    _raise_if_ended()
    return result


def serve(work: Coroutine[Any, Any, T], end: Callable[[], object]) -> T:
    """Carry out what ends by being told to: `end` is called for that, at the first signal.

    Raises: what the work raises.
    """
    task = _Task()

    def tell() -> None:
        end()
        task.wake()

    with ENDING.by(tell):
        return asyncio.run(task.run(work))


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Let `kill` end what does not await as Ctrl-C does, so that its files are whole.

    Raises: click's Exit, after a signal, in place of KeyboardInterrupt.
    """
    with ENDING.by(interrupt, interrupt):
        try:
            yield
        except KeyboardInterrupt:
            _raise_if_ended()
            raise


def _raise_if_ended() -> None:
    """Raises: KeyboardInterrupt after Ctrl-C; click's Exit after another signal."""
    if ENDING.number == signal.SIGINT:
        raise KeyboardInterrupt
    if ENDING.number:
        raise ClickExit(ENDING.exit_code) from None


class _Task:
    """The task of a command, for a signal's handler, which is called between any two steps."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work. Raises: CancelledError, also if `cancel` was called before."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        with contextlib.closing(work):
            if self._is_cancelled:
                raise asyncio.CancelledError
            return await work

    def cancel(self) -> None:
        self._is_cancelled = True
        if self._task is not None:
            self._task.cancel()
        self.wake()

    def wake(self) -> None:
        """Have the loop look at what has changed; it may be asleep."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_nothing)


def _nothing() -> None:
    """What a loop does that was woken."""
