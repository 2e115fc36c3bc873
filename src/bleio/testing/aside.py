"""What Python keeps for each thread, laid aside while another greenlet of the thread runs.

asyncio's running loop: the engine's loop always runs, and a program must be able to call
`asyncio.run`, even two of them that block in the middle. With it go the hooks for asynchronous
generators, which the loop has set. The functions for tracing and profiling: coverage and debuggers
expect that what a thread calls it returns from, one after the other, and would take the frames of
one device for those of another.
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


class Aside:
    """All that the calling thread has; it has none of it while this has it."""

    __slots__ = ("_loop", "_profile", "_trace")

    def __init__(self) -> None:
        self._trace, self._profile = sys.gettrace(), sys.getprofile()
        if self._trace is not None:
            sys.settrace(None)
        if self._profile is not None:
            sys.setprofile(None)
        self._loop = lay_loop_aside()

    def resume(self) -> None:
        """Give it back."""
        if self._loop is not None:
            self._loop.resume()
        if self._profile is not None:
            sys.setprofile(self._profile)
        if self._trace is not None:
            sys.settrace(self._trace)


def lay_aside() -> Aside | None:
    """Lay aside what the calling thread has; None if that is nothing, which is the usual case."""
    if asyncio._get_running_loop() is None and sys.gettrace() is None and sys.getprofile() is None:
        return None
    return Aside()


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
