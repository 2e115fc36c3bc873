"""Whose turn it is in a world, and what time: one decides, passes the baton on, and waits.

There is no scheduler. A participant that waits decides itself who is next (`schedule`), moves time
on to when that is, and passes the baton there (`baton`). If it is next itself, which is the usual
case of a program that spins alone, nothing is passed, and the thread just goes on.

The owner, the thread that made the world, takes part like any other, with two differences. While it
waits it watches: the one that has the baton must pass it on or let time go on, or is named in
`DeviceBlocked`. And it can be interrupted, by Ctrl-C above all, at any moment of its wait. Then it
recalls the baton, so that it never goes on beside another participant. `WorldLife` says what
follows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum, auto
from weakref import WeakSet

from bleio.testing.errors import DeviceBlocked, ForkedChild, SleptForReal, Stalled
from bleio.testing.timing.baton import Baton, Strangers
from bleio.testing.timing.pacing import Pace
from bleio.testing.timing.participant import Participant
from bleio.testing.timing.room import need_room
from bleio.testing.timing.schedule import UNKNOWN_US, EventSource, TurnSchedule
from bleio.testing.timing.waiting import NEVER_US, Predicate
from bleio.testing.timing.watching import OwnersWatch

GIVE_UP_S = 1.0  # for getting the baton back after Ctrl-C


class WorldLife(Enum):
    """What becomes of a world.

    GOING: the baton goes round.
    RECALLED: the owner was interrupted; the one that decides next passes the baton to it. Then it
        is GOING again.
    GIVEN_UP: the baton did not come back in time, as its holder blocks. The owner never waits
        again, but raises. If the holder comes back, it may pass the baton on among the others.
    ABANDONED: all were told to end where they are. Nobody has the baton.
    FORKED: this is a child of the process that the world is in. It has the memory of the world,
        and of its threads the one that has forked, which would wait for the others for ever.
    """

    GOING = auto()
    RECALLED = auto()
    GIVEN_UP = auto()
    ABANDONED = auto()
    FORKED = auto()


_worlds: WeakSet[Turns] = WeakSet()


class Turns:
    """The time and the turns of one world. Its thread becomes the owner and has the baton.

    Thread: the one that has the baton, if not stated otherwise.
    """

    def __init__(
        self,
        events: EventSource,
        pace: Pace | None,
        blocked_after_s: float,
        watch: Callable[[float], None] | None,
    ) -> None:
        self.now_us = 0
        self.life = WorldLife.GOING
        self.owner = Participant("the world's owner")
        self.engine = Participant("the Bluetooth engine")
        self.baton = Baton(self.owner)
        self.schedule = TurnSchedule(events, self.engine)
        self.strangers = Strangers()
        self._pace = pace
        self._watch = OwnersWatch(self.baton, pace, blocked_after_s, watch)
        _worlds.add(self)

    @property
    def given_up(self) -> bool:
        """Whether the owner cannot have the baton any more."""
        return self.life in (WorldLife.GIVEN_UP, WorldLife.ABANDONED, WorldLife.FORKED)

    @property
    def abandoned(self) -> bool:
        """Whether nobody has the baton any more."""
        return self.life is WorldLife.ABANDONED

    @property
    def forked(self) -> bool:
        """Whether the world is the parent process's."""
        return self.life is WorldLife.FORKED

    def become(self, life: WorldLife) -> None:
        """Enter another state. Thread: any."""
        self.life = life
        self.schedule.quiet_until_us = UNKNOWN_US

    def check_process(self) -> None:
        """Raise ForkedChild in a forked process. Thread: any."""
        if self.life is WorldLife.FORKED:
            raise ForkedChild

    def wake(self, participant: Participant) -> None:
        """Its event loop was given something to do. Raises: ForkedChild. Thread: any."""
        self.check_process()
        self.schedule.wake(participant)

    def wait(
        self,
        me: Participant,
        predicate: Predicate | None,
        due_us: int,
        hears_news: bool = False,
    ) -> None:
        """Wait for a predicate, for a time, or for what comes first of both; or for news.

        Raises: what `me` is to end by; ForkedChild; for the owner also DeviceBlocked, Stalled and
            KeyboardInterrupt, after which it has the baton unless the world is given up.
        Thread: `me`'s.
        """
        if me.stop is not None or me.error is not None:
            me.check()
        if self.life is not WorldLife.GOING:
            self._check_life(me)
        if me.stranger:
            self.strangers.wait(me, predicate, due_us, self.schedule.announce)
        else:
            began_us = self.now_us
            if me.sequence:  # Ctrl-C fell between its last turn and its taking out
                self.schedule.take_out(me)
            who = self._next(me, predicate, due_us)
            if who is not me:
                need_room()
                self.schedule.enter(me, predicate, due_us, began_us, hears_news)
                self._pass_on(me, who)
                self.schedule.take_out(me)
        if me.stop is not None or me.error is not None:
            me.check()

    def _check_life(self, me: Participant) -> None:
        self.check_process()
        if me is self.owner and self.given_up:
            raise DeviceBlocked("This world was given up, since a program of it blocked")
        if self.abandoned and not me.stranger:
            raise SystemExit  # it began to take part after the others were told to end

    def wait_as_engine(self) -> None:
        """Wait until the engine has its turn, by the schedule. Thread: the engine's."""
        who = self._next()
        if who is not self.engine:
            self._pass_on(self.engine, who)

    def _pass_on(self, me: Participant, who: Participant) -> None:
        """Let another one go on, and wait until it is `me`'s turn. Thread: `me`'s."""
        if me is not self.owner:
            self.baton.pass_on(me, who)
            return
        try:
            self.baton.give(who)
            self._watch.until_turn(self)
        except SleptForReal:
            self._recall(0.0)  # nothing is gained by waiting for its sleep to end
            raise
        except BaseException:
            self._recall(GIVE_UP_S)
            raise

    def leave(self, me: Participant) -> None:
        """Take no part any more, and let the next one go on. Thread: `me`'s."""
        me.alive = False
        if self.baton.holder is me and not self.given_up:
            self.baton.leave_to(self._next())

    # Who is next

    def _next(
        self,
        me: Participant | None = None,
        predicate: Predicate | None = None,
        due_us: int = NEVER_US,
    ) -> Participant:
        """Choose, and move time on to its turn. It stays in the schedule until it goes on, so an
        interrupt in between loses nobody.

        Args: me, predicate, due_us: one that begins to wait now, and is not in the schedule.
        Raises: KeyboardInterrupt; what the predicate of the caller raises, which keeps the baton.
        """
        schedule = self.schedule
        if self.life is WorldLife.RECALLED or self.owner.error is not None:
            return self.owner
        if schedule.engine_woken:
            return self.engine
        if self.strangers.waiting:
            self.strangers.let_go_on(self.now_us)
        who, at_us = schedule.first(self.now_us, me, predicate, due_us)
        if who is None:
            who, at_us = self.owner, self.now_us
            who.error = Stalled(self._why_stalled(me))
        if at_us > self.now_us:
            if self._pace is not None:
                self._pace.hold(at_us, self._is_recalled)
                if self._is_recalled():
                    return self.owner
            self.now_us = at_us
        if self.must_decide_anew():
            schedule.quiet_until_us = UNKNOWN_US
        return who

    def next_us(self) -> int:
        """Return when something is next to happen; `NEVER_US` if nothing is."""
        first = self.schedule.waiting.first_due()
        return min(self.schedule.engine_us(), NEVER_US if first is None else first[0])

    def must_decide_anew(self) -> bool:
        """Whether more than the passing of time can matter at any moment. Thread: any."""
        return (
            self._pace is not None
            or bool(self.strangers.waiting)
            or self.life is not WorldLife.GOING
        )

    def _why_stalled(self, me: Participant | None) -> str:
        waiting = {*self.schedule.waiting_without_limit(), self.owner.name}
        if me is not None:
            waiting.add(me.name)
        names = sorted(waiting - {self.owner.name})
        who = f"{', '.join(names)} wait without limit" if names else "every program has ended"
        return f"Nothing can happen any more at {self.now_us / 1e6:.6f} s: {who}"

    def _is_recalled(self) -> bool:
        return self.life is WorldLife.RECALLED

    def _recall(self, within_s: float) -> None:
        """Get the baton back at once, or else give the world up, also if interrupted again."""
        back = False
        self.become(WorldLife.RECALLED)
        try:
            back = self.baton.comes_back_within(within_s)
        finally:
            self.become(WorldLife.GOING if back else WorldLife.GIVEN_UP)
        if back:
            self.schedule.take_out(self.owner)


def _after_fork() -> None:
    for each in tuple(_worlds):
        each.become(WorldLife.FORKED)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
