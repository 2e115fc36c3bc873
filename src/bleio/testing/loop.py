"""The engine's asyncio loop in simulated time: it never waits, it gives the baton away."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable
from typing import Any

from bleio.testing.engine import EngineTurns
from bleio.testing.waiting import NEVER_US

_RESOLUTION_S = 5e-7  # half the clock's step: rounding must not make a timer late or early


class _Selector(selectors.SelectSelector):
    """Lets the world go on where other loops wait for sockets. It looks at none."""

    def __init__(self, turns: EngineTurns) -> None:
        super().__init__()
        self._turns = turns

    def select(self, timeout: float | None = None) -> list[Any]:
        turns = self._turns
        if timeout == 0 and turns.has_turn():
            return []
        if timeout is None:
            turns.wait(NEVER_US)
        else:
            turns.wait(turns.time.now_us + math.ceil(timeout * 1e6 - 0.5))
        return []


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


class VirtualLoop(LoopWithoutThreads):
    """A loop whose time is a `VirtualClock`'s."""

    def __init__(self, turns: EngineTurns) -> None:
        self._turns = turns
        self._time = turns.time
        super().__init__(_Selector(turns))
        self._clock_resolution = _RESOLUTION_S

    def time(self) -> float:
        return self._time.now_us / 1e6

    def call_soon_threadsafe(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> asyncio.Handle:
        handle = super().call_soon_threadsafe(*args, **kwargs)
        self._turns.wake()
        return handle
