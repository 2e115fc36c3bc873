"""What tasks of asyncio wait by that look at something which other threads change.

A thread that blocks waits on a condition, by `Clock.wait_for`. A task cannot. It leaves its waker
with the bell of what it looks at, looks, and lets its loop go on; who changes the thing rings the
bell, and each waker that is there tells its own task's loop (`awaiting`).

The order makes a lock needless. Who waits leaves the waker first and looks then; who changes
something changes it first and rings then. So a waker that comes too late for a ring belongs to a
task that looks after the change. A ring that finds nobody costs one look at an attribute.
"""

from __future__ import annotations

from collections.abc import Callable

Waker = Callable[[], object]


class Bell:
    """Rung when something has changed. Thread: any. `waiting` is not empty if somebody waits."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: dict[Waker, None] = {}

    def add(self, waker: Waker) -> None:
        """Have a waker called at the next ring, once."""
        self.waiting[waker] = None

    def discard(self, waker: Waker) -> None:
        """Undo `add`, if it was not called yet."""
        self.waiting.pop(waker, None)

    def ring(self) -> None:
        """Wake all that wait, in the order in which they came."""
        waiting, self.waiting = self.waiting, {}
        for waker in tuple(waiting):
            waker()
