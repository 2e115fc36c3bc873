"""Which connection event of a link is next, which one goes on, and until when.

A `Schedule` has the one timer of a link: for the anchor point of the next event that is planned, or
for the next step of the event that goes on. Its owner is the link's engine (`ConnectionEvents`, of
which there are two); `claim` is where an event that is due gets its radios or gives way.

The schedule outlives the engines. When packets can be lost from now on, or no longer, the link puts
the other engine in place, and all that is known here stays. An event whose packet is on air at that
moment is brought to its end by the engine that sent it; the next one belongs to the new engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from bleio.radio.connection import arbitration

if TYPE_CHECKING:
    from bleio.radio.air.clock import Timer
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink


class ConnectionEvents(Protocol):
    """An engine: it chooses the events that take place and exchanges their packets."""

    def wake(self) -> None:
        """Plan the event that carries what waits, if none is planned that will."""

    def begin(self, event: int) -> None:
        """Let an event take place whose anchor point is now, or give way to other links."""

    def exchange(self, event: int) -> None:
        """Exchange packets, at the anchor point of an event or later in it."""

    def last_heard(self, end: LinkEnd) -> tuple[int, bool]:
        """When an end has heard the other last, in microseconds, and whether it ever has."""

    def has_announced(self, controls: int) -> bool:
        """Whether as many of the central's control PDUs have arrived."""


class Schedule:
    """The connection events of one link, by their numbers."""

    def __init__(self, link: AirLink) -> None:
        self.last_event = -1  # the last in which packets were exchanged
        self.next_event = 0  # the first of which it is not known yet whether it takes place
        self.skipped = 0  # events for which the radios had no time, since there was one
        self.attending: tuple[LinkEnd, ...] = ()  # in the event that goes on, or was the last
        self.in_event = False  # the engine goes on by itself until it says `over`
        self.stopped = False  # the link is over, or one end of it
        self._link = link
        self._clock = link.radio.clock
        self._end_of_event_us = 0
        self.exchanges_left = 0  # in the event that goes on, for what its ends can do
        self._timer: Timer | None = None

    # -- planning --

    def plan(self, event: int) -> None:
        """Let an event begin at its anchor point, unless something happens before."""
        at_us = self._link.anchor_us(event)
        if self._timer is not None:
            if self._timer.at_us <= at_us:
                return
            self._timer.cancel()
        self._timer = self._clock.schedule(at_us, self._due, event)

    def unplan(self) -> None:
        """Forget what was planned, as anchor points have moved; an exchange goes on."""
        if self._timer is not None and not self.in_event:
            self._timer.cancel()
            self._timer = None

    def is_due(self, from_us: int, until_us: int) -> bool:
        """Whether an event begins in this time that may still take place."""
        event = max(self._link.event_at(from_us), self.next_event)
        return self._link.anchor_us(event) < until_us and not self.stopped

    @property
    def urgency(self) -> float:
        """The part of the supervision time-out for which the radios had no time."""
        return self.skipped * self._link.interval_us / self._link.timeout_us

    # -- the event that goes on --

    def _due(self, event: int) -> None:
        self._timer = None
        self._link.events.begin(event)

    def claim(self, event: int, attending: tuple[LinkEnd, ...], at_least_us: int = 0) -> bool:
        """Get the radios for an event that is due, or try the next event.

        Args: at_least_us: how long the radios are in use, also if the event has to be over before.
        Returns: whether the event takes place.
        """
        link, now_us = self._link, self._clock.now_us
        link.meter.start_event(event)
        self.next_event = event + 1
        self.attending = attending
        end_us = arbitration.end_of_event_us(link, event, now_us)
        if end_us is None:
            self.skipped += 1
            self.plan(event + 1)
            return False
        self.skipped = 0
        self.last_event = event
        self._end_of_event_us = end_us
        self.exchanges_left = link.exchanges_in_event
        until_us = max(end_us, now_us + at_least_us)
        for end in attending:
            end.layer.radio_time.begin(link, now_us, until_us)
        self.in_event = True
        return True

    def fits(self, start_us: int) -> bool:
        """Whether another packet each way fits into the event that goes on."""
        if self.exchanges_left <= 0:
            return False
        return start_us + self._link.exchange_us <= self._end_of_event_us

    def step(self, at_us: int, callback: Callable[..., None], *args: object) -> None:
        """Go on with the event at a later time."""
        self._timer = self._clock.schedule(at_us, callback, *args)

    def go_on(self, event: int) -> None:
        """Exchange packets once more, if what waits still fits; more may have come meanwhile."""
        self._timer = None
        if self.fits(self._clock.now_us):
            self.in_event = True
            self._link.events.exchange(event)
        else:
            self.over()

    def over(self) -> None:
        """End the event; plan the next one, if there is reason for one."""
        self._timer = None
        self.in_event = False
        self.release_radios(self._clock.now_us)
        self._link.events.wake()

    def release_radios(self, at_us: int) -> None:
        """The event that goes on, if any, is over by then."""
        for end in self.attending:
            end.layer.radio_time.end(self._link, at_us)

    def stop(self) -> None:
        """No events any more, and the one that goes on is broken off."""
        self.stopped = True
        self.release_radios(self._clock.now_us)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
