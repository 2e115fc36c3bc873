"""One who takes part in simulated time: a thread, and what it waits for."""

from __future__ import annotations

import ctypes
import sys
import threading
import traceback
from collections.abc import Callable

LOOK_US = 20  # about what a microcontroller takes for one look at an attribute
LONGEST_LOOK_US = 10_000
_SPINNING_PARTS = 16  # a look of who spins takes one of so many parts of the time spent so


class Participant:
    """A thread that runs only while it has the baton. Strangers wait by the clock, but run freely.

    Whoever has the world's baton may change it. `error` is raised once, `stop` again and again.
    """

    def __init__(self, name: str, *, stranger: bool = False) -> None:
        self.name = name
        self.stranger = stranger
        self.thread: threading.Thread | None = None
        self.baton = threading.Lock()
        self.baton.acquire()
        self.alive = True
        self.look_us = LOOK_US
        self.spins_since_us = 0  # when it last waited, or something happened to it
        self.news = False
        self.predicate: Callable[[], bool] | None = None
        self.due_us = 0
        self.not_before_us = 0
        self.sequence = 0
        self.error: BaseException | None = None
        self.stop: type[BaseException] | None = None

    @property
    def extra_us(self) -> int:
        """What a slow one takes besides, whatever it does."""
        return max(0, self.look_us - LOOK_US)

    def look_cost_us(self, now_us: int) -> int:
        """How long the next look takes, if nothing happens meanwhile."""
        part_us = (now_us - self.spins_since_us) // _SPINNING_PARTS
        return max(self.look_us, min(part_us, LONGEST_LOOK_US))

    def has_news(self) -> bool:
        """Whether something has happened since it began its look."""
        return self.news

    def attend(self, now_us: int) -> None:
        """From now on it does not spin any more, or begins to."""
        self.spins_since_us, self.news = now_us, False

    def check(self) -> None:
        """Raise what the thread is to be ended or interrupted by."""
        if self.stop is not None:
            raise self.stop
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def interrupt(self, reason: type[BaseException]) -> None:
        """Raise `reason` in the thread at its next step of Python, if it comes to one."""
        if self.thread is not None and self.thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.thread.ident), ctypes.py_object(reason)
            )

    def describe(self, seconds: float) -> str:
        """Say where the thread is, which has not come back for so long."""
        what = (
            f"{self.name} has neither waited in simulated time nor ended for {seconds:g} s of"
            " real time; it computes, or waits for something outside of the world"
        )
        frame = sys._current_frames().get(self.thread.ident or 0) if self.thread else None
        if frame is None:
            return what
        return f"{what}:\n{''.join(traceback.format_stack(frame)[-6:])}"
