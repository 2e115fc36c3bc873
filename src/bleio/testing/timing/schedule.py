"""Who is next in simulated time, and when. It knows no threads.

Three kinds of things are waited for. The engine may have been given something to do: then it is
next, before anybody is asked anything, so that what a program has started is under way before time
or another program goes on. Participants wait for predicates, for a time, or for what comes first of
both. The radio's next event, and the engine's next timer, are due at a time; they go before
participants that are due at the same one, since what they do is what participants wait for.

Predicates are programs' code, and may look at the clock, which is a wait like any other. While the
schedule asks them (`deciding`), looks take no time; else to decide who is next one would have to
decide who is next.

Most decisions are made while a program spins, and would come out as the one before. What makes a
predicate of bleio's own true is either done by the engine or announced, so they need not be asked
in between (`quiet_until_us`; see `quick`).
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from bleio.testing.timing.participant import Participant
from bleio.testing.timing.waiting import NEVER_US, Predicate, Waiting

UNKNOWN_US = -1


class EventSource(Protocol):
    """What happens by itself: the radio."""

    def next_event_us(self) -> int | None:
        """Return the time of the next event; None if there is none."""

    def run_until(self, time_us: int) -> None:
        """Let all events up to that time happen."""


class TurnSchedule:
    """All that wait, and the engine among them.

    Attributes:
        deciding: predicates are being asked.
        engine_woken: the engine has something to do now. Set by any thread; `engine_due_us` is
            the engine's own, so that neither can overwrite what the other says.
        engine_due_us: when the engine's next timer is due.
        quiet_until_us: before then the engine has nothing to do, and no predicate is true that is
            announced; `UNKNOWN_US` before the next decision. Set to that by any thread.
        announced: something was announced since the last decision.
        at_looks: the owner's predicate, if what makes it true is not announced.
        waiting: the participants that wait.
    """

    def __init__(self, events: EventSource, engine: Participant) -> None:
        self.deciding = False
        self.engine_woken = False
        self.engine_due_us = NEVER_US
        self.quiet_until_us = UNKNOWN_US
        self.at_looks: Predicate | None = None
        self.waiting = Waiting()
        self.announced = False
        self._woken: deque[Participant] = deque()
        self._events = events
        self._engine = engine
        self.enter = self.waiting.enter
        self.take_out = self.waiting.take_out

    def first(
        self, now_us: int, me: Participant | None, predicate: Predicate | None, due_us: int
    ) -> tuple[Participant | None, int]:
        """Find the participant that can go on earliest, if the engine has nothing to do now.

        Args: me, predicate, due_us: one that is not in here, but would begin to wait now.
        Returns: which, and when; None and `NEVER_US` if nothing can happen any more.
        """
        engine_us = self.engine_us()
        while self._woken:
            woken = self._woken.popleft()
            self.waiting.wake(woken, now_us)
            if woken is me and me.wants_work:
                due_us = min(due_us, now_us + me.look_us)
        waiting, self.announced, self.deciding = self.waiting, False, True
        try:
            who, at_us = waiting.first(now_us, engine_us, me, predicate, due_us)
        finally:
            self.deciding = False
        self.quiet_until_us = min(engine_us, waiting.unasked_us)
        if self.announced or self.engine_woken:
            self.quiet_until_us = UNKNOWN_US
        if engine_us <= at_us and engine_us < NEVER_US:
            return self._engine, engine_us
        return who, at_us

    def engine_us(self) -> int:
        """Return when the engine has something to do by itself; `NEVER_US` if it has not."""
        event_us = self._events.next_event_us()
        if event_us is not None and event_us < self.engine_due_us:
            return event_us
        return self.engine_due_us

    def waiting_without_limit(self) -> list[str]:
        """Return the names of those that wait for predicates, whatever happens."""
        return self.waiting.without_limit()

    def announce(self) -> None:
        """What somebody waits for may have come, and not by the engine. Thread: any."""
        self.announced = True
        self.quiet_until_us = UNKNOWN_US

    def wake(self, who: Participant) -> None:
        """One is to go on before its time, if it waits for one. Thread: any."""
        self._woken.append(who)
        self.announce()

    def wake_engine(self) -> None:
        """The engine was given something to do. Thread: any."""
        self.engine_woken = True
        self.quiet_until_us = UNKNOWN_US
