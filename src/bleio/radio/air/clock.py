"""Simulated time: integer microseconds and a heap of what is to happen.

Nothing here looks at a real clock. The owner of the timeline moves it on with `run_until`; the
model only schedules. Two timers of the same microsecond fire in the order in which they were set,
so a run depends on its input alone.

There are two ways to act in time: a callback at one time (`schedule`), and a `Course`, a generator
that yields when to go on (`follow`). What goes through many steps in order is a course, since its
place in the program says where it is; what may be moved or taken back is a timer.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from typing import Any, Protocol

# What happens one after the other: a generator that yields the times at which to go on.
Course = Generator[int, None, None]

# Cancelled timers stay in the heap until they come up, unless they are most of it.
_COMPACT_ABOVE = 256


class Timer:
    """One callback at one time; `cancel` makes it not happen."""

    __slots__ = ("_args", "_callback", "_clock", "at_us")

    def __init__(
        self, clock: Timeline, at_us: int, callback: Callable[..., None], args: tuple[Any, ...]
    ) -> None:
        self.at_us = at_us
        self._clock = clock
        self._callback: Callable[..., None] | None = callback
        self._args = args

    @property
    def pending(self) -> bool:
        """Whether it is still to fire."""
        return self._callback is not None

    def cancel(self) -> None:
        """Take the timer back; harmless when it has fired."""
        if self._callback is not None:
            self._callback = None
            self._args = ()
            self._clock._count_cancelled()


class Alarm(Protocol):
    """What moves the time of a world on, and waits until something is due."""

    def due_earlier(self) -> None:
        """Something was scheduled earlier than all that was due before."""


class Timeline:
    """The time of a simulated world and the heap of its timers."""

    def __init__(self) -> None:
        self.now_us = 0
        self._alarm: Alarm | None = None
        self._heap: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        self._cancelled = 0
        self._running = False

    def schedule(self, at_us: int, callback: Callable[..., None], *args: Any) -> Timer:
        """Call `callback(*args)` at `at_us`, or at once when that has passed."""
        if at_us < self.now_us:
            at_us = self.now_us
        timer = Timer(self, at_us, callback, args)
        earlier = not self._heap or at_us < self._heap[0][0]
        self._sequence += 1
        heapq.heappush(self._heap, (at_us, self._sequence, timer))
        if earlier and not self._running and self._alarm is not None:
            self._alarm.due_earlier()
        return timer

    def set_alarm(self, alarm: Alarm) -> None:
        """Tell `alarm` from now on when something is due earlier than it could know.

        Raises: RuntimeError when another one is told; time has one owner.
        """
        if self._alarm is not None:
            raise RuntimeError("this timeline has an alarm already")
        self._alarm = alarm

    def clear_alarm(self) -> None:
        """Tell it no more; harmless without one."""
        self._alarm = None

    def follow(self, course: Course) -> None:
        """Go on in a course of events now, and again at the times it yields."""
        at_us = next(course, None)
        if at_us is not None:
            self.schedule(at_us, self.follow, course)

    def next_event_us(self) -> int | None:
        """The time of the next timer, None when there is none."""
        heap = self._heap
        while heap and heap[0][2]._callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def run_until(self, time_us: int) -> None:
        """Fire all timers up to and including `time_us`, and stand there afterwards.

        A callback may schedule, also for the present microsecond. Time never goes backwards: an
        earlier `time_us` than the present fires only what is due already.

        Raises: RuntimeError when called from a callback.
        """
        if self._running:
            raise RuntimeError("run_until called from inside a simulated event")
        self._running = True
        try:
            heap = self._heap
            while heap and heap[0][0] <= time_us:
                at_us, _, timer = heapq.heappop(heap)
                callback, timer._callback = timer._callback, None
                if callback is None:
                    self._cancelled -= 1
                    continue
                if at_us > self.now_us:
                    self.now_us = at_us
                callback(*timer._args)
                heap = self._heap  # which a callback may have made anew
        finally:
            self._running = False
        if time_us > self.now_us:
            self.now_us = time_us

    def _count_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._cancelled = 0
