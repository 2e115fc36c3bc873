"""Tests in simulated time: hours of radio in seconds."""

from __future__ import annotations

import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from bleio.testing.timing.loop import LoopWithoutThreads
from support.hci.engine import asynchronous, checked


class _Jump(selectors.DefaultSelector):  # type: ignore[misc,valid-type,unused-ignore]
    """Does not wait for the next timer but makes it now."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class SimulatedLoop(LoopWithoutThreads):
    """A loop whose time is the time of its timers."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now_s


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test in simulated time; it must end with no task left."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        loop = SimulatedLoop()
        try:
            loop.run_until_complete(checked(test(*args, **kwargs)))
        finally:
            loop.close()

    return run


def in_world_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test of a world in simulated time, if nothing of that world is outside of its loop."""
    in_real_time, in_simulated_time = asynchronous(test), simulated(test)

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        world = kwargs.get("make_world") or kwargs["faithful_world"]
        (in_simulated_time if world.simulated else in_real_time)(*args, **kwargs)

    return run
