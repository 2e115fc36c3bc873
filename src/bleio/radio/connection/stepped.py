"""Connection events where packets can be lost. Spec: Vol 6, Part B, 4.5.

Each packet is judged at its end. The peripheral answers only what it has heard, and the event ends
with the first packet that gets lost. What is not acknowledged is sent again in the next event. An
end that has heard nothing for the supervision time-out drops the link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.radio.air import phy
from bleio.radio.air.clock import Timer
from bleio.radio.air.medium import Transmission

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd, Outgoing
    from bleio.radio.connection.link import AirLink

# After this many events without a packet the connection was never established.
ESTABLISHING_EVENTS = 6


class SteppedEvents:
    """Steps through the connection events of one link.

    `active` from the first event in which packets could be lost until they no longer can.
    """

    def __init__(self, link: AirLink) -> None:
        self.active = False
        self._link = link
        self._radio = link.central.layer.radio
        self._timer: Timer | None = None
        self._event = 0
        self._events = 0

    def begin(self) -> None:
        """Packets can be lost from now on; until now all have arrived."""
        self.active = True
        self._events = 0
        for end in (self._link.central, self._link.peripheral):
            end.heard_us = self._radio.now_us
            end.heard_event = self._link.event_at(self._radio.now_us) - 1
            end.ever_heard = self._link.was_used

    def cancel(self) -> None:
        """The link is over, or one end of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def start(self, event: int) -> None:
        """The anchor point of an event, or the next packet of the central in it."""
        if event != self._event or self._events == 0:
            self._events += 1
            self._event = event
            if not self._is_alive():
                return
        self._send(self._link.central)

    def _is_alive(self) -> bool:
        """See to the time-outs at the beginning of each event."""
        link = self._link
        for end in (link.central, link.peripheral):
            if not end.ever_heard and self._events > ESTABLISHING_EVENTS:
                link.drop(end, HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED)
                return False
            if self._radio.now_us - end.heard_us >= link.timeout_us:
                link.drop(end, HciErrorCode.CONNECTION_TIMEOUT)
                return False
        return True

    def _send(self, sender: LinkEnd) -> None:
        self._timer = None
        link, radio = self._link, self._radio
        outgoing, header = sender.transmit()
        packet = radio.medium.transmit(
            Transmission(
                sender.layer.station,
                link.channel(self._event),
                radio.now_us,
                outgoing.octets,
                sender.tx_phy,
                sender.tx_power_dbm,
            )
        )
        link.capture(sender, outgoing, header, self._event, radio.now_us, not packet.corrupt)
        # An answer takes longer to make than the inter frame space.
        sender.other.outgoing()
        self._timer = radio.clock.schedule(
            packet.to_us, self._sent, sender, outgoing, header, packet
        )

    def _sent(self, sender: LinkEnd, outgoing: Outgoing, header: int, packet: Transmission) -> None:
        self._timer = None
        receiver, link, radio = sender.other, self._link, self._radio
        listens = receiver in link.attending
        link.meter.sent(sender, packet.to_us - packet.from_us, listened=listens)
        if not listens or not radio.medium.receives(packet, receiver.layer.station):
            if not sender.role:
                link.meter.unanswered(sender)
            link.event_over()
            return
        receiver.heard_us, receiver.heard_event = radio.now_us, self._event
        receiver.ever_heard = True
        receiver.take(outgoing, header)
        if not link.open or receiver.gone or sender.gone:
            return
        next_us = radio.now_us + phy.T_IFS_US
        if not sender.role:
            self._timer = radio.clock.schedule(next_us, self._send, receiver)
        elif link.has_pdu and link.fits(next_us):
            self._timer = radio.clock.schedule(next_us, self._go_on)
        else:
            link.event_over()

    def _go_on(self) -> None:
        self._timer = None
        if self._link.fits(self._radio.now_us):
            self._send(self._link.central)
        else:  # more has come to be said meanwhile
            self._link.event_over()

    def attends(self, event: int) -> bool:
        """Whether the peripheral is awake in an event that begins now, and at the right time."""
        link, peripheral = self._link, self._link.peripheral
        if not peripheral.ever_heard:
            return True
        if link.loses_anchor(self._radio.now_us - peripheral.heard_us):
            return False
        # One that has missed its packet listens again until it hears one.
        return peripheral.has_pdu or event - peripheral.heard_event > link.latency
