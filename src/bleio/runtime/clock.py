"""How blocking calls wait, and by which clock: the one place to change for simulated time.

Everything that blocks a program's thread waits through `Clock.wait_for`, and everything that the
engine times runs on the loop that `Clock.new_event_loop` makes.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

# A wait on a lock lets Ctrl-C through at once on Linux only; elsewhere we look every 50 ms. On
# Linux too a signal that comes just before the thread blocks is seen only when the wait ends.
_SLICE_S = 1.0 if sys.platform == "linux" else 0.05


class Flag:
    """Set once, by the engine; one thread waits for it.

    It is a lock that is held until then. A Condition would do, but costs a dozen Python calls at
    each use, and every call that a program makes into the engine needs one of these.
    """

    __slots__ = ("done", "lock")

    def __init__(self) -> None:
        self.done = False
        self.lock = threading.Lock()
        self.lock.acquire()

    def is_set(self) -> bool:
        """Whether it is set. Any thread."""
        return self.done

    def set(self) -> None:
        """Wake the thread that waits. To be called once. Thread: the engine's."""
        self.done = True
        self.lock.release()


class Clock:
    """Real time."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Make the engine's loop. asyncio is imported here since `import _bleio` must be quick."""
        from bleio.runtime.loop import EngineLoop

        return EngineLoop()

    def wait_for(
        self,
        condition: threading.Condition,
        predicate: Callable[[], bool],
        timeout_s: float | None = None,
    ) -> bool:
        """Wait until `predicate()` holds; what makes it true must notify `condition`.

        Args: condition: held by the caller. timeout_s: None waits without limit.
        Returns: what the predicate returned last: False after the time-out.
        Raises: KeyboardInterrupt in the main thread.
        Thread: any but the engine's.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not predicate():
            left = _SLICE_S if end is None else end - time.monotonic()
            if left <= 0:
                return False
            condition.wait(min(left, _SLICE_S))
        return True

    def wait_for_flag(self, flag: Flag, timeout_s: float | None = None) -> bool:
        """Wait until the flag is set; otherwise like `wait_for`."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not flag.done:
            left = _SLICE_S if end is None else end - time.monotonic()
            if left <= 0:
                return False
            flag.lock.acquire(timeout=min(left, _SLICE_S))
        return True

    def look(self) -> None:
        """A program's thread looks at what the engine or the air changes, perhaps in a loop.

        It costs nothing here; simulated time has to go on even then. Thread: any.
        """

    def start_thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Start a daemon thread that runs a program's code. Thread: any."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread

    def join_engine(self, thread: threading.Thread, timeout_s: float) -> None:
        """Wait for the end of the engine, which has been told to stop."""
        thread.join(timeout_s)
