"""A connection between two devices: its timing, its two ends, its life. Spec: Vol 6, Part B, 4.5.

A connection is a promise about time: from the first anchor point on there is a connection event
every interval, on a channel that both ends know, in which the central may send and the peripheral
may answer. Everything else of it is said in those events. An `AirLink` holds that promise, for both
ends together: interval, latency and time-out, the channel map, and changes of them at an instant.

The obvious way is to give each device a link object of its own, a state machine that hears the
other only through packets. That is closer to silicon, but two objects that must agree, on anchor
points, event numbers and the map, then agree only as long as both are right, and a mistake in
either looks like bad luck on the air. Here what the ends share exists once and cannot differ;
what can differ, queues, keys, what was heard, is in the two `LinkEnd`s.

What happens in the events is left to one of two engines (`ConnectionEvents`). `computed.py` is for
an air on which nothing can be lost, and simulates only events in which something is said;
`stepped.py` goes through every event packet by packet. The link has one of them and exchanges it
when the medium changes; nothing else asks which it is. Where nothing happens to get lost, hosts
get the same data through both, though `stepped.py` has more packets on air: there an
acknowledgement needs one.

What may surprise:

- A change at an instant is made once, for both ends, by a timer of the link. Its announcement goes
  on air all the same; only where it can be lost does anybody look whether it has arrived, and the
  link ends with Instant Passed if not.
- When one end's device disappears (`vanish`) the link lives on with one end. That end's events go
  on in the books (`LinkMeter`) though nothing is exchanged, until its supervision time-out.
- A link can be made at one end alone, by a request that only one of the two takes for answered. It
  begins like any other and the end without a partner is gone from the start.
- `finish` closes both ends before it tells either host: whatever a host is told, the other end has
  no timer or PDU left by then.
"""

from __future__ import annotations

from collections.abc import Callable

from bleio.core.codes import HciErrorCode
from bleio.radio.air import hopping, phy
from bleio.radio.air.clock import Timer
from bleio.radio.air.radio import AirPdu
from bleio.radio.connection.anchors import Anchors
from bleio.radio.connection.computed import ComputedEvents
from bleio.radio.connection.end import LinkEnd
from bleio.radio.connection.instants import EVENTS_AHEAD, Instants
from bleio.radio.connection.meter import LinkMeter
from bleio.radio.connection.parameters import ChannelMap, ConnectionParameters
from bleio.radio.connection.pdu import EMPTY, DataPdu
from bleio.radio.connection.schedule import ConnectionEvents, Schedule
from bleio.radio.connection.shown import link_packet
from bleio.radio.connection.stepped import ESTABLISHING_EVENTS, SteppedEvents


