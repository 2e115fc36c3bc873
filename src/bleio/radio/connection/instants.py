"""Changes that both ends of a link make in the same connection event. Spec: Vol 6, Part B, 5.5."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.radio.air.clock import Timer

if TYPE_CHECKING:
    from bleio.radio.connection.link import AirLink

# From one packet of an instant's announcement to the instant, in events the peripheral listens to.
_EVENTS = 6


class Instants:
    """The changes of one link that wait for their events."""

    def __init__(self, link: AirLink) -> None:
        self._link = link
        self._waiting: deque[Timer] = deque()

    def plan(self, now_us: int, callback: Callable[..., None], args: tuple[object, ...]) -> int:
        """Do something at both ends a few events from now. Returns: the event."""
        link = self._link
        event = link.event_at(now_us) + (link.latency + 1) * _EVENTS
        if link.lost:
            return event  # nobody will live to see it
        while self._waiting and not self._waiting[0].pending:
            self._waiting.popleft()
        announced = link.central.controls_queued + 1
        timer = link.radio.clock.schedule(
            link.anchor_us(event), self._reach, announced, callback, args
        )
        self._waiting.append(timer)
        return event

    def _reach(
        self, announced: int, callback: Callable[..., None], args: tuple[object, ...]
    ) -> None:
        link = self._link
        if link.stepped and link.central.controls_arrived < announced:
            link.finish(HciErrorCode.INSTANT_PASSED)
        else:
            callback(*args)

    def cancel(self) -> None:
        """The link is over, or one end of it."""
        for timer in self._waiting:
            timer.cancel()
        self._waiting.clear()
