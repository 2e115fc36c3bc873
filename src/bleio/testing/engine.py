"""The engine's part in a world's time: what its asyncio loop asks and says.

The loop never waits for sockets. Where others do, it tells when its next timer is due and passes
the baton on; that is its turn's end. Its turn begins with the radio: events that are due by now
happen on the engine's thread before the loop goes on, so that the radio and the hosts need no lock
between them, and no timers of asyncio, whose order at one moment is not defined.

At the end the engine is alone: programs have ended, or were told to, and nobody passes the baton to
it any more. What its loop then still does, ending tasks above all, is in simulated time of its own,
which goes on as fast as it asks for it.
"""

from __future__ import annotations

from collections.abc import Callable

from bleio.testing.errors import ForkedChild
from bleio.testing.schedule import EventSource
from bleio.testing.turns import Turns, WorldLife
from bleio.testing.waiting import NEVER_US
from bleio.testing.watching import Time

_ALONE_STEP_US = 1_000_000  # at most, when the loop has no timer


class EngineTurns:
    """The engine's turns. Engine thread, if not stated otherwise.

    Args:
        on_thread: called once on the engine's thread, before its loop is made.

    Attributes:
        time: has the time. Thread: any.
    """

    def __init__(
        self, turns: Turns, events: EventSource, on_thread: Callable[[], None] | None
    ) -> None:
        self.time: Time = turns
        self._turns = turns
        self._events = events
        self._on_thread = on_thread
        self._alone = False

    def begin(self) -> None:
        """The calling thread is the engine's from now on."""
        if self._on_thread is not None:
            self._on_thread()
        self._turns.baton.seat(self._turns.engine)

    def wake(self) -> None:
        """The loop was given something to do. Raises: ForkedChild. Thread: any."""
        if self._turns.life is WorldLife.FORKED:
            raise ForkedChild  # there is no engine that would do it
        self._turns.schedule.engine_woken = not self._alone

    def has_turn(self) -> bool:
        """Whether the engine may run."""
        turns = self._turns
        return self._alone or turns.baton.holder is turns.engine or turns.abandoned

    def wait(self, due_us: int) -> None:
        """Pass the baton on until the loop has something to do, by `due_us` at latest.

        Raises: SystemExit once, if the world was given up: the loop ends with it, and what follows
            only ends tasks.
        """
        turns = self._turns
        if self._alone:
            turns.now_us = max(turns.now_us, min(due_us, turns.now_us + _ALONE_STEP_US))
            return
        has_baton = turns.baton.holder is turns.engine
        if turns.abandoned or (turns.given_up and not has_baton):
            self._alone = True
            raise SystemExit
        if has_baton:
            turns.schedule.engine_due_us = due_us
            turns.pass_on(turns.engine)
        else:
            turns.baton.await_turn(turns.engine)
        if not (self._alone or turns.abandoned):
            turns.schedule.engine_woken = False
            turns.schedule.engine_due_us = NEVER_US
            self._events.run_until(turns.now_us)

    # How it ends. Thread: the owner's

    def let_end(self) -> None:
        """Leave the engine alone, to end in order."""
        turns = self._turns
        self._alone = True
        turns.schedule.engine_woken = False
        turns.schedule.engine_due_us = NEVER_US
        if turns.baton.holder is not turns.engine:
            turns.baton.free(turns.engine)

    def let_leave(self) -> None:
        """Have the engine leave its loop when it waits next, or waits now: nobody has turns."""
        turns = self._turns
        if turns.engine.thread is not None and not self._alone:
            turns.baton.free(turns.engine)