class AirLink:
    """The timing of a connection, its two ends, and how it ends.

    Args:
        first_anchor_us: when the first connection event begins.
        access_address, crc_init: of its packets.
    """

    def __init__(
        self,
        central: LinkEnd,
        peripheral: LinkEnd,
        parameters: ConnectionParameters,
        first_anchor_us: int,
        access_address: int,
        crc_init: int,
    ) -> None:
        central.link = peripheral.link = self
        central.other, peripheral.other = peripheral, central
        self.central = central
        self.peripheral = peripheral
        self.radio = central.layer.radio
        self.access_address = access_address
        self.crc_init = crc_init
        self.channels = ChannelMap(central.layer.channel_map)
        self.exchanges_in_event = min(
            central.layer.limits.exchanges, peripheral.layer.limits.exchanges
        )
        self.updating = False  # a change of parameters waits for its instant
        self.open = True
        self.latency, self.timeout_us = parameters.latency, parameters.timeout_us
        stations = central.layer.station, peripheral.layer.station
        self.anchors = Anchors(first_anchor_us, parameters.interval_us, *stations)
        # The first event at or after a time, and the time of an event.
        self.event_at, self.anchor_us = self.anchors.event_at, self.anchors.time_us
        self._made_us = self.radio.now_us
        self._instants = Instants(self.radio.clock)
        self._alone: Timer | None = None  # until the end that is left notices that it is alone
        self.schedule = Schedule(self)
        self.events: ConnectionEvents = ComputedEvents(self)
        self.meter = LinkMeter(self, self.radio.clock)

    # -- time --

    @property
    def interval_us(self) -> int:
        """From one anchor point to the next, by a clock that is right."""
        return self.anchors.interval_us

    @property
    def was_used(self) -> bool:
        """Whether the first anchor point has passed."""
        return self.radio.now_us >= self.anchors.first_us

    def channel(self, event: int) -> int:
        """The data channel of an event."""
        return hopping.data_channel(self.access_address, event, self.channels.in_use)

    def set_parameters(self, parameters: ConnectionParameters) -> None:
        """Use other parameters from the connection event that is due now."""
        self.meter.account()
        event = max(self.event_at(self.radio.now_us), 0)
        self.anchors.change_interval(event, parameters.interval_us)
        self.latency, self.timeout_us = parameters.latency, parameters.timeout_us
        self.schedule.unplan()
        self.medium_changed()

    def medium_changed(self) -> None:
        """See whether packets can be lost from now on, or no longer, and go on accordingly.

        Not only the air loses packets: with two bad clocks and a long interval, or much latency, a
        peripheral may miss its anchor point.
        """
        asleep_us = (self.latency + 1) * self.interval_us
        lossless = self.radio.medium.ideal and not self.anchors.is_missed(asleep_us)
        engine = ComputedEvents if lossless else SteppedEvents
        if not isinstance(self.events, engine):
            self.events = engine(self)
        self.events.wake()

    def wake(self) -> None:
        """Plan the connection event that carries what waits, at one of the ends."""
        self.events.wake()

    # -- changes at an instant --

    def at_instant(self, change: Callable[..., None], *args: object) -> int:
        """Make a change for both ends a few events from now; what is sent next announces it.

        Returns: the instant, as link layer PDUs carry it.
        """
        event = self.event_at(self.radio.now_us) + (self.latency + 1) * EVENTS_AHEAD
        if not self.schedule.stopped:  # else nobody will live to see it
            announced = self.central.queue.controls_queued + 1
            self._instants.plan(self.anchor_us(event), self._reach, announced, change, args)
        return event & 0xFFFF

    def _reach(self, announced: int, change: Callable[..., None], args: tuple[object, ...]) -> None:
        if self.events.has_announced(announced):
            change(*args)
        else:
            self.finish(HciErrorCode.INSTANT_PASSED)

    # -- what waits to be sent --

    @property
    def has_pdu(self) -> bool:
        """Whether one of the ends has something to send."""
        return self.central.acknowledgement.has_pdu or self.peripheral.acknowledgement.has_pdu

    @property
    def exchange_us(self) -> int:
        """How long the next packet each way will take, gaps included."""
        central, peripheral = self.central, self.peripheral
        return (
            central.negotiated.air_times_us[central.acknowledgement.next_octets]
            + peripheral.negotiated.air_times_us[peripheral.acknowledgement.next_octets]
            + 2 * phy.T_IFS_US
        )

    @property
    def expected_us(self) -> int:
        """How long an event would take with what waits now."""
        exchanges = max(self.central.queue.waiting, self.peripheral.queue.waiting, 1)
        return exchanges * self.exchange_us

    # -- what captures see --

    def show(
        self,
        sender: LinkEnd,
        pdu: DataPdu,
        header: int,
        event: int,
        at_us: int,
        *,
        crc_right: bool = True,
    ) -> None:
        """Show a packet to those that watch the air. Args: header: its first octet."""
        station = sender.layer.station
        facts = (
            station,
            self.access_address,
            self.crc_init,
            self.channels.in_use,
            sender.negotiated.tx_phy,
            sender.tx_power_dbm,
            sender.role,
            pdu,
            header,
            event,
            at_us,
            crc_right,
        )
        self.radio.show(station, (link_packet, facts))

    def idle_packet(self, sender: LinkEnd, header: int, event: int, at_us: int) -> AirPdu:
        """Return an empty packet as it is on air."""
        negotiated, station = sender.negotiated, sender.layer.station
        return link_packet(station, self.access_address, self.crc_init, self.channels.in_use,
                           negotiated.tx_phy, sender.tx_power_dbm, sender.role, EMPTY, header,
                           event, at_us, True)  # fmt: skip

    # -- the end --

    def vanish(self, end: LinkEnd) -> None:
        """Let one end's device go without a word; the other end notices in its own time.

        Spec: Vol 6, Part B, 4.5.2: supervision time-out, or six intervals when no packet ever came.
        """
        if not self.open:
            return
        self._stop()
        self.meter.account()
        end.gone = True
        end.close()
        if end.other.gone:
            self.finish(HciErrorCode.CONNECTION_TIMEOUT)
            return
        heard_us, ever = self.events.last_heard(end.other)
        at_us, reason = heard_us + self.timeout_us, HciErrorCode.CONNECTION_TIMEOUT
        if not ever:
            at_us = self._made_us + ESTABLISHING_EVENTS * self.interval_us
            reason = HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED
        self._alone = self.radio.clock.schedule(at_us, self.finish, reason)

    def drop(self, end: LinkEnd, reason: int) -> None:
        """End the link at one end, which has heard nothing for too long; the other is alone now."""
        end.layer.link_closed(end, reason)
        self.vanish(end)

    def finish(self, reason: int, initiator: LinkEnd | None = None) -> None:
        """End the link now and tell both hosts.

        Args: initiator: the end whose host asked for it; that host hears that it did so itself.
        """
        if not self.open:
            return
        self.open = False
        self.meter.close()
        self.radio.links.pop(self, None)
        self._stop()
        for end in (self.central, self.peripheral):
            end.close()
        for end in (self.central, self.peripheral):
            if not end.gone:
                own = end is initiator
                end.layer.link_closed(end, HciErrorCode.LOCAL_HOST_TERMINATED if own else reason)

    def _stop(self) -> None:
        self.schedule.stop()
        self._instants.cancel()
        if self._alone is not None:
            self._alone.cancel()
