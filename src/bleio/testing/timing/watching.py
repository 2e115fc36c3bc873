"""The owner's watching: what it does in real time while it waits for the baton.

A participant that neither waits nor ends keeps the baton, and the world stands still: it computes
for ever, or waits for something outside of simulated time, such as a real lock or a socket. Nobody
can take the baton from it. So the owner looks around some times a second, and names the participant
if for too long neither the baton was passed on nor time went on. For one that computes that is the
processor's time of its thread: on a busy machine, an import of a second may last for half a minute,
and other threads of its process may compute what they like.

There is no need to be patient with one that is in the real `time.sleep`: its program has been given
code with the process's clock (see `functions` for what remains of that), so it is in another time
than its peers, and whatever its test found out would be wrong. One look at the thread's frames says
so. To patch `time.sleep` would be more certain, but would not reach those that took the function
itself, and would change the process for everybody else. A sleep that falls between two looks goes
unnoticed; in a loop of them one is soon seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from bleio.testing.errors import DeviceBlocked, SleptForReal
from bleio.testing.timing.baton import Baton
from bleio.testing.timing.pacing import SLICE_S, Pace

# If a slice took longer, the owner did not run, and maybe nobody did: the computer was suspended,
# or is very busy.
_LONGEST_SLICE_S = 4 * SLICE_S
# A share of the processor: one that computes gets more even if twenty programs want it, one that
# waits gets none, or little where only the process has a clock of it.
_COMPUTES = 0.03


class Time(Protocol):
    """What goes on in a world that is well."""

    now_us: int


class OwnersWatch:
    """Waits for the baton, with one eye on real time.

    Args:
        pace: holds the world back on purpose; None if nothing does.
        blocked_after_s: real seconds after which a participant that keeps the baton is an error;
            of the processor's time if it computes.
        watch: called some times a second, with simulated seconds.

    Thread: the owner's.
    """

    def __init__(
        self,
        baton: Baton,
        pace: Pace | None,
        blocked_after_s: float,
        watch: Callable[[float], None] | None,
    ) -> None:
        self._baton = baton
        self._pace = pace
        self._blocked_after_s = blocked_after_s
        self._watch = watch

    def until_turn(self, time_of_world: Time) -> None:
        """Wait. Raises: DeviceBlocked, also at once for a participant in the real `time.sleep`;
        KeyboardInterrupt; what `watch` raises."""
        seen, still_s, now_s = (0, 0), 0.0, time.monotonic()
        begun_s = self._baton.processor_s()
        while not self._comes():
            before_s, now_s = now_s, time.monotonic()
            still_s += min(now_s - before_s, _LONGEST_SLICE_S)
            progress = (self._baton.passes, time_of_world.now_us)
            if progress == seen and self._baton.is_debugged():
                still_s, begun_s = 0.0, self._baton.processor_s()
                if self._pace is not None:
                    self._pace.resume(time_of_world.now_us)
                continue
            if self._watch is not None:
                self._watch(time_of_world.now_us / 1e6)
            if (place := self._baton.real_sleep()) is not None:
                raise SleptForReal(place)
            if progress != seen or (self._pace is not None and self._pace.holds):
                seen, still_s, begun_s = progress, 0.0, self._baton.processor_s()
            elif self._too_long(still_s, self._baton.processor_s() - begun_s):
                raise DeviceBlocked(self._baton.describe_holder(self._blocked_after_s))

    def _too_long(self, still_s: float, computed_s: float) -> bool:
        if computed_s < still_s * _COMPUTES:
            return still_s > self._blocked_after_s
        return computed_s > self._blocked_after_s

    def _comes(self) -> bool:
        """Wait a slice. Ctrl-C is a debugger's, if one has stopped a program: it reads commands."""
        try:
            return self._baton.comes_within(SLICE_S)
        except KeyboardInterrupt:
            if not self._baton.interrupt_debugger():
                raise
            return False
