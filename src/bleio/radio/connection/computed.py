"""Connection events where nothing can be lost: only those in which something is said.

The obvious way to simulate a connection is to step through its events, one every 7.5 ms to 4 s, for
as long as it lasts. Nearly all of them carry an empty packet each way. A hundred idle links would
cost a hundred thousand timers for each ten seconds of a test, and all to no effect: where nothing
can get lost, what an event with nothing to say does is known beforehand.

So here the next event is computed. When something is queued (`wake`), the first anchor point that
can carry it gets a timer; idle links have none at all. What the events in between would have done
is made good when somebody asks: `LinkMeter` counts the time for which radios were on, and for
captures that want to see them makes up the empty packets and turns the sequence numbers.

The packets of an exchange, one each way, go in one call at its beginning, though the second one is
on air a little later: nobody can interfere with it, and a host that hears of it cannot answer any
sooner. Only if more waits does a timer bring the event's next exchange, so that what is queued
meanwhile joins in.

What may surprise:

- With peripheral latency the central's PDU waits for an event to which the peripheral listens: one
  in latency + 1, counted from the last that was used. The peripheral's own goes into the next one.
- The peripheral chooses its PDU before the central's arrives, as on air (`Acknowledgement`).
- An event goes on with whatever waits when an exchange is over. On air only what its More Data bits
  have announced goes on; the two differ by what the central's link layer answers at once.
- The peripheral's packet is acknowledged at once, without the central's next packet that would say
  so: nothing can happen to that either. So the credit for a host's packet comes back at the time of
  the event that carried it, whatever the interval.
- Events without data give way to everything (`arbitration.py`), as they do not exist.

As soon as one packet can be lost none of this holds, and the link changes to `stepped.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.radio.air import phy

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink


class ComputedEvents:
    """The events of a link all of whose packets arrive."""

    __slots__ = ("_central", "_clock", "_ends", "_link", "_peripheral", "_radio", "_schedule",
                 "_stations")  # fmt: skip

    def __init__(self, link: AirLink) -> None:
        self._link = link
        self._radio = link.radio
        self._clock = link.radio.clock
        self._schedule = link.schedule
        self._ends = (link.central, link.peripheral)
        self._stations = (link.central.layer.station, link.peripheral.layer.station)
        self._central = link.central.acknowledgement
        self._peripheral = link.peripheral.acknowledgement

    def wake(self) -> None:
        """Plan the event that carries what waits, if anything does."""
        schedule, link = self._schedule, self._link
        if schedule.in_event or schedule.stopped:
            return
        for_peripheral = not self._peripheral.has_pdu
        if for_peripheral and not self._central.has_pdu:
            return
        event = max(link.event_at(self._clock.now_us), schedule.next_event)
        if for_peripheral and link.latency and schedule.last_event >= 0:
            # The peripheral listens to one event in latency + 1, counted from the last it used.
            event += (schedule.last_event - event) % (link.latency + 1)
        schedule.plan(event)

    def begin(self, event: int) -> None:
        """Let an event take place whose anchor point is now, or give way to other links."""
        if self._schedule.claim(event, self._ends):
            self.exchange(event)

    def exchange(self, event: int) -> None:
        """Exchange a packet each way, now, and see whether more is to follow."""
        schedule = self._schedule
        schedule.exchanges_left -= 1
        next_us = self._exchange_packets(event, self._clock.now_us)
        # From here to the next exchange of this event, if there is one, the schedule is as free as
        # between events: only the timer stands in the way of another event.
        schedule.in_event = False
        waits = self._link.open and (self._central.has_pdu or self._peripheral.has_pdu)
        if waits and schedule.fits(next_us):
            schedule.step(next_us, schedule.go_on, event)
            return
        schedule.release_radios(next_us)
        if waits:
            self.wake()

    def _exchange_packets(self, event: int, now_us: int) -> int:
        """Let a packet go each way; each acknowledges the one before. Returns: when it is over."""
        link, radio, (central, peripheral) = self._link, self._radio, self._ends
        polling, answering = self._stations
        # An answer takes longer to make than the inter frame space.
        self._peripheral.choose()
        pdu, header = self._central.transmit()
        air_us = central.negotiated.air_times_us[pdu.octets]
        at_us = now_us + air_us + phy.T_IFS_US
        polling.tx_us += air_us
        answering.rx_us += air_us
        if radio.watched:
            link.show(central, pdu, header, event, now_us)
        self._peripheral.take(pdu, header)
        if not link.open:
            return at_us
        pdu, header = self._peripheral.transmit()
        if radio.watched:
            link.show(peripheral, pdu, header, event, at_us)
        air_us = peripheral.negotiated.air_times_us[pdu.octets]
        answering.tx_us += air_us
        polling.rx_us += air_us
        self._central.take(pdu, header)
        if link.open and self._peripheral.unacknowledged is not None:
            self._peripheral.acknowledge()  # nothing can happen to the packet that says so
        return at_us + air_us + phy.T_IFS_US

    def last_heard(self, _end: LinkEnd) -> tuple[int, bool]:
        """Now: there is no moment in which an end has not heard what there was to hear."""
        return self._clock.now_us, self._link.was_used

    def has_announced(self, _controls: int) -> bool:
        """Always: what is queued arrives, and the instant leaves it time to."""
        return True
