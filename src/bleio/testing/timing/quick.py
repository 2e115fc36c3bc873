"""Waits of programs that spin or sleep, while nothing but the passing of time can matter.

To decide who is next is to ask the radio and the engine for their next times, and every predicate
that somebody waits for. A program that spins would have that done at each look, thousands of times
between two events of the radio. But what all these say can change only when the engine had its
turn, or when somebody has announced something. So each decision leaves behind until when it stays
as it is (`TurnSchedule.quiet_until_us`). A wait that ends before then needs two numbers: when it
ends, and when the first of the others goes on that wait for a time. Either time moves on and the
program stays (`pass_time`, for sleeps and loops that have nothing to do), or the two change places.

The condition that a test has given to `World.run` may depend on anything that programs compute, so
it is asked at each of these waits, too (`TurnSchedule.at_looks`).

What may surprise: every state that must not be passed over (a recall, a world that was given up, a
stranger that waits) is told by `quiet_until_us` alone. Whatever brings about such a state sets it
to `UNKNOWN_US` after that; whatever sets it to a time looks for such states after that. So it does
not matter which of two threads is first.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident

from bleio.testing.timing import participant
from bleio.testing.timing.participant import SPINNING_PARTS, Participant
from bleio.testing.timing.room import has_room, need_room
from bleio.testing.timing.schedule import UNKNOWN_US
from bleio.testing.timing.turns import Turns
from bleio.testing.timing.waiting import NEVER_US, Predicate


def _never() -> None:
    """What the engine does not do."""
    raise AssertionError("the engine does not look")


class QuickWaits:
    """Passes time, and the baton among the participants of the hub.

    Args: look_slowly: looks when somebody has to decide.

    Thread: any. For all but the one that has the baton and runs in the hub, a wait is not quick.
    """

    def __init__(self, turns: Turns, look_slowly: Callable[[], None] = _never) -> None:
        self._turns = turns
        self._hub = turns.baton.hub
        self._schedule = turns.schedule
        self._due = turns.schedule.waiting.due
        self._look_slowly = look_slowly

    def look(self) -> None:
        """Wait for as long as a look takes, or until news come; see `Clock`.

        Raises: what the caller is to end by.
        """
        # Spinning programs are in here most of the time, so it calls nothing that it need not.
        hub, schedule, turns = self._hub, self._schedule, self._turns
        me = hub.current
        if me is None or get_ident() != hub.ident or schedule.deciding:
            self._look_slowly()
            return
        now_us = turns.now_us
        cost_us = (now_us - me.spins_since_us) // SPINNING_PARTS
        if cost_us <= me.look_us:
            due_us = now_us + me.look_us
        else:
            due_us = now_us + cost_us
            if cost_us > participant.LONGEST_LOOK_US or due_us > me.look_limit_us:
                due_us = now_us + me.look_cost_us(now_us)
        if (
            due_us >= schedule.quiet_until_us
            or me.stop is not None
            or ((asked := schedule.at_looks) is not None and self._must_decide(asked, due_us))
        ):
            self._look_slowly()
            return
        me.news = False
        if not self._due or due_us < self._due[0][0]:
            turns.now_us = due_us
        elif not self._change_places(me, due_us, hears_news=True):
            self._look_slowly()
        elif me.news:
            me.attend(turns.now_us)

    def look_with_jitter(self) -> None:
        """Look, for as long as chance has it."""
        me = self._turns.baton.me()
        if me is not None and me.late is not None and not self._schedule.deciding:
            me.look_us = me.late.look_us()
        self.look()

    def pass_time(self, me: Participant, due_us: int) -> bool:
        """Wait until a time before which nobody else goes on, as most waits of a program are that
        polls around a sleep. One that is no longer than a look is a look.

        Returns: False if it is not that easy, or no wait.
        """
        # What sleeps often is in here most of the time, so it calls nothing that it need not.
        hub, schedule, turns = self._hub, self._schedule, self._turns
        if (
            due_us >= schedule.quiet_until_us
            or (self._due and due_us >= self._due[0][0])
            or due_us <= turns.now_us + me.look_us
            or me is not hub.current
            or get_ident() != hub.ident
            or schedule.deciding
            or me.stop is not None
            or me.late is not None
            or ((asked := schedule.at_looks) is not None and self._must_decide(asked, due_us))
        ):
            return False
        turns.now_us = me.spins_since_us = due_us
        me.news = False
        return True

    def sleep(self, me: Participant, due_us: int) -> bool:
        """Wait until a time; as `look`."""
        hub, schedule = self._hub, self._schedule
        if (
            me is not hub.current
            or get_ident() != hub.ident
            or schedule.deciding
            or due_us >= schedule.quiet_until_us
            or me.stop is not None
            or ((asked := schedule.at_looks) is not None and self._must_decide(asked, due_us))
        ):
            return False
        return self._change_places(me, due_us, hears_news=False)

    def wait(self, predicate: Predicate, due_us: int) -> bool:
        """Wait until a predicate holds that does not yet, or until a time; as `sleep`."""
        hub, schedule, turns = self._hub, self._schedule, self._turns
        me, quiet_until_us = hub.current, schedule.quiet_until_us
        if (
            me is None
            or get_ident() != hub.ident
            or schedule.deciding
            or quiet_until_us == UNKNOWN_US
            or me.stop is not None
            or ((asked := schedule.at_looks) is not None and self._must_decide(asked))
            or predicate()
            or schedule.quiet_until_us != quiet_until_us
        ):
            return False
        waiting = schedule.waiting
        first = waiting.first_due()
        if due_us < quiet_until_us or (first is not None and first[0] < quiet_until_us):
            return False
        engine_us = schedule.engine_us()
        if engine_us != quiet_until_us or engine_us >= NEVER_US:
            return False
        need_room()
        waiting.enter(me, predicate, due_us, turns.now_us)
        if engine_us > turns.now_us:
            turns.now_us = engine_us
        self._pass_on(me, turns.engine)
        waiting.take_out(me)
        if me.stop is not None or me.error is not None:
            me.check()
        return True

    def moves_to_engine(self) -> bool:
        """Move time on to when the engine has something to do by itself, if it is the next again.

        To be called after a turn of it in which the loop was given nothing to do. Since only that
        can make an announced predicate true, those that were false are.

        Returns: False if somebody has to decide. Thread: the engine's greenlet.
        """
        schedule, turns = self._schedule, self._turns
        engine_us = schedule.engine_us()
        first = schedule.waiting.first_due()
        if (
            engine_us >= NEVER_US
            or engine_us > schedule.waiting.unasked_us
            or (first is not None and first[0] < engine_us)
            or schedule.announced
            or schedule.engine_woken
            or turns.must_decide_anew()
            or ((asked := schedule.at_looks) is not None and self._must_decide(asked))
            or schedule.engine_woken  # by what was asked
        ):
            return False
        if engine_us > turns.now_us:
            turns.now_us = engine_us
        return True

    def _must_decide(self, at_looks: Predicate, due_us: int = UNKNOWN_US - 1) -> bool:
        """Whether what the owner waits for has come, or asking it has changed anything."""
        schedule = self._schedule
        schedule.deciding = True
        try:
            return at_looks() or due_us >= schedule.quiet_until_us
        except BaseException as error:
            if isinstance(error, RecursionError) and not has_room():
                raise  # it is the one that looks that has recursed
            self._turns.owner.error = error
            return True
        finally:
            schedule.deciding = False

    def _change_places(self, me: Participant, due_us: int, *, hears_news: bool) -> bool:
        """Let the first of the others go on, if that is before `due_us`, and wait until then."""
        turns, waiting = self._turns, self._schedule.waiting
        first = waiting.first_due()
        if first is None or due_us < first[0]:
            turns.now_us = due_us
            return True
        at_us, _, other = first
        if other is turns.owner:
            return False
        try:
            waiting.replace_first(me, due_us, turns.now_us, hears_news)
            if at_us > turns.now_us:
                turns.now_us = at_us
            self._pass_on(me, other)
        except RecursionError:  # `me` may catch it, so the other must be there as before
            waiting.due.append(first)
            waiting.disordered = True
            self._schedule.quiet_until_us = UNKNOWN_US
            turns.baton.holder = me
            me.sequence = 0
            raise
        me.sequence = 0
        if me.stop is not None:
            raise me.stop
        return True

    def _pass_on(self, me: Participant, other: Participant) -> None:
        baton = self._turns.baton
        baton.holder = other
        baton.passes += 1
        self._hub.switch(me, other)
