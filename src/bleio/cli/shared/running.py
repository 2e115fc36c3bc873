"""Commands that await: from the first line to Ctrl-C, or `kill`.

Both cancel the command at the place where it waits, so its `async with` and `finally` blocks run:
scans and links end, files are whole, and a terminal is as it was. `timeout 10 bleio scan` is a
`kill`, too. What was to be ignored, as under nohup, still is.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from click.exceptions import Exit as ClickExit

T = TypeVar("T")
_SIGNALS = ("SIGTERM", "SIGHUP")
_BY_SIGNAL = 128  # and its number: an exit code, as shells have it


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Carry out what a command does.

    After Ctrl-C, KeyboardInterrupt goes on when the work has ended, which ends the program with
    code 130. A command that has a summary to print does so in a `finally`, here or there.

    Raises: what the work raises.
    """
    return asyncio.run(_until_killed(work))


async def _until_killed(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; a signal cancels it. Raises: click's Exit, after a signal."""
    task = asyncio.current_task()
    assert task is not None
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    numbers = list(_deadly_signals())
    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        return await work
    except asyncio.CancelledError:
        if came:
            raise ClickExit(_BY_SIGNAL + came[0]) from None
        raise
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Let `kill` end what does not await as Ctrl-C does, so that its files are whole.

    Raises: click's Exit, after a signal, in place of KeyboardInterrupt.
    """
    came: list[int] = []

    def end(number: int, _frame: object) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)  # whatever handles that, such as a world's

    before = {number: signal.signal(number, end) for number in _deadly_signals()}
    try:
        yield
    except KeyboardInterrupt:
        if came:
            raise ClickExit(_BY_SIGNAL + came[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deadly_signals() -> Iterator[int]:
    """Yield the signals that would end the program on the spot; none on Windows."""
    if not hasattr(asyncio, "ProactorEventLoop"):
        for name in _SIGNALS:
            number = getattr(signal, name)
            if signal.getsignal(number) is signal.SIG_DFL:
                yield number
