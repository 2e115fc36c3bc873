"""The baton of a world: of all that take part in it, the one that has it runs.

The owner is a thread; programs and the engine have another one together, the `hub`, which switches
between them. So the baton is passed in two ways: among those of the hub by a switch, and between
them and the owner by locks, of which each side waits on its own.

How participants are made to run in turns is known here and in `hub` alone. The rest of a world's
time says who is next and what time it is then; it would be the same over a thread for each. What it
asks of the baton is in the methods below: which participant calls, start one, pass on, wait, and,
for worlds that cannot end in order, end all wherever they are.

What may surprise: threads of the operating system that come from elsewhere, of a library with
compiled parts or of the test, have no turn. They are strangers, which
run beside whichever participant has the baton, as threads do; only where they wait by the clock
they wait for it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from threading import get_ident
from types import FrameType

from bleio.testing.frames import is_ours
from bleio.testing.timing.debugging import is_debugged
from bleio.testing.timing.hub import Hub
from bleio.testing.timing.interrupting import interrupt
from bleio.testing.timing.participant import Participant
from bleio.testing.timing.realsleep import calls_real_sleep
from bleio.testing.timing.waiting import Predicate, came

_FRAMES_SHOWN = 6


class Baton:
    """Passes from participant to participant; the thread that makes it has it first.

    Attributes:
        holder: the participant that has it.
        passes: how often it was passed on, by which the owner sees that a world goes on.
        abandoned: nobody has it any more.
        hub: where programs and engine run.
    """

    def __init__(self, owner: Participant) -> None:
        self.holder = owner
        self.passes = 0
        self.abandoned = False
        self._owner = owner
        self._owner_ident = get_ident()
        self._owner_is_next = False
        self.hub = Hub(self._next_after_end)
        self._local = threading.local()

    # Who calls

    def me(self) -> Participant | None:
        """Return the participant that calls; None for a thread that nobody has seated."""
        ident = get_ident()
        if ident == self.hub.ident:
            return self.hub.current
        if ident == self._owner_ident:
            return self._owner
        me: Participant | None = getattr(self._local, "me", None)
        return me

    def here(self) -> Participant:
        """Return the participant that calls, which is a stranger if the thread is not known."""
        if get_ident() == self.hub.ident and (me := self.hub.current) is not None:
            return me
        me = self.me()
        if me is None:  # a thread of the operating system
            me = self._local.me = Participant(threading.current_thread().name, stranger=True)
        return me

    def is_running(self, participant: Participant) -> bool:
        """Whether it is the caller."""
        return self.hub.current is participant and get_ident() == self.hub.ident

    def holder_here(self) -> Participant | None:
        """Return the one that has it, if that is the caller and runs in the hub."""
        here = get_ident() == self.hub.ident and self.hub.current is self.holder
        return self.holder if here else None

    def become(self, other: Participant | None) -> Participant | None:
        """Let the caller, who runs in the hub, be another one. Returns: who it was."""
        me, self.hub.current = self.hub.current, other
        return me

    # Passing it

    def start(self, participant: Participant, body: Callable[[], None]) -> None:
        """Have a participant run `body` from its first turn on. Thread: any."""
        participant.thread = self.hub.admit(participant, body)

    def give(self, to: Participant) -> None:
        """Let another one go on. Thread: the owner's, which goes on to `comes_within`."""
        self._owner.turn.acquire(blocking=False)  # an alarm that an interrupt has left
        self.hub.will_wake(to)
        self.holder = to
        self.passes += 1
        self.hub.wake()

    def comes_within(self, seconds: float) -> bool:
        """Wait for some real time. Returns: whether it is the owner's turn. Thread: its."""
        return self._owner.turn.acquire(timeout=seconds) and self.holder is self._owner

    def comes_back_within(self, seconds: float) -> bool:
        """Have it again, after an interrupt at any moment of `give` or `comes_within`.

        Who has it is told by `holder` and by what the hub is to wake for, not by the owner's lock,
        which is no more than an alarm: the interrupt may have fallen just before the other side
        was woken, or just after the lock was taken. Thread: the owner's.
        """
        if self.hub.will_not_wake():
            self.holder = self._owner
        end_s = time.monotonic() + seconds
        while self.holder is not self._owner and (left_s := end_s - time.monotonic()) > 0:
            self.comes_within(left_s)
        return self.holder is self._owner

    def pass_on(self, me: Participant, to: Participant) -> None:
        """Let another one go on, and wait without limit until it is `me`'s turn. Thread: its."""
        self.holder = to
        self.passes += 1
        hub = self.hub
        if to is self._owner:
            self._alarm_owner()
            next_here = hub.park()
            if next_here is None or next_here is me:
                return
            to = next_here
        hub.switch(me, to)

    def _alarm_owner(self) -> None:
        with contextlib.suppress(RuntimeError):  # an interrupt has left an earlier alarm there
            self._owner.turn.release()

    def leave_to(self, to: Participant) -> None:
        """Let another one go on as soon as the caller, which has it, has ended."""
        self.holder = to
        self.passes += 1
        self._owner_is_next = to is self._owner

    def _next_after_end(self) -> Participant | None:
        """Go where the baton is. Thread: the hub's."""
        hub = self.hub
        one = hub.one_left()
        if self.abandoned:
            return one
        if self._owner_is_next:
            self._owner_is_next = False
            self._alarm_owner()
        elif hub.has(self.holder):
            return self.holder
        return None if one is None else hub.park() or hub.one_left()

    # Without order

    def free(self, participant: Participant) -> None:
        """Let one go on beside the one that has the baton. Thread: the owner's, which has it."""
        self.hub.will_wake(participant)
        self.hub.wake()

    def abandon(self, reason: type[BaseException] | None) -> None:
        """Nobody has it any more: let all end, one after the other.

        Args: reason: raised at the next step of Python in the one that has it now, if it comes to
            one, for it may never wait again; None leaves it alone.
        """
        holder, self.holder = self.holder, self._owner
        self.abandoned = True
        if reason is not None and self.hub.has(holder):
            interrupt(self.hub.ident, reason)
        if not self.hub.is_to_wake():
            self.hub.will_wake(None)
        self.hub.wake()

    def wait_for_end(self, seconds: float) -> None:
        """Wait for the end of the thread of all that have had it, if none of them is left."""
        self.hub.join(seconds)

    # What it does

    def describe_holder(self, seconds: float) -> str:
        """Say where the thread is that has kept the baton for that time."""
        holder, frame = self.holder, self._frame()
        what = (
            f"{holder.name} has neither waited in simulated time nor ended for {seconds:g} s of"
            " real time; it computes, or waits for something outside of the world"
        )
        others = self.hub.others(holder)
        if others:
            what += (
                f". If it waits for a lock that one of {', '.join(others)} holds: they wait in"
                " simulated time, and cannot release it before this one goes on"
            )
        return what if frame is None else f"{what}:\n{_lines_of(frame)}"

    def real_sleep(self) -> str | None:
        """Say where the holder is in the real `time.sleep`; None if it is not."""
        holder, frame = self.holder, self._frame()
        if frame is None or not calls_real_sleep(frame) or is_debugged(frame):
            return None
        return (
            f"{holder.name} waits by the real clock, since this code was defined before its"
            f" device was; define it in the program, or in a module beside it:\n{_lines_of(frame)}"
        )

    def processor_s(self) -> float:
        """Return the processor's time that programs and engine have had."""
        return self.hub.processor_s()

    def is_debugged(self) -> bool:
        """Whether a debugger has stopped the holder."""
        return is_debugged(self._frame())

    def interrupt_debugger(self) -> bool:
        """Pass Ctrl-C on to a debugger that has stopped the holder. Returns: whether one has."""
        if not self.is_debugged():
            return False
        interrupt(self.hub.ident, KeyboardInterrupt)
        return True

    def _frame(self) -> FrameType | None:
        """Return the frame that the holder's thread is in."""
        thread = self.holder.thread
        return None if thread is None else sys._current_frames().get(thread.ident or 0)


def _lines_of(frame: FrameType) -> str:
    theirs = [each for each in traceback.walk_stack(frame) if not is_ours(each[0])]
    stack = traceback.StackSummary.extract(iter(reversed(theirs[:_FRAMES_SHOWN])))
    return "".join(stack.format())


class Strangers:
    """Threads of the operating system, while they wait by the clock (`waiting`)."""

    def __init__(self) -> None:
        self.waiting: deque[Participant] = deque()

    def wait(
        self,
        me: Participant,
        predicate: Predicate | None,
        due_us: int,
        announce: Callable[[], None],
    ) -> None:
        """Wait to be let go on; announce that it waits. Thread: the stranger's."""
        me.predicate, me.due_us = predicate, due_us
        self.waiting.append(me)
        announce()
        me.turn.acquire()

    def let_go_on(self, now_us: int) -> None:
        """Free those whose time or predicate has come. Thread: the one that has the baton."""
        for _ in range(len(self.waiting)):
            stranger = self.waiting[0]  # to be there still if the asking one has no room to ask
            due = stranger.due_us <= now_us
            if due or (stranger.predicate is not None and came(stranger)):
                self.waiting.popleft()
                stranger.turn.release()
            else:
                self.waiting.rotate(-1)
