"""Simulated time for programs and the engine: one of them runs, all others wait.

Programs of a world are ordinary Python that blocks, sleeps and spins, written for a board of its
own. Each has a stack here, and so has the engine, with the hosts of all devices and the radio. Were
they left to run as threads do, what happens would depend on the machine: on its speed, on what else
it does, on which thread the operating system prefers. A run could neither be repeated nor be faster
than real time. So exactly one of them runs, the one that has the baton (`baton`). All that blocks
comes here, by the seam that `bleio.runtime.clock` is for real time, and passes it on (`turns`), to
what can go on earliest in simulated time (`schedule`). Between two waits time stands still:
computing costs nothing, however long it takes.

The obvious alternative is to patch `time` and to run a scheduler of its own. It would be switched
to at each wait, to switch to another: twice the switches. Patching would change the process, the
test runner's clock included. Another one is asyncio: programs would need to be coroutines, and they
are not.

No decision looks at a real clock. Ties are broken by sequence numbers, in the order in which waits
began; nothing depends on hashes, on identities of objects or on the order in which threads start.
That is why the same seed gives the same packets, byte for byte.

What may surprise:

- Looking is waiting. `while not adapter.connected: pass` never blocks, so each look at what the
  engine or the air may change takes simulated time (`look`, `participant`).
- Waits on a condition do not use it. `wait_for` asks its predicate when somebody decides who is
  next, and lets go of the lock meanwhile, since the one that runs next may need it. While programs
  only spin and sleep, between two turns of the engine, nobody decides (`quick`); so what else makes
  a predicate true has to announce it.
- Predicates are asked by others than the one that waits, at any moment, often.
- A program that waits for something outside, a real lock or a socket, stops the whole world. The
  owner watches for that (`watching`), and is also the only one that Ctrl-C reaches.
- The engine is no program. It has its turn before anything else when it was given something to do,
  and it alone runs the radio's events (`engine`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from bleio.runtime.clock import Clock, Flag
from bleio.testing.errors import WorldError
from bleio.testing.timing.engine import EngineTurns
from bleio.testing.timing.loop import LoopInTurns
from bleio.testing.timing.pacing import Pace
from bleio.testing.timing.participant import Participant
from bleio.testing.timing.quick import QuickWaits
from bleio.testing.timing.schedule import EventSource
from bleio.testing.timing.turns import Turns, WorldLife
from bleio.testing.timing.waiting import NEVER_US, Predicate
from bleio.testing.timing.watching import Time
from bleio.testing.timing.whereabouts import tell

if TYPE_CHECKING:
    import asyncio


class VirtualClock(Clock):
    """The clock of a world. The thread that makes it has the baton and stays its owner.

    Args:
        events: run in the engine's turns, at their times.
        real_time: never be ahead of the real clock.
        jitter: participants may have a `jitter`.
        blocked_after_s: real seconds after which a program that keeps the baton is an error.
        watch: called some times a second of real time, while the owner waits, with simulated
            seconds.
        set_context: sets context variables; called in each context that the engine works in.

    Attributes:
        pace: how a world in real time keeps up with it; None if time passes as fast as it can.
        where: says where a participant is, and what it waits for. Thread: the owner's.
        time: has the time, as `now_us` has. Thread: any.
        participant: returns the one that calls. Thread: any.
        pass_time: waits, if no more than the time has to be changed. Thread: as `look`.
        next_us: returns when something is next to happen. Thread: the one that has the baton.
        wake: tells that a participant's event loop was given something to do. Thread: any.
    """

    looks_take_time = True
    kind_of_loops = LoopInTurns

    def __init__(
        self,
        events: EventSource,
        *,
        real_time: bool = False,
        jitter: bool = False,
        blocked_after_s: float = 10.0,
        watch: Callable[[float], None] | None = None,
        set_context: Callable[[], None] | None = None,
    ) -> None:
        self.pace = Pace() if real_time else None
        self._turns = Turns(events, self.pace, blocked_after_s, watch)
        self.time: Time = self._turns
        self._engine = EngineTurns(self._turns, events, set_context)
        self.where = partial(tell, self._turns.baton)
        self._everybody: list[Participant] = []
        self._quick = QuickWaits(self._turns, self._look_slowly)
        self.wake = self._turns.wake
        self.participant = self._turns.baton.here
        self.next_us = self._turns.next_us
        self.pass_time = self._quick.pass_time
        self.look = self._quick.look  # type: ignore[method-assign] # no call between
        if jitter:
            self.look = self._quick.look_with_jitter  # type: ignore[method-assign]

    @property
    def now_us(self) -> int:
        """Simulated time since the world began, in microseconds. Thread: any."""
        return self._turns.now_us

    @property
    def given_up(self) -> bool:
        """Whether the world cannot go on, since a program of it kept the baton."""
        return self._turns.given_up

    @property
    def forked(self) -> bool:
        """Whether this is a forked process, and the world its parent's."""
        return self._turns.forked

    # Programs wait

    def _look_slowly(self) -> None:
        """Look when somebody has to decide. Other threads look without cost."""
        turns = self._turns
        me = turns.baton.me()
        if me is None or me.stranger or me is turns.engine or turns.schedule.deciding:
            turns.check_process()
            return
        me.news = False
        due_us = turns.now_us + me.look_cost_us(turns.now_us)
        turns.wait(me, None, due_us, hears_news=True)
        if me.news:
            me.attend(turns.now_us)

    def sleep(self, seconds: float) -> None:
        """Wait; no longer than a look is one."""
        me, time_us = self.participant(), round(seconds * 1e6)
        due_us = self._turns.now_us + time_us
        if self.pass_time(me, due_us):
            return
        if time_us <= me.look_us and not me.stranger:
            self.look()
        else:
            self._block(me, None, due_us)

    def wait_for(
        self,
        condition: threading.Condition,
        predicate: Callable[[], bool],
        timeout_s: float | None = None,
    ) -> bool:
        """See `Clock`. The condition is not waited on: the predicate is asked whenever somebody
        decides who is next."""
        condition.release()  # the one that makes the predicate true needs it
        try:
            return self.wait_until(predicate, timeout_s)
        finally:
            condition.acquire()

    def wait_for_flag(self, flag: Flag, timeout_s: float | None = None) -> bool:
        """See `Clock`. The flag's lock is left alone. If it is set already, that is one look."""
        if flag.done and not (me := self.participant()).stranger:
            self._block(me, None, self._turns.now_us + me.look_us)
            return True
        return self.wait_until(flag.is_set, timeout_s)

    def wait_until(self, predicate: Predicate, timeout_s: float | None = None) -> bool:
        """Wait for what any participant or the engine may make true. It takes at least a look,
        and is one if its time-out is no longer.

        What makes it true is to be announced, if it is not the engine or the end of a participant.

        Returns: what the predicate returned last.
        """
        me = self.participant()
        limit_us = NEVER_US if timeout_s is None else round(timeout_s * 1e6)
        if limit_us <= me.look_us and not (me.stranger or predicate()):
            self.look()
        else:
            limit_us = self._turns.now_us + max(limit_us, me.look_us)
            self._block(me, predicate, min(NEVER_US, limit_us))
        return predicate()

    def wait_for_work(self, me: Participant, has_work: Predicate, due_us: int) -> None:
        """Wait as an event loop does that has nothing to do: until a time, or `wake`.

        Args: me: the caller, for which `pass_time` was not enough.
        """
        if due_us <= self._turns.now_us:
            return
        if due_us <= self._turns.now_us + me.look_us and not me.stranger:
            self.look()
        else:
            asked = has_work if due_us >= NEVER_US or me.stranger else None
            me.wants_work = True
            try:
                self._block(me, asked, due_us)
            finally:
                me.wants_work = False

    def _block(self, me: Participant, predicate: Predicate | None, due_us: int) -> None:
        """Wait as blocking calls do, after which a slow device takes its time."""
        turns = self._turns
        if self.pace is not None and me is turns.owner:
            self.pace.resume(turns.now_us)  # until now the world stood still
        quick = self._quick
        if not (quick.sleep(me, due_us) if predicate is None else quick.wait(predicate, due_us)):
            turns.wait(me, predicate, due_us)
        if me.late is not None:
            turns.wait(me, None, turns.now_us + me.late.wait_us())
        me.attend(turns.now_us)

    def announce(self) -> None:
        """See `Clock`."""
        self._turns.schedule.announce()

    def tell_news(self, participant: Participant) -> None:
        """Something has happened that a program may see at its next look. Thread: the engine's."""
        participant.news = True
        self._turns.schedule.waiting.hear(participant, self._turns.now_us)

    # Programs begin and end

    def start_thread(self, target: Callable[[], None], name: str) -> Participant:
        """See `Clock`; it is a participant."""
        return self.start(target, name)

    def start(self, target: Callable[[], None], name: str, at_us: int = 0) -> Participant:
        """Let a new participant run `target` at a time, or as soon as it is its turn."""
        turns, participant = self._turns, Participant(name)
        begins_us = participant.spins_since_us = max(at_us, turns.now_us)

        def run() -> None:
            turns.schedule.take_out(participant)
            try:
                if not participant.stop:
                    target()
            finally:
                participant.ended_us = turns.now_us
                turns.leave(participant)

        self._everybody = [each for each in self._everybody if each.alive]
        self._everybody.append(participant)
        turns.baton.start(participant, run)
        turns.schedule.enter(participant, None, begins_us, turns.now_us)
        return participant

    def stop(self, participant: Participant, reason: type[BaseException]) -> None:
        """Make a participant raise `reason` where it waits or will look next."""
        turns = self._turns
        participant.stop = reason
        if participant is not turns.baton.holder and participant.alive:
            turns.schedule.enter(participant, participant.predicate, turns.now_us, turns.now_us)

    def stop_rest(self) -> None:
        """End all participants that are not about to end, where they wait or will look next."""
        for each in self._everybody:
            if each.alive and each.stop is None:
                self.stop(each, SystemExit)

    def alive(self) -> list[str]:
        """Return the names of all participants that have not ended."""
        return [each.name for each in self._everybody if each.alive]

    def all_ended(self) -> bool:
        """Whether no participant is left but the owner."""
        return not any(each.alive for each in self._everybody)

    # The engine

    def start_engine(self, run: Callable[[asyncio.AbstractEventLoop], None]) -> EngineTurns:
        """See `Clock`. It begins with its first turn. After its end, time goes on without it."""
        from bleio.testing.timing.loop import VirtualLoop

        loop = VirtualLoop(self._engine)
        self._engine.start(loop, run)
        return self._engine

    # The owner

    def check_owner(self) -> None:
        """Raise WorldError if it is not the owner that calls: it would wait for the owner's run."""
        if (me := self.participant()) is not self._turns.owner:
            raise WorldError(
                f"world.run() was called in {me.name}, but a world goes on in the thread that made"
                " it; call it there, or make the world here"
            )

    def wait_until_seen(
        self, predicate: Predicate, timeout_s: float | None, at_looks: Predicate
    ) -> bool:
        """Wait like `wait_until` for what nobody announces, such as what programs compute.

        Args: at_looks: asked at each look of a program; if it is true, so is the predicate.
        """
        schedule = self._turns.schedule
        before, schedule.at_looks = schedule.at_looks, at_looks
        try:
            return self.wait_until(predicate, timeout_s)
        finally:
            schedule.at_looks = before

    def give_up(self) -> None:
        """The world cannot go on, and is to be abandoned."""
        self._turns.become(WorldLife.GIVEN_UP)

    def abandon(self, reason: type[BaseException]) -> None:
        """End all of a world that cannot end in order, as far as it can be ended."""
        turns = self._turns
        turns.become(WorldLife.ABANDONED)
        for each in self._everybody:
            each.stop = reason
        turns.baton.abandon(None if turns.baton.holder is turns.engine else reason)

    def join(self, timeout_s: float) -> None:
        """Wait until the thread of programs and engine has ended, if they have."""
        self._turns.baton.wait_for_end(timeout_s)
