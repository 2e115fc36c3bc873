"""A connection between two controllers. Spec: Vol 6, Part B, 4.5.

An `AirLink` has two `LinkEnd`s, one for each controller, and one timer. It does not step through
connection events in which nobody has anything to say: the next event is computed from the anchor
point when something is queued. In an event the two ends exchange packets, one each way at a time,
until both have run out or the event has to end; what comes later waits for the next event.
Where packets can be lost, every event is stepped through, by `stepped.py`. Which events take place,
and how long they may be, `arbitration.py` decides.
"""

from __future__ import annotations

from collections.abc import Callable

from bleio.core.codes import HciErrorCode
from bleio.radio.air import hopping, phy
from bleio.radio.air.clock import Timer
from bleio.radio.connection import anchors, arbitration, pdu
from bleio.radio.connection.end import LinkEnd, Outgoing
from bleio.radio.connection.instants import Instants
from bleio.radio.connection.meter import LinkMeter
from bleio.radio.connection.parameters import ConnectionParameters
from bleio.radio.connection.stepped import ESTABLISHING_EVENTS, SteppedEvents


class AirLink:
    """The timing of a connection and its two ends."""

    def __init__(
        self,
        central: LinkEnd,
        peripheral: LinkEnd,
        parameters: ConnectionParameters,
        first_anchor_us: int,
        access_address: int,
        crc_init: int,
    ) -> None:
        self.central = central
        self.peripheral = peripheral
        self.radio = central.layer.radio
        self.access_address = access_address
        self.crc_init = crc_init
        self.channel_map = central.layer.channel_map
        self.updating = False  # a change of parameters waits for its instant
        self.wanted_channel_map = self.channel_map
        self.changing_channels = False
        self.open = True
        self.last_event = -1  # the last in which packets were exchanged
        self.next_event = 0  # the first of which it is not known yet whether it takes place
        self.skipped = 0  # events for which the radios had no time, since there was one
        self.attending: tuple[LinkEnd, ...] = ()  # in the event that goes on, or was the last
        self._end_of_event_us = 0
        self._in_event = False
        self._made_us = self.radio.now_us
        self._first_anchor_us = first_anchor_us
        stations = central.layer.station, peripheral.layer.station
        self._anchors = anchors.Anchors(
            first_anchor_us, parameters.interval_us, stations[0].clock_drift_ppm
        )
        # The first event at or after a time, and the time of an event.
        self.event_at, self.anchor_us = self._anchors.event_at, self._anchors.time_us
        self._clock_excess_ppm = anchors.excess_ppm(*stations)
        self._set_timing(parameters)
        self._timer: Timer | None = None
        self._instants = Instants(self)
        self._lost: Timer | None = None
        self._lossy = SteppedEvents(self)
        for end, other in ((central, peripheral), (peripheral, central)):
            end.link, end.other = self, other
        self.meter = LinkMeter(self, self.radio.clock)

    # -- time --

    @property
    def interval_us(self) -> int:
        """From one anchor point to the next, by a clock that is right."""
        return self._anchors.interval_us

    def loses_anchor(self, since_us: int) -> bool:
        """Whether a peripheral that has heard nothing for this time listens at the wrong time."""
        return anchors.is_missed(self._clock_excess_ppm, since_us)

    @property
    def stepped(self) -> bool:
        """Whether packets can get lost, so that every event is stepped through."""
        return self._out_of_tune or not self.radio.medium.ideal

    def _set_timing(self, parameters: ConnectionParameters) -> None:
        self.latency, self.timeout_us = parameters.latency, parameters.timeout_us
        self._out_of_tune = self.loses_anchor((self.latency + 1) * self.interval_us)

    def at_instant(self, callback: Callable[..., None], *args: object) -> int:
        """Do something at both ends a few events from now.

        Returns: the instant, as link layer PDUs carry it.
        """
        return self._instants.plan(self.radio.now_us, callback, args) & 0xFFFF

    def set_parameters(self, parameters: ConnectionParameters) -> None:
        """Use other parameters from the connection event that is due now."""
        self.meter.account()
        event = max(self.event_at(self.radio.now_us), 0)
        self._anchors.change_interval(event, parameters.interval_us)
        self._set_timing(parameters)
        if self._timer is not None and not self._in_event:
            self._timer.cancel()
            self._timer = None
        self.medium_changed()

    def medium_changed(self) -> None:
        """Packets can be lost from now on, or no longer."""
        if not self.stepped:
            self._lossy.active = False
        elif not self._lossy.active:
            self._lossy.begin()
        self.wake()

    @property
    def was_used(self) -> bool:
        """Whether the first anchor point has passed."""
        return self.radio.now_us >= self._first_anchor_us

    # -- connection events --

    def wake(self) -> None:
        """Something was queued: plan the connection event that will carry it."""
        if not self.open or self._in_event or self.lost:
            return
        event = max(self.event_at(self.radio.now_us), self.next_event)
        if self.stepped:
            pass  # the next event takes place, whoever has something to say
        elif not self.peripheral.has_pdu:
            if not self.central.has_pdu:
                return
            # The peripheral listens to one event in latency + 1, counted from the last it used.
            if self.latency and self.last_event >= 0:
                event += (self.last_event - event) % (self.latency + 1)
        at_us = self.anchor_us(event)
        if self._timer is not None:
            if self._timer.at_us <= at_us:
                return
            self._timer.cancel()
        self._timer = self.radio.clock.schedule(at_us, self._begin_event, event)

    @property
    def urgency(self) -> float:
        """The part of the supervision time-out for which the radios had no time."""
        return self.skipped * self.interval_us / self.timeout_us

    def is_due(self, from_us: int, until_us: int) -> bool:
        """Whether an event begins in this time that may still take place."""
        event = max(self.event_at(from_us), self.next_event)
        return self.anchor_us(event) < until_us and not self.lost

    @property
    def has_pdu(self) -> bool:
        """Whether one of the ends has something to send."""
        return self.central.has_pdu or self.peripheral.has_pdu

    @property
    def exchange_us(self) -> int:
        """How long the next packet each way will take, gaps included."""
        central, peripheral = self.central, self.peripheral
        return (
            phy.air_time_us(central.next_octets, central.tx_phy)
            + phy.air_time_us(peripheral.next_octets, peripheral.tx_phy)
            + 2 * phy.T_IFS_US
        )

    @property
    def expected_us(self) -> int:
        """How long an event would take with what waits now."""
        exchanges = max(self.central.waiting, self.peripheral.waiting, 1)
        return exchanges * self.exchange_us

    @property
    def idle_us(self) -> int:
        """How long an event takes in which nobody has anything to say."""
        central, peripheral = self.central, self.peripheral
        air_us = phy.air_time_us(0, central.tx_phy) + phy.air_time_us(0, peripheral.tx_phy)
        return air_us + phy.T_IFS_US

    def fits(self, start_us: int) -> bool:
        """Whether another packet each way fits into the event that goes on."""
        return start_us + self.exchange_us <= self._end_of_event_us

    def _begin_event(self, event: int) -> None:
        now_us = self.radio.now_us
        self.meter.start_event(event)
        self.next_event = event + 1
        awake = not self.stepped or self._lossy.attends(event)
        self.attending = (self.central, self.peripheral) if awake else (self.central,)
        if arbitration.takes_place(self, now_us):
            self.skipped = 0
            self.last_event = event
            self._end_of_event_us = arbitration.end_of_event_us(self, event, now_us)
            until_us = self._end_of_event_us
            if self.stepped:  # otherwise the first exchange is over before anybody asks
                until_us = max(until_us, now_us + self.exchange_us)
            for end in self.attending:
                end.radio_time.begin(self, now_us, until_us)
            self._exchange(event)
        else:
            self.skipped += 1
            at_us = self.anchor_us(event + 1)
            self._timer = self.radio.clock.schedule(at_us, self._begin_event, event + 1)

    def _exchange(self, event: int) -> None:
        self._timer = None
        self._in_event = True
        if self.stepped:
            self._lossy.start(event)
            return
        now_us = self.radio.now_us
        next_us = now_us + self._exchange_packets(event, now_us)
        self._in_event = False
        if self.open and self.has_pdu and self.fits(next_us):
            self._timer = self.radio.clock.schedule(next_us, self._go_on, event)
        else:
            self._release_radios(next_us)
            self.wake()

    def _go_on(self, event: int) -> None:
        if self.fits(self.radio.now_us):
            self._exchange(event)
        else:  # more has come to be said meanwhile
            self._timer = None
            self.event_over()

    def _release_radios(self, at_us: int) -> None:
        """The event that goes on, if any, is over by then."""
        for end in self.attending:
            end.radio_time.end(self, at_us)

    def _exchange_packets(self, event: int, now_us: int) -> int:
        """One packet each way; each acknowledges the one before. Returns: the time it takes."""
        central, peripheral = self.central, self.peripheral
        # Both are chosen before either arrives: an answer takes longer than the inter frame space.
        peripheral.outgoing()
        outgoing, header = central.transmit()
        air_us = self.air_time_us(central, outgoing)
        length_us = air_us + phy.T_IFS_US
        self.meter.sent(central, air_us)
        self.capture(central, outgoing, header, event, now_us)
        peripheral.take(outgoing, header)
        if not self.open:
            return length_us
        outgoing, header = peripheral.transmit()
        self.capture(peripheral, outgoing, header, event, now_us + length_us)
        air_us = self.air_time_us(peripheral, outgoing)
        length_us += air_us + phy.T_IFS_US
        self.meter.sent(peripheral, air_us)
        central.take(outgoing, header)
        if self.open and peripheral.is_unacknowledged:
            peripheral.acknowledge()  # nothing can happen to the packet that says so
        return length_us

    def event_over(self) -> None:
        """A connection event has ended."""
        self._in_event = False
        self._release_radios(self.radio.now_us)
        self.wake()

    @staticmethod
    def air_time_us(sender: LinkEnd, outgoing: Outgoing) -> int:
        """Time one packet takes."""
        return phy.air_time_us(outgoing.octets, sender.tx_phy)

    def capture(
        self,
        sender: LinkEnd,
        outgoing: Outgoing,
        header: int,
        event: int,
        at_us: int,
        crc_right: bool = True,
    ) -> None:
        """Show one packet to whoever captures."""
        if self.radio.watched:
            shown = pdu.packet(self, sender, outgoing, header, event, at_us, crc_right)
            self.radio.show(shown)

    def pass_idle(self, first: int, until: int, attended: int) -> None:
        """Events have passed in which nobody had anything to say, so many with both ends."""
        if self.radio.idle_watched:
            for event in range(first, until):
                awake = attended > 0 and self.meter.is_attended(event)
                for packet in pdu.idle_event(self, event, attended=awake):
                    self.radio.show_idle(packet)
                self._count_empty(int(awake))
        else:
            self._count_empty(attended)

    def _count_empty(self, exchanges: int) -> None:
        for end in (self.central, self.peripheral):
            end.count_empty(exchanges)

    def channel(self, event: int) -> int:
        """The data channel of an event."""
        return hopping.data_channel(self.access_address, event, self.channel_map)

    # -- the end --

    @property
    def lost(self) -> bool:
        """Whether one end is alone and waits for its time-out."""
        return self._lost is not None

    def vanish(self, end: LinkEnd) -> None:
        """One end's controller has gone without a word; the other notices in its own time.

        Spec: Vol 6, Part B, 4.5.2: supervision time-out, or six intervals when no packet ever came.
        """
        if not self.open:
            return
        self._cancel_timers()
        self.meter.account()
        end.gone = True
        end.close()
        if end.other.gone:
            self.finish(HciErrorCode.CONNECTION_TIMEOUT)
            return
        lossy, other = self._lossy.active, end.other
        heard_us = other.heard_us if lossy else self.radio.now_us
        at_us, reason = heard_us + self.timeout_us, HciErrorCode.CONNECTION_TIMEOUT
        if not (other.ever_heard if lossy else self.was_used):
            at_us = self._made_us + ESTABLISHING_EVENTS * self.interval_us
            reason = HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED
        self._lost = self.radio.clock.schedule(at_us, self.finish, reason)

    def drop(self, end: LinkEnd, reason: int) -> None:
        """One end has not heard the other for too long; the other notices in its own time."""
        end.layer.link_closed(end, reason)
        self.vanish(end)

    def finish(self, reason: int, initiator: LinkEnd | None = None) -> None:
        """End the link now and tell both hosts.

        Args: initiator: whose host asked for it; it hears that it did so itself.
        """
        if not self.open:
            return
        self.open = False
        self.meter.close()
        self.radio.links.pop(self, None)
        self._cancel_timers()
        for end in (self.central, self.peripheral):
            end.close()
        for end in (self.central, self.peripheral):
            if not end.gone:
                own = end is initiator
                end.layer.link_closed(end, HciErrorCode.LOCAL_HOST_TERMINATED if own else reason)

    def _cancel_timers(self) -> None:
        self._lossy.cancel()
        self._release_radios(self.radio.now_us)
        self._instants.cancel()
        for timer in (self._timer, self._lost):
            if timer is not None:
                timer.cancel()
        self._timer = None
