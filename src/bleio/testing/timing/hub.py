"""The one thread that a world has beside its owner's: programs and engine are greenlets in it.

A greenlet is a stack of its own. To switch from one to another is a call of a function, under a
microsecond, and takes no lock and no system call. Programs keep all that they are: ordinary Python
that blocks and spins wherever it likes. A thread for each of them would do the same, but to wake
another thread costs ten times as much, and a hundred times where the operating system has it on
another core; a notification takes four such steps, and two devices that spin take one at each look.

The owner is no greenlet here. It stays the thread that it is, with its signal handlers, its event
loop and its locks, and can watch while a program blocks. So between it and the hub the baton goes
by locks: the hub waits (`park`) in the greenlet that has passed the baton to the owner.

What Python keeps for each thread is exchanged at each switch where it would do harm (`aside`).
Context variables are each greenlet's own already, and the thread's name is that of the one that
runs. `threading.local`, `get_ident` and the owner of an RLock are shared; docs/worlds.md says so.

What may surprise:

- A greenlet can only be made in its thread. So one is made when it is first switched to; until
  then there is only the function that it will run.
- When one ends, the thread's first greenlet goes on (`run`). It does nothing but go where the baton
  is. It also starts all others: a greenlet begins on top of the stack that it is started from, and
  would have the less recursion left the more devices there are.
- A program may use greenlets itself. So where it goes on is noted at each switch, and it has ended
  when the outermost of its greenlets has.
- The thread begins with the first that is to run in it, and ends with the last.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from asyncio import _get_running_loop
from collections.abc import Callable
from functools import partial
from types import FrameType

from bleio.testing.timing.aside import begin_as_thread, end_as_thread, lay_loop_aside, resume_loop
from bleio.testing.timing.participant import Participant

try:
    from greenlet import GreenletExit, getcurrent, greenlet
except ModuleNotFoundError as error:
    raise ImportError(
        "Worlds need the package greenlet, which bleio does not bring where it has to be compiled,"
        " as on 32-bit ARM; install it with: pip install greenlet (with a C compiler, or a wheel of"
        " your system's)",
        name=error.name,
    ) from error
except ImportError as error:
    raise ImportError(
        f"Worlds need the package greenlet, which is installed but cannot be loaded ({error});"
        " install it anew with: pip install --force-reinstall greenlet",
        name=error.name,
    ) from error


class Hub:
    """Runs participants in turns, each in a greenlet, all in one thread.

    Args:
        next_after_end: asked in the thread for the one to go on when another has ended; None ends
            the thread.

    Attributes:
        current: the one that runs, or stands where it has passed the baton to the owner.
        ident: its thread's, 0 if there is none.

    Thread: its own, if not stated otherwise.
    """

    def __init__(self, next_after_end: Callable[[], Participant | None]) -> None:
        self.current: Participant | None = None
        self.ident = 0
        self._next_after_end = next_after_end
        self._bodies: dict[Participant, Callable[[], None]] = {}
        self._outermost: dict[Participant, greenlet] = {}
        self._stands: dict[Participant, greenlet] = {}  # the greenlet in which each goes on
        self._to_start: Participant | None = None
        self._thread: _HubThread | None = None
        self._last_thread: _HubThread | None = None
        self._changing = threading.Lock()  # who lives here, and whether the thread goes on

    # Any thread

    def admit(self, participant: Participant, body: Callable[[], None]) -> threading.Thread:
        """Have it run `body` here from its first turn on. Returns: the thread."""
        with self._changing:
            self._bodies[participant] = body
            thread = self._thread
            if thread is None:
                thread = _HubThread(self)
                thread.start()
                self._thread = self._last_thread = thread
            return thread

    def has(self, participant: Participant) -> bool:
        """Whether it runs here, or will."""
        return participant in self._bodies

    def others(self, than: Participant) -> list[str]:
        """Return the names of programs that have begun, and stand where they wait."""
        begun = tuple(self._outermost)
        return sorted(each.name for each in begun if each is not than and each.sequence)

    def has_begun(self, participant: Participant) -> bool:
        """Whether it has had a turn."""
        return participant in self._outermost

    def frame_of(self, participant: Participant) -> FrameType | None:
        """Return the innermost frame of one that stands where it waits."""
        stack = self._stands.get(participant)
        frame: FrameType | None = None if stack is None else stack.gr_frame
        return frame

    def will_wake(self, to: Participant | None) -> None:
        """Say which one is to go on at `wake`; None is the one that has parked.

        Thread: another one, while the hub has parked or is about to.
        """
        if (thread := self._thread) is not None:
            thread.wanted.append(to)

    def will_not_wake(self) -> bool:
        """Take that back. Returns: False if the hub has woken already. Thread: as `will_wake`."""
        thread = self._thread
        if thread is None:
            return False
        try:
            thread.wanted.pop()
        except IndexError:
            return False
        return True

    def is_to_wake(self) -> bool:
        """Whether it has been told to, and has not yet. Thread: as `will_wake`."""
        return self._thread is not None and bool(self._thread.wanted)

    def wake(self) -> None:
        """Let that one go on. Thread: as `will_wake`."""
        if (thread := self._thread) is not None:
            with contextlib.suppress(RuntimeError):  # it is free: a wake was taken back
                thread.turn.release()

    def processor_s(self) -> float:
        """Return the processor's time that participants have had."""
        return 0.0 if (thread := self._thread) is None else thread.processor_s()

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread, if nothing is left that runs in it."""
        if self._thread is None and self._last_thread is not None:
            self._last_thread.join(seconds)

    # Switching

    def park(self) -> Participant | None:
        """Wait in this greenlet until another thread wakes the hub. Returns: for whom."""
        return self._thread_here().next_wanted()

    def switch(self, me: Participant, to: Participant) -> None:
        """Let `to` go on where it stands. Returns when somebody switches back to `me`."""
        self._stands[me] = getcurrent()
        stack = self._stands.get(to) or self._first_here()
        loop = _get_running_loop()
        aside = None if loop is None else lay_loop_aside(loop)
        trace, profile = sys.gettrace(), sys.getprofile()
        if trace is not None:
            sys.settrace(None)
        if not callable(profile):
            profile = None  # cProfile's, which could not be set again: it sees all programs
        if profile is not None:
            sys.setprofile(None)
        self._to_start = None if to in self._stands else to
        self.current = to
        stack.switch()
        del stack  # a traceback that keeps this frame must not keep another's stack
        self.current = me
        if profile is not None:
            sys.setprofile(profile)
        if trace is not None:
            sys.settrace(trace)
        if aside is not None:
            resume_loop(aside)

    def _first_here(self) -> greenlet:
        """Return what to switch to for one that has not begun; it looks at `_to_start`."""
        first = self._thread_here().first
        assert first is not None
        return first

    def one_left(self) -> Participant | None:
        """Return one that has not ended. If there is none the thread ends."""
        with self._changing:
            for participant in self._bodies:
                return participant
            self._thread, self.ident = None, 0
            return None

    def _live(self, me: Participant) -> None:
        """All that one greenlet does."""
        begin_as_thread()
        try:
            self._bodies[me]()
        except (SystemExit, GreenletExit):
            pass  # as threads end silently by the first
        except BaseException:
            threading.excepthook(
                threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread()))
            )
        finally:
            end_as_thread()

    def _thread_here(self) -> _HubThread:
        assert self._thread is not None
        return self._thread

    # The thread's first greenlet

    def run(self, thread: _HubThread) -> None:
        """Go where the baton is, whenever one that had it has ended."""
        to = thread.next_wanted()
        self.ident = threading.get_ident()
        while to is not None:
            try:
                self._enter(to)
                to = self._to_start or self._after_end()
            except BaseException:  # an `interrupt` that came late; the world is abandoned
                to = self._after_end()
            self._to_start = None

    def _enter(self, to: Participant) -> None:
        """Let it begin or go on. Returns when one is to be started, or has ended."""
        if to not in self._outermost:
            self._outermost[to] = self._stands[to] = greenlet(partial(self._live, to))
        self.current = to
        self._stands[to].switch()

    def _after_end(self) -> Participant | None:
        with self._changing:
            for participant in [each for each, stack in self._outermost.items() if stack.dead]:
                del self._outermost[participant]
                self._stands.pop(participant, None)
                self._bodies.pop(participant, None)
        return self._next_after_end()


def _processor_clock_here() -> partial[float]:
    """Return the clock of this thread, or of the process where systems have none for threads."""
    if sys.platform in ("win32", "darwin"):
        return partial(time.process_time)
    return partial(time.clock_gettime, time.pthread_getcpuclockid(threading.get_ident()))


class _HubThread(threading.Thread):
    """What tools and logs that show threads see of a world."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(name="bleio-world", daemon=True)
        self.turn = threading.Lock()
        self.turn.acquire()
        self.wanted: list[Participant | None] = []  # none, or the one to wake for
        self.first: greenlet | None = None
        self._processor_clock = partial(float)  # of a thread that has not begun
        self._hub = hub

    def processor_s(self) -> float:
        """Return the processor's time that it has had. Thread: any."""
        try:
            return self._processor_clock()
        except OSError:  # it has ended
            return 0.0

    def next_wanted(self) -> Participant | None:
        """Wait until another thread says which one is to go on. Thread: this one."""
        while True:
            self.turn.acquire()
            try:
                return self.wanted.pop()
            except IndexError:
                pass  # it was taken back

    def run(self) -> None:
        self._processor_clock = _processor_clock_here()
        self.first = getcurrent()
        try:
            self._hub.run(self)
        finally:
            # greenlet frees it with the thread, and counts a reference of ours as a leak.
            self.first = None

    @property
    def name(self) -> str:
        """That of the participant that runs, or that was the last to run; rw."""
        current = self._hub.current
        return self._name if current is None else current.thread_name

    @name.setter
    def name(self, name: str) -> None:
        current = self._hub.current
        if current is None:
            self._name = str(name)
        else:
            current.thread_name = str(name)
