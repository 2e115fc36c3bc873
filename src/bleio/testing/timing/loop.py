"""asyncio loops in simulated time: they never wait for sockets, they give the baton away.

Such a loop is asyncio's own but for its rounds. Those of asyncio ask a selector for sockets, even
if there is nothing to wait for, and are woken by a pipe. There are no sockets here, and what gives
the loop something to do says so to those that take turns. The order of what it runs is asyncio's.

`VirtualLoop` is the engine's. Those of programs are `deviceloop`'s.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any

from bleio.testing.timing.engine import EngineTurns
from bleio.testing.timing.waiting import NEVER_US
from bleio.testing.timing.watching import Time

RESOLUTION_S = 5e-7  # half the clock's step: rounding must not make a timer late or early
_LONGEST_SELECT_S = 86_400.0  # asyncio's, after which it looks again


class _Soon(asyncio.Handle):
    """What is to be called soon. asyncio's asks the loop each time whether it debugs."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class LoopInTurns(asyncio.SelectorEventLoop):
    """A loop whose time is a world's. Its rounds, `_run_once`, are its subclasses'."""

    _ready: deque[Any]  # asyncio's own, as are those below
    _scheduled: list[Any]
    _timer_cancelled_count: int
    _stopping: bool
    _debug: bool
    _closed: bool

    def __init__(self, time: Time) -> None:
        self._time = time
        super().__init__(selectors.SelectSelector())
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        return self._time.now_us / 1e6

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio."""
        if self._debug or self._closed:  # asyncio's looks closely, or raises
            return super().call_soon(callback, *args, context=context)
        handle = _Soon(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def is_ready(self) -> bool:
        """Whether it has something to do now, timers left aside."""
        return bool(self._ready)

    def next_timer_us(self) -> int:
        """Return when it wants to go on by itself; `NEVER_US` if it does not."""
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
            self._timer_cancelled_count -= 1
        if not timers:
            return NEVER_US
        now_us = self._time.now_us
        left_s: float = min(max(0.0, timers[0]._when - now_us / 1e6), _LONGEST_SELECT_S)
        return now_us + math.ceil(left_s * 1e6 - 0.5)

    def _make_self_pipe(self) -> None: ...

    def _close_self_pipe(self) -> None: ...

    def _write_to_self(self) -> None: ...


class LoopWithoutThreads(asyncio.SelectorEventLoop):
    """A loop that does itself what it would give to an executor: nobody could say, in a time that
    is not real, when that is ready."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class VirtualLoop(LoopInTurns, LoopWithoutThreads):
    """The engine's loop."""

    def __init__(self, turns: EngineTurns) -> None:
        self._turns = turns
        super().__init__(turns.time)

    def _run_once(self) -> None:
        """Do one round as asyncio does, with no sockets to ask: wait if nothing is ready, take
        what is due, and run what was ready by then, not what that makes ready."""
        ready, timers = self._ready, self._scheduled
        if not (ready or self._stopping) and (due_us := self.next_timer_us()) > self._time.now_us:
            self._turns.wait(due_us)
        end_s = self._time.now_us / 1e6 + RESOLUTION_S
        while timers and timers[0]._when < end_s:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            try:
                handle._context.run(handle._callback, *handle._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                message = f"Exception in callback {handle!r}"
                self.call_exception_handler(
                    {"message": message, "exception": error, "handle": handle}
                )

    def start_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Make a task and let it go up to its first wait. The loop has nothing else to do now."""
        task = self.create_task(coroutine)
        self._ready.pop()._run()
        return task

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio."""
        context = context or self._turns.context_of_call()
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        self._turns.wake()
        return handle
