"""The event loops of one device: makes them, knows which is current where, and ends them.

It stands in for asyncio's policy, of which a process has one. `asyncio.get_event_loop()` makes a
loop where there is none, as on a board and as Python did until 3.13.
"""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from bleio.api._current import place
from bleio.testing.programs.loops.kinds import RealTimeLoop, SimulatedLoop
from bleio.testing.programs.loops.workers import Workers
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.deviceloop import DeviceLoop
from bleio.testing.timing.participant import Participant

_KEPT = 8  # loops, so that one that its program has left open can still be ended


class DeviceLoops:
    """See `deviceloop.LoopOwner`. To be made where the device's program runs.

    Args: main: runs the program. output: the device's standard error output.
    """

    def __init__(
        self, clock: VirtualClock, main: Participant, output: io.TextIOBase, name: str
    ) -> None:
        self.name = name
        self._clock = clock
        self._output = output
        self._context = copy_context()
        self._main = main
        self._current: WeakKeyDictionary[Participant, asyncio.AbstractEventLoop]
        self._current = WeakKeyDictionary()
        self._loops: WeakValueDictionary[int, DeviceLoop] = WeakValueDictionary()
        self._made = 0
        self._kept: deque[DeviceLoop] = deque(maxlen=_KEPT)
        self._workers = Workers(clock)
        self._ended = False

    # The policy

    def new_event_loop(self) -> DeviceLoop:
        """Make a loop."""
        kind = SimulatedLoop if self._clock.pace is None else RealTimeLoop
        loop = kind(self._clock, self)
        self._made += 1
        self._loops[self._made] = loop
        self._kept.append(loop)
        return loop

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, or the current one, or a new one."""
        running = asyncio._get_running_loop()
        if running is not None:
            return running
        me = self._clock.participant()
        loop = self._current.get(me)
        if loop is None:
            loop = self._current[me] = self.new_event_loop()
        return loop

    def set_event_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Make a loop the current one of the calling thread."""
        if loop is None:
            self._current.pop(self._clock.participant(), None)
        else:
            self._current[self._clock.participant()] = self.check(loop)

    def check(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        """Return a loop if it is one of a device. Raises: NotImplementedError; TypeError."""
        if isinstance(loop, DeviceLoop):
            return loop
        if not isinstance(loop, asyncio.AbstractEventLoop):
            raise TypeError(f"An event loop was expected, not {type(loop).__name__}")
        kind = type(loop)
        raise NotImplementedError(
            f"{self.name}: a loop of {kind.__module__}.{kind.__qualname__} waits by the real clock;"
            " a program of a world has loops of asyncio.new_event_loop()"
        )

    # The owner

    def now_us(self) -> int:
        """Look at the clock."""
        self._clock.look()
        return self._clock.now_us

    def ended(self) -> bool:
        """Whether its program has ended, or is told to."""
        return self._ended or self._main.stop is not None

    def say(self, text: str) -> None:
        """Write to the device's standard error output."""
        self._output.write(text)

    def context(self) -> Context | None:
        """Return the device's context, if the caller does not belong to the device."""
        return None if place.get() is self._context.get(place) else self._context.copy()

    def run_in_thread(
        self, loop: DeviceLoop, executor: Any, work: Callable[[], Any]
    ) -> asyncio.Future[Any]:
        """Do work that may block beside the loop."""
        return self._workers.run(loop, executor, work)

    def threads_ended(self, loop: DeviceLoop) -> asyncio.Future[None]:
        """Take no more such work of this loop."""
        return self._workers.ended(loop)

    def end(self) -> None:
        """The program has ended: end all that is left of its loops, in no time."""
        self._ended = True
        self._workers.stop()
        self._kept.clear()
        for _, loop in sorted(self._loops.items()):
            if not loop.is_closed() and not loop.is_running():
                loop.end()
