"""One that takes part in simulated time: what it waits for, and how long its looks take.

A program that spins looks again and again. Each look takes simulated time, or time would stand
still while it spins; and the longer it has spun, the longer its looks are, so that an hour of
spinning costs few of them. A look that is longer than usual ends with the next packet from the
device's controller (`news`), since nothing else changes what the program could see.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from bleio.testing.timing.jitter import Late

LOOK_US = 20  # about what a microcontroller takes for one look at an attribute
LONGEST_LOOK_US = 10_000
NEVER_US = 1 << 62
SPINNING_PARTS = 16  # a look takes this fraction of the time that its program has spun


class Participant:
    """Runs only while it has the baton. Strangers wait by the clock, but run freely.

    `error` is raised once, `stop` again and again. `thread` and `turn` are the baton's; most have
    one thread together, see `hub`. `thread_name` is what that thread is called while it runs.
    `look_us` is how long a look takes at least, `late` what its device takes beyond the usual,
    whatever it does. `hears_news`: it is in a look, which news end (`waiting`).
    `look_limit_us` is when its event loop has something to do by itself (`deviceloop`), and
    `wants_work`: it waits since that has nothing to do.

    Thread: the one that has the world's baton.
    """

    def __init__(self, name: str, *, stranger: bool = False) -> None:
        self.name = self.thread_name = name
        self.stranger = stranger
        self.thread: threading.Thread | None = None
        self.turn = threading.Lock()
        self.turn.acquire()
        self.alive = True
        self.look_us = LOOK_US
        self.look_limit_us = NEVER_US
        self.wants_work = False
        self.late: Late | None = None
        self.spins_since_us = 0  # when it last waited, or something happened to it
        self.news = self.hears_news = False
        self.predicate: Callable[[], bool] | None = None
        self.due_us = 0
        self.not_before_us = 0
        self.sequence = 0
        self.ended_us = 0
        self.error: BaseException | None = None
        self.stop: type[BaseException] | None = None

    def slow_down(self, slowness: float) -> None:
        """Take that many times as long as usual from now on."""
        self.look_us = max(1, round(LOOK_US * slowness))
        slow_us = max(0, self.look_us - LOOK_US)
        if self.late is None or not self.late.by_chance:
            self.late = Late() if slow_us else None
        if self.late is not None:
            self.late.usual_look_us, self.late.slow_us = self.look_us, slow_us

    def look_cost_us(self, now_us: int) -> int:
        """How long the next look takes, if nothing happens meanwhile."""
        part_us = (now_us - self.spins_since_us) // SPINNING_PARTS
        if part_us > LONGEST_LOOK_US:
            part_us = LONGEST_LOOK_US
        if part_us > self.look_limit_us - now_us:
            part_us = self.look_limit_us - now_us
        return part_us if part_us > self.look_us else self.look_us

    def has_ended(self) -> bool:
        """Whether it has ended, or is about to."""
        return not self.alive

    def is_alive(self) -> bool:
        """Whether it has not."""
        return self.alive

    def attend(self, now_us: int) -> None:
        """From now on it does not spin any more, or begins to."""
        self.spins_since_us, self.news = now_us, False

    def check(self) -> None:
        """Raise what it is to be ended or interrupted by."""
        if self.stop is not None:
            raise self.stop
        if self.error is not None:
            error, self.error = self.error, None
            raise error
