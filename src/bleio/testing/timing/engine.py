"""The engine's part in a world's time: what its asyncio loop asks and says.

The loop never waits for sockets. Where others do, it tells when its next timer is due and passes
the baton on; that is its turn's end. Its turn begins with the radio: events that are due by now
happen in the engine's greenlet before the loop goes on, so that the radio and the hosts need no
lock between them, and no timers of asyncio, whose order at one moment is not defined.

At the end the engine is alone: programs have ended, or were told to, and nobody passes the baton to
it any more. What its loop then still does, ending tasks above all, is in simulated time of its own,
which goes on as fast as it asks for it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING

from bleio.testing.errors import ForkedChild
from bleio.testing.timing.inplace import InPlace
from bleio.testing.timing.quick import QuickWaits
from bleio.testing.timing.schedule import UNKNOWN_US, EventSource
from bleio.testing.timing.turns import Turns, WorldLife
from bleio.testing.timing.waiting import NEVER_US
from bleio.testing.timing.watching import Time

if TYPE_CHECKING:
    from bleio.testing.timing.loop import VirtualLoop

_ALONE_STEP_US = 1_000_000  # at most, when the loop has no timer


class EngineTurns:
    """The engine's turns, and where it runs; see `bleio.runtime.clock.EngineThread`.

    Args:
        set_context: sets context variables; called in each context that the engine works in.

    Attributes:
        time: has the time. Thread: any.
        loop: the engine's.

    Thread: the engine's greenlet, if not stated otherwise.
    """

    loop: VirtualLoop
    in_place: InPlace

    def __init__(
        self, turns: Turns, events: EventSource, set_context: Callable[[], None] | None
    ) -> None:
        self.time: Time = turns
        self._turns = turns
        self._events = events
        self._set_context = set_context
        self._alone = False
        self._waits = False
        self._quick = QuickWaits(turns)
        self._ended = threading.Event()

    def start(self, loop: VirtualLoop, run: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        """Let `run(loop)` be the engine, from its first turn on. Thread: any."""
        self.loop = loop
        self.in_place = InPlace(self, self._turns)

        def live() -> None:
            if self._set_context is not None:
                self._set_context()
            self._begin_turn()
            try:
                run(loop)
            finally:
                self._ended.set()

        self._turns.baton.start(self._turns.engine, live)

    def context_of_call(self) -> Context:
        """Return a context for what the caller has the engine do: a copy of its own, with what the
        engine sets. A test's thread has none of that, and keys that it has made would come from the
        operating system: another run would have others. Thread: any."""
        context = copy_context()
        if self._set_context is not None:
            context.run(self._set_context)
        return context

    def is_here(self) -> bool:
        """Whether the caller is the engine. Thread: any."""
        return self._turns.baton.is_running(self._turns.engine)

    def wake(self) -> None:
        """The loop was given something to do. Raises: ForkedChild. Thread: any."""
        if self._turns.life is WorldLife.FORKED:
            raise ForkedChild  # there is no engine that would do it
        if self._alone:
            self._turns.schedule.engine_woken = False
        else:
            self._turns.schedule.wake_engine()

    def wait(self, due_us: int) -> None:
        """Pass the baton on until the loop has something to do, by `due_us` at latest.

        Raises: SystemExit once, if the world was given up: the loop ends with it, and what follows
            only ends tasks.
        """
        turns = self._turns
        if self._alone:
            turns.now_us = max(turns.now_us, min(due_us, turns.now_us + _ALONE_STEP_US))
            return
        if turns.life is WorldLife.ABANDONED:
            self._alone = True
            raise SystemExit
        turns.schedule.engine_due_us = due_us
        # What the loop has set for its thread is not the other greenlets'. No hooks come back: the
        # engine has no asynchronous generators.
        sys.set_asyncgen_hooks(None, None)
        asyncio._set_running_loop(None)
        self._give_way()
        self._begin_turn()
        while self._has_no_work():
            # Most events of the radio concern no host. There is no need to run the loop for them.
            if not self._quick.moves_to_engine():
                self._give_way()
            self._begin_turn()
        turns.schedule.engine_due_us = NEVER_US
        asyncio._set_running_loop(self.loop)

    def _give_way(self) -> None:
        self._waits = True
        self._turns.wait_as_engine()
        self._waits = False

    def _has_no_work(self) -> bool:
        turns = self._turns
        return not (
            self.loop.is_ready()
            or turns.schedule.engine_due_us <= turns.now_us
            or self._alone
            or turns.life is WorldLife.ABANDONED
        )

    def is_idle(self) -> bool:
        """Whether it waits, and has nothing to do now. Thread: the one that has the baton."""
        turns = self._turns
        schedule, now_us = turns.schedule, turns.now_us
        if (
            schedule.engine_woken
            or schedule.engine_due_us <= now_us
            or not self._waits
            or self.loop.is_ready()
        ):
            return False
        event_us = self._events.next_event_us()
        return event_us is None or event_us > now_us

    def has_changed(self) -> None:
        """The loop may have been given something while the engine waits. Thread: as `is_idle`."""
        schedule = self._turns.schedule
        schedule.engine_due_us = self.loop.next_timer_us()
        if self.loop.is_ready():
            schedule.engine_woken = True
        schedule.announce()

    def _begin_turn(self) -> None:
        turns = self._turns
        if not self._alone and turns.life is not WorldLife.ABANDONED:
            turns.schedule.engine_woken = False
            turns.schedule.quiet_until_us = UNKNOWN_US
            self._events.run_until(turns.now_us)
            # The events may have set timers: a slow device hears its controller by one.
            turns.schedule.engine_due_us = self.loop.next_timer_us()

    def join(self, timeout_s: float) -> None:
        """Leave the engine alone, to end in order, and wait for that. Thread: the owner's."""
        turns = self._turns
        self._alone = True
        turns.schedule.engine_woken = False
        turns.schedule.engine_due_us = NEVER_US
        turns.baton.free(turns.engine)
        self._ended.wait(timeout_s)
        turns.baton.wait_for_end(timeout_s)
