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
from asyncio import _get_running_loop, _set_running_loop
from typing import Any

# From this version on it is a thread that has one current task, before it was each loop.
_TASK_OF_THREAD = sys.version_info >= (3, 14)
_exchange_task: Any = getattr(asyncio.tasks, "_swap_current_task", None)
_get_hooks, _set_hooks = sys.get_asyncgen_hooks, sys.set_asyncgen_hooks  # each switch has them


# A loop, its hooks and its current task.
Aside = tuple[asyncio.AbstractEventLoop, Any, Any]


def lay_loop_aside(loop: asyncio.AbstractEventLoop | None) -> Aside | None:
    """Take from the calling thread its running loop; None if it has none, and nothing to take."""
    if loop is None:
        return None
    task = _exchange_task(loop, None) if _TASK_OF_THREAD else None
    hooks = _get_hooks()
    _set_hooks(None, None)
    _set_running_loop(None)
    return loop, hooks, task


def resume_loop(aside: Aside) -> None:
    """Give it back."""
    loop, hooks, task = aside
    _set_running_loop(loop)
    _set_hooks(*hooks)
    if _TASK_OF_THREAD:
        _exchange_task(loop, task)


def begin_as_thread() -> None:
    """Have what new threads get from `threading.settrace` and `threading.setprofile`."""
    if (profile := threading.getprofile()) is not None:
        sys.setprofile(profile)
    if (trace := threading.gettrace()) is not None:
        sys.settrace(trace)


def end_as_thread() -> None:
    """Leave nothing to the greenlet that runs next."""
    sys.settrace(None)
    if callable(sys.getprofile()):  # else it is cProfile's, of another program perhaps
        sys.setprofile(None)
    lay_loop_aside(_get_running_loop())
