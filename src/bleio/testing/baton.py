"""The baton of a world: of all its threads, the one that has it runs.

Each participant has a thread, and a lock on which that thread waits for its turn. To pass the baton
on is to release the next one's lock and to wait on one's own: two system calls, no condition
variable, and nobody woken who could not go on.

How participants are made to run in turns is known here alone. The rest of a world's time says who
is next and what time it is then; it would be the same over coroutines on one stack each. What it
asks of the baton is in the methods below: which participant calls, start one, pass on, wait, and,
for worlds that cannot end in order, end a participant wherever it is.

What may surprise: threads that programs start themselves have no turn. They are strangers, which
run beside whichever participant has the baton, as threads do; only where they wait by the clock
they wait for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from types import FrameType

from bleio.testing.participant import Participant
from bleio.testing.realsleep import calls_real_sleep
from bleio.testing.waiting import Predicate

_FRAMES_SHOWN = 6


class Baton:
    """Passes from participant to participant; the thread that makes it has it first.

    Attributes:
        holder: the participant that has it.
        passes: how often it was passed on, by which the owner sees that a world goes on.
    """

    def __init__(self, owner: Participant) -> None:
        self.holder = owner
        self.passes = 0
        self._local = threading.local()
        self.seat(owner)

    # The calling thread

    def seat(self, me: Participant) -> None:
        """The calling thread is that participant's."""
        me.thread = threading.current_thread()
        self._local.me = me

    def me(self) -> Participant | None:
        """Return the participant that calls; None for a thread that nobody has seated."""
        me: Participant | None = getattr(self._local, "me", None)
        return me

    # Passing it

    def start(self, participant: Participant, body: Callable[[], None]) -> threading.Thread:
        """Start a thread for a participant, that runs `body` from its first turn on."""

        def run() -> None:
            self._local.me = participant
            participant.turn.acquire()
            body()

        thread = threading.Thread(target=run, name=participant.name, daemon=True)
        participant.thread = thread
        return thread

    def give(self, to: Participant) -> None:
        """Let another one go on. The caller stops, or goes on to `await_turn`."""
        self.holder = to
        self.passes += 1
        to.turn.release()

    def await_turn(self, me: Participant) -> None:
        """Wait, without limit and deaf to Ctrl-C."""
        me.turn.acquire()

    def comes_within(self, me: Participant, seconds: float) -> bool:
        """Wait for some real time. Returns: whether it is `me`'s turn."""
        return me.turn.acquire(timeout=seconds)

    # Without order

    def free(self, participant: Participant) -> None:
        """Let a participant go on beside the one that has the baton, now or when it waits next."""
        with contextlib.suppress(RuntimeError):  # the one before it has just passed it the baton
            participant.turn.release()

    def interrupt(self, participant: Participant, reason: type[BaseException]) -> None:
        """Raise `reason` in its thread at the next step of Python, if it comes to one."""
        if participant.thread is not None and participant.thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(participant.thread.ident), ctypes.py_object(reason)
            )

    def describe_holder(self, seconds: float) -> str:
        """Say where the thread is that has kept the baton for that time."""
        holder, frame = self.holder, self._frame()
        what = (
            f"{holder.name} has neither waited in simulated time nor ended for {seconds:g} s of"
            " real time; it computes, or waits for something outside of the world"
        )
        return what if frame is None else f"{what}:\n{_lines_of(frame)}"

    def real_sleep(self) -> str | None:
        """Say where the holder is in the real `time.sleep`; None if it is not."""
        holder, frame = self.holder, self._frame()
        if frame is None or not calls_real_sleep(frame):
            return None
        return (
            f"{holder.name} sleeps by the real clock, since this code was defined before its"
            f" device was; define it in the program, or in a module beside it:\n{_lines_of(frame)}"
        )

    def _frame(self) -> FrameType | None:
        """Return the frame that the holder's thread is in."""
        thread = self.holder.thread
        return None if thread is None else sys._current_frames().get(thread.ident or 0)


def _lines_of(frame: FrameType) -> str:
    return "".join(traceback.format_stack(frame)[-_FRAMES_SHOWN:])


class Strangers:
    """Threads that programs have started themselves, while they wait by the clock."""

    def __init__(self) -> None:
        self._waiting: deque[Participant] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, me: Participant, predicate: Predicate | None, due_us: int) -> None:
        """Wait to be let go on. Thread: the stranger's."""
        me.predicate, me.due_us = predicate, due_us
        self._waiting.append(me)
        me.turn.acquire()

    def let_go_on(self, now_us: int) -> None:
        """Free those whose time or predicate has come. Thread: the one that has the baton."""
        for _ in range(len(self._waiting)):
            stranger = self._waiting.popleft()
            due = stranger.due_us <= now_us
            if due or (stranger.predicate is not None and stranger.predicate()):
                stranger.turn.release()
            else:
                self._waiting.append(stranger)
