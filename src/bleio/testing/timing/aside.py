"""What Python keeps for each thread, which greenlets of a thread would share.

asyncio's running loop is laid aside while another greenlet runs: the engine's loop always runs, and
a program must be able to call `asyncio.run`, even two of them that block in the middle. With it go
the hooks for asynchronous generators, which the loop has set, and its current task.

The functions for tracing and profiling are laid aside by `Hub.switch` itself: coverage and
debuggers expect that what a thread calls it returns from, one after the other. So they would take
the frames of one device for those of another; and they have to be unset and set again in one frame,
or miss the returns of those in between.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

# From this version on it is a thread that has one current task, before it was each loop.
_TASK_OF_THREAD = sys.version_info >= (3, 14)


class LoopAside:
    """The calling thread's running loop; it has none while this has it."""

    __slots__ = ("_hooks", "_loop", "_task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task = _exchange_task(loop, None)
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        asyncio._set_running_loop(None)

    def resume(self) -> None:
        """Give it back."""
        asyncio._set_running_loop(self._loop)
        sys.set_asyncgen_hooks(*self._hooks)
        _exchange_task(self._loop, self._task)


def lay_loop_aside() -> LoopAside | None:
    """Lay aside the running loop of the calling thread alone; None if there is none."""
    loop = asyncio._get_running_loop()
    return None if loop is None else LoopAside(loop)


def begin_as_thread() -> None:
    """Have what new threads get from `threading.settrace` and `threading.setprofile`."""
    if (profile := threading.getprofile()) is not None:
        sys.setprofile(profile)
    if (trace := threading.gettrace()) is not None:
        sys.settrace(trace)


def _exchange_task(loop: asyncio.AbstractEventLoop, task: Any) -> Any:
    if not _TASK_OF_THREAD:
        return None
    exchange: Any = asyncio.tasks._swap_current_task  # type: ignore[attr-defined]
    return exchange(loop, task)


def end_as_thread() -> None:
    """Leave nothing to the greenlet that runs next."""
    sys.settrace(None)
    if callable(sys.getprofile()):  # else it is cProfile's, of another program perhaps
        sys.setprofile(None)
    lay_loop_aside()
