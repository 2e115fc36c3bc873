"""asyncio loops in simulated time: they never wait for sockets, they give the baton away.

Such a loop is asyncio's own but for its rounds. Those of asyncio ask a selector for sockets, even
if there is nothing to wait for, and are woken by a pipe. There are no sockets here, and what gives
the loop something to do says so to those that take turns. The order of what it runs is asyncio's.

`VirtualLoop` is the engine's. Those of programs are `deviceloop`'s.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heappop, heappush
from math import ceil
from typing import Any

from bleio.testing.timing.engine import EngineTurns
from bleio.testing.timing.participant import Participant
from bleio.testing.timing.waiting import NEVER_US
from bleio.testing.timing.watching import Time

HALF_US = 0.5  # of the clock's step: rounding must not make a timer late or early
_NEVER_S = NEVER_US / 1e6
_LONGEST_SELECT_US = 86_400_000_000  # asyncio's, after which it looks again


class _Timer(asyncio.TimerHandle):
    """asyncio's, which asks the loop in several calls what it needs only if it debugs."""

    __slots__ = ()
    _loop: LoopInTurns  # asyncio's own, as are those below
    _scheduled: bool
    _callback: Any
    _args: Any

    def cancel(self) -> None:
        """See asyncio. The loop counts those that are cancelled before they come."""
        if self._scheduled or self._loop._debug:
            super().cancel()
        else:
            self._cancelled = True
            self._callback = self._args = None


_Timer.__name__ = "TimerHandle"
_new = asyncio.Handle.__new__  # handles are filled in where they are made, without `__init__`


class LoopInTurns(asyncio.SelectorEventLoop):
    """A loop whose time is a world's. Its rounds, `_run_once`, are its subclasses'."""

    _me: Participant | None = None  # which program runs it
    _ready: deque[Any]  # asyncio's own, as are those below
    _scheduled: list[Any]
    _timer_cancelled_count: int
    _stopping: bool
    _debug: bool
    _closed: bool

    def __init__(self, time: Time) -> None:
        self._time = time
        super().__init__(selectors.SelectSelector())
        self._clock_resolution = HALF_US / 1e6

    def time(self) -> float:
        return self._time.now_us / 1e6

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio."""
        if self._debug or self._closed:  # asyncio's looks closely, or raises
            return super().call_soon(callback, *args, context=context)
        handle: Any = _new(asyncio.Handle)
        handle._loop, handle._callback, handle._args = self, callback, args
        handle._context = copy_context() if context is None else context
        handle._cancelled = False
        handle._repr = handle._source_traceback = None
        self._ready.append(handle)
        return handle  # type: ignore[no-any-return]

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio. It counts from now, and is no look."""
        if delay is None:
            raise TypeError("delay must not be None")
        when_s = self._time.now_us / 1e6 + delay
        if self._debug or self._closed:
            return self.call_at(when_s, callback, *args, context=context)
        return self._set_timer(when_s, callback, args, context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        if self._debug or self._closed:
            timer = super().call_at(min(when, _NEVER_S), callback, *args, context=context)
            self._limit_looks(timer.when())
            return timer
        return self._set_timer(when, callback, args, context)

    def _set_timer(
        self,
        when_s: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
    ) -> asyncio.TimerHandle:
        timer: Any = _new(_Timer)
        timer._when = when_s = when_s if when_s < _NEVER_S else _NEVER_S  # also `math.inf`
        timer._loop, timer._callback, timer._args = self, callback, args
        timer._context = copy_context() if context is None else context
        timer._scheduled, timer._cancelled = True, False
        timer._repr = timer._source_traceback = None
        heappush(self._scheduled, timer)
        if self._me is not None and self._me.look_limit_us:
            self._limit_looks(when_s)
        return timer  # type: ignore[no-any-return]

    def _limit_looks(self, until_s: float) -> None:
        """No look of the one that runs the loop is to go beyond a timer."""
        if self._me is not None:
            self._me.look_limit_us = min(self._me.look_limit_us, round(until_s * 1e6))

    def is_ready(self) -> bool:
        """Whether it has something to do now, timers left aside."""
        return bool(self._ready)

    def next_timer_us(self) -> int:
        """Return when it wants to go on by itself; `NEVER_US` if it does not."""
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heappop(timers)._scheduled = False
            self._timer_cancelled_count -= 1
        if not timers:
            return NEVER_US
        now_us = self._time.now_us
        due_us: int = ceil(timers[0]._when * 1e6 - HALF_US)
        if now_us < due_us < now_us + _LONGEST_SELECT_US:
            return due_us
        return now_us if due_us <= now_us else now_us + _LONGEST_SELECT_US

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
        end_us = self._time.now_us + HALF_US
        while timers and timers[0]._when * 1e6 <= end_us:
            timer = heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        left = len(ready)
        while left:
            left -= 1
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
