"""Simulated time for programs' threads and the engine: one of them runs, all others wait.

The one that runs has the baton. When it waits, it decides itself who is next: the engine as long as
it has something to do now, then whoever waits for something that has come true, then whatever is
due first; time jumps there. Nobody looks at a real clock, so a run depends on its input alone.

Programs that spin wait too, for the end of each look. What a program can see changes with what its
controller says, which ends the look; so the more it spins, the longer its looks may be.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from bleio.runtime.clock import Clock, Flag
from bleio.testing.errors import DeviceBlocked, Stalled
from bleio.testing.pacing import SLICE_S, Pace
from bleio.testing.participant import Participant
from bleio.testing.waiting import NEVER_US, Predicate, Waiting

if TYPE_CHECKING:
    import asyncio

_GIVE_UP_S = 1.0  # for getting the baton back after Ctrl-C


class Events(Protocol):
    """What happens by itself: the radio."""

    def next_event_us(self) -> int | None: ...
    def run_until(self, time_us: int) -> None: ...


class VirtualClock(Clock):
    """The clock of a world. The thread that makes it has the baton and stays its owner.

    Args:
        events: run on the engine's thread, at their times.
        real_time: never be ahead of the real clock.
        blocked_after_s: real seconds after which a program that keeps the baton is an error.
    """

    def __init__(
        self, events: Events, *, real_time: bool = False, blocked_after_s: float = 10.0
    ) -> None:
        self.now_us = 0
        self.broken = False
        self._events = events
        self.pace = Pace() if real_time else None
        self._blocked_after_s = blocked_after_s
        self._owner = Participant("the world's owner")
        self._owner.thread = threading.current_thread()
        self._engine = Participant("the Bluetooth engine")
        self._engine_ready = False
        self._engine_due_us = NEVER_US
        self._running: Participant | None = self._owner
        self._local = threading.local()
        self._local.me = self._owner
        self._waiting = Waiting()
        self._strangers: deque[Participant] = deque()
        self._deciding = False
        self._recalled = False
        self._switches = 0
        self._everybody: list[Participant] = []
        self.watch: Callable[[float], None] | None = None
        self.on_engine_thread: Callable[[], None] | None = None

    # Programs

    def look(self) -> None:
        """See `Clock`. Threads that programs have started themselves look without cost."""
        me: Participant | None = getattr(self._local, "me", None)
        if me is None or me is self._engine or me.stranger or self._deciding:
            return
        me.news = False
        cost_us = me.look_cost_us(self.now_us)
        self._wait(me, me.has_news if cost_us > me.look_us else None, self.now_us + cost_us)
        if me.news:
            me.attend(self.now_us)

    def sleep(self, seconds: float) -> None:
        """Wait; no longer than a look is one."""
        me, time_us = self._me(), round(seconds * 1e6)
        if time_us <= me.look_us and not me.stranger:
            self.look()
        else:
            self._block(me, None, self.now_us + time_us)

    def wait_for(
        self,
        condition: threading.Condition,
        predicate: Callable[[], bool],
        timeout_s: float | None = None,
    ) -> bool:
        condition.release()  # whoever runs meanwhile needs it
        try:
            return self.wait_until(predicate, timeout_s)
        finally:
            condition.acquire()

    def wait_for_flag(self, flag: Flag, timeout_s: float | None = None) -> bool:
        return self.wait_until(flag.is_set, timeout_s)

    def wait_until(self, predicate: Predicate, timeout_s: float | None = None) -> bool:
        """Wait for what any participant or the engine may make true. It takes at least a look,
        and is one if its time-out is no longer.

        Returns: what the predicate gave last.
        """
        me = self._me()
        limit_us = NEVER_US if timeout_s is None else round(timeout_s * 1e6)
        if limit_us <= me.look_us and not (me.stranger or predicate()):
            self.look()
        else:
            self._block(me, predicate, min(NEVER_US, self.now_us + max(limit_us, me.look_us)))
        return predicate()

    def start_thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """See `Clock`; the thread is a participant."""
        participant = self.start(target, name)
        assert participant.thread is not None
        return participant.thread

    def start(self, target: Callable[[], None], name: str, at_us: int = 0) -> Participant:
        """Let a new participant run `target` at a time, or as soon as it is its turn."""
        participant = Participant(name)

        def run() -> None:
            self._local.me = participant
            participant.baton.acquire()
            try:
                if not participant.stop:
                    target()
            except SystemExit:
                pass  # as threads end silently with it
            finally:
                self._leave(participant)

        participant.thread = threading.Thread(target=run, name=name, daemon=True)
        self._everybody = [each for each in self._everybody if each.alive]
        self._everybody.append(participant)
        self._waiting.enter(participant, None, max(at_us, self.now_us), self.now_us)
        participant.thread.start()
        return participant

    def stop(self, participant: Participant, reason: type[BaseException]) -> None:
        """Make a participant raise `reason` where it waits or will look next."""
        participant.stop = reason
        if participant is not self._running and participant.alive:
            self._waiting.enter(participant, participant.predicate, self.now_us, self.now_us)

    def stop_rest(self) -> None:
        """End all participants that are not about to end, where they wait or will look next."""
        for each in self._everybody:
            if each.alive and each.stop is None:
                self.stop(each, SystemExit)

    def alive(self) -> list[str]:
        """The names of all participants that have not ended."""
        return [each.name for each in self._everybody if each.alive]

    # The engine

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """See `Clock`. Thread: the engine's."""
        from bleio.testing.loop import VirtualLoop

        if self.on_engine_thread is not None:
            self.on_engine_thread()
        self._local.me = self._engine
        self._engine.thread = threading.current_thread()
        return VirtualLoop(self)

    def wake_engine(self) -> None:
        """The engine's loop was given something to do. Thread: any."""
        self._engine_ready = True

    def engine_waits(self, due_us: int) -> None:
        """Give the baton away until the engine's loop has something to do, by `due_us` at latest.

        Radio events happen in here. Thread: the engine's.
        """
        if self.broken and self._running is not self._engine:
            self._running = self._engine
            raise SystemExit  # out of the loop; what follows only ends tasks
        if self.closed:
            self.now_us = max(self.now_us, min(due_us, self.now_us + 1_000_000))
            return
        if self._running is self._engine:
            self._engine_due_us = due_us
            self._pass_on(self._engine)
        else:
            self._await(self._engine)
        self._engine_ready = False
        self._engine_due_us = NEVER_US
        if not self.closed:
            self._events.run_until(self.now_us)

    def engine_has(self) -> bool:
        """Whether the engine may run. Thread: the engine's."""
        return self._running is self._engine or self.closed

    @property
    def closed(self) -> bool:
        """Whether the engine runs on its own, to end."""
        return self._engine.stop is not None

    def join_engine(self, thread: threading.Thread, timeout_s: float) -> None:
        """See `Clock`. Time has ended with this."""
        self._engine.stop = SystemExit
        if self._running is not self._engine:
            self._engine.baton.release()
        thread.join(timeout_s)

    # The owner

    def abandon(self, reason: type[BaseException]) -> None:
        """End all threads of a world that cannot end in order, as far as they can be ended."""
        self.broken = True
        running, self._running = self._running, self._owner
        for each in self._everybody:
            each.stop = reason
            if each is running:
                each.interrupt(reason)
            elif each.alive:
                each.baton.release()
        engine = self._engine
        if engine.thread is not None and not self.closed:
            engine.stop = SystemExit
            if running is not engine:
                engine.baton.release()

    # Passing the baton

    def _me(self) -> Participant:
        me: Participant | None = getattr(self._local, "me", None)
        if me is None:  # a thread that a program has started itself
            me = self._local.me = Participant(threading.current_thread().name, stranger=True)
            me.thread = threading.current_thread()
        return me

    def _block(self, me: Participant, predicate: Predicate | None, due_us: int) -> None:
        """Wait as blocking calls do, after which who is slow takes its time."""
        if self.pace is not None and me is self._owner:
            self.pace.resume(self.now_us)  # until now the world stood still
        self._wait(me, predicate, due_us)
        if me.extra_us:
            self._wait(me, None, self.now_us + me.extra_us)
        me.attend(self.now_us)

    def _wait(self, me: Participant, predicate: Predicate | None, due_us: int) -> None:
        me.check()
        if me is self._owner and self.broken:
            raise DeviceBlocked("This world was given up, since a program of it blocked")
        if me.stranger:
            me.predicate, me.due_us = predicate, due_us
            self._strangers.append(me)
            me.baton.acquire()
        else:
            self._waiting.enter(me, predicate, due_us, self.now_us)
            self._pass_on(me)
        me.check()

    def _pass_on(self, me: Participant) -> None:
        try:
            who = self._next()
        except BaseException:  # Ctrl-C, or a condition that raises; me has the baton still
            self._waiting.take_out(me)
            raise
        if who is not me:
            self._give(who)
            self._await(me)

    def _leave(self, me: Participant) -> None:
        me.alive = False
        if self._running is me and not self.broken:
            self._give(self._next())

    def _give(self, who: Participant) -> None:
        self._running = who
        self._switches += 1
        who.baton.release()

    def _await(self, me: Participant) -> None:
        if me is not self._owner:
            me.baton.acquire()
            return
        try:
            self._await_watching(me)
        except BaseException:
            self._recall(me)
            raise

    def _await_watching(self, me: Participant) -> None:
        """Wait for the baton as the owner, who sees when somebody does not give it back."""
        seen, since_s = (0, 0), time.monotonic()
        while not me.baton.acquire(timeout=SLICE_S):
            if self.watch is not None:
                self.watch(self.now_us / 1e6)
            state = (self._switches, self.now_us)
            if state != seen or (self.pace is not None and self.pace.holds):
                seen, since_s = state, time.monotonic()
            elif time.monotonic() - since_s > self._blocked_after_s:
                assert self._running is not None
                raise DeviceBlocked(self._running.describe(self._blocked_after_s))

    def _recall(self, me: Participant) -> None:
        """Get the baton back at once, as after Ctrl-C, or else give the world up."""
        self._recalled = True
        try:
            self.broken = not me.baton.acquire(timeout=_GIVE_UP_S)
        finally:
            self._recalled = False
        if not self.broken:
            self._waiting.take_out(me)

    # Who is next

    def _next(self) -> Participant:
        if self._recalled:
            return self._owner
        if self._engine_ready:
            return self._engine
        who, at_us = self._first()
        engine_us = min(self._engine_due_us, self._next_event_us())
        if engine_us <= at_us and engine_us < NEVER_US:
            who, at_us = self._engine, engine_us
        if who is None:
            who, at_us = self._owner, self.now_us
            who.error = Stalled(self._who_waits())
        if at_us > self.now_us:
            if self.pace is not None:
                self.pace.hold(at_us, lambda: self._recalled)
                if self._recalled:
                    return self._owner
            self.now_us = at_us
        if who is not self._engine:
            self._waiting.take_out(who)
        return who

    def _first(self) -> tuple[Participant | None, int]:
        if self._strangers:
            self._let_strangers_in()
        self._deciding = True
        try:
            return self._waiting.first(self.now_us)
        finally:
            self._deciding = False

    def _next_event_us(self) -> int:
        at_us = self._events.next_event_us()
        return NEVER_US if at_us is None else at_us

    def _let_strangers_in(self) -> None:
        """Let threads go on that are no participants; they run beside those who are."""
        for _ in range(len(self._strangers)):
            stranger = self._strangers.popleft()
            due = stranger.due_us <= self.now_us
            if due or (stranger.predicate is not None and stranger.predicate()):
                stranger.baton.release()
            else:
                self._strangers.append(stranger)

    def _who_waits(self) -> str:
        names = [name for name in self._waiting.without_limit() if name != self._owner.name]
        who = f"{', '.join(names)} wait without limit" if names else "every program has ended"
        return f"Nothing can happen any more at {self.now_us / 1e6:.6f} s: {who}"
