"""What CircuitPython's `asyncio` has and CPython's has not.

A board's programs find the package adafruit-circuitpython-asyncio, MicroPython's asyncio, under the
name `asyncio`. On CPython that name is the standard library's, also where the package is installed,
and the package itself needs a board's `select`. Nearly all of it has the same names as CPython's.
The rest is here, so that programs written for boards run in worlds: times in milliseconds, a flag
that interrupts set, and the modules that it is made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import ModuleType
from typing import Any

from bleio.testing.programs.loops.owner import DeviceLoops

_PARTS = {
    "event": ("Event", "ThreadSafeFlag"),
    "funcs": ("gather", "wait_for", "wait_for_ms"),
    "lock": ("Lock",),
}
_CORE = (
    *("CancelledError", "TimeoutError", "Task", "create_task", "current_task", "get_event_loop"),
    *("get_running_loop", "new_event_loop", "run", "run_until_complete", "sleep", "sleep_ms"),
    *("ticks", "ticks_add", "ticks_diff"),
)
_TICKS_PERIOD = 1 << 29  # of adafruit_ticks
_TICKS_HALF = _TICKS_PERIOD // 2


class ThreadSafeFlag:
    """Set by an interrupt or a thread, and awaited by one task, which clears it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_set = False

    def set(self) -> None:
        """Wake the task that waits, or the next one that will. Thread: any."""
        self._is_set = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Have it not set."""
        self._is_set = False
        self._event.clear()

    async def wait(self) -> None:
        """Wait until it is set, and clear it."""
        self._loop = asyncio.get_running_loop()
        while not self._is_set:
            self._event.clear()
            await self._event.wait()
        self.clear()


async def sleep_ms(t: int) -> None:
    """Sleep for some milliseconds."""
    await asyncio.sleep(max(0, t) / 1000)


async def wait_for_ms(aw: Awaitable[Any], timeout: int) -> Any:
    """Wait like `wait_for`, with a time-out in milliseconds."""
    return await asyncio.wait_for(aw, timeout / 1000)


def ticks_add(ticks: int, delta: int) -> int:
    """Return the ticks that many milliseconds later."""
    return (ticks + delta) % _TICKS_PERIOD


def ticks_diff(ticks1: int, ticks2: int) -> int:
    """Return how many milliseconds the first is later."""
    diff = (ticks1 - ticks2) % _TICKS_PERIOD
    return (diff + _TICKS_HALF) % _TICKS_PERIOD - _TICKS_HALF


def add_circuitpython(package: ModuleType, owner: DeviceLoops) -> dict[str, ModuleType]:
    """Put them into a device's `asyncio`. Returns: the modules that are new, by full name."""

    def ticks() -> int:
        return owner.now_us() // 1000 % _TICKS_PERIOD

    def run_until_complete(main_task: Awaitable[Any] | None = None) -> Any:
        loop = owner.get_event_loop()
        return loop.run_forever() if main_task is None else loop.run_until_complete(main_task)

    new = (ThreadSafeFlag, sleep_ms, wait_for_ms, ticks, ticks_add, ticks_diff, run_until_complete)
    for each in new:
        vars(package).setdefault(each.__name__, each)
    modules = {}
    for part, names in {**_PARTS, "core": _CORE}.items():
        module = ModuleType(f"asyncio.{part}", package.__doc__)
        vars(module).update({name: getattr(package, name) for name in names})
        vars(package)[part] = modules[module.__name__] = module
    return modules
