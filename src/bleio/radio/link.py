"""A connection between two controllers. Spec: Vol 6, Part B, 4.5.

A `Link` has two `LinkEnd`s, one for each controller, and one timer. It does not step through
connection events in which nobody has anything to say: the next event is computed from the anchor
point when something is queued. In an event the two ends exchange packets, one each way at a time,
until both have run out or the next anchor point is near; what comes later waits for the next event.
Where packets can be lost, every event is stepped through, by `lossy.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.radio import hopping, phy
from bleio.radio.air import AirPdu, Direction
from bleio.radio.clock import Timer
from bleio.radio.energy import LinkMeter
from bleio.radio.link_end import LinkEnd, Outgoing
from bleio.radio.lossy import ESTABLISHING_EVENTS, LossyEvents

if TYPE_CHECKING:
    from bleio.radio.connecting import ConnectionParameters

# From one packet of an instant's announcement to the instant, in events the peripheral listens to.
_INSTANT_EVENTS = 6


class Link:
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
        self.interval_us, self.latency, self.timeout_us = parameters
        self.access_address = access_address
        self.crc_init = crc_init
        self.channel_map = central.controller.channel_map
        self.updating = False  # a change of parameters waits for its instant
        self.wanted_channel_map = self.channel_map
        self.changing_channels = False
        self.open = True
        self._radio = central.controller.radio
        self._made_us = self._radio.now_us
        self._first_anchor_us = self._anchor_us = first_anchor_us
        self._anchor_event = 0
        self.last_event = -1
        self._in_event = False
        self._timer: Timer | None = None
        self._instants: deque[Timer] = deque()
        self._lost: Timer | None = None
        self._lossy = LossyEvents(self)
        for end, other in ((central, peripheral), (peripheral, central)):
            end.link, end.other = self, other
        self.meter = LinkMeter(self, self._radio.clock)

    # -- time --

    def event_at(self, time_us: int) -> int:
        """The number of the first connection event at or after a time."""
        return self._anchor_event + -((self._anchor_us - time_us) // self.interval_us)

    def anchor_us(self, event: int) -> int:
        """The anchor point of a connection event."""
        return self._anchor_us + (event - self._anchor_event) * self.interval_us

    def at_instant(self, callback: Callable[..., None], *args: object) -> int:
        """Do something at both ends a few events from now.

        Returns: the instant, as link layer PDUs carry it.
        """
        event = self.event_at(self._radio.now_us) + (self.latency + 1) * _INSTANT_EVENTS
        if self._lost is not None:
            return event & 0xFFFF  # nobody will live to see it
        at_us = self.anchor_us(event)
        while self._instants and not self._instants[0].pending:
            self._instants.popleft()
        announced = self.central.controls_queued + 1
        timer = self._radio.clock.schedule(at_us, self._reach_instant, announced, callback, args)
        self._instants.append(timer)
        return event & 0xFFFF

    def _reach_instant(
        self, announced: int, callback: Callable[..., None], args: tuple[object, ...]
    ) -> None:
        if not self._radio.medium.ideal and self.central.controls_arrived < announced:
            self.finish(HciErrorCode.INSTANT_PASSED)
        else:
            callback(*args)

    def set_parameters(self, parameters: ConnectionParameters) -> None:
        """Use other parameters from the connection event that is due now."""
        self.meter.account()
        event = max(self.event_at(self._radio.now_us), 0)
        self._anchor_us, self._anchor_event = self.anchor_us(event), event
        self.interval_us, self.latency, self.timeout_us = parameters
        if self._timer is not None and not self._in_event:
            self._timer.cancel()
            self._timer = None
        self.wake()

    def wake(self) -> None:
        """Something was queued: plan the connection event that will carry it."""
        if not self.open or self._in_event or self._lost is not None:
            return
        event = max(self.event_at(self._radio.now_us), self.last_event + 1, 0)
        if not self._radio.medium.ideal:
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
        self._timer = self._radio.clock.schedule(at_us, self._exchange, event)

    @property
    def was_used(self) -> bool:
        """Whether the first anchor point has passed; on an ideal medium idle events are silent."""
        return self._radio.now_us >= self._first_anchor_us

    def medium_changed(self) -> None:
        """Packets can be lost from now on, or no longer."""
        if self._radio.medium.ideal:
            self._lossy.active = False
        elif not self._lossy.active:
            self._lossy.begin()
        self.wake()

    def _exchange(self, event: int) -> None:
        self._timer = None
        self.meter.start_event(event)
        self.last_event = event
        if not self._radio.medium.ideal:
            self._in_event = True
            self._lossy.start(event)
            return
        self._in_event = True
        length_us = self._exchange_packets(event, self._radio.now_us)
        self._in_event = False
        if not self.open or not (self.central.has_pdu or self.peripheral.has_pdu):
            return
        next_us = self._radio.now_us + length_us
        if next_us + self._pair_time_us() <= self.anchor_us(event + 1):
            self._timer = self._radio.clock.schedule(next_us, self._exchange, event)
        else:
            self.wake()

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

    def _pair_time_us(self) -> int:
        """How long the next packet each way will take, gaps included."""
        return sum(
            phy.air_time_us(end.next_octets, end.tx_phy) + phy.T_IFS_US
            for end in (self.central, self.peripheral)
        )

    def event_over(self) -> None:
        """A connection event in which packets can be lost has ended."""
        self._in_event = False
        self.wake()

    def fits(self, event: int, start_us: int) -> bool:
        """Whether another packet each way fits before the next anchor point."""
        return start_us + self._pair_time_us() <= self.anchor_us(event + 1)

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
        if not self._radio.watched:
            return
        payload, clear = outgoing.fragment.payload, b""
        if outgoing.sealing is not None:
            clear = bytes((header, len(payload))) + payload
            payload = outgoing.sealing.seal(header, payload)
        self._radio.show(
            AirPdu(
                at_us,
                self.channel(event),
                sender.tx_phy,
                self.access_address,
                sender.tx_power_dbm,
                sender.controller.station,
                bytes((header, len(payload))) + payload,
                Direction.TO_CENTRAL if sender.role else Direction.TO_PERIPHERAL,
                self.crc_init,
                crc_right,
                clear,
            )
        )

    def channel(self, event: int) -> int:
        """The data channel of an event."""
        return hopping.data_channel(self.access_address, event, self.channel_map)

    # -- the end --

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
        heard_us = other.heard_us if lossy else self._radio.now_us
        at_us, reason = heard_us + self.timeout_us, HciErrorCode.CONNECTION_TIMEOUT
        if not (other.ever_heard if lossy else self.was_used):
            at_us = self._made_us + ESTABLISHING_EVENTS * self.interval_us
            reason = HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED
        self._lost = self._radio.clock.schedule(at_us, self.finish, reason)

    def drop(self, end: LinkEnd, reason: int) -> None:
        """One end has not heard the other for too long; the other notices in its own time."""
        end.controller.notices.link_closed(end, reason)
        self.vanish(end)

    def finish(self, reason: int, initiator: LinkEnd | None = None) -> None:
        """End the link now and tell both hosts.

        Args: initiator: whose host asked for it; it hears that it did so itself.
        """
        if not self.open:
            return
        self.open = False
        self.meter.close()
        self._radio.links.pop(self, None)
        self._cancel_timers()
        for end in (self.central, self.peripheral):
            end.close()
        for end in (self.central, self.peripheral):
            if not end.gone:
                own = end is initiator
                end.controller.notices.link_closed(
                    end, HciErrorCode.LOCAL_HOST_TERMINATED if own else reason
                )

    def _cancel_timers(self) -> None:
        self._lossy.cancel()
        for timer in (self._timer, self._lost, *self._instants):
            if timer is not None:
                timer.cancel()
        self._timer = None
        self._instants.clear()
