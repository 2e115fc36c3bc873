"""What a controller does until it is told to stop: advertising, scanning.

The program's wish changes at once, the controller needs time. So the wish (`_run`) and what is
on the air (`_stop`, how to end it) are kept apart, and a lock lets the controller be told one
thing at a time. What follows the lock looks at the wish anew: a program that stops and starts
again at once has started, and the stop that comes late finds that it is not wanted any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bleio.errors import CallerError
from bleio.runtime.loop import Tasks

Tell = Callable[[], Awaitable[None]]


class _Run:
    """One time from start to end."""

    __slots__ = ("on_end", "started", "timer")

    def __init__(self, on_end: Callable[[], None] | None) -> None:
        self.on_end = on_end
        self.started = False
        self.timer: asyncio.TimerHandle | None = None


class Activity:
    """Advertising or scanning of one adapter. Engine thread, except `active`.

    Args: already: the message for starting what runs already.
    """

    def __init__(self, already: str, tasks: Tasks) -> None:
        self._already = already
        self._tasks = tasks
        self._run: _Run | None = None
        self._stop: Tell | None = None
        self._lock = asyncio.Lock()

    @property
    def active(self) -> bool:
        """True from a successful start until the end. Any thread."""
        run = self._run
        return run is not None and run.started

    async def start(
        self,
        start: Tell,
        stop: Tell,
        timeout_s: float,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        """Tell the controller to start; `timeout_s` later, if not 0, it ends.

        Args: stop: tells the controller to stop; harmless if it had stopped by itself. on_end:
            called once, whatever ends it. If starting fails nothing runs.
        """
        if self._run is not None:
            raise CallerError(self._already)
        run = self._run = _Run(on_end)
        try:
            async with self._lock:
                await self._silence()
                self._stop = stop
                await start()
        except BaseException:
            if self._run is run:
                self._end()
            self._tasks.spawn(self._settle())
            raise
        if self._run is run:  # it can have ended while we were told of its start
            run.started = True
            if timeout_s:
                run.timer = asyncio.get_running_loop().call_later(timeout_s, self._expire)

    async def stop(self) -> None:
        """End it; does nothing if it does not run. Returns when the controller has stopped.

        It goes on if the caller is cancelled: nobody would end it again.
        """
        self._end()
        await asyncio.shield(self._tasks.spawn(self._settle()))

    def ended(self) -> None:
        """The controller stopped by itself, or is gone."""
        self._stop = None
        self._end()

    def _expire(self) -> None:
        self._end()
        self._tasks.spawn(self._settle())

    def _end(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            if run.timer is not None:
                run.timer.cancel()
            if run.on_end is not None:
                run.on_end()

    async def _settle(self) -> None:
        async with self._lock:
            if self._run is None:
                await self._silence()

    async def _silence(self) -> None:
        if self._stop is not None:
            await self._stop()
            self._stop = None
