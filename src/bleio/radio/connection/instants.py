"""Changes that both ends of a link make in the same connection event. Spec: Vol 6, Part B, 5.5."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bleio.radio.air.clock import Timeline, Timer

# From one packet of an instant's announcement to the instant, in events the peripheral listens to.
EVENTS_AHEAD = 6


class Instants:
    """The changes of one link that wait for their events.

    The link makes a change for both ends at once, when the anchor point of the event comes. It is a
    timer of its own and not a look at the beginning of each event, for where nothing can be lost
    nobody looks at most events.
    """

    def __init__(self, clock: Timeline) -> None:
        self._clock = clock
        self._waiting: deque[Timer] = deque()

    def plan(self, at_us: int, reach: Callable[..., None], *args: object) -> None:
        """Call `reach(*args)` at the anchor point of the instant."""
        while self._waiting and not self._waiting[0].pending:
            self._waiting.popleft()
        self._waiting.append(self._clock.schedule(at_us, reach, *args))

    def cancel(self) -> None:
        """The link is over, or one end of it."""
        for timer in self._waiting:
            timer.cancel()
        self._waiting.clear()
